import { checkFlag, checkInteger, checkName, checkOptions, checkSignal, outOfRange, printable } from '../base/check.js'
import { monotonicMs } from '../base/clock.js'
import { OrbitError, typeError } from '../base/errors.js'
import type { Fleet } from '../core/fleet.js'
import { readOnlyError } from '../core/handle.js'
import {
  algorithms,
  type LimiterSpec,
  Limits,
  limitCount,
  limitRemaining,
  limitResetMs,
  limitRetryAfterMs,
  overs,
} from '../core/limits.js'
import { abi, status } from '../core/native.js'
import { checkFleet, type FleetObserver } from '../core/observer.js'
import { pause } from './pause.js'

/** Options of a `RateLimiter`: what it allows, how it counts, and how many keys there are at once. */
export interface RateLimiterOptions {
  /** The name of the limiter, 1..64 bytes of UTF-8. Processes that use the same name share its counts. */
  name: string
  /** How many a key may take in a window, 1..16777214. */
  limit: number
  /** The length of a window in milliseconds, 1..2^35. */
  windowMs: number
  /**
   * 'gcra' (default): the key regains one every windowMs / limit, up to `burst`; a token bucket. 'fixed': a window
   * begins with the first hit of the key. 'sliding': what was taken in the last window counts for the share of it that
   * is less than windowMs ago.
   */
  algorithm?: 'gcra' | 'fixed' | 'sliding'
  /** For 'gcra': how many a key may take at once, 1..16777214; default `limit`. */
  burst?: number
  /**
   * What a call decides when the table has no room for another key. 'allow' (default): it allows, with the reason
   * 'full'. 'refuse': it refuses, with the same reason. 'throw': it throws ERR_ORBIT_TABLE_FULL. `orbit doctor` reports
   * a table that was full.
   */
  whenFull?: 'allow' | 'refuse' | 'throw'
  /**
   * How many keys of all limiters of the fleet together have taken something within their windows, 1..16777216. A key
   * takes 64 bytes. Default: as in the fleet's existing table, or 16384.
   */
  keys?: number
}

/** What a limiter decided about a key, or knows of it. */
export interface Decision {
  /** Whether the key may go on. */
  readonly allowed: boolean
  /** How many a key may take at once: `burst` for 'gcra', else `limit`. */
  readonly limit: number
  /** How many the key has taken, as far as they still count; more than `limit` after hits and penalties. */
  readonly count: number
  /** How many the key could take now. */
  readonly remaining: number
  /** Milliseconds, rounded up, until the key is as if it had taken none. */
  readonly resetMs: number
  /** Milliseconds, rounded up, until the same call would be allowed; 0: it was allowed. */
  readonly retryAfterMs: number
  /**
   * Why it was refused; undefined: it was allowed. 'full': the table had no room for the key, so `whenFull` decided.
   */
  readonly reason: 'limit' | 'full' | undefined
}

/** Options of `hit`: how much to count, and what becomes of a window over its limit. */
export interface HitOptions {
  /** How much to count, 1..16777214; default 1. */
  cost?: number
  /**
   * What becomes of the window when its count is over the limit. 'keep' (default): it ends when it would. 'renew': it
   * begins anew. 'double': it begins anew and lasts windowMs * 2^(n - 1), n being how far the count is over the limit.
   */
  over?: 'keep' | 'renew' | 'double'
}

/** Options of `wait`: how much to take, how long to wait, and whether the wait keeps the process alive. */
export interface WaitForOptions {
  /** How much to take, 1..limit; default 1. */
  cost?: number
  /** Aborting it rejects the wait with the signal's reason. */
  signal?: AbortSignal
  /** The longest time to wait, in milliseconds, 0..2^31-1; default no limit. */
  timeoutMs?: number
  /** Keeps the process alive while the call waits; default true. */
  keepAlive?: boolean
}

const keysOf = ['name', 'limit', 'windowMs', 'algorithm', 'burst', 'whenFull', 'keys']
const maxNameBytes = 64
const maxKeys = abi.maxLimitEntries / 4
const maxMs = 0x7fffffff
/** A wait looks this often, in milliseconds: a reset, a reward or room in the table may come early. */
const lookMs = 1000

/**
 * Limits how often a key may do something, for all processes of the fleet together: a request of an address, a login of
 * a user, a call of an upstream service. Each decision is one atomic step in shared memory, so the processes never
 * allow more than the limit, even while others are killed. Keys are stored as keyed hashes of 48 bits: a new key is
 * taken for another one with a probability of at most 2^-44.
 */
