import { printable } from '../base/check.js'
import { OrbitError, rangeError } from '../base/errors.js'
import { Handle, objectText } from './handle.js'
import { abi, native, status } from './native.js'
import { firstRecord, give, resultBytes, scratch } from './scratch.js'

/** What kind of number a counter has: an integer, or any number. The value is the one that the addon knows. */
export const counterKinds = { integer: 1, float: 2 } as const
/** What a call does to a counter, in the addon's numbers. */
export const counterOps = { add: 0, addUntil: 1, set: 2, max: 3, min: 4 } as const

/** A counter of a list. */
export interface ListedCounter {
  readonly name: string
  readonly isFloat: boolean
  readonly value: number
  /** -1: never. */
  readonly expiresInMs: number
}

const ttlIndex = abi.counterTtlMs >> 3
const limitIndex = abi.counterLimit >> 3
const valueIndex = abi.counterValue >> 3
const beforeIndex = abi.counterBefore >> 3
const cellIndex = abi.counterCell >> 2
const stampIndex = abi.counterStamp >> 2
const generationIndex = abi.counterGeneration >> 2
const hadIndex = abi.counterHad >> 2
const nowhere = 0xffffffff

/** The value that the last call left. */
export const counterValue = (): number => scratch.floats[valueIndex] as number
/** The value that the counter had before the last call; 0: none. */
export const counterBefore = (): number => scratch.floats[beforeIndex] as number
/** Whether the counter had a value before the last call. */
export const counterHad = (): boolean => scratch.words[hadIndex] !== 0

/** What a process knows of one counter: its name, and where it has found it. */
export class CounterPlace {
  readonly name: string
  readonly kind: number
  readonly ttlMs: number
  cell = nowhere
  stamp = 0
  generation = 0

  /** @param ttlMs how long a new value lives; 0: for ever */
  constructor(name: string, kind: number, ttlMs: number) {
    this.name = name
    this.kind = kind
    this.ttlMs = ttlMs
  }
}

/** How many names a bucket has on average in a table that is as full as it promises. Then 2 of 10^9 are full. */
export const namesPerBucket = 4

/** The payloadBytes of a table for names of up to so many bytes. */
export const counterPayload = (nameBytes: number): number =>
  abi.bucketCells * ((abi.counterHeaderBytes + nameBytes + 7) & ~7)

/** One open table of counters. Calls that succeed load the counter. native/protocol/counters.h describes it. */
export class CounterTable extends Handle {
  static readonly isTable = true
  static readonly hasCells = true

  /**
   * Changes a counter.
   *
   * @param limit what kAddUntil compares with
   * @returns 0: changed; status.refused or status.full: not
   */
  change(place: CounterPlace, op: number, operand: number, limit: number): number {
    this.#give(place, op, operand, limit)
    const result = native.counterChange()
    return result === undefined ? 0 : this.#changeNamed(result, place, op, operand, limit)
  }

  #changeNamed(first: number, place: CounterPlace, op: number, operand: number, limit: number): number {
    let result: number | undefined = first
    if (first === status.stale || first === status.none) {
      this.#give(place, op, operand, limit)
      result = native.counterChangeNamed(place.name)
    }
    if (result === undefined) return this.#note(place)
    if (result === status.refused || result === status.full) return result
    return this.#refuseCounter(result, place)
  }

  /** Loads a counter; false: there is none. */
  load(place: CounterPlace): boolean {
    this.#give(place, 0, 0, 0)
    const result = native.counterGet(place.name)
    if (result === undefined) this.#note(place)
    else if (result !== status.none) this.#refuseCounter(result, place)
    return result === undefined
  }

  /** Removes a counter, and loads its last value; false: there was none. */
  remove(place: CounterPlace): boolean {
    this.#give(place, 0, 0, 0)
    const result = native.counterRemove(place.name)
    if (result === undefined || result < 0) this.#refuseCounter(result ?? status.corrupt, place)
    return result === 1
  }

  /**
   * Lists the counters of some buckets, of those that begin with a prefix.
   *
   * @param bucket where to begin: 0, or what the call before returned
   * @param add called with each counter
   * @returns where to go on; -1: these were the last
   */
  list(bucket: number, prefix: string, add: (counter: ListedCounter) => void): number {
    const next = this.orThrow(native.counterList(this.handle, bucket, prefix))
    const end = firstRecord + resultBytes()
    for (let at = firstRecord; at < end; ) at = listedAt(at, add)
    return next < this.capacity ? next : -1
  }

  /** The error of a full bucket. */
  fullError({ name }: CounterPlace): OrbitError {
    const what = `${objectText(this.name, this.kind)}: counter=${printable(name)}`
    const names = this.capacity * namesPerBucket
    const advice = `delete counters, or open the table with a larger capacity than ${names} once every member has left`
    return new OrbitError('ERR_ORBIT_TABLE_FULL', `${what} must have room in its bucket, which is full: ${advice}`)
  }

  #give({ cell, stamp, generation, kind, ttlMs }: CounterPlace, op: number, operand: number, limit: number): void {
    give(operand, this.handle, cell, stamp, generation | (op << 24) | (kind << 28))
    const { floats } = scratch
    floats[ttlIndex] = ttlMs
    floats[limitIndex] = limit
  }

  #note(place: CounterPlace): number {
    const { words } = scratch
    place.cell = words[cellIndex] as number
    place.stamp = words[stampIndex] as number
    place.generation = words[generationIndex] as number
    return 0
  }

  #refuseCounter(result: number, { name, kind }: CounterPlace): never {
    const what = `${objectText(this.name, this.kind)}: counter=${printable(name)}`
    if (result === status.other) {
      const [wanted, found] = kind === counterKinds.float ? ['any number', 'integers'] : ['integers', 'any number']
      const text = `${what} was asked for with ${wanted}, and has ${found}: use another name, or delete it first`
      throw new OrbitError('ERR_ORBIT_TYPE_MISMATCH', text)
    }
    if (result === status.tooLarge) {
      const nameBytes = this.payloadBytes / abi.bucketCells - abi.counterHeaderBytes
      const text = `${what} must have at most nameBytes=${nameBytes} bytes in UTF-8: open the table with more`
      throw rangeError('ERR_ORBIT_OUT_OF_RANGE', text)
    }
    return this.refuse(result)
  }
}

/** Reads the counter of a list that begins at an offset in the scratch, and returns where the next one begins. */
function listedAt(offset: number, add: (counter: ListedCounter) => void): number {
  const { bytes, floats, buffer } = scratch
  const begin = offset + abi.listedCounterBytes
  const end = begin + (bytes[offset + abi.listedCounterNameBytes] as number)
  add({
    name: buffer.toString('utf8', begin, end),
    isFloat: bytes[offset + abi.listedCounterKind] === counterKinds.float,
    value: floats[offset >> 3] as number,
    expiresInMs: floats[(offset + abi.listedCounterExpiresInMs) >> 3] as number,
  })
  return (end + 7) & ~7
}
