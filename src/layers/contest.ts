import { checkInteger, checkName, checkOptions, checkSignal, shown } from '../base/check.js'
import { OrbitError, rangeError, typeError } from '../base/errors.js'
import type { Fleet } from '../core/fleet.js'
import { abi, native, putText, scratch, status, translated } from '../core/native.js'
import { checkFleet, type FleetObserver } from '../core/observer.js'
import type { Ring } from '../core/ring.js'

/** What is claimed: a label of 1..128 bytes in UTF-8, and a kind, 0..255, that keeps sorts of subjects apart (a string: 0). */
export interface Subject {
  /** The sort of subject, 0..255. */
  readonly kind: number
  /** Its name among those of its kind, 1..128 bytes in UTF-8. */
  readonly label: string
}

/** How large a table of claims is wanted. */
export interface ContestOptions {
  /**
   * Buckets, each with room for 8 claims of the largest size: a power of two in 1..2^19; default that of the fleet's contest,
   * if it has one, else 1024.
   */
  capacity?: number
}

/** For how long a claim is made, and by whom. */
export interface TryClaimOptions {
  /** The claim ends after so many milliseconds of monotonic time unless renewed, 1..2^31-1. */
  ttlMs: number
  /** Shown to others, never compared: at most 64 bytes in UTF-8; default the process title, cut. */
  owner?: string
}

/** The same, and how long to wait. */
export interface ClaimOptions extends TryClaimOptions {
  /** Aborting it rejects the claim with the signal's reason. */
  signal?: AbortSignal
  /** At most so many milliseconds, 0..2^31-1; default for ever. */
  timeoutMs?: number
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

/** A lost try: who has it, and what tells of a change. @internal */
export interface Lost {
  readonly holder: Holder
  readonly stamp: number
  readonly incarnation: number
}

const tryOptions = ['ttlMs', 'owner']
const nothing: unique symbol = Symbol()

/**
 * Elects exactly one: the first to claim a subject holds it until it releases it, its process ends for whatever reason, or
 * its time is up. Others are told who holds it, or wait. Guards carry fencing tokens.
 */
export class Contest {
  readonly #fleet: Fleet | FleetObserver
  readonly #capacity: number | undefined
  #table: Ring | undefined
  /** The holder met last: who tries again and again meets the same. */
  #met = { token: 0, owner: '' }

  /**
   * @throws ERR_ORBIT_TYPE_MISMATCH when the fleet's contest has another capacity, and what else opening a ring throws
   */
  constructor(fleet: Fleet | FleetObserver, options: ContestOptions = {}) {
    checkFleet(fleet)
    checkOptions('options', options, ['capacity'])
    this.#capacity = options.capacity
    this.#fleet = fleet
    this.#open()
  }

  /**
   * Claims a subject, or says who holds it: at once, and also to the process that holds it already.
   *
   * @returns `guard`: it is yours, with a token above all that were given for the subject before; `yieldTo`: the holder
   * @throws TypeError or RangeError for wrong arguments; ERR_ORBIT_TABLE_FULL; ERR_ORBIT_RETIRED, ERR_ORBIT_CLOSED,
   *   ERR_ORBIT_READ_ONLY for an observer
   */
  tryClaim(subject: string | Subject, options: TryClaimOptions): { guard: Guard } | { yieldTo: Holder } {
    if (typeof options !== 'object' || options === null) checkOptions('options', options, tryOptions)
    for (const key in options) if (key !== 'ttlMs' && key !== 'owner') checkOptions('options', options, tryOptions)
    const result = this.attempt(subjectOf(subject), checkTtl(options.ttlMs), ownerOf(options.owner))
    return result instanceof Guard ? { guard: result } : { yieldTo: result.holder }
  }

  /**
   * Claims a subject, and waits for it while somebody else holds it; keeps the process alive meanwhile. It wakes when the
   * holder releases it or its time is up, and within 50 ms of the end of its process. Who waits longest has no precedence.
   *
   * @throws as tryClaim; ERR_ORBIT_TIMEOUT, ERR_ORBIT_CLOSED when the fleet is closed meanwhile, the signal's reason
   */
  async claim(subject: string | Subject, options: ClaimOptions): Promise<Guard> {
    checkOptions('options', options, ['ttlMs', 'owner', 'signal', 'timeoutMs'])
    const { signal, timeoutMs } = options
    const [wanted, ttlMs, owner] = [subjectOf(subject), checkTtl(options.ttlMs), ownerOf(options.owner)]
    checkSignal(signal)
    if (timeoutMs !== undefined) checkInteger('timeoutMs', timeoutMs, 0, 0x7fffffff)
    const deadline = timeoutMs === undefined ? Number.POSITIVE_INFINITY : performance.now() + timeoutMs
    for (;;) {
      signal?.throwIfAborted()
      const result = this.attempt(wanted, ttlMs, owner)
      if (result instanceof Guard) return result
      const leftMs = deadline - performance.now()
      if (leftMs <= 0) throw timeoutError(result.holder, timeoutMs as number)
      await this.changed(result, leftMs, signal)
    }
  }

