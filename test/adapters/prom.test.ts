import promClient from 'prom-client'
import { describe, expect, it } from 'vitest'
import { FleetRegistry } from '../../src/adapters/prom.js'
import { fleetName, joinLocal, joinShm } from '../help/fleets.js'
import { type Child, start } from '../help/processes.js'
import { expectRangeError, untyped } from '../help/refusals.js'
import { isLinux } from '../help/system.js'

const { Counter, Gauge, Histogram, Registry } = promClient

/** The samples of a text, by name and labels. */
const samplesOf = (text: string): Record<string, number> =>
  Object.fromEntries(
    text
      .split('\n')
      .filter((line) => line !== '' && !line.startsWith('#'))
      .map((line) => [line.slice(0, line.lastIndexOf(' ')), Number(line.slice(line.lastIndexOf(' ') + 1))]),
  )

describe('a FleetRegistry', () => {
  const own = () => {
    const register = new Registry()
    const registry = new FleetRegistry(joinLocal(fleetName()), { register })
    return { registry, register, registers: [register] }
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

  it('forgets what is reset', async () => {
    const { registry, registers } = own()
    const count = new Counter({ name: 'c', help: 'A count.', registers })
    await registry.metrics()
    count.inc(3)
    count.reset()
    count.inc()
    expect(samplesOf(await registry.metrics())).toEqual({ c: 1 })
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

  it('lose no count of workers that are killed in the middle of their work', async () => {
    const name = fleetName()
    joinShm(name, { size: 16 })
    const [scraper, ...victims] = (await startWorkers(name, 4)) as [Child, Child, Child, Child]
    let said = 0
    for (const victim of victims) {
      await victim.ask('scrape')
      victim.tell('serveOn')
      for (let i = 0; i < 5; i++) await victim.next()
      await kill(victim)
      let last = 500
      for (let more = await victim.heard<number>(); more !== undefined; more = await victim.heard<number>()) last = more
      said += last
    }
    const samples = samplesOf(await scraper.ask<string>('scrape'))
    const counted = samples['requests_total{code="200",route="/on"}'] as number
    expect(counted).toBeGreaterThanOrEqual(said)
    expect(counted).toBeLessThan(said + victims.length * 100)
  })
})
