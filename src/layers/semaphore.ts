import { checkFlag, checkInteger, checkName, checkOptions, checkSignal, printable } from '../base/check.js'
import { monotonicMs } from '../base/clock.js'
import { OrbitError } from '../base/errors.js'
import type { Fleet } from '../core/fleet.js'
import type { FleetObserver } from '../core/observer.js'
import type { Subject } from '../core/table.js'
import { checkTtl, type Holder, ownerOf } from './claim.js'
import { Contest } from './contest.js'
import { Guard } from './guard.js'
import type { Refusal } from './waitingline.js'

/** Options of a `Semaphore`: its name, and how many may hold it at once. */
export interface SemaphoreOptions {
  /** The name of the semaphore, 1..64 bytes of UTF-8. Processes that use the same name share its permits. */
  name: string
  /** How many permits there are, 1..256. It must be the same in all processes. */
  permits: number
}

/** Options of `tryAcquire`: a time to live, and an owner label. */
export interface TryAcquireOptions {
  /**
   * The permit returns after so many milliseconds of monotonic time unless it is renewed, 1..2^31-1. 'life' or
   * Infinity: it returns only by its release or with its fleet handle or process.
   */
  ttlMs: number | 'life'
  /**
   * A label that other processes see, at most 64 bytes of UTF-8; it is never compared. Default the process title, cut.
   */
  owner?: string
}

/** Options of `acquire`: a time to live, an owner label, and how long to wait. */
export interface AcquireOptions extends TryAcquireOptions {
  /** Aborting it rejects the call with the signal's reason. */
  signal?: AbortSignal
  /** The longest time to wait, in milliseconds, 0..2^31-1; default no limit. */
  timeoutMs?: number
  /** Keeps the process alive during the wait; default true. */
  keepAlive?: boolean
}

/** The kind of the subjects that are permits. Kind 255 is that of loads. */
const permitKind = 254
const maxNameBytes = 64
const maxPermits = 256
const tryOptions = ['ttlMs', 'owner']

/**
 * Lets at most `permits` holders in, in all processes of the fleet together. Each permit is a claim of the fleet's
 * contest: it is free again when it is released, when its process ends in any way, or when its time expires.
 */
export class Semaphore {
  readonly #contest: Contest
  readonly #name: string
  readonly #permits: readonly Subject[]
  /** Where the search for a free permit begins, so that processes seldom try the same one first. */
  readonly #first: number

  /** @throws TypeError or RangeError for wrong options; what opening a contest throws */
  constructor(fleet: Fleet | FleetObserver, options: SemaphoreOptions) {
    checkOptions('options', options, ['name', 'permits'])
    const { name, permits } = options
    checkName('name', name, maxNameBytes)
    checkInteger('permits', permits, 1, maxPermits)
    this.#contest = new Contest(fleet)
    this.#name = name
    this.#permits = Array.from({ length: permits }, (_, i) => ({ kind: permitKind, label: `${name}#${i + 1}` }))
    this.#first = fleet.isMember ? (fleet as Fleet).node % permits : 0
  }

  /**
   * Takes a permit, or returns at once if there is none.
   *
   * @returns `guard`: a permit is yours until you release it; `yieldTo`: the holder with the permit that expires first
   * @throws TypeError or RangeError for wrong options; ERR_ORBIT_TABLE_FULL, ERR_ORBIT_NO_SPACE, ERR_ORBIT_RETIRED,
   *   ERR_ORBIT_CLOSED, ERR_ORBIT_READ_ONLY for an observer
   */
  tryAcquire(options: TryAcquireOptions): { guard: Guard } | { yieldTo: Holder } {
    checkOptions('options', options, tryOptions)
    const result = this.#take(checkTtl(options.ttlMs), ownerOf(options.owner))
    return result instanceof Guard ? { guard: result } : { yieldTo: firstToExpire(result) }
  }

  /**
   * Takes a permit, and waits while there is none. It wakes as soon as a permit is released or expires, and within
   * 50 ms of the death of a holder. Waiters have no order.
   *
   * @throws TypeError or RangeError for wrong options; ERR_ORBIT_TIMEOUT, the signal's reason, ERR_ORBIT_TABLE_FULL,
   *   ERR_ORBIT_NO_SPACE, ERR_ORBIT_RETIRED, ERR_ORBIT_CLOSED (also if the fleet is closed during the wait),
   *   ERR_ORBIT_READ_ONLY for an observer
   */
  async acquire(options: AcquireOptions): Promise<Guard> {
    checkOptions('options', options, [...tryOptions, 'signal', 'timeoutMs', 'keepAlive'])
    const { signal, timeoutMs, keepAlive = true } = options
    const [ttlMs, owner] = [checkTtl(options.ttlMs), ownerOf(options.owner)]
    checkSignal(signal)
    checkFlag('keepAlive', keepAlive)
    if (timeoutMs !== undefined) checkInteger('timeoutMs', timeoutMs, 0, 0x7fffffff)
    const deadline = timeoutMs === undefined ? Number.POSITIVE_INFINITY : monotonicMs() + timeoutMs
    for (;;) {
      signal?.throwIfAborted()
      const result = this.#take(ttlMs, owner)
      if (result instanceof Guard) return result
      const leftMs = deadline - monotonicMs()
      if (leftMs <= 0) throw this.#timeoutError(firstToExpire(result), timeoutMs as number)
      await this.#contest.untilOneFree(result, leftMs, signal, keepAlive)
    }
  }

  /**
   * Lists the holders of permits, in no order. Each was a holder at some instant during the call.
   *
   * @returns empty if no permit is held
   * @throws ERR_ORBIT_CLOSED, ERR_ORBIT_RETIRED, ERR_ORBIT_CORRUPT
   */
  holders(): Holder[] {
    return this.#permits.flatMap((permit) => this.#contest.holder(permit) ?? [])
  }

  /** A permit, or why each of them was refused. */
  #take(ttlMs: number, owner: string): Guard | Refusal[] {
    const refusals: Refusal[] = []
    const count = this.#permits.length
    for (let i = 0; i < count; i++) {
      const permit = this.#permits[(this.#first + i) % count] as Subject
      const result = this.#contest.tryClaimChecked(permit, ttlMs, owner)
      if (result instanceof Guard) return result
      refusals.push(result)
    }
    return refusals
  }

  #timeoutError({ owner, node, pid }: Holder, timeoutMs: number): OrbitError {
    const expected = `a permit of semaphore=${printable(this.#name)} must become free within timeoutMs=${timeoutMs}`
    const holder = `all ${this.#permits.length} are held, one by ${printable(owner)} (node=${node} pid=${pid})`
    return new OrbitError('ERR_ORBIT_TIMEOUT', `${expected}, but ${holder}: wait longer, or try again`)
  }
}

const firstToExpire = (refusals: readonly Refusal[]): Holder =>
  refusals.map(({ holder }) => holder).reduce((a, b) => (b.expiresInMs < a.expiresInMs ? b : a))
