import { runtime } from '../../src/base/runtime.js'

/**
 * Makes the code under test use the current global timers and clock, so that `vi.useFakeTimers` holds them. By itself
 * it uses those of Node that it captured when it loaded.
 */
export function followGlobalTime(): void {
  Object.assign(runtime, {
    setTimeout: (...args: Parameters<typeof setTimeout>) => setTimeout(...args),
    clearTimeout: (timer: NodeJS.Timeout) => clearTimeout(timer),
    setInterval: (...args: Parameters<typeof setInterval>) => setInterval(...args),
    clearInterval: (timer: NodeJS.Timeout) => clearInterval(timer),
    setImmediate: (...args: Parameters<typeof setImmediate>) => setImmediate(...args),
    hrtime: () => process.hrtime(),
  })
}
