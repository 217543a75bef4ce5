import { checkOptions, shown } from '../base/check.js'
import { typeError } from '../base/errors.js'
import { runtime } from '../base/runtime.js'
import type { NodeRecord } from '../core/node.js'
import { checkFleet, type FleetObserver } from '../core/observer.js'
import { inspectRing, kindsOf, type RingReport } from './report.js'

/** What is to be measured beside the fleet. */
export interface MetricsOptions {
  /** Cursors, of whatever kind, of this process: their lag is told under the name that they have here. */
  cursors?: Readonly<Record<string, { readonly lag: number }>>
}

/** One number, with its labels. */
export interface MetricSample {
  /** Each label's text, as it is: nothing is escaped. */
  readonly labels: Readonly<Record<string, string>>
  /** In the unit that the metric's name ends with; counts have none. */
  readonly value: number
}

/** All samples of one name. */
export interface Metric {
  /** `orbit_...`, as Prometheus wants names. */
  readonly name: string
  /** A sentence for people. */
  readonly help: string
  /** A counter only grows, until its ring is made anew. */
  readonly type: 'counter' | 'gauge'
  /** One for each ring, node or cursor; empty when there is none. */
  readonly samples: readonly MetricSample[]
}

/** A metric as `prom-client`'s Registry wants it: `register.registerMetric(metric as never)`. */
export interface PromMetric {
  /** As `Metric.name`. */
  readonly name: string
  /** As `Metric.help`. */
  readonly help: string
  /** As `Metric.type`. */
  readonly type: Metric['type']
  /** How prom-client would join several processes' numbers; of a fleet's, one process tells them all. */
  readonly aggregator: 'sum'
  /** The samples of this moment. */
  get(): Promise<Family & { aggregator: 'sum'; values: MetricSample[] }>
  /** Does nothing: the numbers are the fleet's. */
  reset(): void
}

/** What a fleet measures of itself, at one moment. */
export interface FleetMetrics {
  /** In a fixed order, also those without samples. */
  readonly metrics: readonly Metric[]
  /** In Prometheus' text format, version 0.0.4. */
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
    help: 'Frames published into the ring since it was made.',
    type: 'counter',
    value: (ring) => (ring.table ? undefined : ring.head),
  },
  {
    name: 'orbit_retained_frames',
    help: 'Frames that the ring holds.',
    type: 'gauge',
    value: (ring) => (ring.table ? undefined : ring.head - ring.oldest),
  },
  { name: 'orbit_ring_capacity', help: 'Slots of the ring.', type: 'gauge', value: ({ capacity }) => capacity },
  {
    name: 'orbit_ring_bytes',
    help: 'Bytes of the ring object.',
    type: 'gauge',
    value: ({ objectBytes }) => objectBytes,
  },
  {
    name: 'orbit_burned_chunks',
    help: 'Spare chunks burned by deaths in the middle of a publish.',
    type: 'gauge',
    value: ({ burned }) => burned,
  },
  {
    name: 'orbit_refused_publishes_total',
    help: 'Publishes that were refused.',
    type: 'counter',
    value: ({ refused }) => refused,
  },
  {
    name: 'orbit_sleepers',
    help: 'Nodes asleep until the ring has news.',
    type: 'gauge',
    value: ({ sleepers }) => sleepers,
  },
  {
    name: 'orbit_claims_held',
    help: 'Living claims of the contest.',
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
    { name: 'orbit_nodes_alive', help: "Living members, by the kernel's word.", type: 'gauge', samples: one(alive) },
    {
      name: 'orbit_nodes_dead',
      help: 'Nodes whose member died, with nobody in its place.',
      type: 'gauge',
      samples: one(nodes.length - alive),
    },
    { name: 'orbit_fleet_size', help: 'Nodes of the fleet.', type: 'gauge', samples: one(fleet.size) },
    {
      name: 'orbit_heartbeat_age_seconds',
      help: 'Age of the last beat of each living member that has made one.',
      type: 'gauge',
      samples: beats.map(({ labels, heartbeat }) => ({ labels, value: heartbeat.ageMs / 1000 })),
    },
    {
      name: 'orbit_loop_delay_seconds',
      help: "How late that beat was: how long the member's event loop was busy.",
      type: 'gauge',
      samples: beats.map(({ labels, heartbeat }) => ({ labels, value: heartbeat.loopDelayMs / 1000 })),
    },
  ]
}

