import { Agent, get } from 'node:http'
import rateLimitOfFastify, { type RateLimitPluginOptions } from '@fastify/rate-limit'
import type { Store as ExpressStore } from 'express-rate-limit'
import fastify from 'fastify'
import type { Store as HonoStore } from 'hono-rate-limiter'
import * as flexible from 'rate-limiter-flexible'
import { describe, expect, it, onTestFinished } from 'vitest'
import { fastifyStore, flexibleLimiter, RateLimitStore } from '../../src/adapters/ratelimit.js'
import type { Fleet } from '../../src/index.js'
import { fleetName, joinLocal, joinShm } from '../help/fleets.js'
import { start } from '../help/processes.js'
import { untyped } from '../help/refusals.js'
import { isLinux } from '../help/system.js'

const hourMs = 3_600_000

const storeIn = (fleet: Fleet, name?: string): RateLimitStore => {
  const store = new RateLimitStore(fleet, name === undefined ? {} : { name })
  store.init({ windowMs: hourMs })
  return store
}

describe('RateLimitStore', () => {
  it('is a store of express-rate-limit and of hono-rate-limiter', () => {
    const store: ExpressStore & HonoStore = storeIn(joinLocal(fleetName()))
    expect([store.localKeys, store.prefix]).toEqual([false, 'http:'])
  })

  it('counts the hits of a client beyond any limit, in its window', () => {
    const store = storeIn(joinLocal(fleetName()))
    expect(store.get('a')).toBeUndefined()
    const before = Date.now()
    const { totalHits, resetTime } = store.increment('a')
    expect(totalHits).toBe(1)
    expect(resetTime.getTime()).toBeGreaterThan(before + hourMs - 1000)
    expect(resetTime.getTime()).toBeLessThanOrEqual(Date.now() + hourMs + 1)
    for (let i = 2; i <= 500; i++) expect(store.increment('a').totalHits).toBe(i)
    expect(store.increment('b').totalHits).toBe(1)
    expect(store.get('a')?.totalHits).toBe(500)
  })

  it('takes hits back down to none, and forgets a client', () => {
    const store = storeIn(joinLocal(fleetName()))
    store.decrement('a')
    expect(store.get('a')).toBeUndefined()
    store.increment('a')
    store.increment('a')
    store.decrement('a')
    expect(store.get('a')?.totalHits).toBe(1)
    store.resetKey('a')
    expect(store.increment('a').totalHits).toBe(1)
  })

  it('shares the counts of one name, and keeps those of others apart', () => {
    const fleet = joinLocal(fleetName())
    expect(storeIn(fleet, 'login').increment('a').totalHits).toBe(1)
    expect(storeIn(fleet, 'login').increment('a').totalHits).toBe(2)
    expect(storeIn(fleet, 'search').increment('a').totalHits).toBe(1)
  })

  it('begins anew after its window', async () => {
    const store = new RateLimitStore(joinLocal(fleetName()))
    store.init({ windowMs: 20 })
    const { resetTime } = store.increment('a')
    while (Date.now() <= resetTime.getTime() + 1) await new Promise((resolve) => setTimeout(resolve, 5))
    expect(store.increment('a').totalHits).toBe(1)
  })

  it('counts any key of a client', () => {
    const store = storeIn(joinLocal(fleetName()))
    const keys = ['', ' ', 'x'.repeat(2000), 'x'.repeat(2001), '\ud800', '\ud801', '€'.repeat(256)]
    for (const key of keys) expect(store.increment(key).totalHits, key).toBe(1)
    for (const key of keys) {
      expect(store.increment(key).totalHits, key).toBe(2)
      store.decrement(key)
      expect(store.get(key)?.totalHits).toBe(1)
      store.resetKey(key)
      expect(store.get(key)).toBeUndefined()
    }
  })

  it('refuses to count before it is given to a limiter', () => {
    expect(() => new RateLimitStore(joinLocal(fleetName())).increment('a')).toThrow('give it to a rate limiter first')
  })
})

describe('fastifyStore', () => {
  const appOf = async (options: RateLimitPluginOptions) => {
    const app = fastify()
    await app.register(rateLimitOfFastify, { max: 2, timeWindow: hourMs, ...options })
    app.get('/', async () => 'all')
    app.get('/one', { config: { rateLimit: { max: 1 } } }, async () => 'one')
    onTestFinished(() => app.close())
    return app
  }

  it('limits in all applications, and each route with a limit of its own apart', async () => {
    const store = fastifyStore(joinLocal(fleetName()))
    const apps = [await appOf({ store }), await appOf({ store })] as const
    const codes = async (url: string) =>
      [await apps[0].inject(url), await apps[1].inject(url), await apps[0].inject(url)].map((each) => each.statusCode)
    expect(await codes('/')).toEqual([200, 200, 429])
    expect(await codes('/one')).toEqual([200, 429, 429])
  })

  it('answers the headers of the limit', async () => {
    const app = await appOf({ store: fastifyStore(joinLocal(fleetName())) })
    const { headers } = await app.inject('/')
    expect(headers).toMatchObject({ 'x-ratelimit-limit': '2', 'x-ratelimit-remaining': '1' })
    expect(headers['x-ratelimit-reset']).toBe('3600')
  })

  it.each([
    ['continueExceeding', [1000, 990, 1000, 1000, 1000]],
    ['exponentialBackoff', [1000, 990, 1000, 2000, 4000]],
  ])('treats a window over its limit as %s asks', (option, longest) => {
    const Store = fastifyStore(joinLocal(fleetName()))
    const store = new Store({ [option]: true })
    const ttls = longest.map(() => {
      let ttl = 0
      store.incr('a', (_, result) => (ttl = result?.ttl ?? 0), 1000, 2)
      return ttl
    })
    expect(ttls.slice(2)).toEqual(longest.slice(2))
  })

  it('counts a key without characters, and one of many', () => {
    const store = new (fastifyStore(joinLocal(fleetName())))({})
    const found: unknown[] = []
    for (const key of ['', 'x'.repeat(3000), '']) {
      store.incr(key, (error, result) => found.push(error ?? result?.current), hourMs, 5)
    }
    expect(found).toEqual([1, 1, 2])
  })

  it('reads without counting, and passes errors on', () => {
    const fleet = joinLocal(fleetName())
    const store = new (fastifyStore(fleet))({})
    const results: unknown[] = []
    const note = (error: Error | null, result?: { current: number }) => results.push(error ?? result?.current)
    store.read('a', note, hourMs)
    store.incr('a', note, hourMs, 5)
    store.read('a', note, hourMs)
    fleet.close()
    store.incr('a', note, hourMs, 5)
    expect(results).toEqual([0, 1, 1, expect.objectContaining({ code: 'ERR_ORBIT_CLOSED' })])
  })
})

