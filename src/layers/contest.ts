import { checkInteger, checkOptions, checkSignal, shown } from '../base/check.js'
import { monotonicMs } from '../base/clock.js'
import { OrbitError } from '../base/errors.js'
import type { Fleet } from '../core/fleet.js'
import { abi, native, translated } from '../core/native.js'
import { checkFleet, type FleetObserver } from '../core/observer.js'
import type { Ring } from '../core/ring.js'
import {
  checkTtl,
  claimIncarnation,
  claimStamp,
  claimToken,
  type Holder,
  loadedHolder,
  loadedOwner,
  nothing,
  ownerOf,
  type Subject,
  subjectOf,
  writeShape,
} from './claim.js'
import { Guard } from './guard.js'

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

/** A lost try: who has it, and what tells of a change. @internal */
export interface Lost {
  readonly holder: Holder
  readonly stamp: number
  readonly incarnation: number
}

const tryOptions = ['ttlMs', 'owner']

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
    const deadline = timeoutMs === undefined ? Number.POSITIVE_INFINITY : monotonicMs() + timeoutMs
    for (;;) {
      signal?.throwIfAborted()
      const result = this.attempt(wanted, ttlMs, owner)
      if (result instanceof Guard) return result
      const leftMs = deadline - monotonicMs()
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
    return { holder, stamp: claimStamp(), incarnation: claimIncarnation() }
  }

  /** The holder in the scratch. */
  #loaded(subject: Subject): Holder {
    const token = claimToken()
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

function timeoutError({ subject, owner, node, pid }: Holder, timeoutMs: number): OrbitError {
  return new OrbitError(
    'ERR_ORBIT_TIMEOUT',
    `subject=${shown(subject.label)} was not free in timeoutMs=${timeoutMs}: held by ${shown(owner)}, node=${node} pid=${pid}`,
  )
}
