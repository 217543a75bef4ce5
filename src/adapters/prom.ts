import { register as globalRegister, type Registry } from 'prom-client'
import { Counters, type CountersOptions, type Fleet, OrbitError } from '../index.js'
import { type FollowedHome, FollowedMetric, type SharedName, sharedName } from './followedmetric.js'
import { followersOf, onRegistered, type PromMetricLike, type PromRegistryLike } from './prommetric.js'
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

const maxNameBytes = 128
const maxCollectMs = 2 ** 31 - 1

const outOfRange = (name: string, value: unknown, expected: string): RangeError =>
  Object.assign(new RangeError(`${name}=${String(value)} must be ${expected}`), { code: 'ERR_ORBIT_OUT_OF_RANGE' })

/** Values by the name of their metric. */
type SharedValues = Map<string, { name: SharedName; value: number }[]>

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
  readonly #home: FollowedHome
  readonly #followed = new WeakMap<PromMetricLike, FollowedMetric>()
  readonly #timer: NodeJS.Timeout
  readonly #hearing: { end(): void }
  #collected: Promise<void> | undefined
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
    this.#home = {
      fleet,
      counters: this.#counters,
      owner: `${fleet.node}.${incarnation}`,
      warn: (what, problem) => this.#warn(what, problem),
    }
    this.#followAll()
    this.#hearing = onRegistered(this.#register, () => this.#followAll())
    this.#timer = setInterval(() => void this.#collect().catch((error) => this.#failed(error)), collectMs)
    this.#timer.unref()
  }

  /**
   * Stops running `collect` functions in this process, and following metrics that are registered later. The changes of
   * the others are shared as long as the process lives.
   */
  close(): void {
    clearInterval(this.#timer)
    this.#hearing.end()
  }

  /**
   * Measures: the metrics of all processes, in the text format of Prometheus.
   *
   * @throws what `collect` functions throw; ERR_ORBIT_CLOSED, ERR_ORBIT_RETIRED
   */
  async metrics(): Promise<string> {
    await this.#collect()
    const shared = this.#read()
    const defaults = this.#register._defaultLabels ?? {}
    const texts: string[] = []
    for (const metric of this.#metrics()) {
      const followed = this.#followed.get(metric)
      if (followed === undefined) texts.push(samplesText(metric, (await metric.get()).values, defaults))
      else if (metric.aggregator !== 'omit') {
        texts.push(metricText(metric, this.#series(metric, followed, shared), defaults))
      }
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
    const { id } = this.#fleet
    for (const metric of this.#metrics()) {
      if (this.#followed.has(metric) || metric.hashMap === undefined) continue
      const followers = followersOf(metric)
      // Another registry of the fleet may follow it. Twice followed, it would count twice.
      let followed = followers.get(id) as FollowedMetric | undefined
      if (followed === undefined || followed.isClosed()) {
        followed = new FollowedMetric(metric, this.#home)
        followers.set(id, followed)
        followed.reconcile()
      }
      this.#followed.set(metric, followed)
    }
  }

  /** Runs the `collect` functions, once for all that ask at the same time. */
  #collect(): Promise<void> {
    this.#collected ??= this.#collectNow().finally(() => {
      this.#collected = undefined
    })
    return this.#collected
  }

  async #collectNow(): Promise<void> {
    this.#followAll()
    for (const metric of this.#metrics()) {
      const result = this.#followed.has(metric) ? metric.collect?.() : undefined
      if (result instanceof Promise) await result
    }
    // What was changed by methods that were bound before the registry was made.
    for (const metric of this.#metrics()) this.#followed.get(metric)?.reconcile()
  }

  #warn(what: string, problem: string): void {
    if (this.#isWarned) return
    this.#isWarned = true
    const text = `${JSON.stringify(what)} is not counted: ${problem}`
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
      const shared = sharedName(name)
      if (shared === undefined) continue
      if (shared.owner !== '' && !this.#keepsDead && !alive.has(shared.owner)) {
        this.#counters.gauge(name).delete()
        continue
      }
      const values = found.get(shared.metric)
      if (values === undefined) found.set(shared.metric, [{ name: shared, value }])
      else values.push({ name: shared, value })
    }
    return found
  }

  #series(metric: PromMetricLike, followed: FollowedMetric, shared: SharedValues): Iterable<Series> {
    const byLabels = new Map<string, Series & { all: Map<string, [string, number][]> }>()
    for (const { name, value } of shared.get(followed.name) ?? []) {
      if ((name.owner !== '') !== followed.hasOwner) continue
      let series = byLabels.get(name.key)
      if (series === undefined) {
        const labels = followed.labelsOf(name)
        if (labels === undefined) continue
        series = { labels, parts: new Map(), all: new Map() }
        byLabels.set(name.key, series)
      }
      const all = series.all.get(name.part)
      if (all === undefined) series.all.set(name.part, [[name.owner, value]])
      else all.push([name.owner, value])
    }
    if (byLabels.size === 0 && (metric.labelNames ?? []).length === 0) return [{ labels: {}, parts: new Map() }]
    const aggregate = aggregates[metric.type === 'gauge' ? (metric.aggregator ?? 'sum') : 'sum'] as Aggregate
    for (const { parts, all } of byLabels.values()) {
      for (const [part, values] of all) {
        if (values.length > 1) values.sort(([a], [b]) => Number.parseInt(a, 10) - Number.parseInt(b, 10))
        parts.set(part, aggregate(values.map(([, value]) => value)))
      }
    }
    return byLabels.values()
  }
}
