// What the registry of all workers uses of prom-client's metrics: their public methods, and the names of their labels
// and buckets.

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
  startTimer?: (...args: unknown[]) => unknown
  labels?: (...args: unknown[]) => unknown
  reset: () => void
  get: () => Promise<{ values: readonly { labels: Labels; value: number; metricName?: string }[] }>
}

/** What prom-client keeps for one set of labels. */
interface LocalValue {
  readonly labels: Labels
  readonly value?: number
  readonly sum?: number
  readonly count?: number
  readonly bucketValues?: Readonly<Record<string, number>>
}

/** A registry of prom-client. */
export interface PromRegistryLike {
  getMetricsAsArray(): unknown[]
  registerMetric(metric: never): void
}

/** A change of a metric: of all its numbers with these labels, the one named `part` is changed by `value`. */
export type Write = (labels: Labels, part: string, value: number, isSet: boolean) => void

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

/** Reports each change of the metric in this process, after prom-client has made and checked it. */
export function follow(metric: PromMetricLike, write: Write, reset: () => void): void {
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
  if (inc) metric.inc = after(inc, (labels, value) => write(labels, '', value ?? 1, false))
  if (dec) metric.dec = after(dec, (labels, value) => write(labels, '', -(value ?? 1), false))
  if (set) metric.set = after(set, (labels, value) => write(labels, '', value ?? Number.NaN, true))
  if (observe) {
    metric.observe = after(observe, (labels, value = 0) => {
      const end = metric.upperBounds?.find((bound) => value <= bound)
      write(labels, metric.upperBounds ? `${end ?? '+Inf'}` : 'count', 1, false)
      write(labels, 'sum', value, false)
    })
    followLabels(metric)
  }
  const resetOwn = metric.reset
  metric.reset = () => {
    resetOwn.call(metric)
    reset()
  }
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

/** Reports what the metric has counted in this process so far. */
export function reportLocal(metric: PromMetricLike, write: Write): void {
  for (const { labels, value, sum = 0, count = 0, bucketValues } of Object.values(metric.hashMap ?? {})) {
    if (value !== undefined) {
      if (value !== 0 || metric.type === 'gauge') write(labels, '', value, metric.type === 'gauge')
      continue
    }
    if (count === 0) continue
    let inBuckets = 0
    for (const [end, times] of Object.entries(bucketValues ?? {})) {
      inBuckets += times
      if (times > 0) write(labels, end, times, false)
    }
    const rest = count - inBuckets
    if (rest > 0) write(labels, bucketValues ? '+Inf' : 'count', rest, false)
    write(labels, 'sum', sum, false)
  }
}