describe('flexibleLimiter', () => {
  const RateLimiterOrbit = flexibleLimiter(flexible)
  const own = (options: object = {}) =>
    new RateLimiterOrbit({ fleet: joinLocal(fleetName()), points: 3, duration: 3600, ...options })

  it('consumes points until there are none, and rejects then', async () => {
    const limiter = own()
    expect(await limiter.consume('a', 2)).toMatchObject({
      consumedPoints: 2,
      remainingPoints: 1,
      isFirstInDuration: true,
    })
    expect(await limiter.consume('a')).toMatchObject({
      consumedPoints: 3,
      remainingPoints: 0,
      isFirstInDuration: false,
    })
    const refused = await limiter.consume('a').catch((error: unknown) => error)
    expect(refused).toMatchObject({ consumedPoints: 4, remainingPoints: 0 })
    expect((refused as flexible.RateLimiterRes).msBeforeNext).toBeGreaterThan(hourMs - 60_000)
    expect(refused).toBeInstanceOf(flexible.RateLimiterRes)
  })

  it('has the other methods of the library', async () => {
    const limiter = own()
    expect(await limiter.get('a')).toBeNull()
    expect(await limiter.penalty('a', 2)).toMatchObject({ consumedPoints: 2 })
    expect(await limiter.reward('a')).toMatchObject({ consumedPoints: 1 })
    expect(await limiter.get('a')).toMatchObject({ consumedPoints: 1, remainingPoints: 2 })
    await limiter.set('a', 3, 60)
    await expect(limiter.consume('a')).rejects.toMatchObject({ consumedPoints: 4 })
    expect(await limiter.delete('a')).toBe(true)
    expect(await limiter.delete('a')).toBe(false)
    await limiter.block('a', 60)
    await expect(limiter.consume('a')).rejects.toMatchObject({ remainingPoints: 0 })
  })

  it('blocks a key that has consumed too much, and has windows without an end', async () => {
    const limiter = own({ points: 1, blockDuration: 7200 })
    await limiter.consume('a')
    await expect(limiter.consume('a')).rejects.toMatchObject({ msBeforeNext: 7_200_000 })
    expect((await limiter.get('a'))?.msBeforeNext).toBeGreaterThan(7_100_000)
    expect(await own({ duration: 0 }).consume('a')).toMatchObject({ msBeforeNext: -1 })
  })

  it('shares the counts of one prefix', async () => {
    const fleet = joinLocal(fleetName())
    await own({ fleet, points: 1 }).consume('a')
    await expect(own({ fleet, points: 1 }).consume('a')).rejects.toMatchObject({ consumedPoints: 2 })
    expect(await own({ fleet, points: 1, keyPrefix: 'other' }).consume('a')).toMatchObject({ consumedPoints: 1 })
  })

  it('refuses another library', () => {
    expect(() => flexibleLimiter(untyped({ RateLimiterRedis: class {} }))).toThrow('rate-limiter-flexible 11')
  })
})

/** How many of `count` requests over 40 connections get which status, and which processes answer. */
async function requests(port: number, count: number): Promise<{ statuses: Record<number, number>; pids: Set<string> }> {
  const agent = new Agent({ keepAlive: true, maxSockets: 40 })
  const statuses: Record<number, number> = {}
  const pids = new Set<string>()
  const request = () =>
    new Promise<void>((resolve, reject) => {
      get({ port, host: '127.0.0.1', agent }, (response) => {
        let body = ''
        response.setEncoding('utf8').on('data', (text) => {
          body += text
        })
        response.on('end', () => {
          const status = response.statusCode as number
          statuses[status] = (statuses[status] ?? 0) + 1
          if (status === 200) pids.add(body)
          resolve()
        })
      }).on('error', reject)
    })
  await Promise.all(Array.from({ length: count }, request))
  agent.destroy()
  return { statuses, pids }
}

describe.runIf(isLinux)('four workers of a cluster', () => {
  it.each(['express', 'hono', 'fastify', 'flexible'])('admit exactly the limit together, with %s', async (library) => {
    const name = fleetName()
    joinShm(name)
    const child = start('limited.mjs', [library, name, 100])
    const port = await child.next<number>()
    const { statuses, pids } = await requests(port, 400)
    expect(statuses).toEqual({ 200: 100, 429: 300 })
    expect(pids.size).toBeGreaterThan(1)
  })
})
