import { createHash } from 'node:crypto'
import { Counters, type Fleet } from 'orbit-node'
import { checkInteger, checkName, checkOptions, outOfRange } from '../../../shared/check.js'
import type { Desk } from '../hub/service.js'
import { limitCounters, limitsName } from './shares.js'

/** Options of a rate limit of several hosts. */
export interface ClusterLimiterOptions {
  /** The name of the limit, 1..64 bytes of UTF-8: hosts and processes that use the same name share it. */
  name: string
  /** How many a key may take in a window, on all hosts together, 1..2^31-1. */
  limit: number
  /** The length of a window in milliseconds, 100..43,200,000. Windows begin at multiples of it in Unix time. */
  windowMs: number
  /**
   * How much a host takes from the server at once, 1..limit. With larger shares there are fewer requests, and a host
   * may refuse while others have up to `share` - 1 left each. Default: a sixteenth of the limit, at least 1.
   */
  share?: number
  /** What a call decides while the server cannot be reached. Default 'refuse': the limit holds. */
  whenCutOff?: 'refuse' | 'allow'
  /** How many keys this host can have at once, a power of two in 16..2^20. Default 4096. */
  keys?: number
}

/** What a limiter of several hosts decided. */
export interface ClusterDecision {
  /** Whether the key may go on. */
  readonly allowed: boolean
  /** Milliseconds until the next window begins. */
  readonly resetMs: number
  /** Why it was refused or allowed without a count: 'limit', or 'cut-off': the server cannot be reached. */
  readonly reason: 'limit' | 'cut-off' | undefined
}

const optionKeys = ['name', 'limit', 'windowMs', 'share', 'whenCutOff', 'keys']

/**
 * A rate limit for several hosts, made by `bridge.limiter`: a count for each key in each window. A host takes shares of
 * the limit from the server, and decides by what it has in shared memory. All hosts together never allow more than the
 * limit in a window. They may refuse up to (hosts - 1) * (share - 1) early: what other hosts took and did not use.
 */
export class ClusterLimiter {
  readonly #counters: Counters
  readonly #desk: () => Desk
  readonly #options: Required<Omit<ClusterLimiterOptions, 'keys'>>

  /** @internal */
  constructor(fleet: Fleet, desk: () => Desk, options: ClusterLimiterOptions) {
    checkOptions('options', options, optionKeys)
    const { name, limit, windowMs, share = Math.max(1, Math.floor(limit / 16)), whenCutOff = 'refuse' } = options
    const { keys = 4096 } = options
    checkName('name', name, 64)
    checkInteger('limit', limit, 1, 0x7fffffff)
    checkInteger('windowMs', windowMs, 100, 43_200_000)
    checkInteger('share', share, 1, limit)
    checkInteger('keys', keys, 16, 2 ** 20)
    if (!Number.isInteger(Math.log2(keys))) throw outOfRange('keys', keys, 'a power of two')
    if (!['refuse', 'allow'].includes(whenCutOff)) throw outOfRange('whenCutOff', whenCutOff, "'refuse' or 'allow'")
    // Each key has up to three counters, in two windows.
    this.#counters = new Counters(fleet, { name: limitsName, capacity: keys * 2, nameBytes: 48 })
    this.#desk = desk
    this.#options = { name, limit, windowMs, share, whenCutOff }
  }

  /**
   * Takes from what the key may still take. It is decided in shared memory, and asks the server only when the share of
   * this host is used up.
   *
   * @param key 1..1024 bytes of UTF-8
   * @param cost how much to take, 1..limit; default 1
   * @throws TypeError or RangeError for wrong arguments; ERR_ORBIT_TABLE_FULL, ERR_ORBIT_CLOSED
   */
  async take(key: string, cost = 1): Promise<ClusterDecision> {
    const { name, limit, windowMs, share, whenCutOff } = this.#options
    checkName('key', key, 1024)
    checkInteger('cost', cost, 1, limit)
    const nowMs = Date.now()
    const window = Math.floor(nowMs / windowMs)
    const resetMs = (window + 1) * windowMs - nowMs
    const hash = createHash('sha256').update(`${name}\0${key}`).digest('base64url').slice(0, 22)
    const { used, granted, refused } = limitCounters(this.#counters, hash, window, windowMs)
    const decision = (allowed: boolean, reason?: ClusterDecision['reason']) => ({ allowed, resetMs, reason })
    for (;;) {
      if (used.addUntil(granted.get(), cost) !== undefined) return decision(true)
      const known = refused.get()
      if (known > 0 && cost >= known) return decision(false, 'limit')
      try {
        const request = { key: hash, window, windowMs, limit, share: Math.max(share, cost), least: cost }
        if (await this.#desk().borrow(request)) continue
      } catch {
        return decision(whenCutOff === 'allow', 'cut-off')
      }
      if (known === 0) refused.set(cost)
      else refused.min(cost)
      return decision(false, 'limit')
    }
  }
}
