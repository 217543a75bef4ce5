import { checkInteger, checkName, checkOptions, shown } from '../base/check.js'
import { rangeError, typeError } from '../base/errors.js'
import { abi } from '../core/native.js'
import { putText, scratch } from '../core/scratch.js'

/** What is claimed: a label of 1..128 bytes in UTF-8, and a kind, 0..255, that keeps sorts of subjects apart (a string: 0). */
export interface Subject {
  /** The sort of subject, 0..255. */
  readonly kind: number
  /** Its name among those of its kind, 1..128 bytes in UTF-8. */
  readonly label: string
}

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

export const nothing: unique symbol = Symbol()
const ownersEnd = abi.contestTextAt + abi.maxSubjectBytes + abi.maxOwnerBytes

/** Puts subject and owner, whose lengths were checked, where the addon expects them; what it is told of them. */
export function writeShape({ kind, label }: Subject, owner: string | typeof nothing): number {
  const subjectEnd = putText(label, abi.contestTextAt, ownersEnd)
  const ownerEnd = owner === nothing ? subjectEnd : putText(owner, subjectEnd, ownersEnd)
  return kind | ((subjectEnd - abi.contestTextAt) << 8) | ((ownerEnd - subjectEnd) << 16)
}

const float = (at: number): number => scratch.floats[at >> 3] as number
const word = (at: number): number => scratch.words[at >> 2] as number

export const claimToken = (): number => float(abi.claimToken)
export const claimStamp = (): number => float(abi.claimStamp)
export const claimIncarnation = (): number => float(abi.claimIncarnation)

export function loadedOwner(): string {
  return scratch.buffer.toString('utf8', abi.claimOwner, abi.claimOwner + word(abi.claimOwnerBytes))
}

/** The claim in the scratch. */
export function loadedHolder(subject: Subject, owner: string): Holder {
  return {
    subject,
    owner,
    node: word(abi.claimNode),
    pid: word(abi.claimPid),
    token: float(abi.claimToken),
    claimedAtMs: float(abi.claimClaimedAtMs),
    expiresInMs: float(abi.claimExpiresInMs),
  }
}
