import { checkOptions, printable } from '../base/check.js'
import { typeError } from '../base/errors.js'
import { runtime } from '../base/runtime.js'
import { CounterTable } from '../core/counters.js'
import type { NodeRecord } from '../core/node.js'
import { checkFleet, type FleetObserver } from '../core/observer.js'
import { kindsOf, ownNameOf } from './kinds.js'
import { readableLimits } from './limits.js'
import { inspectRing, type RingReport } from './report.js'
import { storeMetrics } from './storemetrics.js'

/** Options of `collectMetrics` and `promCollectors`. */
export interface MetricsOptions {
  /** Cursors of this process, of frames or of events. The metrics report the lag of each under its name here. */
  cursors?: Readonly<Record<string, { readonly lag: number }>>
}

/** A number and its labels. */
export interface MetricSample {
  /** The text of each label, unescaped. */
  readonly labels: Readonly<Record<string, string>>
  /** In the unit at the end of the metric's name; a count has no unit. */
  readonly value: number
}

/** A metric: a name and all its samples. */
export interface Metric {
  /** `orbit_...`, in the form that Prometheus requires. */
  readonly name: string
  /** A sentence that explains it. */
  readonly help: string
  /** A counter only grows, until its ring is created again. */
  readonly type: 'counter' | 'gauge'
  /** One sample for each ring, node or cursor; empty when there are none. */
  readonly samples: readonly MetricSample[]
}

/** A metric in the form of `prom-client`: `register.registerMetric(metric as never)`. */
export interface PromMetric {
  /** `orbit_...`, in the form that Prometheus requires. */
  readonly name: string
  /** A sentence that explains it. */
  readonly help: string
  /** A counter only grows, until its ring is created again. */
  readonly type: Metric['type']
  /** How prom-client combines several processes. Only one process of a fleet needs to report these numbers. */
  readonly aggregator: 'sum'
  /** Returns the samples of this moment. */
  get(): Promise<Family & { aggregator: 'sum'; values: MetricSample[] }>
  /** Does nothing: the numbers belong to the fleet. */
  reset(): void
}

/** The metrics of a fleet at one moment. */
export interface FleetMetrics {
  /** In a fixed order, including metrics without samples. */
  readonly metrics: readonly Metric[]
  /** The metrics in the text format of Prometheus, version 0.0.4. */
  toString(): string
}

interface Family {
  readonly name: string
  readonly help: string
  readonly type: Metric['type']
}

const ofRings: (Family & { readonly value: (ring: RingReport) => number | undefined })[] = [
  {
    name: 'orbit_frames_total',
    help: 'Frames published into the ring since it was created.',
    type: 'counter',
    value: (ring) => (ring.table ? undefined : ring.head),
  },
  {
    name: 'orbit_retained_frames',
    help: 'Frames that the ring retains.',
    type: 'gauge',
    value: (ring) => (ring.table ? undefined : ring.head - ring.oldest),
  },
  { name: 'orbit_ring_capacity', help: 'Slots of the ring.', type: 'gauge', value: ({ capacity }) => capacity },
  {
    name: 'orbit_ring_bytes',
    help: 'Size of the ring object.',
    type: 'gauge',
    value: ({ objectBytes }) => objectBytes,
  },
  {
    name: 'orbit_burned_chunks',
    help: 'Spare chunks lost when processes died during publish.',
    type: 'gauge',
    value: ({ burned }) => burned,
  },
  {
    name: 'orbit_refused_publishes_total',
    help: 'Calls of publish that were refused.',
    type: 'counter',
    value: ({ refused }) => refused,
  },
  {
    name: 'orbit_missed_wakes_total',
    help: 'Sleeping readers that a publisher could not wake; they wake up to a second late.',
    type: 'counter',
    value: ({ missedWakes }) => missedWakes,
  },
  {
    name: 'orbit_sleepers',
    help: 'Nodes that sleep until the ring has news.',
    type: 'gauge',
    value: ({ sleepers }) => sleepers,
  },
  {
    name: 'orbit_cache_hits_total',
    help: 'Lookups of the cache that found a value.',
    type: 'counter',
    value: ({ lookups }) => lookups?.hits,
  },
  {
    name: 'orbit_cache_misses_total',
    help: 'Lookups of the cache that found no value.',
    type: 'counter',
    value: ({ lookups }) => lookups?.misses,
  },
  {
    name: 'orbit_claims_held',
    help: 'Valid claims of the contest.',
    type: 'gauge',
    value: ({ table }) => table?.claims,
  },
]

