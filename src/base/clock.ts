import { runtime } from './runtime.js'

/**
 * Milliseconds of CLOCK_MONOTONIC: the same clock in every process of this host; setting the time does not change it.
 */
export function monotonicMs(): number {
  const [seconds, nanoseconds] = runtime.hrtime()
  return seconds * 1e3 + nanoseconds / 1e6
}
