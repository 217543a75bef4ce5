import { describe, expect, it } from 'vitest'
import { Counters, type CountersOptions, OrbitError } from '../../src/index.js'
import { advanceClock } from '../../src/testing.js'
import { fleetName, joinLocal, joinShm, memories, observe } from '../help/fleets.js'
import { start } from '../help/processes.js'
import { expectRangeError, expectRefusal, expectTypeError, untyped } from '../help/refusals.js'
import { isLinux } from '../help/system.js'

const most = Number.MAX_SAFE_INTEGER
const local = (options: CountersOptions = {}): Counters => new Counters(joinLocal(fleetName()), options)
const listed = (counters: Counters, prefix = ''): Record<string, number> =>
  Object.fromEntries([...counters.entries({ prefix })].map(({ name, value }) => [name, value]))

describe.each(memories)('counters in $memory', ({ join }) => {
  it('are the same for all members', () => {
    const name = fleetName()
    const [one, other] = [join(name), join(name)].map((fleet) => new Counters(fleet)) as [Counters, Counters]
    expect(one.counter('jobs').add()).toBe(1)
    expect(other.counter('jobs').add(5)).toBe(6)
    expect(one.counter('jobs').get()).toBe(6)
    expect(one.counter('others').get()).toBe(0)
    expect(other.gauge('load').add(0.5)).toBe(0.5)
    expect(one.gauge('load').get()).toBe(0.5)
    expect(listed(other)).toEqual({ jobs: 6, load: 0.5 })
  })

  it('are apart by the name of their table', () => {
    const fleet = join(fleetName())
    new Counters(fleet, { name: 'a' }).counter('x').add(1)
    new Counters(fleet, { name: 'b' }).counter('x').add(2)
    expect(new Counters(fleet, { name: 'a' }).counter('x').get()).toBe(1)
    expect(new Counters(fleet).counter('x').get()).toBe(0)
  })
})

describe('a counter', () => {
  it('adds integers of either sign, exactly up to 2^53-1, and refuses more', () => {
    const counter = local().counter('x')
    expect(counter.add(most - 1)).toBe(most - 1)
    expect(counter.add()).toBe(most)
    expectRefusal(() => counter.add(), RangeError, 'ERR_ORBIT_EXHAUSTED')
    expect(counter.get()).toBe(most)
    expect(counter.add(-most)).toBe(0)
    expect(counter.add(-most)).toBe(-most)
    expectRefusal(() => counter.add(-1), RangeError, 'ERR_ORBIT_EXHAUSTED')
    expect(counter.get()).toBe(-most)
  })

  it('adds up to a limit, and down to one', () => {
    const counter = local().counter('x')
    const sums = Array.from({ length: 5 }, () => counter.addUntil(10, 3))
    expect(sums).toEqual([3, 6, 9, undefined, undefined])
    expect(counter.addUntil(10)).toBe(10)
    expect(counter.addUntil(8, -3)).toBeUndefined()
    expect(counter.addUntil(0, -10)).toBe(0)
  })

  it('sets, exchanges, raises and lowers its value', () => {
    const counter = local().counter('x')
    expect(counter.max(-5)).toBe(-5)
    expect([counter.max(7), counter.max(3), counter.min(9), counter.min(2)]).toEqual([7, 7, 7, 2])
    expect([counter.exchange(40), counter.exchange(41)]).toEqual([2, 40])
    counter.set(-1)
    expect(counter.get()).toBe(-1)
  })

  it('returns its exact last value when it is deleted, and begins anew', () => {
    const counters = local()
    const [one, same] = [counters.counter('x'), counters.counter('x')]
    one.add(5)
    same.add(2)
    expect(one.delete()).toBe(7)
    expect(one.delete()).toBeUndefined()
    expect([same.get(), listed(counters)]).toEqual([0, {}])
    expect(same.add()).toBe(1)
    expect(one.get()).toBe(1)
  })

  it('expires a time after its first change', () => {
    const counters = local()
    const counter = counters.counter('x', { ttlMs: 1000 })
    counter.add(3)
    advanceClock(900)
    expect(counter.add(1)).toBe(4)
    expect([...counters.entries()][0]?.expiresInMs).toBeLessThanOrEqual(100)
    advanceClock(101)
    expect([counter.get(), listed(counters)]).toEqual([0, {}])
    expect(counter.add(1)).toBe(1)
    expect([...counters.entries()][0]?.expiresInMs).toBeGreaterThan(900)
  })

  it('is found after others have come and gone in its place', () => {
    const counters = local({ capacity: 16 })
    const counter = counters.counter('stays')
    for (let i = 1; i <= 500; i++) {
      expect(counter.add()).toBe(i)
      const other = counters.counter(`other ${i}`)
      expect(other.add(i)).toBe(i)
      expect(other.delete()).toBe(i)
    }
    expect(listed(counters)).toEqual({ stays: 500 })
  })

  it('has any well-formed name', () => {
    const counters = local({ nameBytes: 128 })
    const names = ['é', '😀', ' ', 'x'.repeat(128), '\uFFFD', 'ünïcode'.repeat(8)]
    for (const [i, name] of names.entries()) counters.counter(name).add(i)
    expect(listed(counters)).toEqual(Object.fromEntries(names.map((name, i) => [name, i])))
    for (const name of ['', 'x'.repeat(129), '\ud800', 'a\0b']) {
      expectRangeError(() => counters.counter(name))
    }
    expectTypeError(() => counters.counter(untyped(1)))
  })
})