function ringMetrics(fleet: FleetObserver, nodes: readonly NodeRecord[]): Metric[] {
  const damaged: MetricSample[] = []
  const rings = kindsOf(fleet).flatMap((kind): RingReport[] => {
    try {
      return [inspectRing(fleet, kind, nodes) ?? []].flat()
    } catch {
      damaged.push({ labels: { fleet: fleet.name, kind: String(kind) }, value: 1 })
      return []
    }
  })
  const metrics = ofRings.map(({ value, ...family }): Metric => {
    const samples = rings.flatMap((ring): MetricSample[] => {
      const number = value(ring)
      const labels = { fleet: fleet.name, kind: String(ring.kind), type: ring.name }
      return number === undefined ? [] : [{ labels, value: number }]
    })
    return { ...family, samples }
  })
  const help = 'Rings that cannot be read, by KIND.'
  return [...metrics, { name: 'orbit_damaged_rings', help, type: 'gauge', samples: damaged }]
}

function nodeMetrics(fleet: FleetObserver, nodes: readonly NodeRecord[]): Metric[] {
  const alive = nodes.filter((node) => node.alive).length
  const beats = nodes.flatMap(({ node, label, alive, heartbeat }) =>
    alive && heartbeat ? [{ labels: { fleet: fleet.name, node: String(node), label }, heartbeat }] : [],
  )
  const one = (value: number): MetricSample[] => [{ labels: { fleet: fleet.name }, value }]
  return [
    { name: 'orbit_nodes_alive', help: 'Members that are alive.', type: 'gauge', samples: one(alive) },
    {
      name: 'orbit_nodes_dead',
      help: 'Nodes with a member that died and has no successor.',
      type: 'gauge',
      samples: one(nodes.length - alive),
    },
    { name: 'orbit_fleet_size', help: 'Nodes that the fleet has room for.', type: 'gauge', samples: one(fleet.size) },
    {
      name: 'orbit_heartbeat_age_seconds',
      help: 'Age of the last heartbeat of each living member that has sent one.',
      type: 'gauge',
      samples: beats.map(({ labels, heartbeat }) => ({ labels, value: heartbeat.ageMs / 1000 })),
    },
    {
      name: 'orbit_loop_delay_seconds',
      help: 'How long the event loop of the member delayed its last heartbeat.',
      type: 'gauge',
      samples: beats.map(({ labels, heartbeat }) => ({ labels, value: heartbeat.loopDelayMs / 1000 })),
    },
  ]
}

function limitMetrics(fleet: FleetObserver): Metric[] {
  const report = readableLimits(fleet)
  const one = (value = 0): MetricSample[] => (report === undefined ? [] : [{ labels: { fleet: fleet.name }, value }])
  return [
    {
      name: 'orbit_limit_keys',
      help: 'Keys of rate limiters that have taken something within their windows.',
      type: 'gauge',
      samples: one(report?.keys),
    },
    {
      name: 'orbit_limit_entries',
      help: 'Places of the table of the rate limiters; a quarter of them can be used well.',
      type: 'gauge',
      samples: one(report?.entries),
    },
    {
      name: 'orbit_limit_full_total',
      help: 'Decisions that found no place for a key.',
      type: 'counter',
      samples: one(report?.full),
    },
  ]
}

/** The table in which a `FleetRegistry` has metrics of prom-client, for which it answers itself. */
const ofFleetRegistry = 'prom'

/** Counters and gauges of all other tables. A counter may go down, so for Prometheus each is a gauge. */
function counterMetrics(fleet: FleetObserver): Metric {
  const samples: MetricSample[] = []
  for (const kind of kindsOf(fleet)) {
    const table = readableCounters(fleet, kind)
    if (table === undefined) continue
    const ownName = ownNameOf('counters', table.name) ?? ''
    if (ownName === ofFleetRegistry) continue
    const labels = { fleet: fleet.name, table: ownName }
    for (let bucket = 0; bucket >= 0; ) {
      bucket = table.list(bucket, '', ({ name, value }) => samples.push({ labels: { ...labels, name }, value }))
    }
  }
  return { name: 'orbit_counter_value', help: 'Counters and gauges of Counters, by name.', type: 'gauge', samples }
}

