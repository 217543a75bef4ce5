import { register as globalRegister, type Registry } from 'prom-client'
import { Counters, type CountersOptions, type Fleet, type Gauge, OrbitError } from '../index.js'
import { follow, type Labels, type PromMetricLike, type PromRegistryLike, reportLocal } from './prommetric.js'
import { metricText, type Series, samplesText } from './promtext.js'

/** Options of a `FleetRegistry`: which metrics it shares, and what becomes of the gauges of workers that died. */
export interface FleetRegistryOptions extends Pick<CountersOptions, 'capacity'> {
  /** The registry of prom-client with the metrics; default: its global one. */
  register?: Registry
  /**
   * What becomes of the gauges of a worker that has died or left. 'drop' (default): they are removed. 'keep': they are
   * part of the answer for as long as the fleet lives.
   */
  deadGauges?: 'drop' | 'keep'
  /**
   * How often each worker runs the `collect` functions of its metrics, in milliseconds, 100..2^31-1; default 5000. A
   * worker that answers a scrape runs its own ones first.
   */
  collectMs?: number
}

const separator = '\x1f'
const absent = '\x1e'
const maxNameBytes = 128
const maxCollectMs = 2 ** 31 - 1

const outOfRange = (name: string, value: unknown, expected: string): RangeError =>
  Object.assign(new RangeError(`${name}=${String(value)} must be ${expected}`), { code: 'ERR_ORBIT_OUT_OF_RANGE' })

/** What this process knows of a metric: the gauges in shared memory that it has used, by their names. */
interface Followed {
  readonly metric: PromMetricLike
  readonly labelNames: readonly string[]
  readonly gauges: Map<string, Gauge>
}

/** Values by the name of their metric, with the fields of their names. */
type SharedValues = Map<string, { fields: string[]; value: number }[]>

type Aggregate = (values: readonly number[]) => number
const aggregates: Record<string, Aggregate> = {
  sum: (values) => values.reduce((sum, value) => sum + value, 0),
  min: (values) => Math.min(...values),
  max: (values) => Math.max(...values),
  average: (values) => values.reduce((sum, value) => sum + value, 0) / values.length,
  first: ([value]) => value as number,
  last: (values) => values[values.length - 1] as number,
}

/**
 * Answers a scrape of prom-client's metrics for all processes of a fleet, from any of them. Each change of a metric is
 * made in shared memory at once, so the counts of a worker that is killed are complete, and no process is asked.
 * Counters, histograms and summaries are sums over all workers, dead ones included; a summary has no quantiles. A gauge
 * is aggregated over the workers as its `aggregator` says.
 */
export class FleetRegistry {
  /** The content type of the text. */
  readonly contentType = 'text/plain; version=0.0.4; charset=utf-8'
  readonly #fleet: Fleet
  readonly #counters: Counters
  readonly #register: PromRegistryLike
  readonly #keepsDead: boolean
  readonly #own: string
  readonly #followed = new Map<PromMetricLike, Followed>()
  readonly #timer: NodeJS.Timeout
  #isWarned = false
  #hasFailed = false

