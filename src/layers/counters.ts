import { checkInteger, checkName, checkOptions, outOfRange } from '../base/check.js'
import { CounterTable, counterPayload, namesPerBucket } from '../core/counters.js'
import type { Fleet } from '../core/fleet.js'
import { type Layer, reservedLayer } from '../core/layer.js'
import { abi } from '../core/native.js'
import type { FleetObserver } from '../core/observer.js'
import { Counter, type CounterHome, Gauge } from './counter.js'
import { Histogram, type HistogramOptions } from './histogram.js'

/** Options of `Counters`: its name, how many counters it can hold, and what happens when it is full. */
export interface CountersOptions {
  /**
   * The name, 1..48 bytes of UTF-8: each name is a table of its own in the fleet. Default: the one table without a
   * name.
   */
  name?: string
  /**
   * How many counters the table can hold, a power of two in 16..2^21. Default: that of the fleet's existing table, or
   * 4096.
   */
  capacity?: number
  /**
   * The longest name of a counter in bytes of UTF-8, 16..128, rounded up to a multiple of 8. Default: that of the
   * fleet's existing table, or 64. A counter takes about 280 bytes with 16, 500 with 64, and 800 with 128.
   */
  nameBytes?: number
  /**
   * What a change does when there is no room for a new counter. 'throw' (default): it throws ERR_ORBIT_TABLE_FULL.
   * 'drop': it does nothing, and returns NaN. `orbit doctor` reports a table that was full.
   */
  whenFull?: 'throw' | 'drop'
}

/** Options of a counter or a gauge: how long it lives. */
export interface CounterOptions {
  /**
   * How long the counter lives from its first change on, in milliseconds, 1..2^35. Then the next change begins anew.
   * Default: for ever.
   */
  ttlMs?: number
}

/** Which counters to list. */
export interface CounterListOptions {
  /** Only those with names that begin with it; default: all. */
  prefix?: string
}

/** A counter as a list has it. */
export interface CounterEntry {
  /** The name that `counter` or `gauge` was given. */
  readonly name: string
  /** 'counter': an integer; 'gauge': any number. */
  readonly kind: 'counter' | 'gauge'
  /** At some instant during the call. */
  readonly value: number
  /** Milliseconds until it expires; undefined: never. */
  readonly expiresInMs: number | undefined
}

const minNames = 16
const maxNames = namesPerBucket * abi.maxCapacity
const maxTtlMs = 2 ** 35
const defaults = { capacity: 4096, nameBytes: 64 }
const optionsOf = ['name', 'capacity', 'nameBytes', 'whenFull']

/**
 * Counters, gauges and histograms by name, for all processes of the fleet together. Each change is one atomic step in
 * shared memory: none is lost or made twice, whichever processes are killed or stopped.
 */
export class Counters {
  readonly #layer: Layer<CounterTable>
  readonly #home: CounterHome

  /**
   * If other members use a table of another size, it is taken as it is, and the process gets one warning with the code
   * ORBIT_GEOMETRY_DIFFERS. A member that is alone makes the table anew with what it asks for.
   *
   * @throws what opening a table throws
   */
  constructor(fleet: Fleet | FleetObserver, options: CountersOptions = {}) {
    const { name, capacity, nameBytes, whenFull } = checkedOptions(options)
    this.#layer = reservedLayer(fleet, CounterTable, {
      name: 'orbit.counters',
      kind: abi.countersKind,
      ownName: name,
      capacity: capacity && capacity / namesPerBucket,
      payloadBytes: nameBytes && counterPayload(nameBytes),
      capacityFactor: namesPerBucket,
      payloadOption: { option: 'nameBytes', factor: 1 / abi.bucketCells, overhead: abi.counterHeaderBytes },
      defaults: {
        capacity: defaults.capacity / namesPerBucket,
        payloadBytes: counterPayload(defaults.nameBytes),
      },
    })
    this.#home = { layer: this.#layer, drops: whenFull === 'drop' }
  }

  /**
   * Returns the counter of a name. It exists from its first change on.
   *
   * @param name 1..nameBytes bytes of UTF-8
   * @throws TypeError or RangeError for wrong arguments
   */
  counter(name: string, options: CounterOptions = {}): Counter {
    return new Counter(this.#home, checkedName(name), ttlOf(options))
  }

  /**
   * Returns the gauge of a name. It exists from its first change on.
   *
   * @param name 1..nameBytes bytes of UTF-8
   * @throws TypeError or RangeError for wrong arguments
   */
  gauge(name: string, options: CounterOptions = {}): Gauge {
    return new Gauge(this.#home, checkedName(name), ttlOf(options))
  }

  /**
   * Returns the histogram of a name. It takes a counter for each bucket that has values, and a gauge for the sum.
   *
   * @param name such that the names of its counters, `name:end`, have 1..nameBytes bytes of UTF-8
   * @throws TypeError or RangeError for wrong arguments
   */
  histogram(name: string, options: HistogramOptions = {}): Histogram {
    return new Histogram(this.#home, checkedName(name), options)
  }

  /**
   * Lists the counters and gauges that have a value, in no order. Each was current at some instant during the walk.
   *
   * @returns empty if there are none
   * @throws TypeError for wrong options; ERR_ORBIT_CLOSED, ERR_ORBIT_RETIRED
   */
  *entries(options: CounterListOptions = {}): Generator<CounterEntry, void> {
    checkOptions('options', options, ['prefix'])
    const { prefix = '' } = options
    if (prefix !== '') checkName('prefix', prefix, abi.maxCounterName)
    const table = this.#layer.open()
    for (let bucket = 0; table !== undefined && bucket >= 0; ) {
      const some: CounterEntry[] = []
      bucket = table.list(bucket, prefix, ({ name, isFloat, value, expiresInMs }) => {
        const kind = isFloat ? 'gauge' : 'counter'
        some.push({ name, kind, value, expiresInMs: expiresInMs < 0 ? undefined : expiresInMs })
      })
      yield* some
    }
  }
}

const checkedName = (name: string): string => {
  checkName('name', name, abi.maxCounterName)
  return name
}

function ttlOf(options: CounterOptions): number {
  checkOptions('options', options, ['ttlMs'])
  const { ttlMs } = options
  if (ttlMs !== undefined) checkInteger('ttlMs', ttlMs, 1, maxTtlMs)
  return ttlMs ?? 0
}

function checkedOptions(options: CountersOptions): CountersOptions {
  checkOptions('options', options, optionsOf)
  const { capacity, nameBytes, whenFull = 'throw' } = options
  if (capacity !== undefined) {
    checkInteger('capacity', capacity, minNames, maxNames)
    if (!Number.isInteger(Math.log2(capacity))) throw outOfRange('capacity', capacity, 'a power of two')
  }
  if (nameBytes !== undefined) checkInteger('nameBytes', nameBytes, 16, abi.maxCounterName)
  if (!['throw', 'drop'].includes(whenFull)) throw outOfRange('whenFull', whenFull, "'throw' or 'drop'")
  return options
}