export class RateLimiter {
  readonly #fleet: FleetObserver
  readonly #spec: LimiterSpec
  readonly #limit: number
  readonly #whenFull: 'allow' | 'refuse' | 'throw'
  #limits: Limits | undefined

  /**
   * Limiters of one fleet share one table. If it has another size than `keys` asks for while other members use it, it
   * is taken as it is. A member that is alone makes it anew.
   *
   * @throws TypeError or RangeError for wrong options; what opening an object throws
   */
  constructor(fleet: Fleet | FleetObserver, options: RateLimiterOptions) {
    checkFleet(fleet)
    this.#spec = specOf(options)
    this.#fleet = fleet
    this.#limit = this.#spec.algorithm === 0 ? this.#spec.burst : this.#spec.limit
    this.#whenFull = options.whenFull ?? 'allow'
    this.#limits = Limits.open(fleet, this.#spec)
  }

  /**
   * Takes from what the key may still take, if there is enough left. A refused call takes nothing.
   *
   * @param key 1..1024 bytes of UTF-8
   * @param cost how much to take, 1 up to `burst` for 'gcra' and up to `limit` otherwise; default 1
   * @throws TypeError or RangeError for wrong arguments; ERR_ORBIT_TABLE_FULL if whenFull is 'throw',
   *   ERR_ORBIT_CLOSED, ERR_ORBIT_RETIRED, ERR_ORBIT_READ_ONLY for an observer
   */
  take(key: string, cost = 1): Decision {
    if (cost !== 1) checkInteger('cost', cost, 1, this.#limit)
    return this.#decision(this.#writable().take(key, cost), cost)
  }

  /**
   * Takes from what the key may still take, like `take`, and returns only whether it was allowed.
   *
   * @param key 1..1024 bytes of UTF-8
   * @param cost how much to take, 1 up to `burst` for 'gcra' and up to `limit` otherwise; default 1
   * @throws TypeError or RangeError for wrong arguments; ERR_ORBIT_TABLE_FULL if whenFull is 'throw',
   *   ERR_ORBIT_CLOSED, ERR_ORBIT_RETIRED, ERR_ORBIT_READ_ONLY for an observer
   */
  allows(key: string, cost = 1): boolean {
    if (cost !== 1) checkInteger('cost', cost, 1, this.#limit)
    const limits = this.#writable()
    const result = limits.take(key, cost)
    return result === status.full ? this.#allowsFull(limits) : result === 1
  }

  /**
   * Tells what `take` would decide, and takes nothing.
   *
   * @param key 1..1024 bytes of UTF-8
   * @param cost as of `take`; default 1
   * @throws TypeError or RangeError for wrong arguments; ERR_ORBIT_CLOSED, ERR_ORBIT_RETIRED
   */
  peek(key: string, cost = 1): Decision {
    if (cost !== 1) checkInteger('cost', cost, 1, this.#limit)
    this.#limits ??= Limits.open(this.#fleet, this.#spec)
    if (this.#limits === undefined) return this.#untouched()
    return this.#decision(this.#limits.peek(key, cost), cost)
  }

  /**
   * Counts without refusing, for the algorithm 'fixed': `count` may go beyond the limit.
   *
   * @param key 1..1024 bytes of UTF-8
   * @returns `allowed`: the count is within the limit
   * @throws TypeError or RangeError for wrong arguments, or for another algorithm; ERR_ORBIT_TABLE_FULL if whenFull is
   *   'throw', ERR_ORBIT_CLOSED, ERR_ORBIT_RETIRED, ERR_ORBIT_READ_ONLY for an observer
   */
  hit(key: string, options: HitOptions = {}): Decision {
    checkOptions('options', options, ['cost', 'over'])
    const { cost = 1, over = 'keep' } = options
    checkInteger('cost', cost, 1, abi.maxLimit)
    if (!overs.includes(over)) throw outOfRange('over', over, "'keep', 'renew' or 'double'")
    if (this.#spec.algorithm !== 1) {
      throw typeError('ERR_ORBIT_INVALID_ARGUMENT', "hit counts windows: make the limiter with algorithm: 'fixed'")
    }
    return this.#judged(this.#writable().hit(key, cost, overs.indexOf(over)), cost)
  }

  /**
   * Counts `amount` more for the key, whether it may take them or not.
   *
   * @param key 1..1024 bytes of UTF-8
   * @param amount 1..16777214; default 1
   * @param ms how long a window that this call begins lasts, 1..2^35, for 'fixed' only; default `windowMs`
   * @throws TypeError or RangeError for wrong arguments; ERR_ORBIT_TABLE_FULL if whenFull is 'throw',
   *   ERR_ORBIT_CLOSED, ERR_ORBIT_RETIRED, ERR_ORBIT_READ_ONLY for an observer
   */
  penalty(key: string, amount = 1, ms?: number): Decision {
    checkInteger('amount', amount, 1, abi.maxLimit)
    return this.#judged(this.#writable().adjust(key, amount, this.#windowOf(ms)), amount)
  }

  /**
   * Gives `amount` back to the key, down to a count of 0. A window that has ended is not changed.
   *
   * @param key 1..1024 bytes of UTF-8
   * @param amount 1..16777214; default 1
   * @throws TypeError or RangeError for wrong arguments; ERR_ORBIT_CLOSED, ERR_ORBIT_RETIRED, ERR_ORBIT_READ_ONLY for
   *   an observer
   */
  reward(key: string, amount = 1): Decision {
    checkInteger('amount', amount, 1, abi.maxLimit)
    return this.#judged(this.#writable().adjust(key, -amount, this.#spec.windowMs), amount)
  }

  /**
   * Refuses the key for a time, however much it has taken.
   *
   * @param key 1..1024 bytes of UTF-8
   * @param ms 1..2^35; the first call that may be allowed again is one after this time
   * @throws TypeError or RangeError for wrong arguments; ERR_ORBIT_TABLE_FULL if there is no room for the key,
   *   ERR_ORBIT_CLOSED, ERR_ORBIT_RETIRED, ERR_ORBIT_READ_ONLY for an observer
   */
  block(key: string, ms: number): void {
    checkInteger('ms', ms, 1, abi.maxWindowMs)
    const limits = this.#writable()
    if (limits.block(key, ms) === status.full) throw limits.fullError()
  }

  /**
   * Sets what the key has taken.
   *
   * @param key 1..1024 bytes of UTF-8
   * @param count 0..16777214
   * @param ms how long it counts, 1..2^35, for the algorithm 'fixed' only; default `windowMs`
   * @throws TypeError or RangeError for wrong arguments; ERR_ORBIT_TABLE_FULL if there is no room for the key,
   *   ERR_ORBIT_CLOSED, ERR_ORBIT_RETIRED, ERR_ORBIT_READ_ONLY for an observer
   */
  set(key: string, count: number, ms?: number): void {
    checkInteger('count', count, 0, abi.maxLimit)
    const windowMs = this.#windowOf(ms)
    const limits = this.#writable()
    if (limits.set(key, count, windowMs) === status.full) throw limits.fullError()
  }

  /**
   * Forgets the key: it has taken nothing, and is not blocked.
   *
   * @param key 1..1024 bytes of UTF-8
   * @returns whether anything was known of the key
   * @throws TypeError or RangeError for a wrong key; ERR_ORBIT_CLOSED, ERR_ORBIT_RETIRED, ERR_ORBIT_READ_ONLY for an
   *   observer
   */
  reset(key: string): boolean {
    return this.#writable().reset(key) === 1
  }

  /**
   * Takes as `take` does, and waits until it is allowed. It sees within a second what other calls give back. The wait
   * keeps the process alive unless `keepAlive` is false. Waiters have no order.
   *
   * @param key 1..1024 bytes of UTF-8
   * @returns the decision that allowed it
   * @throws TypeError or RangeError for wrong arguments; ERR_ORBIT_TIMEOUT, the signal's reason, ERR_ORBIT_TABLE_FULL
   *   if whenFull is 'throw', ERR_ORBIT_CLOSED, ERR_ORBIT_RETIRED, ERR_ORBIT_READ_ONLY for an observer
   */
  async wait(key: string, options: WaitForOptions = {}): Promise<Decision> {
    checkOptions('options', options, ['cost', 'signal', 'timeoutMs', 'keepAlive'])
    const { cost = 1, signal, timeoutMs, keepAlive = true } = options
    checkSignal(signal)
    checkFlag('keepAlive', keepAlive)
    if (timeoutMs !== undefined) checkInteger('timeoutMs', timeoutMs, 0, maxMs)
    const deadline = timeoutMs === undefined ? Number.POSITIVE_INFINITY : monotonicMs() + timeoutMs
    for (;;) {
      signal?.throwIfAborted()
      const decision = this.take(key, cost)
      if (decision.allowed) return decision
      const leftMs = deadline - monotonicMs()
      if (leftMs <= 0) throw this.#timeoutError(key, decision, timeoutMs as number)
      await pause(Math.ceil(Math.min(decision.retryAfterMs, leftMs, lookMs)), signal, keepAlive)
    }
  }

  /** The length of a window that a call has one of its own for. */
  #windowOf(ms: number | undefined): number {
    if (ms === undefined) return this.#spec.windowMs
    checkInteger('ms', ms, 1, abi.maxWindowMs)
    if (this.#spec.algorithm === 1) return ms
    throw typeError('ERR_ORBIT_INVALID_ARGUMENT', "ms ends a window: make the limiter with algorithm: 'fixed'")
  }

  #writable(): Limits {
    if (this.#limits === undefined) throw readOnlyError(`the rate limiter ${printable(this.#spec.name)}`)
    return this.#limits
  }

  #decision(result: number, cost: number): Decision {
    if (result === status.full) return this.#fullDecision(cost)
    return {
      allowed: result === 1,
      limit: this.#limit,
      count: limitCount(),
      remaining: limitRemaining(),
      resetMs: limitResetMs(),
      retryAfterMs: limitRetryAfterMs(),
      reason: result === 1 ? undefined : 'limit',
    }
  }

  /** The decision after a call that does not refuse: whether the count is within the limit. */
  #judged(result: number, cost: number): Decision {
    if (result === status.full) return this.#fullDecision(cost)
    const allowed = limitCount() <= this.#limit
    const decision = this.#decision(allowed ? 1 : 0, cost)
    return allowed ? decision : { ...decision, retryAfterMs: decision.resetMs }
  }

  #fullDecision(cost: number): Decision {
    const allowed = this.#allowsFull(this.#writable())
    const { windowMs } = this.#spec
    const [count, retryAfterMs] = allowed ? [cost, 0] : [this.#limit + cost, windowMs]
    const remaining = allowed ? Math.max(0, this.#limit - cost) : 0
    return { allowed, limit: this.#limit, count, remaining, resetMs: windowMs, retryAfterMs, reason: 'full' }
  }

  #allowsFull(limits: Limits): boolean {
    if (this.#whenFull === 'throw') throw limits.fullError()
    return this.#whenFull === 'allow'
  }

  /** What an observer sees where no member has taken anything. */
  #untouched(): Decision {
    const limit = this.#limit
    return { allowed: true, limit, count: 0, remaining: limit, resetMs: 0, retryAfterMs: 0, reason: undefined }
  }

  #timeoutError(key: string, { retryAfterMs }: Decision, timeoutMs: number): OrbitError {
    const expected = `key=${printable(key)} must be allowed within timeoutMs=${timeoutMs}`
    return new OrbitError(
      'ERR_ORBIT_TIMEOUT',
      `${expected}, but it is refused for ${retryAfterMs} ms more: wait longer`,
    )
  }
}

function specOf(options: RateLimiterOptions): LimiterSpec {
  checkOptions('options', options, keysOf)
  const { name, limit, windowMs, algorithm = 'gcra', burst = limit, whenFull = 'allow', keys } = options
  checkName('name', name, maxNameBytes)
  checkInteger('limit', limit, 1, abi.maxLimit)
  checkInteger('windowMs', windowMs, 1, abi.maxWindowMs)
  checkInteger('burst', burst, 1, abi.maxLimit)
  if (!algorithms.includes(algorithm)) throw outOfRange('algorithm', algorithm, "'gcra', 'fixed' or 'sliding'")
  if (!['allow', 'refuse', 'throw'].includes(whenFull)) {
    throw outOfRange('whenFull', whenFull, "'allow', 'refuse' or 'throw'")
  }
  if (keys !== undefined) checkInteger('keys', keys, 1, maxKeys)
  if (algorithm !== 'gcra' && burst !== limit) {
    throw outOfRange('burst', burst, `left out, or limit=${limit}: only algorithm: 'gcra' has bursts`)
  }
  if (algorithm === 'gcra' && limit > windowMs * 1e6) {
    throw outOfRange('limit', limit, `at most one a nanosecond, ${windowMs * 1e6} in windowMs=${windowMs}`)
  }
  if ((burst * windowMs) / limit > abi.maxWindowMs) {
    throw outOfRange('burst', burst, `refilled within ${abi.maxWindowMs} ms: windowMs / limit of each`)
  }
  return { name, algorithm: algorithms.indexOf(algorithm), limit, windowMs, burst, keys }
}
