import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import promClient from 'prom-client'
import { describe, expect, it } from 'vitest'
import { FleetRegistry } from '../../src/adapters/prom.js'
import { Counters, collectMetrics } from '../../src/index.js'
import { fleetName, joinLocal, joinShm } from '../help/fleets.js'
import { type Child, start } from '../help/processes.js'
import { expectRangeError, untyped } from '../help/refusals.js'
import { isLinux } from '../help/system.js'

const { Counter, Gauge, Histogram, Registry, Summary } = promClient
type RegistryOf = promClient.Registry

/** The samples of a text, by name and labels. */
const samplesOf = (text: string): Record<string, number> =>
  Object.fromEntries(
    text
      .split('\n')
      .filter((line) => line !== '' && !line.startsWith('#'))
      .map((line) => [line.slice(0, line.lastIndexOf(' ')), Number(line.slice(line.lastIndexOf(' ') + 1))]),
  )

const stormMs = Number(process.env['ORBIT_STORM_SECONDS'] ?? 6) * 1000

describe('a FleetRegistry', () => {
  const own = () => {
    const register = new Registry()
    const fleet = joinLocal(fleetName())
    return { fleet, register, registers: [register], registry: new FleetRegistry(fleet, { register }) }
  }

  it('refuses wrong options', () => {
    const fleet = joinLocal(fleetName())
    const wrong = [{ collectMs: Number.NaN }, { collectMs: 99 }, { collectMs: 2 ** 31 }, { deadGauges: 'kept' }]
    for (const options of wrong) expectRangeError(() => new FleetRegistry(fleet, untyped(options)))
  })

  it('answers as prom-client does for one process', async () => {
    const { registry, register, registers } = own()
    const count = new Counter({ name: 'c', help: 'A \\ count\nof two lines.', labelNames: ['a', 'b'], registers })
    const time = new Histogram({ name: 'h', help: 'Times.', buckets: [0.1, 1, 10], registers })
    const level = new Gauge({ name: 'g', help: 'A level.', labelNames: ['a'], registers })
    new Counter({ name: 'none', help: 'Nothing yet.', registers })
    await registry.metrics()
    count.inc({ a: 'x', b: 'y"\\\n' })
    count.inc({ a: 'x' }, 2.5)
    for (const value of [0.05, 0.1, 5, 100]) time.observe(value)
    level.set({ a: '1' }, -0.5)
    level.set({ a: '2' }, Number.POSITIVE_INFINITY)
    const [shared, local] = [await registry.metrics(), await register.metrics()]
    expect(samplesOf(shared)).toEqual(samplesOf(local))
    const comments = (text: string) => text.split('\n').filter((line) => line.startsWith('#'))
    expect(comments(shared)).toEqual(comments(local))
  })

  it('answers for the default metrics', async () => {
    const { registry, register } = own()
    promClient.collectDefaultMetrics({ register })
    const samples = samplesOf(await registry.metrics())
    expect(samples.process_resident_memory_bytes).toBeGreaterThan(1e6)
    expect(samples.process_cpu_seconds_total).toBeGreaterThanOrEqual(0)
    expect(samples.nodejs_eventloop_lag_seconds).toBeGreaterThanOrEqual(0)
  })

  it('answers with the default labels of its registry', async () => {
    const { registry, register, registers } = own()
    register.setDefaultLabels({ app: 'web', a: 'default' })
    new Counter({ name: 'c', help: 'A count.', labelNames: ['a'], registers }).inc({ a: 'own' })
    new Histogram({ name: 'h', help: 'Times.', buckets: [1], registers }).observe(2)
    const samples = samplesOf(await registry.metrics())
    expect(samples).toMatchObject({ 'c{app="web",a="own"}': 1, 'h_sum{app="web",a="default"}': 2 })
  })

  it('has each label value as it is, with any characters', async () => {
    const { registry, register, registers } = own()
    const count = new Counter({ name: 'c', help: 'A count.', labelNames: ['a', 'b'], registers })
    await registry.metrics()
    const values = ['', '\x1f', '\x1f\x1f', '\x1e', '\x1c', '\x1c_', '\0', '\t', '\x7f', '\x85', '_', '\u{1f600}']
    for (const [i, a] of values.entries()) for (const [j, b] of values.entries()) count.inc({ a, b }, i * 100 + j)
    expect(samplesOf(await registry.metrics())).toEqual(samplesOf(await register.metrics()))
    count.inc({ a: '\ud800' })
    expect(samplesOf(await registry.metrics())['c{a="\ufffd"}']).toBe(1)
  })

  it('follows series that are taken away', async () => {
    const { registry, register, registers } = own()
    const level = new Gauge({ name: 'g', help: 'A level.', labelNames: ['a'], registers })
    const count = new Counter({ name: 'c', help: 'A count.', labelNames: ['a'], registers })
    const time = new Histogram({ name: 'h', help: 'Times.', labelNames: ['a'], buckets: [1], registers })
    const size = new Summary({ name: 's', help: 'Sizes.', labelNames: ['a'], percentiles: [], registers })
    await registry.metrics()
    for (const a of ['x', 'y']) {
      level.set({ a }, 1)
      count.inc({ a }, 2)
      time.observe({ a }, 3)
      size.observe({ a }, 4)
    }
    level.remove('x')
    level.remove({ a: 'absent' })
    expect(samplesOf(await registry.metrics())).toMatchObject(samplesOf(await register.metrics()))
    expect(await registry.metrics()).not.toContain('g{a="x"}')
    for (const metric of [count, time, size]) metric.remove('x')
    time.zero({ a: 'y' })
    expect(samplesOf(await registry.metrics())).toMatchObject({
      'c{a="x"}': 0,
      'c{a="y"}': 2,
      'h_count{a="x"}': 0,
      'h_count{a="y"}': 0,
      's_count{a="x"}': 0,
      's_sum{a="y"}': 4,
    })
    level.reset()
    expect(await registry.metrics()).not.toContain('g{')
  })

  it('keeps a gauge that is not a number out of the answer until it is one', async () => {
    const { registry, registers } = own()
    const level = new Gauge({ name: 'g', help: 'A level.', labelNames: ['a'], registers })
    await registry.metrics()
    level.set({ a: 'x' }, Number.POSITIVE_INFINITY)
    level.dec({ a: 'x' }, Number.POSITIVE_INFINITY)
    expect(await registry.metrics()).not.toContain('g{')
    level.set({ a: 'x' }, 5)
    expect(samplesOf(await registry.metrics())).toEqual({ 'g{a="x"}': 5 })
  })

  it('counts what is changed by methods that were taken before it was made', async () => {
    const register = new Registry()
    const registers = [register]
    const count = new Counter({ name: 'c', help: 'A count.', labelNames: ['a'], registers })
    const time = new Histogram({ name: 'h', help: 'Times.', labelNames: ['a'], buckets: [1], registers })
    const [counting, timing] = [count.labels('x'), time.labels('x')]
    counting.inc()
    const registry = new FleetRegistry(joinLocal(fleetName()), { register })
    counting.inc(2)
    timing.observe(3)
    for (let i = 0; i < 2; i++) {
      expect(samplesOf(await registry.metrics())).toMatchObject({ 'c{a="x"}': 3, 'h_sum{a="x"}': 3 })
    }
  })

  it('shares metrics that are registered later at once', async () => {
    const { registers, fleet } = own()
    const count = new Counter({ name: 'c', help: 'A count.', registers })
    count.inc(2)
    await Promise.resolve()
    const entries = new Counters(fleet, { name: 'prom', nameBytes: 128 }).entries()
    count.inc()
    expect([...entries].map(({ value }) => value)).toEqual([3])
  })

  it('leaves its metrics out of those of the fleet', async () => {
    const { fleet, registers, registry } = own()
    new Counters(fleet).counter('jobs').add()
    new Counter({ name: 'c', help: 'A count.', registers }).inc()
    expect(await registry.metrics()).toContain('c 1')
    const { samples } = collectMetrics(fleet).metrics.find(({ name }) => name === 'orbit_counter_value') ?? {}
    expect(samples?.map(({ labels }) => labels['name'])).toEqual(['jobs'])
  })

  it('counts once when another one follows the same metrics', async () => {
    const { register, registers, registry, fleet } = own()
    const count = new Counter({ name: 'c', help: 'A count.', registers })
    const level = new Gauge({ name: 'g', help: 'A level.', registers })
    await registry.metrics()
    registry.close()
    const again = new FleetRegistry(fleet, { register })
    const elsewhere = new FleetRegistry(joinLocal(fleetName()), { register })
    count.inc(5)
    level.set(2)
    for (const one of [registry, again, elsewhere]) {
      expect(samplesOf(await one.metrics())).toEqual({ c: 5, g: 2 })
    }
  })

  it('goes on in a fleet handle that is opened after another one was closed', async () => {
    const name = fleetName()
    joinLocal(name)
    const register = new Registry()
    const count = new Counter({ name: 'c', help: 'A count.', registers: [register] })
    const first = joinLocal(name)
    new FleetRegistry(first, { register })
    count.inc(5)
    first.close()
    count.inc(1)
    const registry = new FleetRegistry(joinLocal(name), { register })
    count.inc(1)
    expect(samplesOf(await registry.metrics())).toEqual({ c: 12 })
  })

  it('lets go of metrics that their registry has forgotten', async () => {
    const { registry, register, registers } = own()
    const gone = await (async () => {
      const count = new Counter({ name: 'c', help: 'A count.', registers })
      await registry.metrics()
      count.inc()
      register.clear()
      return new WeakRef(count)
    })()
    expect(await registry.metrics()).toBe('')
    setFlagsFromString('--expose-gc')
    const collect = runInNewContext('gc') as () => void
    await new Promise((resolve) => setImmediate(resolve))
    collect()
    expect(gone.deref()).toBeUndefined()
  })
})