  /**
   * Who holds a subject.
   *
   * @returns undefined when nobody does
   * @throws ERR_ORBIT_CLOSED, ERR_ORBIT_RETIRED, ERR_ORBIT_CORRUPT
   */
  holder(subject: string | Subject): Holder | undefined {
    const wanted = subjectOf(subject)
    const table = this.#open()
    if (table === undefined) return undefined
    const found = table.answered(native.contestHolder(table.handle, writeShape(wanted, nothing)))
    return found === 1 ? this.#loaded(wanted) : undefined
  }

  /**
   * Everybody who holds a subject, in no order; each as it was at some instant during the call.
   *
   * @returns empty when nobody does
   * @throws as holder
   */
  holders(): Holder[] {
    const table = this.#open()
    if (table === undefined) return []
    return translated(() => native.claims(table.handle)).map(({ subjectKind: kind, subject: label, ...claim }) => ({
      subject: { kind, label },
      ...claim,
    }))
  }

  /** tryClaim of what was checked. @internal */
  attempt(subject: Subject, ttlMs: number, owner: string): Guard | Lost {
    const table = this.#open()
    if (table === undefined) throw new OrbitError('ERR_ORBIT_READ_ONLY', 'the contest: opened by an observer')
    const result = table.answered(native.contestClaim(table.handle, writeShape(subject, owner), ttlMs))
    if (result === 1) return new Guard(table, loadedHolder(subject, owner))
    const holder = this.#loaded(subject)
    return { holder, stamp: float(abi.claimStamp), incarnation: float(abi.claimIncarnation) }
  }

  /** The holder in the scratch. */
  #loaded(subject: Subject): Holder {
    const token = float(abi.claimToken)
    if (token !== this.#met.token) this.#met = { token, owner: loadedOwner() }
    return loadedHolder(subject, this.#met.owner)
  }

  /** Sleeps until the subject may be free, or the time is up. @internal */
  async changed({ holder, stamp, incarnation }: Lost, leftMs: number, signal: AbortSignal | undefined): Promise<void> {
    const { bell } = this.#fleet
    const table = this.#open() as Ring
    const { subject, token, node, expiresInMs } = holder
    const source = {
      kind: table.kind,
      get closed() {
        return table.closed
      },
      hasNews: (): boolean => {
        const shape = writeShape(subject, nothing)
        return table.answered(native.contestHasNews(table.handle, shape, stamp, token, node, incarnation)) === 1
      },
      arm: () => table.arm(),
      disarm: () => table.disarm(),
    }
    // Its holder's time is up when a millisecond more has begun.
    const timeoutMs = Math.ceil(Math.min(leftMs, expiresInMs + 1, 0x7fffffff))
    await bell.sleep(this, () => source, 0, { signal, timeoutMs, isRef: true, mayBeDeath: true })
    if (table.closed) throw new OrbitError('ERR_ORBIT_CLOSED', 'the contest: its fleet handle was closed')
  }

  #open(): Ring | undefined {
    this.#table ??= this.#fleet.layerRing(
      { name: 'orbit.contest', isTable: true, kind: abi.contestKind, capacity: this.#capacity },
      { capacity: 1024, payloadBytes: abi.cardBytes },
    )
    return this.#table
  }
}

/** What is to be said of a guard that nobody holds any more. */
interface Abandoned {
  readonly table: Ring
  readonly holder: Holder
}

const abandoned = new FinalizationRegistry<Abandoned>(({ table, holder: { subject, token } }) => {
  if (table.closed) return
  process.emitWarning(
    `the guard of ${shown(subject.label)} (token ${token}) was collected without release(); the subject is free when its time is up`,
    { type: 'OrbitWarning', code: 'ORBIT_GUARD_DROPPED' },
  )
})

/** A claim that was won. Nothing here trusts what it was: each look asks the table. */
export class Guard implements Disposable {
  /** It keeps its fleet handle: one that is collected leaves, and its claims go with it. */
  readonly #table: Ring
  /** As it was when it was claimed. */
  readonly holder: Holder
  #isOver = false

  /** @internal */
  constructor(table: Ring, holder: Holder) {
    this.#table = table
    this.holder = holder
    abandoned.register(this, { table, holder }, this)
  }

  /** The fencing token: above those of all earlier guards of this subject, 1..2^53-1. Hand it to whatever you write to. */
  get token(): number {
    return this.holder.token
  }

  /** What it guards. */
  get subject(): Subject {
    return this.holder.subject
  }

