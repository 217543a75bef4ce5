import { packageVersion } from '../version.js'
import { builtIn, type Driver, lacksPackage, limitOfAll } from './driver.js'

/** Counts and limits of one process, which no other process sees. */
export const map: Driver = {
  ...builtIn,
  name: 'Map',
  settings:
    'counts: a Map with an object for each key; limits: one with the count and the end of the window of each key',
  peers: 'processes',
  async counts() {
    const counts = new Map<string, { count: number }>()
    return {
      countAll(keys) {
        let last = 0
        for (const key of keys) {
          const found = counts.get(key) ?? { count: 0 }
          if (found.count === 0) counts.set(key, found)
          last = ++found.count
        }
        return last
      },
      close() {},
    }
  },
  async limits() {
    const { limit, windowMs } = limitOfAll
    const windows = new Map<string, { count: number; endMs: number }>()
    return {
      takeAll(keys) {
        let allowed = 0
        for (const key of keys) {
          const nowMs = performance.now()
          const found = windows.get(key)
          if (found === undefined || found.endMs <= nowMs) windows.set(key, { count: 1, endMs: nowMs + windowMs })
          else if (++found.count > limit) continue
          allowed++
        }
        return allowed
      },
      close() {},
    }
  },
}

/** The memory of one process, too. */
export const rateLimiterFlexible: Driver = {
  name: 'rate-limiter-flexible',
  settings: 'RateLimiterMemory, each consume() awaited',
  peers: 'processes',
  version: () => packageVersion('rate-limiter-flexible'),
  lacks: lacksPackage('rate-limiter-flexible', () => import('rate-limiter-flexible')),
  async limits() {
    const { RateLimiterMemory } = await import('rate-limiter-flexible')
    const limiter = new RateLimiterMemory({ points: limitOfAll.limit, duration: limitOfAll.windowMs / 1000 })
    return {
      async takeAll(keys) {
        let allowed = 0
        for (const key of keys) {
          await limiter.consume(key)
          allowed++
        }
        return allowed
      },
      close() {},
    }
  },
}