describe('a metric of two members', () => {
  it('ignores numbers of a metric that had the same name and another type or other labels', async () => {
    const name = fleetName()
    const [old, other, current] = [0, 1, 2].map(() => new Registry()) as [RegistryOf, RegistryOf, RegistryOf]
    new Counter({ name: 'x', help: 'A count.', labelNames: ['a'], registers: [old] }).inc({ a: 'x' }, 7)
    new Gauge({ name: 'x', help: 'A level.', registers: [other] }).set(5)
    new Gauge({ name: 'x', help: 'A level.', labelNames: ['a'], registers: [current] }).set({ a: 'x' }, 1)
    new Counters(joinLocal(name), { name: 'prom', nameBytes: 128 }).counter('of another use').add()
    const registries = [old, other, current].map((register) => new FleetRegistry(joinLocal(name), { register }))
    expect(samplesOf((await registries[2]?.metrics()) ?? '')).toEqual({ 'x{a="x"}': 1 })
  })

  it('loses only what the one that resets it has counted', async () => {
    const name = fleetName()
    const [one, other] = [0, 1].map(() => {
      const register = new Registry()
      const metric = new Counter({ name: 'c', help: 'A count.', registers: [register] })
      return { metric, registry: new FleetRegistry(joinLocal(name), { register }) }
    }) as [
      { metric: promClient.Counter; registry: FleetRegistry },
      { metric: promClient.Counter; registry: FleetRegistry },
    ]
    one.metric.inc(3)
    other.metric.inc(10)
    one.metric.reset()
    one.metric.inc()
    for (const { registry } of [one, other]) expect(samplesOf(await registry.metrics())).toEqual({ c: 11 })
  })

  it.each([
    ['at once', false],
    ['later', true],
  ])('never goes back while collect functions that answer %s reset it and count anew', async (_, isLater) => {
    const name = fleetName()
    const shared = new Counters(joinLocal(name), { name: 'prom', nameBytes: 128 })
    const seen: number[] = []
    let total = 100
    const registries = [0, 1].map(() => {
      const register = new Registry()
      new Counter({
        ...{ name: 'c', help: 'A total that is known elsewhere.', registers: [register] },
        collect() {
          this.reset()
          for (const { value } of shared.entries()) seen.push(value)
          if (!isLater) return this.inc(total)
          return Promise.resolve().then(() => this.inc(total))
        },
      })
      return new FleetRegistry(joinLocal(name), { register })
    })
    for (; total < 103; total++) for (const registry of registries) await registry.metrics()
    expect(seen).toEqual([0, 100, 200, 201, 202, 203])
    for (const c of [205, 206]) expect(samplesOf((await registries[c - 205]?.metrics()) ?? '')).toEqual({ c })
  })
})