  /**
   * Is the subject still this guard's? False once it was released, its time is up, or its fleet handle was closed. By the time
   * you act on it, it can be late: that is what the token is for.
   */
  get held(): boolean {
    if (this.#isOver || this.#table.closed) return false
    const found = native.contestHolder(this.#table.handle, writeShape(this.subject, nothing))
    return this.#told(found === 1 && float(abi.claimToken) === this.token)
  }

  /**
   * Gives the claim another `ttlMs` milliseconds from now.
   *
   * @returns false: it was over, and stays so
   * @throws RangeError for a wrong ttlMs; ERR_ORBIT_RETIRED
   */
  renew(ttlMs: number): boolean {
    checkTtl(ttlMs)
    if (this.#isOver || this.#table.closed) return false
    const shape = writeShape(this.subject, nothing)
    const result = native.contestRenew(this.#table.handle, shape, this.token, ttlMs)
    return this.#told(result !== status.closed && this.#table.answered(result) === 1) // closed: in a forked child
  }

  /** Who has heard that it is over needs no warning. */
  #told(isHeld: boolean): boolean {
    if (!isHeld) abandoned.unregister(this)
    return isHeld
  }

  /**
   * Frees the subject and wakes those who wait for it. Idempotent.
   *
   * @returns false: it was over already
   */
  release(): boolean {
    if (this.#isOver) return false
    this.#isOver = true
    abandoned.unregister(this)
    if (this.#table.closed) return false
    const shape = writeShape(this.subject, nothing)
    return native.contestRelease(this.#table.handle, shape, this.token) === 1
  }

  /** `release()`, for `using`. */
  [Symbol.dispose](): void {
    this.release()
  }
}

/**
 * What a resource keeps to refuse writes of guards whose time is over: it admits tokens that are not below the highest it
 * has seen. After Kleppmann, "How to do distributed locking".
 */
export class Fence {
  #highWater: number

  /** @param highWater what a fence before this one had seen, 0..2^53-1; default 0: nothing */
  constructor(highWater = 0) {
    checkInteger('highWater', highWater, 0, Number.MAX_SAFE_INTEGER)
    this.#highWater = highWater
  }

  /** The highest token it has admitted: what to persist beside the resource. */
  get highWater(): number {
    return this.#highWater
  }

  /**
   * May the holder of this token write?
   *
   * @param token 0..2^53-1
   * @returns false: somebody with a higher token has; true: from now on lower ones may not
   * @throws TypeError ERR_ORBIT_INVALID_ARGUMENT, RangeError ERR_ORBIT_OUT_OF_RANGE
   */
  admit(token: number): boolean {
    checkInteger('token', token, 0, Number.MAX_SAFE_INTEGER)
    if (token < this.#highWater) return false
    this.#highWater = token
    return true
  }
}

function subjectOf(subject: string | Subject): Subject {
  const { kind, label } = typeof subject === 'string' ? { kind: 0, label: subject } : (subject ?? {})
  if (typeof subject !== 'string') {
    checkOptions('subject', subject, ['kind', 'label'])
    checkInteger('subject.kind', kind, 0, 255)
  }
  checkName('subject', label, abi.maxSubjectBytes)
  return { kind: kind as number, label }
}

function checkTtl(ttlMs: number): number {
  checkInteger('ttlMs', ttlMs, 1, 0x7fffffff)
  return ttlMs
}

function ownerOf(owner: string | undefined): string {
  if (owner === undefined) return defaultOwner()
  if (typeof owner !== 'string') throw typeError('ERR_ORBIT_INVALID_ARGUMENT', `owner=${shown(owner)} is not a string`)
  if (Buffer.byteLength(owner) > abi.maxOwnerBytes) {
    throw rangeError('ERR_ORBIT_OUT_OF_RANGE', `owner=${shown(owner)} has over ${abi.maxOwnerBytes} bytes`)
  }
  return owner
}

// The title asks the system: once will do.
let title: string | undefined
/** @internal */
export function defaultOwner(): string {
  title ??= process.title.slice(0, abi.maxOwnerBytes >> 2)
  return title
}

const ownersEnd = abi.contestTextAt + abi.maxSubjectBytes + abi.maxOwnerBytes

/** Puts subject and owner, whose lengths were checked, where the addon expects them; what it is told of them. */
function writeShape({ kind, label }: Subject, owner: string | typeof nothing): number {
  const subjectEnd = putText(label, abi.contestTextAt, ownersEnd)
  const ownerEnd = owner === nothing ? subjectEnd : putText(owner, subjectEnd, ownersEnd)
  return kind | ((subjectEnd - abi.contestTextAt) << 8) | ((ownerEnd - subjectEnd) << 16)
}

const float = (at: number): number => scratch.floats[at >> 3] as number
const word = (at: number): number => scratch.words[at >> 2] as number

function loadedOwner(): string {
  return scratch.buffer.toString('utf8', abi.claimOwner, abi.claimOwner + word(abi.claimOwnerBytes))
}

/** The claim in the scratch. */
function loadedHolder(subject: Subject, owner: string): Holder {
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

function timeoutError({ subject, owner, node, pid }: Holder, timeoutMs: number): OrbitError {
  return new OrbitError(
    'ERR_ORBIT_TIMEOUT',
    `subject=${shown(subject.label)} was not free in timeoutMs=${timeoutMs}: held by ${shown(owner)}, node=${node} pid=${pid}`,
  )
}
