// The order in which the waiting claims of one fleet handle are served, and what they cost.
import { getEventListeners } from 'node:events'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { Sleeper } from '../../src/core/sleeper.js'
import { Contest, type Guard } from '../../src/index.js'
import { fleetName, memories } from '../help/fleets.js'

const ttlMs = 600_000
const size = 8

afterEach(() => vi.restoreAllMocks())

function take(contest: Contest, subject: string): Guard {
  const result = contest.tryClaim(subject, { ttlMs })
  if ('yieldTo' in result) throw new Error(`held by node ${result.yieldTo.node}`)
  return result.guard
}

describe.each(memories)('the claims of one handle that wait in $memory', ({ join }) => {
  const scene = () => {
    const name = fleetName()
    const [other, fleet] = [join(name, { size }), join(name, { size })]
    const [holding, a, b] = [new Contest(other), new Contest(fleet), new Contest(fleet)]
    const served: number[] = []
    /** Waits for the subject, notes its turn, and releases it. */
    const wait = async (i: number, options: object = {}) => {
      const guard = await (i % 2 === 0 ? a : b).claim('leader', { ttlMs, ...options })
      served.push(i)
      guard.release()
    }
    return { fleet, holding, a, served, wait }
  }
  const range = (count: number) => Array.from({ length: count }, (_, i) => i)

  it('wins in the order in which they came, also of different contests', async () => {
    const { holding, served, wait } = scene()
    const guard = take(holding, 'leader')
    const waits = range(50).map((i) => wait(i))
    guard.release()
    await Promise.all(waits)
    expect(served).toEqual(range(50))
  })

  it('lets no later claim overtake, even if the subject is free when it comes', async () => {
    const { holding, served, wait } = scene()
    const guard = take(holding, 'leader')
    const waits = [wait(0), wait(1)]
    guard.release()
    waits.push(wait(2))
    await Promise.all(waits)
    expect(served).toEqual([0, 1, 2])
  })

  it('skips those that have ended', async () => {
    const { holding, served, wait } = scene()
    const guard = take(holding, 'leader')
    const abort = new AbortController()
    const [first, late] = [wait(0, { signal: abort.signal }), wait(1, { timeoutMs: 1 })]
    const waits = [wait(2), wait(3, { signal: abort.signal }), wait(4)]
    await expect(late).rejects.toMatchObject({ code: 'ERR_ORBIT_TIMEOUT' })
    abort.abort(new Error('enough'))
    await expect(first).rejects.toThrow('enough')
    await expect(waits[1]).rejects.toThrow('enough')
    guard.release()
    await Promise.all([waits[0], waits[2]])
    expect(served).toEqual([2, 4])
  })

  it('begins a new line when all have ended', async () => {
    const { holding, served, wait } = scene()
    const guard = take(holding, 'leader')
    await expect(wait(0, { timeoutMs: 1 })).rejects.toMatchObject({ code: 'ERR_ORBIT_TIMEOUT' })
    const waiting = wait(1)
    guard.release()
    await waiting
    await wait(2)
    expect(served).toEqual([1, 2])
  })

  it('tries once without a place in the line if it has no time to wait', async () => {
    const { holding, a, served, wait } = scene()
    const guard = take(holding, 'leader')
    const waiting = wait(0)
    guard.release()
    const overtaking = await a.claim('leader', { ttlMs, timeoutMs: 0 })
    await expect(a.claim('leader', { ttlMs, timeoutMs: 0 })).rejects.toMatchObject({ code: 'ERR_ORBIT_TIMEOUT' })
    expect(served).toEqual([])
    overtaking.release()
    await waiting
  })

  it('tries and sleeps a number of times that grows with their number only', async () => {
    const { holding, served, wait } = scene()
    const count = 300
    const guard = take(holding, 'leader')
    const tries = vi.spyOn(Contest.prototype, 'tryClaimChecked')
    const looks = vi.spyOn(Sleeper.prototype, 'look')
    const waits = range(count).map((i) => wait(i))
    expect([tries.mock.calls.length, looks.mock.calls.length]).toEqual([1, 1])
    guard.release()
    await Promise.all(waits)
    expect(served).toEqual(range(count))
    expect(tries.mock.calls.length).toBeLessThanOrEqual(2 * count + 1)
    expect(looks.mock.calls.length).toBeLessThanOrEqual(4 * count + 10)
  })

  it('shares one listener on a signal', async () => {
    const { holding, served, wait } = scene()
    const guard = take(holding, 'leader')
    const { signal } = new AbortController()
    const waits = range(20).map((i) => wait(i, { signal }))
    expect(getEventListeners(signal, 'abort')).toHaveLength(1)
    guard.release()
    await Promise.all(waits)
    expect(served).toHaveLength(20)
    expect(getEventListeners(signal, 'abort')).toEqual([])
  })

  it('rejects all when the fleet is closed', async () => {
    const { fleet, holding, served, wait } = scene()
    const guard = take(holding, 'leader')
    const waits = range(20).map((i) => wait(i).catch((error: { code: string }) => error.code))
    fleet.close()
    expect(new Set(await Promise.all(waits))).toEqual(new Set(['ERR_ORBIT_CLOSED']))
    expect([served, guard.held]).toEqual([[], true])
  })
})