describe.runIf(isLinux)('the workers of a fleet', () => {
  const startWorkers = async (name: string, count: number, options = {}): Promise<Child[]> => {
    const workers = Array.from({ length: count }, () => start('prommed.mjs', [name, options]))
    for (const worker of workers) expect(await worker.next()).toBe('ready')
    return workers
  }
  const kill = async (worker: Child) => {
    worker.process.kill('SIGKILL')
    await worker.ended
  }

  it('answer for all of them, and for those that were killed', async () => {
    const name = fleetName()
    joinShm(name, { size: 16 })
    const workers = await startWorkers(name, 3)
    for (const [i, worker] of workers.entries()) await worker.ask('serve', 10, i)
    const [first, second, third] = workers as [Child, Child, Child]
    await kill(first)
    const counts = {
      'requests_total{code="200",route="/a \\"quoted\\"\\n"}': 30,
      'requests_total{code="500",route="/b"}': 15,
      'seconds_bucket{le="1",route="/a"}': 15,
      'seconds_bucket{le="5",route="/a"}': 15,
      'seconds_bucket{le="+Inf",route="/a"}': 30,
      'seconds_sum{route="/a"}': 15 * 7.5,
      'seconds_count{route="/b"}': 30,
      sizes_sum: 300,
      sizes_count: 30,
      early_total: 6,
    }
    for (const worker of [second, third]) {
      const samples = samplesOf(await worker.ask<string>('scrape'))
      expect(samples).toMatchObject({ ...counts, open: 8, peak: 2 })
      expect(samples.node).toBeGreaterThan(0)
    }
    const [heir] = (await startWorkers(name, 1)) as [Child]
    expect(samplesOf(await heir.ask<string>('scrape'))).toMatchObject({ ...counts, early_total: 8, open: 8 })
  })

  it('keep the gauges of dead workers if they are told to', async () => {
    const name = fleetName()
    joinShm(name, { size: 16 })
    const [one, other] = (await startWorkers(name, 2, { deadGauges: 'keep' })) as [Child, Child]
    for (const worker of [one, other]) await worker.ask('serve', 1, 1)
    await kill(one)
    expect(samplesOf(await other.ask<string>('scrape')).open).toBe(8)
  })

  it('lose no count when they are killed in the middle of their work', { timeout: stormMs + 60_000 }, async () => {
    const name = fleetName()
    joinShm(name, { size: 16 })
    const [scraper] = (await startWorkers(name, 1)) as [Child]
    let [kills, said] = [0, 0]
    const end = performance.now() + stormMs
    /** One worker after the other counts and is killed. */
    const lives = async () => {
      while (performance.now() < end) {
        const [victim] = (await startWorkers(name, 1)) as [Child]
        victim.tell('serveOn')
        for (let i = 0; i < 5; i++) await victim.next()
        await kill(victim)
        kills++
        let last = 5
        for (let more = await victim.heard<number>(); more !== undefined; more = await victim.heard<number>())
          last = more
        said += last
      }
    }
    await Promise.all([lives(), lives(), lives(), lives()])
    const samples = samplesOf(await scraper.ask<string>('scrape'))
    const counted = samples['requests_total{code="200",route="/on"}'] as number
    expect(kills).toBeGreaterThan(0)
    expect(counted).toBeGreaterThanOrEqual(said)
    expect(counted).toBeLessThanOrEqual(said + kills) // each may have counted once more before it could say so
    console.log(`metrics: ${counted} counts, of which ${said} were said, ${kills} kills`)
  })
})
