import { performance } from 'node:perf_hooks'
import timers from 'node:timers'

/** A timer that was set; what a clock's `setTimeout` returns. */
export type ClockTimer = unknown

/** Where a system gets its time from. */
export interface Clock {
  /** Milliseconds of a clock that is the same in all processes of the host, and is never set. */
  now(): number
  /** The time of day, in milliseconds since 1970, which may be set. */
  date(): number
  /** Calls `run` once after `ms` milliseconds; it keeps the process alive only if `keepAlive` is set. */
  setTimeout(run: () => void, ms: number, keepAlive: boolean): ClockTimer
  /** Takes a timer back. */
  clearTimeout(timer: ClockTimer): void
}

/**
 * When `performance.now()` was 0. Both are CLOCK_MONOTONIC, and `process.hrtime()` makes an array each time. The
 * process may lose the processor between the two, which makes the difference smaller.
 */
const originMs = Math.max(...Array.from({ length: 5 }, () => Number(process.hrtime.bigint()) / 1e6 - performance.now()))

/** CLOCK_MONOTONIC, and the timers of Node. */
export const hostClock: Clock = {
  now: () => performance.now() + originMs,
  date: Date.now,
  setTimeout(run, ms, keepAlive) {
    const timer = timers.setTimeout(run, ms)
    if (!keepAlive) timer.unref()
    return timer
  },
  clearTimeout(timer) {
    timers.clearTimeout(timer as NodeJS.Timeout)
  },
}
