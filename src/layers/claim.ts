import { checkInteger, checkName, checkOptions, shown } from '../base/check.js'
import { rangeError, typeError } from '../base/errors.js'
import { abi } from '../core/native.js'
import { claimClaimedAtMs, claimExpiresInMs, claimNode, claimPid, claimToken, type Subject } from '../core/table.js'

/** Who holds a subject, as it was when it was looked up. */
export interface Holder {
  /** What is held. */
  readonly subject: Subject
  /** What the holder calls itself, at most 64 bytes of UTF-8: for people. */
  readonly owner: string
  /** The member whose claim it is, 0..65535. */
  readonly node: number
  /** For people, as in `nodes()`. */
  readonly pid: number
  /** The claim's fencing token, 1..2^53-1: as `Guard.token`. */
  readonly token: number
  /** Unix time in milliseconds, for people. */
  readonly claimedAtMs: number
  /** Milliseconds until the claim ends unless renewed. */
  readonly expiresInMs: number
}

export function subjectOf(subject: string | Subject): Subject {
  const { kind, label } = typeof subject === 'string' ? { kind: 0, label: subject } : (subject ?? {})
  if (typeof subject !== 'string') {
    checkOptions('subject', subject, ['kind', 'label'])
    checkInteger('subject.kind', kind, 0, 255)
  }
  checkName('subject', label, abi.maxSubjectBytes)
  return { kind: kind as number, label }
}

export function checkTtl(ttlMs: number): number {
  checkInteger('ttlMs', ttlMs, 1, 0x7fffffff)
  return ttlMs
}

export function ownerOf(owner: string | undefined): string {
  if (owner === undefined) return defaultOwner()
  if (typeof owner !== 'string') throw typeError('ERR_ORBIT_INVALID_ARGUMENT', `owner=${shown(owner)} is not a string`)
  if (Buffer.byteLength(owner) > abi.maxOwnerBytes) {
    throw rangeError('ERR_ORBIT_OUT_OF_RANGE', `owner=${shown(owner)} has over ${abi.maxOwnerBytes} bytes`)
  }
  return owner
}

// The title asks the system: once will do.
let title: string | undefined
/** How this process calls itself where no owner is given. */
export function defaultOwner(): string {
  title ??= process.title.slice(0, abi.maxOwnerBytes >> 2)
  return title
}

/** The claim that the table loaded. */
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
