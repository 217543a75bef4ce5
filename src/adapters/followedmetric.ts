import { type Counters, type Fleet, type Gauge, OrbitError } from '../index.js'
import { type Follower, type Labels, type PromMetricLike, partsOf } from './prommetric.js'

const separator = '\x1f'
const absent = '\x1e'
const mark = '\x1c'

// Label values are any text. Those with control characters, which the separators are, must not look like others.
const encoded = (value: string): string =>
  value.toWellFormed().replace(/\p{Cc}/gu, (character) => mark + String.fromCharCode(character.charCodeAt(0) + 64))

function decoded(value: string): string {
  if (!value.includes(mark)) return value
  const [first = '', ...others] = value.split(mark)
  return first + others.map((text) => String.fromCharCode(text.charCodeAt(0) - 64) + text.slice(1)).join('')
}

/** A number of a series in shared memory, by its name. */
export interface SharedName {
  readonly metric: string
  /** Of a histogram the end of a bucket, or 'sum'; of a summary 'count' or 'sum'; otherwise ''. */
  readonly part: string
  /** The member that a gauge belongs to; '' for what all members change. */
  readonly owner: string
  /** The values of the labels, in the order of their sorted names. */
  readonly key: string
}

/** Undefined: it is the name of something else. */
export function sharedName(name: string): SharedName | undefined {
  const first = name.indexOf(separator)
  const second = name.indexOf(separator, first + 1)
  if (second <= first) return undefined
  const third = name.indexOf(separator, second + 1)
  const end = third < 0 ? name.length : third
  const [metric, part] = [name.slice(0, first), name.slice(first + 1, second)]
  return { metric, part, owner: name.slice(second + 1, end), key: name.slice(end) }
}

/** A number in shared memory, and what this process has contributed to it. */
interface Cell {
  readonly name: string
  readonly shared: Gauge
  /** Undefined, or NaN for a gauge: it has no value of this process. */
  own: number | undefined
}

/** Where the numbers of metrics are, and who changes them. */
export interface FollowedHome {
  readonly fleet: Fleet
  readonly counters: Counters
  /** This member. */
  readonly owner: string
  /** Called with a name that cannot be counted. */
  warn(what: string, problem: string): void
}

/** A metric of this process, and its numbers in shared memory. */
export class FollowedMetric implements Follower {
  /** As it was registered: prom-client shortens the names of counters when it writes them for OpenMetrics. */
  readonly name: string
  readonly #metric: PromMetricLike
  readonly #labelNames: readonly string[]
  readonly #home: FollowedHome
  /** The member that the values belong to; '' for what all members change. */
  readonly #owner: string
  /** The numbers that this process has changed, by their series and parts. */
  readonly #series = new Map<string, Map<string, Cell>>()
  #collecting = 0
  #isHeldBack = false

  constructor(metric: PromMetricLike, home: FollowedHome) {
    this.name = metric.name
    this.#metric = metric
    this.#labelNames = [...(metric.labelNames ?? [])].sort()
    this.#home = home
    this.#owner = metric.type === 'gauge' ? home.owner : ''
  }

  /** Whether its fleet handle is closed, so that it shares nothing any more. */
  isClosed(): boolean {
    try {
      this.#home.fleet.nodes()
      return false
    } catch {
      return true
    }
  }

  /** Whether its numbers have an owner, as those of gauges have. */
  get hasOwner(): boolean {
    return this.#owner !== ''
  }

  /** The labels of a number; undefined: it is one of another metric with this name. */
  labelsOf({ key }: SharedName): Labels | undefined {
    const [, ...values] = key.split(separator)
    if (values.length !== this.#labelNames.length) return undefined
    const labels: Record<string, string> = {}
    for (const [i, name] of this.#labelNames.entries()) {
      if (values[i] !== absent) labels[name] = decoded(values[i] as string)
    }
    return labels
  }

  add(labels: Labels, part: string, value: number): void {
    if (this.#isHeldBack) return
    const cell = this.#cell(this.#keyOf(labels), part)
    this.#move(cell, (cell.own ?? 0) + value, value)
  }

  set(labels: Labels, value: number): void {
    if (!this.#isHeldBack) this.#move(this.#cell(this.#keyOf(labels), ''), value, 0)
  }

  // Many collect functions reset a metric and then count anew. What they take back and count again stays counted.
  reset(): void {
    if (this.#collecting > 0) this.#isHeldBack = true
    else this.reconcile()
  }

  remove(labels: Labels): void {
    if (this.#collecting > 0) this.#isHeldBack = true
    else this.#takeBack(this.#keyOf(labels))
  }

  collecting(by: 1 | -1): void {
    this.#collecting += by
    if (this.#collecting === 0 && this.#isHeldBack) this.reconcile()
  }

  /** Shares what this process has changed and not shared yet, and takes back what it has taken away. */
  reconcile(): void {
    if (this.#collecting > 0 && this.#isHeldBack) return
    this.#isHeldBack = false
    const gone = new Set(this.#series.keys())
    for (const local of Object.values(this.#metric.hashMap ?? {})) {
      const key = this.#keyOf(local.labels)
      gone.delete(key)
      for (const [part, value] of partsOf(local)) {
        const cell = this.#cell(key, part)
        this.#move(cell, value, value - (cell.own ?? 0))
      }
    }
    for (const key of gone) this.#takeBack(key)
  }

  #takeBack(key: string): void {
    for (const cell of this.#series.get(key)?.values() ?? []) {
      if (cell.own !== undefined) this.#move(cell, this.#owner === '' ? 0 : Number.NaN, -cell.own)
    }
    this.#series.delete(key)
  }

  /** Makes what this process has contributed `value`, which is `by` more than before. */
  #move(cell: Cell, value: number, by: number): void {
    if (Object.is(cell.own, value)) return
    try {
      if (this.#owner === '' ? Number.isNaN(cell.shared.add(by)) : !this.#setOwn(cell, value)) {
        this.#home.warn(cell.name.replaceAll(separator, ' '), 'has no room in shared memory')
      } else cell.own = value
    } catch (error) {
      // A metric never fails the request that it measures.
      if (error instanceof OrbitError && error.code === 'ERR_ORBIT_CLOSED') return
      this.#home.warn(cell.name.replaceAll(separator, ' '), (error as Error).message)
    }
  }

  /** Sets a gauge, which no other process changes. One that is not a number has no value. */
  #setOwn({ shared, own }: Cell, value: number): boolean {
    if (Number.isNaN(value)) shared.delete()
    else shared.set(value)
    const isFirst = own === undefined || Number.isNaN(own)
    return !isFirst || Number.isNaN(value) || shared.get() !== undefined
  }

  #keyOf(labels: Labels): string {
    let key = ''
    for (const name of this.#labelNames) {
      const value = labels[name]
      key += separator + (value === undefined ? absent : encoded(String(value)))
    }
    return key
  }

  #cell(key: string, part: string): Cell {
    let parts = this.#series.get(key)
    if (parts === undefined) {
      parts = new Map()
      this.#series.set(key, parts)
    }
    let cell = parts.get(part)
    if (cell === undefined) {
      const name = `${this.name}${separator}${part}${separator}${this.#owner}${key}`
      cell = { name, shared: this.#home.counters.gauge(name), own: undefined }
      parts.set(part, cell)
    }
    return cell
  }
}
