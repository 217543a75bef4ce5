import { runtime } from '../base/runtime.js'
import { AbortListeners } from '../core/abortlisteners.js'
import { advances } from '../core/clock.js'

const aborts = new AbortListeners()

/**
 * Sleeps. Ends early when a test advances the clock, and rejects with the reason of an aborted signal.
 *
 * @param keepAlive whether it keeps the process alive
 */
export function pause(ms: number, signal: AbortSignal | undefined, keepAlive: boolean): Promise<void> {
  return new Promise((resolve, reject) => {
    const end = () => {
      runtime.clearTimeout(timer)
      advances.delete(wake)
      if (signal !== undefined) aborts.remove(signal, wait)
    }
    const wake = () => {
      end()
      resolve()
    }
    const wait = {
      fail: (reason: unknown) => {
        end()
        reject(reason)
      },
    }
    const timer = runtime.setTimeout(wake, ms)
    if (!keepAlive) timer.unref()
    advances.add(wake)
    if (signal !== undefined) aborts.add(signal, wait)
  })
}
