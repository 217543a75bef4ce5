import { describe, expect, it, onTestFinished, vi } from 'vitest'
import { monotonicMs } from '../../src/base/clock.js'
import { Contest, Fleet, OrbitEventBus, orbitType } from '../../src/index.js'
import { fleetName } from '../help/fleets.js'

function joined(): Fleet {
  const fleet = Fleet.join(fleetName('runtime'))
  onTestFinished(() => fleet.close())
  return fleet
}

/** Replaces every timer and clock that vitest can replace. */
function fakeAllTimers(): void {
  const toFake = ['setTimeout', 'setInterval', 'setImmediate', 'hrtime', 'performance', 'Date'] as const
  vi.useFakeTimers({ toFake: [...toFake, 'clearTimeout', 'clearInterval', 'clearImmediate'] })
  onTestFinished(() => void vi.useRealTimers())
}

describe('while a test has replaced all timers and clocks', () => {
  it('delivers events to a subscription', async () => {
    fakeAllTimers()
    const bus = new OrbitEventBus(joined())
    const events = bus.subscribe('orders.*')[Symbol.asyncIterator]()
    const next = events.next()
    bus.publishJson('orders.created', { id: 17 })
    expect((await next).value?.json()).toEqual({ id: 17 })
    await events.return?.(undefined)
  })

  it('iterates over many frames', async () => {
    fakeAllTimers()
    const fleet = joined()
    const facts = orbitType({ name: 'facts', kind: 1, capacity: 2048, payloadBytes: 16 })
    for (let i = 0; i < 2000; i++) fleet.publish(facts, Uint8Array.of(i))
    let frames = 0
    for await (const poll of fleet.cursor(facts, 'start').iterate()) {
      frames += poll.frames.length
      if (frames === 2000) break
    }
    expect(frames).toBe(2000)
  })

  it('ends a wait after its timeout', async () => {
    fakeAllTimers()
    const cursor = joined().cursor(orbitType({ name: 'facts', kind: 1 }))
    expect(await cursor.wait({ timeoutMs: 5, keepAlive: true })).toBe(false)
  })

  it('ends a claim after its timeout', async () => {
    fakeAllTimers()
    const contest = new Contest(joined())
    contest.tryClaim('leader', { ttlMs: 60_000 })
    await expect(contest.claim('leader', { ttlMs: 60_000, timeoutMs: 5 })).rejects.toMatchObject({
      code: 'ERR_ORBIT_TIMEOUT',
    })
  })

  it('advances the monotonic clock', () => {
    fakeAllTimers()
    const begun = monotonicMs()
    while (monotonicMs() === begun);
    expect(monotonicMs()).toBeGreaterThan(begun)
  })
})