function readableCounters(fleet: FleetObserver, kind: number): CounterTable | undefined {
  try {
    const found = fleet.existing(kind)
    return found instanceof CounterTable ? found : undefined
  } catch {
    return undefined // counted as damaged
  }
}

function cursorMetrics(fleet: FleetObserver, cursors: NonNullable<MetricsOptions['cursors']>): Metric {
  const samples = Object.entries(cursors).map(([cursor, { lag }]) => ({
    labels: { fleet: fleet.name, cursor },
    value: lag,
  }))
  return { name: 'orbit_cursor_lag', help: 'Frames between a cursor and the head.', type: 'gauge', samples }
}

/**
 * Measures a fleet: frames, retained frames, lost spare chunks and sleepers of each ring, nodes alive and dead,
 * heartbeats, claims, rate limits, counters, stores, and the lag of the cursors that the options name. Prometheus
 * computes rates from the counters.
 *
 * @returns the metrics of this moment; `String(metrics)` is the text format of Prometheus
 * @throws TypeError ERR_ORBIT_INVALID_ARGUMENT, ERR_ORBIT_CLOSED; a damaged ring is counted and does not throw
 */
export function collectMetrics(fleet: FleetObserver, options: MetricsOptions = {}): FleetMetrics {
  const cursors = checkMetrics(fleet, options)
  const nodes = fleet.nodes()
  const ofNodes = nodeMetrics(fleet, nodes)
  const metrics = [...ringMetrics(fleet, nodes), ...ofNodes, ...limitMetrics(fleet), counterMetrics(fleet)]
  metrics.push(...storeMetrics(fleet), cursorMetrics(fleet, cursors))
  return { metrics, toString: () => metrics.map(promText).join('') }
}

function checkMetrics(fleet: FleetObserver, options: MetricsOptions): NonNullable<MetricsOptions['cursors']> {
  checkFleet(fleet)
  checkOptions('options', options, ['cursors'])
  const { cursors = {} } = options
  checkOptions('cursors', cursors, Object.keys(cursors ?? {}))
  for (const [name, cursor] of Object.entries(cursors)) {
    if (typeof cursor === 'object' && cursor !== null && 'lag' in cursor) continue
    throw typeError('ERR_ORBIT_INVALID_ARGUMENT', `cursors.${name}=${printable(cursor)} is not a cursor`)
  }
  return cursors
}

/**
 * Makes collectors for `prom-client`, which this package does not depend on: objects for `register.registerMetric`.
 * They measure the fleet when they are scraped, once for each scrape of all of them.
 *
 * @throws TypeError ERR_ORBIT_INVALID_ARGUMENT; ERR_ORBIT_CLOSED, now or when scraped
 */
export function promCollectors(fleet: FleetObserver, options: MetricsOptions = {}): PromMetric[] {
  const families = collectMetrics(fleet, options).metrics
  let current: readonly Metric[] | undefined
  const served = new Set<string>()
  const measured = (name: string): readonly Metric[] => {
    // A registry scrapes all collectors in one turn of the event loop. A second scrape of one needs new numbers.
    if (current === undefined || served.has(name)) {
      current = collectMetrics(fleet, options).metrics
      served.clear()
      runtime.setImmediate(() => {
        current = undefined
      })
    }
    served.add(name)
    return current
  }
  return families.map(({ name, help, type }) => ({
    name,
    help,
    type,
    aggregator: 'sum',
    async get() {
      const { samples = [] } = measured(name).find((metric) => metric.name === name) ?? {}
      return { name, help, type, aggregator: 'sum', values: [...samples] }
    },
    reset() {}, // the numbers belong to the fleet
  }))
}

/** Escapes backslashes, quotes and line ends for the text format. */
const escaped = (text: string): string => text.replace(/[\\"\n]/g, (c) => (c === '\n' ? '\\n' : `\\${c}`))

function promText({ name, help, type, samples }: Metric): string {
  if (samples.length === 0) return ''
  const lines = samples.map(({ labels, value }) => {
    const list = Object.entries(labels).map(([label, text]) => `${label}="${escaped(text)}"`)
    return `${name}{${list.join(',')}} ${value}`
  })
  return `# HELP ${name} ${help}\n# TYPE ${name} ${type}\n${lines.join('\n')}\n`
}
