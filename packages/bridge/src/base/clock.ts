import timers from 'node:timers'

const { setTimeout, clearTimeout } = timers
const { hrtime } = process

/** Node's own timers, captured when this package loads: fake timers of a test do not stop them. */
export const runtime = { setTimeout, clearTimeout }

/** Milliseconds of CLOCK_MONOTONIC: the same clock in every process of this host. */
export function monotonicMs(): number {
  const [seconds, nanoseconds] = hrtime()
  return seconds * 1e3 + nanoseconds / 1e6
}

/**
 * Waits for a time, or until the signal is aborted. Never rejects.
 *
 * @param keepAlive whether the wait keeps the process alive
 */
export function pause(ms: number, signal?: AbortSignal, keepAlive = true): Promise<void> {
  return new Promise((resolve) => {
    if (signal?.aborted) {
      resolve()
      return
    }
    const end = () => {
      clearTimeout(timer)
      signal?.removeEventListener('abort', end)
      resolve()
    }
    const timer = setTimeout(end, ms)
    if (!keepAlive) timer.unref()
    signal?.addEventListener('abort', end, { once: true })
  })
}
