import { checkInteger, wrongType } from '../base/check.js'
import { rangeError } from '../base/errors.js'
import {
  CounterPlace,
  type CounterTable,
  counterBefore,
  counterHad,
  counterKinds,
  counterOps,
  counterValue,
} from '../core/counters.js'
import type { Layer } from '../core/layer.js'
import { status } from '../core/native.js'

/** The table of a counter, and what becomes of a change for which it has no room. */
export interface CounterHome {
  readonly layer: Layer<CounterTable>
  /** Whether such a change is dropped, and not an error. */
  readonly drops: boolean
}

const most = Number.MAX_SAFE_INTEGER
const { add, addUntil, set, max, min } = counterOps

/** What counters and gauges have in common. */
abstract class Cell {
  /** The name of the counter. */
  readonly name: string
  readonly #home: CounterHome
  readonly #place: CounterPlace

  /** @internal */
  constructor(home: CounterHome, place: CounterPlace) {
    this.name = place.name
    this.#home = home
    this.#place = place
  }

  /** False: refused. A change without room is dropped, and leaves `isDropped`; or it is an error. */
  protected change(op: number, operand: number, limit = 0): boolean {
    const table = this.#home.layer.writable()
    const result = table.change(this.#place, op, operand, limit)
    if (result === 0) return true
    if (result === status.refused) return false
    if (!this.#home.drops) throw table.fullError(this.#place)
    isDropped = true
    return true
  }

  /** The value; undefined: there is none. */
  protected load(): number | undefined {
    const table = this.#home.layer.open()
    return table?.load(this.#place) ? counterValue() : undefined
  }

  /**
   * Removes the counter. The next change begins a new one.
   *
   * @returns its exact last value; undefined if there was none
   * @throws ERR_ORBIT_TYPE_MISMATCH if the name is one of another sort; ERR_ORBIT_CLOSED, ERR_ORBIT_RETIRED,
   *   ERR_ORBIT_READ_ONLY for an observer
   */
  delete(): number | undefined {
    return this.#home.layer.writable().remove(this.#place) ? counterValue() : undefined
  }
}

/** Whether the last change was dropped. */
let isDropped = false

/** The value that the last change left; NaN: it was dropped. */
function changedValue(): number {
  if (!isDropped) return counterValue()
  isDropped = false
  return Number.NaN
}

function checkWhole(name: string, value: number): void {
  if (value !== 1) checkInteger(name, value, -most, most)
}

function checkNumber(name: string, value: unknown): asserts value is number {
  if (typeof value !== 'number' || Number.isNaN(value)) throw wrongType(name, value, 'a number, not NaN')
}

/**
 * An integer of -(2^53-1)..2^53-1 that all processes of the fleet change. Each change is one atomic step in shared
 * memory. It survives the processes that have changed it, and is 0 until its first change.
 */
export class Counter extends Cell {
  /** @internal */
  constructor(home: CounterHome, name: string, ttlMs: number) {
    super(home, new CounterPlace(name, counterKinds.integer, ttlMs))
  }

  /**
   * Adds an integer.
   *
   * @param by -(2^53-1)..2^53-1; default 1
   * @returns the new value; NaN if the table is full and `whenFull` is 'drop'
   * @throws TypeError or RangeError for a wrong `by`; RangeError ERR_ORBIT_EXHAUSTED if the sum is outside of
   *   -(2^53-1)..2^53-1, and then nothing is added; ERR_ORBIT_TABLE_FULL, ERR_ORBIT_TYPE_MISMATCH if the name is one of
   *   a gauge, ERR_ORBIT_CLOSED, ERR_ORBIT_RETIRED, ERR_ORBIT_READ_ONLY for an observer
   */
  add(by = 1): number {
    checkWhole('by', by)
    if (!this.change(add, by)) throw sumError('counter', this.name, 'in -(2^53-1)..2^53-1', by)
    return changedValue()
  }

  /**
   * Adds an integer unless the sum would pass a limit: be above it for a positive `by`, or below it for a negative one.
   *
   * @param limit -(2^53-1)..2^53-1
   * @param by -(2^53-1)..2^53-1; default 1
   * @returns the new value; undefined: nothing was added; NaN if the table is full and `whenFull` is 'drop'
   * @throws TypeError or RangeError for wrong arguments; ERR_ORBIT_TABLE_FULL, ERR_ORBIT_TYPE_MISMATCH if the name is
   *   one of a gauge, ERR_ORBIT_CLOSED, ERR_ORBIT_RETIRED, ERR_ORBIT_READ_ONLY for an observer
   */
  addUntil(limit: number, by = 1): number | undefined {
    checkWhole('limit', limit)
    checkWhole('by', by)
    return this.change(addUntil, by, limit) ? changedValue() : undefined
  }

  /**
   * Returns the value.
   *
   * @returns 0 if the counter was never changed, was deleted, or has expired
   * @throws ERR_ORBIT_TYPE_MISMATCH if the name is one of a gauge; ERR_ORBIT_CLOSED, ERR_ORBIT_RETIRED
   */
  get(): number {
    return this.load() ?? 0
  }

  /**
   * Sets the value.
   *
   * @param value -(2^53-1)..2^53-1
   * @throws TypeError or RangeError for a wrong value; ERR_ORBIT_TABLE_FULL, ERR_ORBIT_TYPE_MISMATCH if the name is one
   *   of a gauge, ERR_ORBIT_CLOSED, ERR_ORBIT_RETIRED, ERR_ORBIT_READ_ONLY for an observer
   */
  set(value: number): void {
    this.exchange(value)
  }

  /**
   * Sets the value, and returns the one before.
   *
   * @param value -(2^53-1)..2^53-1
   * @returns 0 if there was none; NaN if the table is full and `whenFull` is 'drop'
   * @throws TypeError or RangeError for a wrong value; ERR_ORBIT_TABLE_FULL, ERR_ORBIT_TYPE_MISMATCH if the name is one
   *   of a gauge, ERR_ORBIT_CLOSED, ERR_ORBIT_RETIRED, ERR_ORBIT_READ_ONLY for an observer
   */
  exchange(value: number): number {
    checkWhole('value', value)
    this.change(set, value)
    return Number.isNaN(changedValue()) ? Number.NaN : counterBefore()
  }

  /**
   * Raises the value to at least this one. A counter without a value gets it.
   *
   * @param value -(2^53-1)..2^53-1
   * @returns the new value; NaN if the table is full and `whenFull` is 'drop'
   * @throws TypeError or RangeError for a wrong value; ERR_ORBIT_TABLE_FULL, ERR_ORBIT_TYPE_MISMATCH if the name is one
   *   of a gauge, ERR_ORBIT_CLOSED, ERR_ORBIT_RETIRED, ERR_ORBIT_READ_ONLY for an observer
   */
  max(value: number): number {
    checkWhole('value', value)
    this.change(max, value)
    return changedValue()
  }

  /**
   * Lowers the value to at most this one. A counter without a value gets it.
   *
   * @param value -(2^53-1)..2^53-1
   * @returns the new value; NaN if the table is full and `whenFull` is 'drop'
   * @throws TypeError or RangeError for a wrong value; ERR_ORBIT_TABLE_FULL, ERR_ORBIT_TYPE_MISMATCH if the name is one
   *   of a gauge, ERR_ORBIT_CLOSED, ERR_ORBIT_RETIRED, ERR_ORBIT_READ_ONLY for an observer
   */
  min(value: number): number {
    checkWhole('value', value)
    this.change(min, value)
    return changedValue()
  }
}

/**
 * A number that all processes of the fleet change, such as a temperature or a sum of durations. Each change is one
 * atomic step in shared memory. It survives the processes that have changed it.
 */
export class Gauge extends Cell {
  /** @internal */
  constructor(home: CounterHome, name: string, ttlMs: number) {
    super(home, new CounterPlace(name, counterKinds.float, ttlMs))
  }

  /**
   * Adds a number. A gauge without a value begins at 0.
   *
   * @param by any number but NaN; default 1
   * @returns the new value, rounded as a 64-bit float; NaN if the table is full and `whenFull` is 'drop'
   * @throws TypeError for a wrong `by`; RangeError ERR_ORBIT_EXHAUSTED for Infinity added to -Infinity or the other way
   *   round, and then nothing is added; ERR_ORBIT_TABLE_FULL, ERR_ORBIT_TYPE_MISMATCH if the name is one of a counter,
   *   ERR_ORBIT_CLOSED, ERR_ORBIT_RETIRED, ERR_ORBIT_READ_ONLY for an observer
   */
  add(by = 1): number {
    checkNumber('by', by)
    if (!this.change(add, by)) throw sumError('gauge', this.name, 'a number', by)
    return changedValue()
  }

  /**
   * Returns the value.
   *
   * @returns undefined if the gauge was never changed, was deleted, or has expired
   * @throws ERR_ORBIT_TYPE_MISMATCH if the name is one of a counter; ERR_ORBIT_CLOSED, ERR_ORBIT_RETIRED
   */
  get(): number | undefined {
    return this.load()
  }

  /**
   * Sets the value.
   *
   * @param value any number but NaN
   * @throws TypeError for a wrong value; ERR_ORBIT_TABLE_FULL, ERR_ORBIT_TYPE_MISMATCH if the name is one of a counter,
   *   ERR_ORBIT_CLOSED, ERR_ORBIT_RETIRED, ERR_ORBIT_READ_ONLY for an observer
   */
  set(value: number): void {
    this.exchange(value)
  }

  /**
   * Sets the value, and returns the one before.
   *
   * @param value any number but NaN
   * @returns undefined if there was none, or if the table is full and `whenFull` is 'drop'
   * @throws TypeError for a wrong value; ERR_ORBIT_TABLE_FULL, ERR_ORBIT_TYPE_MISMATCH if the name is one of a counter,
   *   ERR_ORBIT_CLOSED, ERR_ORBIT_RETIRED, ERR_ORBIT_READ_ONLY for an observer
   */
  exchange(value: number): number | undefined {
    checkNumber('value', value)
    this.change(set, value)
    return Number.isNaN(changedValue()) || !counterHad() ? undefined : counterBefore()
  }

  /**
   * Raises the value to at least this one. A gauge without a value gets it.
   *
   * @param value any number but NaN
   * @returns the new value; NaN if the table is full and `whenFull` is 'drop'
   * @throws TypeError for a wrong value; ERR_ORBIT_TABLE_FULL, ERR_ORBIT_TYPE_MISMATCH if the name is one of a counter,
   *   ERR_ORBIT_CLOSED, ERR_ORBIT_RETIRED, ERR_ORBIT_READ_ONLY for an observer
   */
  max(value: number): number {
    checkNumber('value', value)
    this.change(max, value)
    return changedValue()
  }

  /**
   * Lowers the value to at most this one. A gauge without a value gets it.
   *
   * @param value any number but NaN
   * @returns the new value; NaN if the table is full and `whenFull` is 'drop'
   * @throws TypeError for a wrong value; ERR_ORBIT_TABLE_FULL, ERR_ORBIT_TYPE_MISMATCH if the name is one of a counter,
   *   ERR_ORBIT_CLOSED, ERR_ORBIT_RETIRED, ERR_ORBIT_READ_ONLY for an observer
   */
  min(value: number): number {
    checkNumber('value', value)
    this.change(min, value)
    return changedValue()
  }
}

function sumError(what: string, name: string, expected: string, by: number): RangeError {
  const text = `must be ${expected} after adding by=${by} to ${counterBefore()}: set or delete it first`
  return rangeError('ERR_ORBIT_EXHAUSTED', `${what}=${JSON.stringify(name)} ${text}`)
}