describe('a gauge', () => {
  it('has any number but NaN', () => {
    const gauge = local().gauge('x')
    expect(gauge.get()).toBeUndefined()
    expect(gauge.exchange(1.5)).toBeUndefined()
    expect(gauge.exchange(-0.25)).toBe(1.5)
    expect([gauge.max(1e300), gauge.min(-1e-300), gauge.add(Number.POSITIVE_INFINITY)]).toEqual([
      1e300,
      -1e-300,
      Number.POSITIVE_INFINITY,
    ])
    gauge.set(3)
    expect([gauge.get(), gauge.delete(), gauge.get()]).toEqual([3, 3, undefined])
    for (const wrong of [Number.NaN, untyped('1'), untyped(1n)]) {
      expectTypeError(() => gauge.add(wrong))
      expectTypeError(() => gauge.set(wrong))
    }
  })

  it('stays a number when infinities are added', () => {
    const gauge = local().gauge('x')
    for (const infinity of [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY]) {
      gauge.set(infinity)
      expectRefusal(() => gauge.add(-infinity), RangeError, 'ERR_ORBIT_EXHAUSTED')
      expect([gauge.get(), gauge.add(5)]).toEqual([infinity, infinity])
    }
  })

  it('is refused under the name of a counter, and the other way round', () => {
    const counters = local()
    counters.counter('x').add()
    counters.gauge('y').add()
    for (const call of [
      () => counters.gauge('x').add(),
      () => counters.gauge('x').get(),
      () => counters.gauge('x').delete(),
      () => counters.counter('y').add(),
    ]) {
      expectRefusal(call, OrbitError, 'ERR_ORBIT_TYPE_MISMATCH')
    }
    expect(listed(counters)).toEqual({ x: 1, y: 1 })
  })
})

describe('a histogram', () => {
  it('counts values by size, and their sum', () => {
    const counters = local()
    const histogram = counters.histogram('ms', { buckets: [1, 10, 100] })
    for (const value of [0.5, 1, 5, 200, 20, 10]) histogram.observe(value)
    expect(histogram.get()).toEqual({
      count: 6,
      sum: 236.5,
      buckets: [
        { le: 1, count: 2 },
        { le: 10, count: 4 },
        { le: 100, count: 5 },
        { le: Number.POSITIVE_INFINITY, count: 6 },
      ],
    })
    expect(listed(counters, 'ms:')).toEqual({ 'ms:1': 2, 'ms:10': 2, 'ms:100': 1, 'ms:+Inf': 1, 'ms:sum': 236.5 })
    histogram.delete()
    expect(histogram.get().count).toBe(0)
  })

  it('refuses buckets that do not rise', () => {
    const counters = local()
    for (const buckets of [[], [1, 1], [2, 1], [Number.NaN], [Number.POSITIVE_INFINITY], new Array(3)]) {
      expectRangeError(() => counters.histogram('x', { buckets }))
    }
    expectTypeError(() => counters.histogram('x', { buckets: untyped(5) }))
  })

  it('refuses values that no sum can hold', () => {
    const histogram = local().histogram('x')
    for (const value of [Number.NaN, Number.POSITIVE_INFINITY]) expectRangeError(() => histogram.observe(value))
    expectTypeError(() => histogram.observe(untyped('1')))
    expect(histogram.get().count).toBe(0)
  })
})

