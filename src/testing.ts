import { checkInteger } from './base/check.js'
import { advances } from './core/clock.js'
import { checkNative, native } from './core/native.js'

/** Together with the clock, which counts from the start of the host, below the largest time that entries can have. */
const maxAdvanceMs = 2 ** 40

/**
 * Advances the clock that decides what has expired: the entries of caches, the claims of contests, and the windows of
 * rate limiters (within 2^39 ms). The ages of heartbeats grow by the same time. It acts on all fleets and all copies of
 * this package in this thread, at once and for good; other threads and processes have clocks of their own. A wait for a
 * rate limiter looks again at once, one for a claim within 50 ms. It fires no timer and renews nothing, like a thread
 * that was busy for that time. For tests only.
 *
 * @param ms whole milliseconds, 0..2^40
 * @returns how far the clock of this thread is advanced now, in milliseconds
 * @throws TypeError ERR_ORBIT_INVALID_ARGUMENT or RangeError ERR_ORBIT_OUT_OF_RANGE for other values;
 *   ERR_ORBIT_NATIVE
 */
export function advanceClock(ms: number): number {
  checkInteger('ms', ms, 0, maxAdvanceMs)
  checkNative()
  const advancedMs = native.advanceClock(ms)
  for (const each of [...advances]) each()
  return advancedMs
}
