// What the tests of four libraries expect of a store. @fastify/rate-limit ships its tests, which are run as they are.
// For the others, these tests say the same as theirs: memory-store-test.ts and middleware-test.ts of express-rate-limit
// 8.6, store.spec.ts and middleware.spec.ts of hono-rate-limiter 0.5, RateLimiterMemory.test.js and
// RateLimiterStoreAbstract.test.js of rate-limiter-flexible 11. What looks into their own memory is left out.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import express from 'express'
import { rateLimit } from 'express-rate-limit'
import { Hono } from 'hono'
import { rateLimiter } from 'hono-rate-limiter'
import * as flexible from 'rate-limiter-flexible'
import { describe, expect, it, onTestFinished } from 'vitest'
import { flexibleLimiter, RateLimitStore } from '../../src/adapters/ratelimit.js'
import { advanceClock } from '../../src/testing.js'
import { fleetName, joinLocal } from '../help/fleets.js'
import { root } from '../help/system.js'

const hourMs = 3_600_000

describe('fastifyStore', () => {
  it('passes the tests of @fastify/rate-limit', async () => {
    const fixture = join(root, 'test/fixtures/fastifytests.cjs')
    const child = spawn(process.execPath, ['--test-reporter=tap', fixture], { stdio: ['ignore', 'pipe', 'inherit'] })
    onTestFinished(() => void child.kill('SIGKILL'))
    const ended = once(child, 'exit')
    const report = await text(child.stdout)
    const failed = report.split('\n').filter((line) => line.startsWith('not ok'))
    expect([failed, await ended], report).toEqual([[], [0, null]])
    expect(Number(/^# pass (\d+)$/m.exec(report)?.[1])).toBeGreaterThan(90)
    expect(Number(/^# skipped (\d+)$/m.exec(report)?.[1])).toBe(3) // two of the fixture's, and one of their own
  })
})

describe('a store of express-rate-limit and hono-rate-limiter', () => {
  const own = (windowMs = hourMs) => {
    const store = new RateLimitStore(joinLocal(fleetName()))
    store.init({ windowMs })
    return store
  }

  it('returns the hits and the end of the window of a key', () => {
    const store = own()
    expect(store.get('a')).toBeUndefined()
    expect(store.increment('a').totalHits).toBe(1)
    expect(store.get('a')).toMatchObject({ totalHits: 1, resetTime: expect.any(Date) })
    expect(store.increment('a').totalHits).toBe(2)
  })

  it('takes hits back, but not below none', () => {
    const store = own()
    store.increment('a')
    store.increment('a')
    store.decrement('a')
    expect(store.increment('a').totalHits).toBe(2)
    for (let i = 0; i < 3; i++) store.decrement('a')
    expect(store.get('a')).toMatchObject({ totalHits: 0 })
  })

  it('forgets a key that is reset', () => {
    const store = own()
    store.increment('a')
    store.resetKey('a')
    expect(store.get('a')).toBeUndefined()
    expect(store.increment('a').totalHits).toBe(1)
  })

  it('begins all keys anew after their windows, and mixes up none of them', () => {
    const store = own()
    for (const key of ['a', 'b']) store.increment(key)
    advanceClock(hourMs)
    expect(['a', 'b', 'a', 'a', 'c', 'a'].map((key) => store.increment(key).totalHits)).toEqual([1, 1, 2, 3, 1, 4])
  })
})

type Serving = { get(path: string): Promise<Response> }
interface Options {
  windowMs?: number
  limit?: number
  skipSuccessfulRequests?: boolean
  skipFailedRequests?: boolean
}

/** An application with a limit: '/' answers 200, '/error' 400. */
async function expressApp(store: RateLimitStore, options: Options): Promise<Serving> {
  const app = express()
  app.use(rateLimit({ windowMs: hourMs, ...options, store }))
  app.get('/', (_, response) => void response.send('hello'))
  app.get('/error', (_, response) => void response.sendStatus(400))
  const server = app.listen(0, '127.0.0.1')
  onTestFinished(async () => {
    server.closeAllConnections()
    await new Promise((resolve) => server.close(resolve))
  })
  await once(server, 'listening')
  return { get: (path) => fetch(`http://127.0.0.1:${(server.address() as AddressInfo).port}${path}`) }
}

async function honoApp(store: RateLimitStore, options: Options): Promise<Serving> {
  const app = new Hono()
  app.use(rateLimiter({ windowMs: hourMs, ...options, keyGenerator: () => 'one', store }))
  app.get('/', (context) => context.text('hello'))
  app.get('/error', (context) => context.text('wrong', 400))
  return { get: async (path) => app.request(path) }
}

describe.each([
  ['express-rate-limit', expressApp],
  ['hono-rate-limiter', honoApp],
])('the middleware of %s', (_, make) => {
  const statuses = async ({ get }: Serving, paths: string[]) => {
    const found: number[] = []
    for (const path of paths) found.push((await get(path)).status)
    return found
  }
  const storeOf = (name: string, fleet = joinLocal(fleetName())) => new RateLimitStore(fleet, { name })

  it('refuses requests over the limit until the window has ended, again and again', async () => {
    const app = await make(storeOf('a'), { limit: 2 })
    for (let window = 0; window < 3; window++) {
      expect(await statuses(app, ['/', '/', '/', '/'])).toEqual([200, 200, 429, 429])
      advanceClock(hourMs)
    }
  })

  it('counts down what is left', async () => {
    const app = await make(storeOf('a'), { limit: 2 })
    const left: (string | null)[] = []
    for (let i = 0; i < 3; i++) {
      const { headers } = await app.get('/')
      left.push(headers.get('x-ratelimit-remaining') ?? headers.get('ratelimit-remaining'))
    }
    expect(left).toEqual(['1', '0', '0'])
  })

  it('does not count requests that succeed, or fail, if it is told so', async () => {
    const successful = await make(storeOf('a'), { limit: 1, skipSuccessfulRequests: true })
    expect(await statuses(successful, ['/', '/', '/error', '/'])).toEqual([200, 200, 400, 429])
    const failed = await make(storeOf('b'), { limit: 1, skipFailedRequests: true })
    expect(await statuses(failed, ['/error', '/error', '/', '/'])).toEqual([400, 400, 200, 429])
  })

  it('counts apart from another one, and together with one of the same name', async () => {
    const fleet = joinLocal(fleetName())
    const [one, other, same] = [
      await make(storeOf('a', fleet), { limit: 1 }),
      await make(storeOf('b', fleet), { limit: 1 }),
      await make(storeOf('a', fleet), { limit: 1 }),
    ] as const
    expect([
      ...(await statuses(one, ['/'])),
      ...(await statuses(other, ['/'])),
      ...(await statuses(same, ['/'])),
    ]).toEqual([200, 200, 429])
  })
})

describe('a limiter of rate-limiter-flexible', () => {
  const RateLimiterOrbit = flexibleLimiter(flexible)
  const own = (options: object = {}) =>
    new RateLimiterOrbit({ fleet: joinLocal(fleetName()), points: 2, duration: 5, ...options })
  const refusal = (call: Promise<unknown>) =>
    call.then(
      () => Promise.reject(new Error('it was not refused')),
      (refused: flexible.RateLimiterRes) => refused,
    )

  it('consumes points, and refuses more than there are, or any if there are none', async () => {
    expect(await own().consume('a')).toMatchObject({ consumedPoints: 1, remainingPoints: 1 })
    expect((await refusal(own({ points: 1 }).consume('a', 2))).msBeforeNext).toBeGreaterThanOrEqual(0)
    expect((await refusal(own({ points: 0 }).consume('a'))).msBeforeNext).toBeGreaterThanOrEqual(0)
  })

  it('begins a new window after the last one has ended', async () => {
    const limiter = own()
    await limiter.consume('a')
    advanceClock(5000)
    expect(await limiter.consume('a')).toMatchObject({ consumedPoints: 1, remainingPoints: 1, msBeforeNext: 5000 })
  })

  it('delays calls so that they are spread evenly', async () => {
    const limiter = own({ execEvenly: true, execEvenlyMinDelayMs: 1, duration: 0.2 })
    const first = await limiter.consume('a')
    const begin = performance.now()
    const second = await limiter.consume('a')
    expect(performance.now() - begin).toBeGreaterThan(first.msBeforeNext / 2 - 100)
    expect(second.msBeforeNext).toBeLessThanOrEqual(first.msBeforeNext)
  })

  it('makes penalties and gives rewards', async () => {
    const limiter = own()
    await limiter.consume('a')
    await limiter.penalty('a')
    expect(await limiter.get('a')).toMatchObject({ consumedPoints: 2 })
    await limiter.reward('a')
    await limiter.reward('a')
    expect(await limiter.get('a')).toMatchObject({ consumedPoints: 0, remainingPoints: 2 })
  })

  it('has the prefix of its options, even an empty one', async () => {
    expect(own({ keyPrefix: 'test' }).getKey('key')).toBe('test:key')
    const limiter = own({ keyPrefix: '' })
    expect(limiter.getKey('key')).toBe('key')
    expect(await limiter.consume('key')).toMatchObject({ consumedPoints: 1 })
  })

  it('blocks a key that has consumed too much, once until the block ends', async () => {
    const limiter = own({ points: 1, duration: 1, blockDuration: 2 })
    expect((await refusal(limiter.consume('a', 2))).msBeforeNext).toBeGreaterThan(1000)
    advanceClock(1201)
    expect((await refusal(limiter.consume('a'))).msBeforeNext).toBeLessThan(1000)
    advanceClock(800)
    expect(await limiter.consume('a')).toMatchObject({ consumedPoints: 1 })
  })

  it('blocks any key, for a time or for ever', async () => {
    const limiter = own({ points: 1, duration: 1 })
    await limiter.block('a', 2)
    const { msBeforeNext } = await refusal(limiter.consume('a'))
    expect(msBeforeNext).toBeGreaterThan(1000)
    expect(msBeforeNext).toBeLessThanOrEqual(2000)
    await limiter.block('b', 0)
    advanceClock(10_000)
    expect(await limiter.get('b')).toMatchObject({ consumedPoints: 2, msBeforeNext: -1 })
  })

  it('knows the keys that it has, and deletes them', async () => {
    const limiter = own()
    expect(await limiter.get('a')).toBeNull()
    await limiter.consume('a')
    expect(await limiter.get('a')).toMatchObject({ remainingPoints: 1 })
    expect([await limiter.delete('a'), await limiter.delete('a')]).toEqual([true, false])
  })

  it('begins windows of the duration that a call asks for', async () => {
    const limiter = own({ points: 9 })
    const short = { customDuration: 1 }
    expect((await limiter.consume('a', 1, short)).msBeforeNext).toBeLessThanOrEqual(1000)
    expect((await limiter.penalty('b', 1, short)).msBeforeNext).toBeLessThanOrEqual(1000)
    expect((await limiter.reward('c', 1, short)).msBeforeNext).toBeLessThanOrEqual(1000)
    expect(await limiter.consume('d', 1, { customDuration: 0 })).toMatchObject({ msBeforeNext: -1 })
    expect((await limiter.consume('a', 1, { customDuration: 4 })).msBeforeNext).toBeLessThanOrEqual(1000)
  })

  it('has windows without an end', async () => {
    const limiter = own({ duration: 0 })
    await limiter.consume('a')
    await limiter.consume('a')
    expect(await limiter.get('a')).toMatchObject({ consumedPoints: 2, msBeforeNext: -1 })
  })

  it('sets the points of a key, for a time or for ever', async () => {
    const limiter = own({ points: 10, duration: 1 })
    await limiter.set('a', 12, 1)
    expect(await limiter.get('a')).toMatchObject({ consumedPoints: 12, remainingPoints: 0 })
    advanceClock(1000)
    expect(await limiter.get('a')).toBeNull()
    await limiter.set('b', 12, 0)
    advanceClock(10_000)
    expect(await limiter.get('b')).toMatchObject({ consumedPoints: 12, msBeforeNext: -1 })
  })

  it('refuses keys that it has blocked in its own memory, until they are deleted', async () => {
    const options = { points: 1, duration: 1, inMemoryBlockOnConsumed: 1, inMemoryBlockDuration: 60 }
    const limiter = own(options)
    await refusal(limiter.consume('a', 2))
    expect((await refusal(limiter.consume('a'))).msBeforeNext).toBeGreaterThan(1000)
    expect(await limiter.delete('a')).toBe(true)
    expect(await limiter.consume('a')).toMatchObject({ consumedPoints: 1 })
  })

  it('is one that the wrappers of the library take', async () => {
    const fleet = joinLocal(fleetName())
    const burst = own({ fleet, keyPrefix: 'burst', points: 1 })
    const bursty = new flexible.BurstyRateLimiter(own({ fleet, points: 1 }), burst)
    expect(await bursty.consume('a')).toMatchObject({ consumedPoints: 1 })
    await bursty.consume('a')
    await refusal(bursty.consume('a'))
    const insured = new flexible.RateLimiterUnion(
      own({ fleet, keyPrefix: 'b' }),
      own({ fleet, keyPrefix: 'c', points: 1 }),
    )
    await insured.consume('a')
    await expect(insured.consume('a')).rejects.toHaveProperty('c')
  })
})
