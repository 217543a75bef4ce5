// What the registry of all workers uses of prom-client's metrics: their public methods, the names of their labels and
// buckets, and the values that they keep.

/** The labels of one sample. */
export type Labels = Readonly<Record<string, string | number>>

/** A metric of prom-client. */
export interface PromMetricLike {
  readonly name: string
  readonly help: string
  readonly type: 'counter' | 'gauge' | 'histogram' | 'summary'
  readonly labelNames?: readonly string[]
  readonly aggregator?: string
  /** Of a histogram. */
  readonly upperBounds?: readonly number[]
  readonly enableExemplars?: boolean
  /** The values of this process, by labels. */
  readonly hashMap?: Readonly<Record<string, LocalValue>>
  collect?: () => unknown
  inc?: (labels?: unknown, value?: number) => void
  dec?: (labels?: unknown, value?: number) => void
  set?: (labels?: unknown, value?: number) => void
  observe?: (labels?: unknown, value?: number) => void
  zero?: (labels: Labels) => void
  startTimer?: (...args: unknown[]) => unknown
  labels?: (...args: unknown[]) => unknown
  remove?: (...args: unknown[]) => void
  reset: () => void
  get: () => Promise<{ values: readonly { labels: Labels; value: number; metricName?: string }[] }>
}

/** What prom-client keeps for one set of labels. */
export interface LocalValue {
  readonly labels: Labels
  readonly value?: number
  readonly sum?: number
  readonly count?: number
  readonly bucketValues?: Readonly<Record<string, number>>
}

/** A registry of prom-client. */
export interface PromRegistryLike {
  getMetricsAsArray(): unknown[]
  registerMetric: (metric: never) => void
  readonly _defaultLabels?: Labels
}

/** Hears of each change of a metric in this process, after prom-client has made and checked it. */
export interface Follower {
  /** The number `part` of the series with these labels is changed by `value`. */
  add(labels: Labels, part: string, value: number): void
  /** The gauge with these labels is set. */
  set(labels: Labels, value: number): void
  /** All series were taken away, or set to zero. */
  reset(): void
  /** The series with these labels was taken away, or set to zero. */
  remove(labels: Labels): void
  /** A collect function begins, or has ended. */
  collecting(by: 1 | -1): void
}

const isLabels = (value: unknown): value is Labels => typeof value === 'object' && value !== null

/** The arguments (labels, value) or (value) of prom-client's methods. */
function split(first: unknown, second: number | undefined): [Labels, number | undefined] {
  return isLabels(first) ? [first, second] : [{}, first as number | undefined]
}

/** The labels that `metric.labels(...)` was given: an object, or their values in order. */
function labelsOf({ labelNames = [] }: PromMetricLike, args: readonly unknown[]): Labels {
  const [first] = args
  return isLabels(first) ? first : Object.fromEntries(labelNames.map((name, i) => [name, String(args[i])]))
}

/** What to call when a metric has been registered, by registry. */
const hearers = new WeakMap<PromRegistryLike, Set<() => void>>()

/** Calls `hear` soon after a metric was registered: at that moment, its constructor is still running. */
export function onRegistered(register: PromRegistryLike, hear: () => void): { end(): void } {
  let all = hearers.get(register)
  if (all === undefined) {
    const its = new Set<() => void>()
    all = its
    hearers.set(register, its)
    const { registerMetric } = register
    register.registerMetric = (metric) => {
      registerMetric.call(register, metric)
      queueMicrotask(() => {
        for (const one of its) one()
      })
    }
  }
  all.add(hear)
  return { end: () => all.delete(hear) }
}

/** By metric. A metric is changed once, however many registries and fleets follow it. */
const followers = new WeakMap<PromMetricLike, Map<string, Follower>>()

/** The followers of a metric, by the fleet that they follow it for. */
export function followersOf(metric: PromMetricLike): Map<string, Follower> {
  const known = followers.get(metric)
  if (known !== undefined) return known
  const all = new Map<string, Follower>()
  followers.set(metric, all)
  const each = (tell: (follower: Follower) => void) => {
    for (const follower of all.values()) tell(follower)
  }
  followChanges(metric, each)
  followEnds(metric, each)
  followCollect(metric, each)
  return all
}

type Each = (tell: (follower: Follower) => void) => void

function followChanges(metric: PromMetricLike, each: Each): void {
  const { inc, dec, set, observe } = metric
  const isGauge = metric.type === 'gauge'
  const after = (method: typeof inc, report: (labels: Labels, value: number | undefined) => void) =>
    function followed(first?: unknown, second?: number) {
      method?.call(metric, first, second)
      if (metric.enableExemplars && isLabels(first) && !isGauge) {
        const { labels = {}, value } = first as { labels?: Labels; value?: number }
        return report(labels, value)
      }
      report(...split(first, second))
    }
  if (inc) metric.inc = after(inc, (labels, value = 1) => each((follower) => follower.add(labels, '', value)))
  if (dec) metric.dec = after(dec, (labels, value = 1) => each((follower) => follower.add(labels, '', -value)))
  if (set) metric.set = after(set, (labels, value = 0) => each((follower) => follower.set(labels, value)))
  if (!observe) return
  metric.observe = after(observe, (labels, value = 0) => {
    const end = metric.upperBounds?.find((bound) => value <= bound)
    each((follower) => {
      follower.add(labels, metric.upperBounds ? `${end ?? '+Inf'}` : 'count', 1)
      follower.add(labels, 'sum', value)
    })
  })
  followLabels(metric)
}

/** `histogram.labels()` and `summary.labels()` do not use the methods of the metric. */
function followLabels(metric: PromMetricLike): void {
  const { labels: checked } = metric
  metric.labels = (...args: unknown[]) => {
    checked?.apply(metric, args)
    const labels = labelsOf(metric, args)
    return {
      observe: (value: number) => metric.observe?.(metric.enableExemplars ? { labels, value } : labels, value),
      startTimer: () => metric.startTimer?.(labels),
    }
  }
}

function followEnds(metric: PromMetricLike, each: Each): void {
  const { reset, remove, zero } = metric
  metric.reset = () => {
    reset.call(metric)
    each((follower) => follower.reset())
  }
  const after = (method: (...args: unknown[]) => void) =>
    function followed(...args: unknown[]) {
      method.apply(metric, args)
      each((follower) => follower.remove(labelsOf(metric, args)))
    }
  if (remove) metric.remove = after(remove)
  if (zero) metric.zero = after(zero as NonNullable<typeof remove>)
}

function followCollect(metric: PromMetricLike, each: Each): void {
  const { collect } = metric
  if (!collect) return
  metric.collect = () => {
    each((follower) => follower.collecting(1))
    const end = () => each((follower) => follower.collecting(-1))
    let result: unknown
    try {
      result = collect.call(metric)
    } finally {
      if (!(result instanceof Promise)) end()
    }
    return result instanceof Promise ? result.finally(end) : result
  }
}

/** The numbers of a series by their parts. Buckets without values are left out, unless there are no others. */
export function* partsOf({ value, sum = 0, count = 0, bucketValues }: LocalValue): Generator<[string, number]> {
  if (value !== undefined) return yield ['', value]
  let inBuckets = 0
  for (const [end, times] of Object.entries(bucketValues ?? {})) {
    inBuckets += times
    if (times > 0) yield [end, times]
  }
  const rest = count - inBuckets
  if (rest > 0 || count === 0) yield [bucketValues ? '+Inf' : 'count', rest]
  if (count > 0) yield ['sum', sum]
}
