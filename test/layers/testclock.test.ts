// orbit-node/testing: a test moves time, so that it need not wait for what expires.
import { Worker } from 'node:worker_threads'
import { afterEach, describe, expect, it, vi } from 'vitest'
import * as index from '../../src/index.js'
import { Contest, codecs, FleetHeartbeat, OrbitCache, OrbitStore, TypedCache } from '../../src/index.js'
import { advanceClock } from '../../src/testing.js'
import { fleetName, keep, memories } from '../help/fleets.js'
import { start } from '../help/processes.js'
import { expectRangeError, expectTypeError, untyped } from '../help/refusals.js'

const hourMs = 3_600_000

afterEach(() => {
  vi.useRealTimers()
})

describe.each(memories)('advanceClock, for a fleet in $memory,', ({ join }) => {
  it('expires a cache entry when its time to live has passed', () => {
    const cache = new OrbitCache(join(fleetName()))
    cache.put('short', 'value', { ttlMs: 2 * hourMs })
    cache.put('long', 'value', { ttlMs: 24 * hourMs })
    cache.put('for ever', 'value')
    advanceClock(hourMs)
    expect(cache.get('short')).toEqual(new TextEncoder().encode('value'))
    advanceClock(hourMs)
    expect(cache.get('short')).toBeUndefined()
    expect(cache.get('long')).toBeDefined()
    expect(cache.get('for ever')).toBeDefined()
  })

  it('makes getOrSet load again after the time to live', async () => {
    const cache = new TypedCache(join(fleetName()), { namespace: 'n', codec: codecs.json<number>() })
    const load = vi.fn(() => load.mock.calls.length)
    const get = () => cache.getOrSet('key', load, { ttlMs: hourMs })
    expect([await get(), await get()]).toEqual([1, 1])
    advanceClock(hourMs)
    expect([await get(), await get()]).toEqual([2, 2])
  })

  it('gives an entry that is stored later its whole time to live', () => {
    const cache = new OrbitCache(join(fleetName()))
    advanceClock(hourMs)
    cache.put('key', 'value', { ttlMs: hourMs })
    expect(cache.get('key')).toBeDefined()
    advanceClock(hourMs)
    expect(cache.get('key')).toBeUndefined()
  })

  it('expires a claim, which its holder then finds lost, and ends the wait for it', async () => {
    const name = fleetName()
    const first = new Contest(join(name))
    const second = new Contest(join(name))
    const guard = await first.claim('subject', { ttlMs: hourMs })
    const waiting = second.claim('subject', { ttlMs: hourMs })
    expect(guard.held).toBe(true)
    advanceClock(hourMs)
    expect(guard.held).toBe(false)
    expect((await waiting).held).toBe(true)
  })

  it('makes a beat older', () => {
    const fleet = join(fleetName())
    const heart = keep(new FleetHeartbeat(fleet))
    heart.beat()
    expect(heart.snapshot({ maxAgeMs: hourMs }).fresh.map(({ node }) => node)).toEqual([fleet.node])
    advanceClock(hourMs + 1)
    expect(heart.snapshot({ maxAgeMs: hourMs }).stale.map(({ node }) => node)).toEqual([fleet.node])
    heart.beat()
    expect(heart.snapshot({ maxAgeMs: hourMs }).fresh.map(({ node }) => node)).toEqual([fleet.node])
  })

  it('moves the time of a cache beside the fake timers of a test', () => {
    vi.useFakeTimers()
    const pass = (ms: number) => {
      vi.advanceTimersByTime(ms)
      advanceClock(ms)
    }
    const cache = new OrbitCache(join(fleetName()))
    const before = Date.now()
    cache.put('key', 'value', { ttlMs: hourMs })
    const seen: boolean[] = []
    setTimeout(() => seen.push(cache.get('key') === undefined), hourMs + 1)
    vi.advanceTimersByTime(hourMs)
    expect(cache.get('key')).toBeDefined()
    advanceClock(hourMs)
    pass(1)
    expect(seen).toEqual([true])
    expect(Date.now() - before).toBe(hourMs + 1)
  })
})

describe('advanceClock', () => {
  it('returns how far the clock of this thread is advanced', () => {
    const before = advanceClock(0)
    expect(advanceClock(5)).toBe(before + 5)
    expect(advanceClock(0)).toBe(before + 5)
  })

  it('refuses what is not a number of milliseconds', () => {
    const before = advanceClock(0)
    for (const ms of [-1, 0.5, 2 ** 40 + 1, Number.NaN]) expectRangeError(() => advanceClock(ms), 'ms=')
    expectTypeError(() => untyped(advanceClock)('1'), 'ms="1"')
    expect(advanceClock(0)).toBe(before)
  })

  it('is not in the main entry', () => {
    expect(Object.keys(index).filter((name) => /clock/i.test(name))).toEqual([])
  })

  it('leaves the clocks of other threads alone', async () => {
    advanceClock(hourMs)
    const code = `
      const { advanceClock } = require('orbit-node/testing')
      require('node:worker_threads').parentPort.postMessage([advanceClock(0), advanceClock(7)])`
    const worker = new Worker(code, { eval: true })
    const [answer] = await new Promise<unknown[]>((resolve, reject) => {
      worker.once('message', (...message) => resolve(message))
      worker.once('error', reject)
    })
    await worker.terminate()
    expect(answer).toEqual([0, 7])
  })

  it('leaves the clocks of other processes alone, which can be advanced by the same time', async () => {
    const name = fleetName()
    const fleet = memories.find(({ isShared }) => isShared)?.join(name)
    if (fleet === undefined) return
    const cache = new OrbitStore(fleet)
    cache.put('key', 'value', { ttlMs: hourMs })
    advanceClock(hourMs)
    const child = start('testclock.mjs', [name])
    expect(cache.get('key')).toBeUndefined()
    expect(await child.ask('get', 'key')).toBe('value')
    expect(await child.ask('advance', advanceClock(0))).toBe(advanceClock(0))
    expect(await child.ask('get', 'key')).toBeNull()
  })
})
