import { Registry } from 'prom-client'
import { describe, expect, it } from 'vitest'
import {
  Contest,
  collectMetrics,
  FleetHeartbeat,
  OrbitCache,
  OrbitEventBus,
  orbitType,
  promCollectors,
  RateLimiter,
} from '../../src/index.js'
import { objectFile } from '../help/bytes.js'
import { fleetName, hasObjectFiles, joinShm, memories, observe } from '../help/fleets.js'
import { expectClosed, expectTypeError, untyped } from '../help/refusals.js'

const Log = orbitType({ name: 'Lo"g\n\\', kind: 7, capacity: 8, payloadBytes: 64 })

describe.each(memories)('collectMetrics in $memory', ({ join, isShared }) => {
  it('measures rings, nodes, heartbeats, claims and named cursors', () => {
    const name = fleetName()
    const fleet = join(name, { size: 4, label: 'me' })
    const cursor = fleet.cursor(Log)
    const bus = new OrbitEventBus(fleet, { capacity: 4, payloadBytes: 16 })
    const events = bus.cursor()
    for (let i = 0; i < 10; i++) fleet.publish(Log, new Uint8Array(1))
    for (let i = 0; i < 3; i++) bus.publish('a')
    events.poll(1)
    new Contest(fleet, { capacity: 8 }).tryClaim('it', { ttlMs: 60_000 })
    new FleetHeartbeat(fleet).beat()
    const limiter = new RateLimiter(fleet, { name: 'a', limit: 1, windowMs: 3_600_000, keys: 1 })
    for (let i = 0; i < 1000; i++) limiter.take(`key ${i}`)
    const { metrics } = collectMetrics(fleet, { cursors: { log: cursor, events } })
    const value = (metric: string, labels: Record<string, string> = {}) =>
      metrics
        .find((each) => each.name === metric)
        ?.samples.find((sample) => Object.entries(labels).every(([key, text]) => sample.labels[key] === text))?.value
    expect(value('orbit_frames_total', { kind: '7', type: 'Lo"g\n\\' })).toBe(10)
    expect(value('orbit_retained_frames', { kind: '7' })).toBe(8)
    expect(value('orbit_frames_total', { kind: '220' })).toBe(3)
    expect(value('orbit_frames_total', { kind: '222' })).toBeUndefined()
    expect(value('orbit_ring_capacity', { kind: '222' })).toBe(8)
    expect(value('orbit_burned_chunks', { kind: '7' })).toBe(0)
    expect(value('orbit_nodes_alive')).toBe(1)
    expect(value('orbit_nodes_dead')).toBe(0)
    expect(value('orbit_fleet_size')).toBe(4)
    expect(value('orbit_claims_held')).toBe(1)
    expect(value('orbit_heartbeat_age_seconds', { node: '0', label: 'me' })).toBeGreaterThanOrEqual(0)
    expect(value('orbit_cursor_lag', { cursor: 'log' })).toBe(10)
    expect(value('orbit_cursor_lag', { cursor: 'events' })).toBe(2)
    expect(value('orbit_damaged_rings')).toBeUndefined()
    expect(value('orbit_limit_keys')).toBe(64)
    expect(value('orbit_limit_entries')).toBe(64)
    expect(value('orbit_limit_full_total')).toBe(1000 - 64)
    if (isShared)
      expect(
        collectMetrics(observe(name)).metrics.find((each) => each.name === 'orbit_frames_total')?.samples,
      ).toHaveLength(2)
  })

  it('counts the lookups of a cache by members, and none of observers', () => {
    const name = fleetName()
    const fleet = join(name, { size: 4 })
    const cache = new OrbitCache(fleet, { capacity: 8, valueBytes: 8 })
    const countsOf = (metric: string) =>
      collectMetrics(fleet)
        .metrics.find((each) => each.name === metric)
        ?.samples.map(({ labels, value }) => [labels['type'], value])
    cache.put('key', 'value')
    for (const key of ['key', 'none', 'key', 'key']) cache.get(key)
    if (isShared) expect(new OrbitCache(observe(name)).get('key')).toBeDefined()
    expect(countsOf('orbit_cache_hits_total')).toEqual([['orbit.cache', 3]])
    expect(countsOf('orbit_cache_misses_total')).toEqual([['orbit.cache', 1]])
    new OrbitEventBus(fleet).publish('it')
    expect(countsOf('orbit_cache_hits_total')).toHaveLength(1)
  })

  it('prints the text format of Prometheus, with escaped labels', () => {
    const name = fleetName()
    const fleet = join(name, { size: 4 })
    fleet.publish(Log, new Uint8Array(1))
    const text = String(collectMetrics(fleet))
    expect(text).toContain(
      `# HELP orbit_frames_total Frames published into the ring since it was created.\n# TYPE orbit_frames_total counter\norbit_frames_total{fleet="${name}",kind="7",type="Lo\\"g\\n\\\\"} 1\n`,
    )
    for (const line of text.trimEnd().split('\n')) {
      expect(line).toMatch(/^(# (HELP|TYPE) orbit_[a-z_]+ .+|orbit_[a-z_]+\{([a-z]+="([^"\\]|\\.)*",?)+\} [\d.e+-]+)$/)
    }
  })

  it('creates no ring and no contest', () => {
    const fleet = join(fleetName(), { size: 4 })
    const { metrics } = collectMetrics(fleet)
    expect(metrics.find((each) => each.name === 'orbit_frames_total')?.samples).toEqual([])
    expect(metrics.find((each) => each.name === 'orbit_claims_held')?.samples).toEqual([])
  })

  it('gives a registry of prom-client new numbers at each scrape', async () => {
    const name = fleetName()
    const fleet = join(name, { size: 4 })
    const registry = new Registry()
    for (const collector of promCollectors(fleet)) registry.registerMetric(collector as never)
    expect(await registry.metrics()).toContain(`orbit_nodes_alive{fleet="${name}"} 1`)
    fleet.publish(Log, new Uint8Array(1))
    const scraped = await registry.metrics()
    expect(scraped).toContain('# TYPE orbit_frames_total counter')
    expect(scraped).toMatch(/orbit_frames_total\{fleet="[^"]+",kind="7",type=.*\} 1/)
    fleet.close()
    await expect(registry.metrics()).rejects.toMatchObject({ code: 'ERR_ORBIT_CLOSED' })
  })

  it('rejects a value that is not a fleet, unknown options and a value that is not a cursor', () => {
    const fleet = join(fleetName())
    expectTypeError(() => collectMetrics(untyped({})), 'fleet=an object')
    expectTypeError(() => collectMetrics(fleet, untyped({ cursor: 1 })), 'options.cursor is unknown')
    expectTypeError(() => collectMetrics(fleet, untyped({ cursors: null })), 'cursors=null')
    expectTypeError(() => collectMetrics(fleet, { cursors: untyped({ a: 7 }) }), 'cursors.a=7 is not a cursor')
    fleet.close()
    expectClosed(() => collectMetrics(fleet))
  })
})

describe.runIf(hasObjectFiles)('collectMetrics', () => {
  it('counts a damaged ring, and measures the other rings', () => {
    const name = fleetName()
    const fleet = joinShm(name, { size: 4 })
    fleet.publish(Log, new Uint8Array(1))
    new OrbitEventBus(fleet).publish('a')
    objectFile(name, 7).setU64(0, 7n)
    const { metrics } = collectMetrics(observe(name))
    const samples = (metric: string) => metrics.find((each) => each.name === metric)?.samples
    expect(samples('orbit_damaged_rings')).toEqual([{ labels: { fleet: name, kind: '7' }, value: 1 }])
    expect(samples('orbit_frames_total')).toMatchObject([{ labels: { kind: '220' }, value: 1 }])
  })
})

describe('lag', () => {
  it('counts lost frames in lag, which is 0 for a ring that does not exist', () => {
    const name = fleetName()
    const fleet = joinShm(name, { size: 4 })
    const early = observe(name).cursor(Log)
    expect(early.lag).toBe(0)
    for (let i = 0; i < 20; i++) fleet.publish(Log, new Uint8Array(1))
    expect(early.lag).toBe(20)
    early.poll(3)
    expect(early.lag).toBe(5)
    early.poll()
    expect(early.lag).toBe(0)
    early.close()
    expectClosed(() => early.lag)
  })
})