function cursorMetrics(fleet: FleetObserver, cursors: NonNullable<MetricsOptions['cursors']>): Metric {
  const samples = Object.entries(cursors).map(([cursor, { lag }]) => ({
    labels: { fleet: fleet.name, cursor },
    value: lag,
  }))
  return { name: 'orbit_cursor_lag', help: 'Frames between a cursor and the head.', type: 'gauge', samples }
}

/**
 * What there is to measure of a fleet: frames, retained frames, burned chunks and sleepers of each ring, nodes alive and
 * dead, heartbeats, claims held, and the lag of the cursors named. Rates are for Prometheus to make, from the counters.
 *
 * @returns the metrics of this moment; as a string, Prometheus' text
 * @throws TypeError ERR_ORBIT_INVALID_ARGUMENT, ERR_ORBIT_CLOSED; a ring that is damaged is counted, not thrown
 */
export function collectMetrics(fleet: FleetObserver, options: MetricsOptions = {}): FleetMetrics {
  const cursors = checkMetrics(fleet, options)
  const nodes = fleet.nodes()
  const ofNodes = nodeMetrics(fleet, nodes)
  const metrics = [...ringMetrics(fleet, nodes), ...ofNodes, cursorMetrics(fleet, cursors)]
  return { metrics, toString: () => metrics.map(promText).join('') }
}

function checkMetrics(fleet: FleetObserver, options: MetricsOptions): NonNullable<MetricsOptions['cursors']> {
  checkFleet(fleet)
  checkOptions('options', options, ['cursors'])
  const { cursors = {} } = options
  checkOptions('cursors', cursors, Object.keys(cursors ?? {}))
  for (const [name, cursor] of Object.entries(cursors)) {
    if (typeof cursor === 'object' && cursor !== null && 'lag' in cursor) continue
    throw typeError('ERR_ORBIT_INVALID_ARGUMENT', `cursors.${name}=${shown(cursor)} is not a cursor`)
  }
  return cursors
}

/**
 * The same for `prom-client`, which this package does not need: objects for `register.registerMetric`, each of which looks
 * at the fleet when it is scraped. One scrape of them all is one look.
 *
 * @throws as collectMetrics, now or when scraped
 */
export function promCollectors(fleet: FleetObserver, options: MetricsOptions = {}): PromMetric[] {
  const families = collectMetrics(fleet, options).metrics
  let current: readonly Metric[] | undefined
  const served = new Set<string>()
  const look = (name: string): readonly Metric[] => {
    // A registry asks all of them in one turn of the event loop; who asks one again wants news.
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
      const { samples = [] } = look(name).find((metric) => metric.name === name) ?? {}
      return { name, help, type, aggregator: 'sum', values: [...samples] }
    },
    reset() {}, // the numbers are the fleet's
  }))
}

/** Backslashes, quotes and line ends, as the text format wants them. */
const escaped = (text: string): string => text.replace(/[\\"\n]/g, (c) => (c === '\n' ? '\\n' : `\\${c}`))

function promText({ name, help, type, samples }: Metric): string {
  if (samples.length === 0) return ''
  const lines = samples.map(({ labels, value }) => {
    const list = Object.entries(labels).map(([label, text]) => `${label}="${escaped(text)}"`)
    return `${name}{${list.join(',')}} ${value}`
  })
  return `# HELP ${name} ${help}\n# TYPE ${name} ${type}\n${lines.join('\n')}\n`
}
