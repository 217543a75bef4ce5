import { printable } from '../base/check.js'
import { OrbitError } from '../base/errors.js'
import { Handle, objectText } from './handle.js'
import { abi, native, status } from './native.js'
import { firstRecord, give, inScratch, putText, resultBytes, scratch } from './scratch.js'

/** What can be claimed: a label, and a kind that keeps sorts of subjects apart. As a string, a label of kind 0. */
export interface Subject {
  /** The sort of subject, 0..255. */
  readonly kind: number
  /** The name among the subjects of its kind, 1..128 bytes of UTF-8, well-formed. */
  readonly label: string
}

/** A living claim, as a list of them has it. */
export interface ListedClaim {
  readonly subject: Subject
  readonly owner: string
  readonly node: number
  readonly pid: number
  readonly token: number
  readonly claimedAtMs: number
  /** Infinity: never. */
  readonly expiresInMs: number
}

/** A time to live as the addon takes it. */
const ttlOf = (ttlMs: number): number => (ttlMs === Number.POSITIVE_INFINITY ? abi.lifeTtlMs : ttlMs)

const textOffset = abi.contestTextAt
const textEnd = textOffset + abi.maxSubjectBytes + abi.maxOwnerBytes

const tokenIndex = abi.claimToken >> 3
const claimedAtIndex = abi.claimClaimedAtMs >> 3
const expiresInIndex = abi.claimExpiresInMs >> 3
const incarnationIndex = abi.claimIncarnation >> 3
const stampIndex = abi.claimStamp >> 3
const nodeIndex = abi.claimNode >> 2
const pidIndex = abi.claimPid >> 2
const ownerBytesIndex = abi.claimOwnerBytes >> 2

/** The fencing token of the loaded claim. */
export const claimToken = (): number => scratch.floats[tokenIndex] as number
/** When the loaded claim was made, in Unix milliseconds. */
export const claimClaimedAtMs = (): number => scratch.floats[claimedAtIndex] as number
/** Milliseconds until the loaded claim expires; Infinity: never. */
export const claimExpiresInMs = (): number => scratch.floats[expiresInIndex] as number
/** The incarnation of the node that holds the loaded claim. */
export const claimIncarnation = (): number => scratch.floats[incarnationIndex] as number
/** The state of the bucket from which the claim was loaded, for `hasNews`. */
export const claimStamp = (): number => scratch.floats[stampIndex] as number
/** The node that holds the loaded claim. */
export const claimNode = (): number => scratch.words[nodeIndex] as number
/** The process that holds the loaded claim, in its own pid namespace. */
export const claimPid = (): number => scratch.words[pidIndex] as number
/** The owner label of the loaded claim. */
export const claimOwner = (): string =>
  scratch.buffer.toString('utf8', abi.claimOwner, abi.claimOwner + (scratch.words[ownerBytesIndex] as number))

/** The texts that the addon still has, and where they end: most claims are tried again and again. */
let writtenTo = scratch.bytes
let writtenLabel = ''
let writtenOwner: string | undefined
let subjectEnd = textOffset
let ownerEnd = textOffset

/** Writes texts of checked lengths where the addon reads them, and packs the kind and both lengths for it. */
function putSubject({ kind, label }: Subject, owner?: string): number {
  if (label !== writtenLabel || scratch.bytes !== writtenTo) {
    subjectEnd = putText(label, textOffset, textEnd)
    writtenTo = scratch.bytes
    writtenLabel = label
    writtenOwner = undefined
  }
  const lengths = kind | ((subjectEnd - textOffset) << 8)
  if (owner === undefined) return lengths
  if (owner !== writtenOwner) ownerEnd = putText(owner, subjectEnd, textEnd)
  writtenOwner = owner
  return lengths | ((ownerEnd - subjectEnd) << 16)
}

/** One open table of claims. Calls that find a claim load it into the scratch. */
export class Table extends Handle {
  static readonly isTable = true

  /** Called when the fleet handle is closed, and the claims of this member have ended with it. */
  readonly onClose = new Set<() => void>()

  override close(): void {
    super.close()
    for (const callback of [...this.onClose]) callback()
  }

