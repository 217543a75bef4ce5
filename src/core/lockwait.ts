import { monotonicMs } from '../base/clock.js'
import { OrbitError } from '../base/errors.js'
import { runtime } from '../base/runtime.js'

/** The longest time between two attempts. */
const longestPauseMs = 20

/** How long to attempt something, and how the pauses in between end. */
export interface LockWaitOptions {
  readonly timeoutMs: number
  readonly signal?: AbortSignal | undefined
  /** Keeps the process alive during the pauses; default true. */
  readonly keepAlive?: boolean | undefined
}

/**
 * Attempts something again, with pauses in between, while it throws ERR_ORBIT_BUSY. An attempt must not wait by itself.
 *
 * @throws the last ERR_ORBIT_BUSY after `timeoutMs`; the signal's reason; anything else that an attempt throws
 */
export async function untilFree<T>(
  attempt: () => T,
  { timeoutMs, signal, keepAlive = true }: LockWaitOptions,
): Promise<T> {
  const endsAtMs = monotonicMs() + timeoutMs
  for (let pauseMs = 1; ; pauseMs = Math.min(2 * pauseMs, longestPauseMs)) {
    if (signal?.aborted) throw signal.reason
    try {
      return attempt()
    } catch (error) {
      const isBusy = error instanceof OrbitError && error.code === 'ERR_ORBIT_BUSY'
      if (!isBusy) throw error
      if (monotonicMs() >= endsAtMs) throw timeoutError(error)
    }
    await pause(pauseMs, signal, keepAlive)
  }
}

/** The error of the last attempt, which names the limit of one that waits by itself. */
function timeoutError(cause: OrbitError): OrbitError {
  return new OrbitError(cause.code, cause.message.replace('joinTimeoutMs', 'timeoutMs'), { cause })
}

/** Ends early when the signal is aborted. */
function pause(ms: number, signal: AbortSignal | undefined, keepAlive: boolean): Promise<void> {
  return new Promise((resolve) => {
    const end = () => {
      runtime.clearTimeout(timer)
      signal?.removeEventListener('abort', end)
      resolve()
    }
    const timer = runtime.setTimeout(end, ms)
    if (!keepAlive) timer.unref()
    signal?.addEventListener('abort', end)
  })
}