describe('a table of counters', () => {
  const filled = (counters: Counters): number => {
    let made = 0
    for (let i = 0; i < 200; i++) if (Number.isFinite(counters.counter(`c${i}`).add())) made++
    return made
  }

  it('throws when it has no room, or drops the change if it is told to', () => {
    const fleet = joinLocal(fleetName())
    expectRefusal(() => filled(new Counters(fleet, { capacity: 16 })), OrbitError, 'ERR_ORBIT_TABLE_FULL')
    const dropping = new Counters(fleet, { whenFull: 'drop' })
    const made = filled(dropping)
    expect(made).toBeGreaterThan(16)
    expect(made).toBeLessThan(200)
    const full = dropping.counter('c199')
    expect([full.add(), full.get()]).toEqual([Number.NaN, 0])
    expect(dropping.gauge('g').exchange(2)).toBeUndefined()
    expect(dropping.counter('c0').add()).toBe(3)
  })

  it('holds as many counters as it promises', () => {
    const counters = local({ capacity: 1024, nameBytes: 32 })
    for (let i = 0; i < 1024; i++) counters.counter(`a counter of number ${i}`).add(i)
    const all = listed(counters)
    expect(Object.keys(all)).toHaveLength(1024)
    expect(all['a counter of number 77']).toBe(77)
    expect(Object.keys(listed(counters, 'a counter of number 10'))).toHaveLength(1 + 10 + 24)
    expectRangeError(() => counters.counter('x'.repeat(33)).add(), 'nameBytes=32')
  })

  it('can be read by an observer, before and after members have counted', () => {
    const name = fleetName()
    const fleet = joinShm(name)
    const seen = new Counters(observe(name))
    expect([seen.counter('x').get(), seen.gauge('y').get(), [...seen.entries()]]).toEqual([0, undefined, []])
    new Counters(fleet).counter('x').add(4)
    expect(seen.counter('x').get()).toBe(4)
    expect(listed(seen)).toEqual({ x: 4 })
    for (const call of [() => seen.counter('x').add(), () => seen.counter('x').delete()]) {
      expectRefusal(call, OrbitError, 'ERR_ORBIT_READ_ONLY')
    }
  })

  it('is closed with its fleet', () => {
    const fleet = joinLocal(fleetName())
    const counters = new Counters(fleet)
    const counter = counters.counter('x')
    counter.add()
    fleet.close()
    for (const call of [
      () => counter.add(),
      () => counter.get(),
      () => counter.delete(),
      () => [...counters.entries()],
    ]) {
      expectRefusal(call, OrbitError, 'ERR_ORBIT_CLOSED')
    }
  })

  it('refuses wrong options', () => {
    const fleet = joinLocal(fleetName())
    for (const options of [{ capacity: 15 }, { capacity: 24 }, { nameBytes: 15 }, { nameBytes: 129 }, { name: '' }]) {
      expectRangeError(() => new Counters(fleet, options))
    }
    expectRangeError(() => new Counters(fleet, { whenFull: untyped('skip') }))
    expectTypeError(() => new Counters(fleet, untyped({ size: 1 })))
    const counters = new Counters(fleet)
    for (const by of [0.5, 2 ** 53, Number.NaN]) {
      expect(() => counters.counter('x').add(by)).toThrow(/by=.* must be an integer/)
    }
    expectRangeError(() => counters.counter('x', { ttlMs: 0 }))
    expect(listed(counters)).toEqual({})
  })
})

describe.runIf(isLinux)('processes that count together', () => {
  it('lose nothing that they have said, and add nothing else, when they are killed', async () => {
    const name = fleetName()
    const jobs = new Counters(joinShm(name)).counter('jobs')
    const workers = [1, 2].map(() => start('actor.mjs', ['counters', 'counting', name]))
    for (const worker of workers) expect(await worker.next()).toBe('ready')
    await Promise.all(workers.map((worker) => worker.ask('count', 'jobs', 20_000)))
    expect(jobs.get()).toBe(40_000)
    let said = 0
    for (const worker of workers) {
      worker.tell('countOn', 'jobs')
      for (let i = 0; i < 20; i++) await worker.next()
      worker.process.kill('SIGKILL')
      await worker.ended
      let last = 2000
      for (let more = await worker.heard<number>(); more !== undefined; more = await worker.heard<number>()) last = more
      said += last
    }
    expect(jobs.get()).toBeGreaterThanOrEqual(40_000 + said)
    expect(jobs.get()).toBeLessThan(40_000 + said + workers.length * 100)
  })
})