  /**
   * Every worker makes one, for the same metrics. Metrics that are registered later are shared, too.
   *
   * @throws TypeError or RangeError for wrong options; what opening a table throws
   */
  constructor(fleet: Fleet, options: FleetRegistryOptions = {}) {
    const { register = globalRegister, deadGauges = 'drop', collectMs = 5000, capacity } = options
    if (deadGauges !== 'drop' && deadGauges !== 'keep') throw outOfRange('deadGauges', deadGauges, "'drop' or 'keep'")
    if (!Number.isInteger(collectMs) || collectMs < 100 || collectMs > maxCollectMs) {
      throw outOfRange('collectMs', collectMs, `an integer in 100..${maxCollectMs}`)
    }
    this.#fleet = fleet
    this.#counters = new Counters(fleet, {
      name: 'prom',
      nameBytes: maxNameBytes,
      whenFull: 'drop',
      ...(capacity !== undefined && { capacity }),
    })
    this.#register = register
    this.#keepsDead = deadGauges === 'keep'
    const incarnation = fleet.nodes().find(({ node }) => node === fleet.node)?.incarnation ?? 0
    this.#own = `${fleet.node}.${incarnation}`
    this.#followAll()
    this.#timer = setInterval(() => void this.#collect().catch((error) => this.#failed(error)), collectMs)
    this.#timer.unref()
  }

  /** Stops running `collect` functions in this process. The changes of its metrics are shared as long as it lives. */
  close(): void {
    clearInterval(this.#timer)
  }

  /**
   * Measures: the metrics of all processes, in the text format of Prometheus.
   *
   * @throws what `collect` functions throw; ERR_ORBIT_CLOSED, ERR_ORBIT_RETIRED
   */
  async metrics(): Promise<string> {
    await this.#collect()
    const shared = this.#read()
    const texts: string[] = []
    for (const metric of this.#metrics()) {
      const followed = this.#followed.get(metric)
      if (followed === undefined) texts.push(samplesText(metric, (await metric.get()).values))
      else if (metric.aggregator !== 'omit') texts.push(metricText(metric, this.#series(followed, shared)))
    }
    return texts.join('\n')
  }

  /** A `collect` function that fails is run again the next time. */
  #failed(error: unknown): void {
    const isOver = error instanceof OrbitError && ['ERR_ORBIT_CLOSED', 'ERR_ORBIT_RETIRED'].includes(error.code)
    if (isOver) {
      this.close()
      return
    }
    if (this.#hasFailed) return
    this.#hasFailed = true
    process.emitWarning(`a collect function failed, and its metrics keep their values until it succeeds: ${error}`, {
      type: 'OrbitWarning',
      code: 'ORBIT_COLLECT_FAILED',
    })
  }

  #metrics(): PromMetricLike[] {
    return this.#register.getMetricsAsArray() as PromMetricLike[]
  }

  /** Follows the metrics registered since. One that has no values of its own is not of prom-client's classes. */
  #followAll(): void {
    for (const metric of this.#metrics()) {
      if (this.#followed.has(metric) || metric.hashMap === undefined) continue
      const followed = { metric, labelNames: [...(metric.labelNames ?? [])].sort(), gauges: new Map() }
      this.#followed.set(metric, followed)
      const write = (labels: Labels, part: string, value: number, isSet: boolean) =>
        this.#write(followed, labels, part, value, isSet)
      follow(metric, write, () => this.#forget(followed))
      reportLocal(metric, write)
    }
  }

  async #collect(): Promise<void> {
    this.#followAll()
    for (const { metric } of this.#followed.values()) await metric.collect?.()
  }

  #write(followed: Followed, labels: Labels, part: string, value: number, isSet: boolean): void {
    const { metric, labelNames, gauges } = followed
    const owner = metric.type === 'gauge' ? this.#own : ''
    const values = labelNames.map((name) => (labels[name] === undefined ? absent : String(labels[name])))
    const name = [metric.name, part, owner, ...values].join(separator)
    try {
      let gauge = gauges.get(name)
      if (gauge === undefined) {
        gauge = this.#counters.gauge(name)
        gauges.set(name, gauge)
      }
      if (isSet) gauge.set(value)
      else if (Number.isNaN(gauge.add(value))) this.#warn(name)
    } catch (error) {
      // A metric never fails the request that it measures.
      if (error instanceof OrbitError && error.code === 'ERR_ORBIT_CLOSED') return
      this.#warn(name)
    }
  }

  /** Takes the values of a metric away that this process may take: of a gauge its own ones, otherwise all. */
  #forget({ gauges }: Followed): void {
    for (const gauge of gauges.values()) gauge.delete()
    gauges.clear()
  }

  #warn(name: string): void {
    if (this.#isWarned) return
    this.#isWarned = true
    const text = `${JSON.stringify(name.replaceAll(separator, ' '))} has no room in shared memory, and is not counted`
    process.emitWarning(`${text}: use shorter labels, or a larger \`capacity\``, {
      type: 'OrbitWarning',
      code: 'ORBIT_METRIC_DROPPED',
    })
  }

  /** All shared values, by the name of their metric. Those of dead gauges are removed. */
  #read(): SharedValues {
    // The members after the entries: one that has joined and set a gauge is among them.
    const entries = [...this.#counters.entries()]
    const alive = new Set(this.#fleet.nodes().flatMap((n) => (n.alive ? [`${n.node}.${n.incarnation}`] : [])))
    const found: SharedValues = new Map()
    for (const { name, value } of entries) {
      const fields = name.split(separator)
      const owner = fields[2] as string
      if (owner !== '' && !this.#keepsDead && !alive.has(owner)) {
        this.#counters.gauge(name).delete()
        continue
      }
      const metric = fields[0] as string
      const values = found.get(metric)
      if (values === undefined) found.set(metric, [{ fields, value }])
      else values.push({ fields, value })
    }
    return found
  }

  #series({ metric, labelNames }: Followed, shared: SharedValues): Iterable<Series> {
    const byLabels = new Map<string, Series & { all: Map<string, [string, number][]> }>()
    for (const { fields, value } of shared.get(metric.name) ?? []) {
      const [, part = '', owner = '', ...values] = fields
      const key = values.join(separator)
      let series = byLabels.get(key)
      if (series === undefined) {
        const given = labelNames.flatMap((name, i) => (values[i] === absent ? [] : [[name, values[i] as string]]))
        series = { labels: Object.fromEntries(given), parts: new Map(), all: new Map() }
        byLabels.set(key, series)
      }
      const all = series.all.get(part)
      if (all === undefined) series.all.set(part, [[owner, value]])
      else all.push([owner, value])
    }
    if (byLabels.size === 0 && labelNames.length === 0) return [{ labels: {}, parts: new Map() }]
    const aggregate = aggregates[metric.type === 'gauge' ? (metric.aggregator ?? 'sum') : 'sum'] as Aggregate
    for (const { parts, all } of byLabels.values()) {
      for (const [part, values] of all) {
        const inOrder = values.sort(([a], [b]) => Number.parseInt(a, 10) - Number.parseInt(b, 10))
        parts.set(part, aggregate(inOrder.map(([, value]) => value)))
      }
    }
    return byLabels.values()
  }
}
