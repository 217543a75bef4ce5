import { checkInteger, checkName, checkOptions, outOfRange, wrongType } from '../base/check.js'
import { abi } from '../core/native.js'
import { claimClaimedAtMs, claimExpiresInMs, claimNode, claimPid, claimToken, type Subject } from '../core/table.js'

/** The holder of a subject, as it was when the call looked it up. */
export interface Holder {
  /** The subject that is held. */
  readonly subject: Subject
  /** The label that the holder gave itself, at most 64 bytes of UTF-8. For people; it is never compared. */
  readonly owner: string
  /** The node of the member that holds the claim, 0..65535. */
  readonly node: number
  /** The process of the holder, in its own pid namespace. For people. */
  readonly pid: number
  /** The fencing token of the claim, 1..2^53-1. */
  readonly token: number
  /** When the claim was made, in Unix milliseconds of the holder's clock. For people. */
  readonly claimedAtMs: number
  /**
   * Milliseconds until the claim expires if the holder does not renew it, 0 or more. Infinity (null in JSON): it is
   * held for the life of its process.
   */
  readonly expiresInMs: number
}

/** A subject with its kind, checked. */
export function subjectOf(subject: string | Subject): Subject {
  const { kind, label } = typeof subject === 'string' ? { kind: 0, label: subject } : (subject ?? {})
  if (typeof subject !== 'string') {
    checkOptions('subject', subject, ['kind', 'label'])
    checkInteger('subject.kind', kind, 0, 255)
  }
  checkName('subject', label, abi.maxSubjectBytes)
  return { kind: kind as number, label }
}

/** A time to live in milliseconds, checked; Infinity: for the life of the holder. */
export function checkTtl(ttlMs: number | 'life'): number {
  if (ttlMs === 'life' || ttlMs === Number.POSITIVE_INFINITY) return Number.POSITIVE_INFINITY
  const expected = "an integer in 1..2147483647, or 'life'"
  if (typeof ttlMs !== 'number') throw wrongType('ttlMs', ttlMs, expected)
  if (!Number.isInteger(ttlMs) || ttlMs < 1 || ttlMs > 0x7fffffff) throw outOfRange('ttlMs', ttlMs, expected)
  return ttlMs
}

/** An owner label, checked; by default that of this process. */
export function ownerOf(owner: string | undefined): string {
  if (owner === undefined) return defaultOwner()
  if (typeof owner !== 'string') throw wrongType('owner', owner, 'a string')
  // No character takes more than 3 bytes of UTF-8 for each of its units.
  if (owner.length * 3 > abi.maxOwnerBytes && Buffer.byteLength(owner) > abi.maxOwnerBytes) {
    throw outOfRange('owner', owner, `at most ${abi.maxOwnerBytes} bytes of UTF-8`)
  }
  return owner
}

// Kept because reading process.title is a system call.
let title: string | undefined
/** The label of this process where the caller gives none: the process title, cut. */
export function defaultOwner(): string {
  title ??= process.title.slice(0, abi.maxOwnerBytes >> 2)
  return title
}

/** The claim that a call of the table loaded into the scratch. */
export function loadedHolder(subject: Subject, owner: string): Holder {
  return {
    subject,
    owner,
    node: claimNode(),
    pid: claimPid(),
    token: claimToken(),
    claimedAtMs: claimClaimedAtMs(),
    expiresInMs: claimExpiresInMs(),
  }
}