  /**
   * Claims a subject, with Infinity for life. True: the loaded claim is the new one; false: it is that of the present
   * holder.
   */
  claim(subject: Subject, owner: string, ttlMs: number): boolean {
    give(ttlOf(ttlMs), this.handle, inScratch, putSubject(subject, owner), 0)
    const result = native.contestClaim()
    if (result === undefined) return true
    if (result === status.full) this.#refuseSubject(subject)
    this.orThrow(result)
    return false
  }

  #refuseSubject({ label }: Subject): never {
    const what = `${objectText(this.name, this.kind)}: subject=${printable(label)}`
    const advice = `open it with a larger capacity than ${this.capacity} once every member has left`
    throw new OrbitError('ERR_ORBIT_TABLE_FULL', `${what} must have room in its bucket, which is full: ${advice}`)
  }

  /** Loads the claim of a subject; false: it is free. */
  load(subject: Subject): boolean {
    return this.orThrow(native.contestHolder(this.handle, putSubject(subject))) === 1
  }

  /** Whether the claim with this token holds the subject; false for a table that cannot be read. */
  holds(subject: Subject, token: number): boolean {
    return native.contestHolder(this.handle, putSubject(subject)) === 1 && claimToken() === token
  }

  /** Milliseconds until the claim with this token expires; Infinity: never; 0: it has ended. */
  leftMs(subject: Subject, token: number): number {
    return this.holds(subject, token) ? claimExpiresInMs() : 0
  }

  /**
   * Lets the claim with this token expire `ttlMs` from now, with Infinity never; false: it is over, or this process is
   * a forked child.
   */
  renew(subject: Subject, token: number, ttlMs: number): boolean {
    const result = native.contestRenew(this.handle, putSubject(subject), token, ttlOf(ttlMs))
    return result !== status.closed && this.orThrow(result) === 1
  }

  /** Ends the claim with this token; false: it was over. */
  release(subject: Subject, token: number): boolean {
    give(token, this.handle, inScratch, putSubject(subject), 0)
    return native.contestRelease() === undefined
  }

  /** Whether the claim with this token, loaded at `stamp`, has ended since; a renewal is no news. */
  hasEnded(subject: Subject, token: number, stamp: number, node: number, incarnation: number): boolean {
    const lengths = putSubject(subject)
    return this.orThrow(native.contestHasNews(this.handle, lengths, stamp, token, node, incarnation)) === 1
  }

  /**
   * Lists the living claims of some buckets.
   *
   * @param bucket where to begin: 0, or what the call before returned
   * @param add called with each claim
   * @returns where to go on; -1: these were the last
   */
  listClaims(bucket: number, add: (claim: ListedClaim) => void): number {
    const next = this.orThrow(native.contestClaims(this.handle, bucket))
    const end = firstRecord + resultBytes()
    for (let at = firstRecord; at < end; ) at = listedAt(at, add)
    return next < this.capacity ? next : -1
  }
}

/** Reads the claim of a list that begins at an offset in the scratch, and returns where the next one begins. */
function listedAt(offset: number, add: (claim: ListedClaim) => void): number {
  const { bytes, floats, words, buffer } = scratch
  const [float, word] = [offset >> 3, offset >> 2]
  const subject = offset + abi.listedClaimBytes
  const owner = subject + (bytes[offset + abi.listedSubjectBytes] as number)
  const end = owner + (bytes[offset + abi.listedOwnerBytes] as number)
  add({
    subject: { kind: bytes[offset + abi.listedSubjectKind] as number, label: buffer.toString('utf8', subject, owner) },
    owner: buffer.toString('utf8', owner, end),
    node: words[word + (abi.listedNode >> 2)] as number,
    pid: words[word + (abi.listedPid >> 2)] as number,
    token: floats[float + (abi.listedToken >> 3)] as number,
    claimedAtMs: floats[float + (abi.listedClaimedAtMs >> 3)] as number,
    expiresInMs: floats[float + (abi.listedExpiresInMs >> 3)] as number,
  })
  return (end + 7) & ~7
}
