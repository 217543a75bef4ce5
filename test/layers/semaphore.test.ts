import { describe, expect, it } from 'vitest'
import { type Guard, type Holder, OrbitError, Semaphore } from '../../src/index.js'
import { fleetName, joinLocal, joinShm, memories, observe } from '../help/fleets.js'
import { start } from '../help/processes.js'
import { expectRangeError, expectRefusal, expectTypeError, untyped } from '../help/refusals.js'
import { isLinux } from '../help/system.js'

const ttlMs = 600_000

function taken(result: { guard: Guard } | { yieldTo: Holder }): Guard {
  if ('yieldTo' in result) throw new Error(`no permit: node ${result.yieldTo.node} holds one`)
  return result.guard
}
const take = (semaphore: Semaphore): Guard => taken(semaphore.tryAcquire({ ttlMs }))
const isFull = (semaphore: Semaphore): boolean => 'yieldTo' in semaphore.tryAcquire({ ttlMs })

describe.each(memories)('a semaphore in $memory', ({ join }) => {
  it('gives as many permits as it has, to all members together', () => {
    const name = fleetName()
    const semaphores = [join(name), join(name)].map((fleet) => new Semaphore(fleet, { name: 'exports', permits: 3 }))
    const [one, other] = semaphores as [Semaphore, Semaphore]
    const guards = [take(one), take(other), take(one)]
    expect([isFull(one), isFull(other)]).toEqual([true, true])
    expect(new Set(guards.map(({ subject }) => subject.label)).size).toBe(3)
    expect(guards.every(({ held }) => held)).toBe(true)
    expect(
      other
        .holders()
        .map(({ token }) => token)
        .sort(),
    ).toEqual(guards.map(({ token }) => token).sort())
    guards[1]?.release()
    expect(one.holders()).toHaveLength(2)
    expect(isFull(new Semaphore(join(name), { name: 'imports', permits: 1 }))).toBe(false)
    take(one)
    expect(isFull(other)).toBe(true)
  })

  it('waits until any permit is released', async () => {
    const name = fleetName()
    const [one, other] = [join(name), join(name)].map(
      (fleet) => new Semaphore(fleet, { name: 'exports', permits: 2 }),
    ) as [Semaphore, Semaphore]
    for (const released of [0, 1]) {
      const guards = [take(one), take(one)] as const
      const waiting = other.acquire({ ttlMs })
      guards[released]?.release()
      const guard = await waiting
      expect(guard.subject.label).toBe(guards[released]?.subject.label)
      for (const each of [guard, ...guards]) each.release()
    }
  })
})

describe('acquire', () => {
  const fullOne = () => {
    const fleet = joinLocal(fleetName())
    const semaphore = new Semaphore(fleet, { name: 'exports', permits: 2 })
    const guards = [take(semaphore), take(semaphore)]
    return { fleet, semaphore, guards }
  }

  it('takes a permit that expires', async () => {
    const { semaphore, guards } = fullOne()
    guards[1]?.renew(20)
    const guard = await semaphore.acquire({ ttlMs })
    expect(guard.subject).toEqual(guards[1]?.subject)
    expect(guards[1]?.held).toBe(false)
  })

  it('rejects after its time limit, with the reason of its signal, and when the fleet is closed', async () => {
    const { fleet, semaphore } = fullOne()
    await expect(semaphore.acquire({ ttlMs, timeoutMs: 0 })).rejects.toMatchObject({ code: 'ERR_ORBIT_TIMEOUT' })
    await expect(semaphore.acquire({ ttlMs, timeoutMs: 5 })).rejects.toThrow('all 2 are held')
    const abort = new AbortController()
    const aborted = semaphore.acquire({ ttlMs, signal: abort.signal })
    abort.abort(new Error('enough'))
    await expect(aborted).rejects.toThrow('enough')
    const closed = semaphore.acquire({ ttlMs })
    fleet.close()
    await expect(closed).rejects.toMatchObject({ code: 'ERR_ORBIT_CLOSED' })
  })

  it('serves all that wait, one permit each', async () => {
    const { semaphore, guards } = fullOne()
    let holding = 2
    let most = 0
    const work = async () => {
      using _guard = await semaphore.acquire({ ttlMs })
      holding++
      most = Math.max(most, holding)
      await new Promise((resolve) => setImmediate(resolve))
      holding--
    }
    const all = Array.from({ length: 20 }, work)
    for (const guard of guards) {
      holding--
      guard.release()
    }
    await Promise.all(all)
    expect(most).toBeLessThanOrEqual(2)
    expect(semaphore.holders()).toEqual([])
  })
})

describe.runIf(isLinux)('a process that is killed', () => {
  it('gives its permits back, however many it had', async () => {
    const name = fleetName()
    const options = { name: 'exports', permits: 5 }
    const semaphore = new Semaphore(joinShm(name), options)
    for (let round = 0; round < 5; round++) {
      const own = take(semaphore)
      const children = [1, 2].map(() => start('actor.mjs', ['semaphore', 'holder', name, options]))
      for (const child of children) expect(await child.next()).toBe('ready')
      const [one, other] = children as [(typeof children)[0], (typeof children)[0]]
      expect([await one.ask('takeAll'), await other.ask('takeAll'), isFull(semaphore)]).toEqual([4, 0, true])
      const waiting = semaphore.acquire({ ttlMs })
      await one.kill()
      await waiting
      expect(await other.ask('takeAll')).toBe(3)
      await other.kill()
      expect(semaphore.holders()).toHaveLength(2)
      for (const guard of [own, await waiting]) guard.release()
    }
  })
})

describe('the arguments of a semaphore', () => {
  it('are checked', () => {
    const fleet = joinLocal(fleetName())
    const wrong = (options: object) => () => new Semaphore(fleet, untyped(options))
    expectRangeError(wrong({ name: 'a', permits: 0 }), 'permits=0 must be an integer in 1..256')
    expectRangeError(wrong({ name: '', permits: 1 }), 'name')
    expectTypeError(wrong({ name: 'a', permits: 1, size: 2 }), 'options.size is unknown')
    expectTypeError(() => new Semaphore(untyped({}), { name: 'a', permits: 1 }), 'a Fleet')
    const semaphore = new Semaphore(fleet, { name: 'a', permits: 1 })
    expectTypeError(() => semaphore.tryAcquire(untyped({})), 'ttlMs')
    expectRangeError(() => semaphore.tryAcquire({ ttlMs: 0 }), 'ttlMs')
  })

  it('let an observer list holders only', () => {
    const name = fleetName()
    const fleet = joinShm(name)
    take(new Semaphore(fleet, { name: 'exports', permits: 2 }))
    const observing = new Semaphore(observe(name), { name: 'exports', permits: 2 })
    expect(observing.holders()).toHaveLength(1)
    expectRefusal(() => observing.tryAcquire({ ttlMs }), OrbitError, 'ERR_ORBIT_READ_ONLY')
  })
})
