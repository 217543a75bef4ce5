import { checkOptions, outOfRange, wrongType } from '../base/check.js'
import { Counter, type CounterHome, Gauge } from './counter.js'

/** Options of a histogram: its buckets. */
export interface HistogramOptions {
  /**
   * The upper ends of the buckets, finite numbers in rising order, 1..100 of them. Default: 0.005 to 10 as in
   * Prometheus. All processes must use the same ones.
   */
  buckets?: readonly number[]
}

/** What a histogram has counted. Each number was current at some instant during the call. */
export interface HistogramValue {
  /** How many values were observed. */
  readonly count: number
  /** The sum of all observed values. */
  readonly sum: number
  /** How many values were at most `le`, for each bucket; the last one has the `le` Infinity, and counts all. */
  readonly buckets: readonly { readonly le: number; readonly count: number }[]
}

const defaultBuckets = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10]
const maxBuckets = 100

function bucketsOf(options: HistogramOptions): readonly number[] {
  checkOptions('options', options, ['buckets'])
  const { buckets = defaultBuckets } = options
  if (!Array.isArray(buckets)) throw wrongType('buckets', buckets, 'an array of numbers')
  const ends = [...buckets] // without holes, which every() skips
  const isRising = ends.every((end, i) => Number.isFinite(end) && (i === 0 || end > (ends[i - 1] as number)))
  if (!isRising || ends.length === 0 || ends.length > maxBuckets) {
    throw outOfRange('buckets', buckets, `1..${maxBuckets} finite numbers in rising order`)
  }
  return ends
}

/**
 * Counts values by size, for all processes of the fleet together. Each bucket is a counter `name:end`, and the sum of
 * the values a gauge `name:sum`.
 */
export class Histogram {
  /** The name of the histogram. */
  readonly name: string
  readonly #ends: readonly number[]
  readonly #counters: readonly Counter[]
  readonly #sum: Gauge

  /** @internal */
  constructor(home: CounterHome, name: string, options: HistogramOptions = {}) {
    this.name = name
    this.#ends = bucketsOf(options)
    const ends = [...this.#ends, '+Inf']
    this.#counters = ends.map((end) => new Counter(home, `${name}:${end}`, 0))
    this.#sum = new Gauge(home, `${name}:sum`, 0)
  }

  /**
   * Counts a value: one change of its bucket, and one of the sum. If the process is killed between the two, the sum
   * lacks the value.
   *
   * @param value a finite number
   * @throws TypeError or RangeError for a wrong value; ERR_ORBIT_TABLE_FULL, ERR_ORBIT_TYPE_MISMATCH, ERR_ORBIT_CLOSED,
   *   ERR_ORBIT_RETIRED, ERR_ORBIT_READ_ONLY for an observer
   */
  observe(value: number): void {
    if (typeof value !== 'number') throw wrongType('value', value, 'a finite number')
    if (!Number.isFinite(value)) throw outOfRange('value', value, 'a finite number')
    const ends = this.#ends
    let bucket = 0
    while (bucket < ends.length && value > (ends[bucket] as number)) bucket++
    ;(this.#counters[bucket] as Counter).add(1)
    this.#sum.add(value)
  }

  /**
   * Returns what was counted.
   *
   * @throws ERR_ORBIT_TYPE_MISMATCH, ERR_ORBIT_CLOSED, ERR_ORBIT_RETIRED
   */
  get(): HistogramValue {
    let count = 0
    const buckets = this.#counters.map((counter, i) => {
      count += counter.get()
      return { le: this.#ends[i] ?? Number.POSITIVE_INFINITY, count }
    })
    return { count, sum: this.#sum.get() ?? 0, buckets }
  }

  /**
   * Removes the histogram. Values that are observed during the call may be removed or stay.
   *
   * @throws ERR_ORBIT_TYPE_MISMATCH, ERR_ORBIT_CLOSED, ERR_ORBIT_RETIRED, ERR_ORBIT_READ_ONLY for an observer
   */
  delete(): void {
    for (const counter of this.#counters) counter.delete()
    this.#sum.delete()
  }
}
