import { OrbitError } from '../base/errors.js'
import { closedError, objectText, readOnlyError } from './handle.js'
import { abi, native, status, translated } from './native.js'
import type { FleetObserver } from './observer.js'
import { give, growScratch, inScratch, resultBytes, resultFrom, resultHead, resultTo, scratch } from './scratch.js'
import { placeFor, takeCopy } from './slab.js'
import type { NativeStoreReport } from './storecalls.js'

/** How large a store is to be; undefined: as the one that exists. */
export interface StoreSize {
  readonly bytes: number | undefined
  readonly entryBytes: number | undefined
}

/** Three stores of this size fit the /dev/shm of a container, which has 64 MB unless it was given more. */
const defaultStoreBytes = 16 * 2 ** 20
const defaultEntryBytes = 512

/** Where a key begins in the scratch, its namespace in front. The longest one fits in any scratch. */
export const { storeKeyAt, maxStoreKeyBytes } = abi
/** Where tags and values begin behind a key. */
export const afterStoreKey = (keyBytes: number): number => storeKeyAt + ((keyBytes + 7) & ~7)

const evenExpired = 1
const withoutValue = 2
const uncounted = 4
const withTimes = 8
/** Copies longer than this have a buffer of their own. */
const maxSlabCopy = 4096
const likelyBytes = 64
const ageIndex = abi.resultLost >> 3
const hashIndex = abi.resultMalformed >> 2

/** The halves of the hash of the key that was found, as signed numbers: V8 keeps those without a box. */
export const foundHashLow = (): number => (scratch.words[hashIndex] as number) | 0
export const foundHashHigh = (): number => (scratch.words[hashIndex + 1] as number) | 0
/** The age of the entry that `getWithTimes` found, in milliseconds. */
export const foundAgeMs = (): number => scratch.floats[ageIndex] as number
/** Milliseconds until the entry that `getWithTimes` found expires; -1: never. */
export const foundExpiresInMs = resultTo
/** Whether the entry that was found is stale. */
export const foundIsStale = (): boolean => resultHead() === 1

/** The value that the last `load` found, as text. */
export function loadedText(): string {
  const at = resultFrom()
  return scratch.buffer.toString('utf8', at, at + resultBytes())
}

/** A copy of the value that the last `load` found. It has a buffer of its own. */
export function loadedCopy(): Uint8Array {
  const at = resultFrom()
  return scratch.bytes.slice(at, at + resultBytes())
}

/** A store that is open. The caller has put the key into the scratch, and passes its length. */
export class StoreHandle {
  readonly what: string
  readonly objectBytes: number
  readonly maxValueBytes: number
  /** It has another size than was asked for. */
  readonly isOther: boolean
  readonly kind: number
  /** The fleet handle, which is not collected as long as the store is used. */
  readonly opener: FleetObserver
  readonly #handle: number

  private constructor(opener: FleetObserver, name: string, kind: number, opened: StoreHandleNumbers) {
    this.opener = opener
    this.kind = kind
    this.#handle = opened.handle
    this.objectBytes = opened.objectBytes
    this.maxValueBytes = opened.maxValueBytes
    this.isOther = opened.isOther
    this.what = objectText(name, kind)
  }

  /** Undefined: an observer finds no store. */
  static open(fleet: FleetObserver, ownName: string | undefined, size: StoreSize): StoreHandle | undefined {
    fleet.checkOpen()
    const name = ownName === undefined ? 'orbit.store' : `orbit.store:${ownName}`
    const kind = ownName === undefined ? abi.storeKind : translated(() => native.namedKind(fleet.handle, name))
    if (kind < 0) return undefined
    const { bytes = defaultStoreBytes, entryBytes = defaultEntryBytes } = size
    const isAsked = size.bytes !== undefined || size.entryBytes !== undefined
    const opened = translated(() => native.openStore(fleet.handle, { kind, bytes, entryBytes, isAsked }))
    return opened && new StoreHandle(fleet, name, kind, opened)
  }

  /** A copy of the value that a caller keeps; undefined: a miss. */
  get(keyBytes: number): Uint8Array | undefined {
    const place = placeFor(likelyBytes)
    give(0, this.#handle, place, keyBytes, 0)
    const result = native.storeGet()
    return result === undefined ? takeCopy(place, 0, resultBytes()) : this.#getLonger(keyBytes, result, 0)
  }

  /** The same, with the times of the entry. */
  getWithTimes(keyBytes: number): Uint8Array | undefined {
    const place = placeFor(likelyBytes)
    give(0, this.#handle, place, keyBytes, withTimes)
    const result = native.storeGet()
    return result === undefined ? takeCopy(place, 0, resultBytes()) : this.#getLonger(keyBytes, result, withTimes)
  }

  /** After a get for which the place was too short, or a miss. The value may change in between. */
  #getLonger(keyBytes: number, first: number, flags: number): Uint8Array | undefined {
    let result: number | undefined = first
    while (result === status.short) {
      const bytes = resultBytes()
      if (bytes > maxSlabCopy) return this.#getLarge(keyBytes, bytes, flags)
      const place = placeFor(bytes)
      give(0, this.#handle, place, keyBytes, flags)
      result = native.storeGet()
      if (result === undefined) return takeCopy(place, 0, resultBytes())
    }
    return this.#missed(result)
  }

  #missed(result: number): undefined {
    this.orThrow(result)
  }

  /** A copy with a buffer of its own. */
  #getLarge(keyBytes: number, likely: number, flags: number): Uint8Array | undefined {
    let bytes = likely
    for (;;) {
      const { buffer } = Buffer.allocUnsafeSlow(bytes)
      give(0, this.#handle, 0, keyBytes, flags)
      const result = native.storeGetInto(new Uint8Array(buffer))
      if (result === undefined) return new Uint8Array(buffer, 0, resultBytes())
      if (result !== status.short) return this.#missed(result)
      bytes = resultBytes()
    }
  }

  /** Copies the value into `target` from `at` on. -1: a miss; -2: it does not fit, and `resultBytes` is its length. */
  getInto(keyBytes: number, target: Uint8Array, at: number): number {
    give(0, this.#handle, at, keyBytes, 0)
    const result = native.storeGetInto(target)
    if (result === undefined) return resultBytes()
    return result === status.short ? -2 : this.orThrow(result) - 1
  }

  /**
   * Looks a key up for a value that is decoded at once: it is in the scratch from `resultFrom` on.
   *
   * @param even finds an entry that has expired, too
   * @returns whether there is one; undefined: the scratch has grown, so put the key into it and call again
   */
  load(keyBytes: number, even = false): boolean | undefined {
    give(0, this.#handle, inScratch, keyBytes, even ? evenExpired : 0)
    const result = native.storeGet()
    if (result === undefined) return true
    if (result !== status.short) return this.orThrow(result) !== 0
    growScratch(afterStoreKey(maxStoreKeyBytes) + resultBytes())
    return undefined
  }

  /** Whether the entry with this id is still that of its key, of which the hash suffices. It counts as a read if so. */
  isUnchanged(id: number, hashLow: number, hashHigh: number): boolean {
    give(id, this.#handle, hashLow, hashHigh, 0)
    const result = native.storeIsUnchanged()
    return result === undefined || this.orThrow(result) !== 0
  }

  /** Whether the key has an entry. It counts as no read. */
  look(keyBytes: number): boolean {
    give(0, this.#handle, inScratch, keyBytes, withoutValue | uncounted)
    const result = native.storeGet()
    return result === undefined || this.orThrow(result) !== 0
  }

  /**
   * Stores a value.
   *
   * @param bytes the value; or how many bytes it has in the scratch, behind the key and the tags
   * @param hasOptions StoreOptions are in the scratch
   * @returns undefined: stored; 1: stored, and to be noted; 0: the condition did not hold; or a status
   */
  put(keyBytes: number, bytes: Uint8Array | number, hasOptions: boolean): number | undefined {
    const isGiven = typeof bytes !== 'number'
    give(0, this.#handle, isGiven ? 0 : bytes, keyBytes, hasOptions ? 1 : 0)
    return isGiven ? native.storePut(bytes) : native.storePut()
  }

  /** Undefined: there was an entry; 1: there was one, and this is to be noted; 0: there was none. */
  delete(keyBytes: number): number | undefined {
    give(0, this.#handle, 0, keyBytes, 0)
    const result = native.storeDelete()
    return result === undefined ? result : this.orThrow(result)
  }

  /** The words of a reservation, which `StoreOptions` take. */
  reserve(keyBytes: number): Uint32Array {
    give(0, this.#handle, 0, keyBytes, 0)
    const result = native.storeReserve()
    if (result !== undefined) this.orThrow(result)
    return scratch.words.slice(abi.storeReservation >> 2, (abi.storeReservation >> 2) + 4)
  }

  /** Whether this is to be noted. */
  reset(prefixBytes: number): boolean {
    give(0, this.#handle, 0, prefixBytes, 0)
    const result = native.storeReset()
    return result !== undefined && this.orThrow(result) === 1
  }

  /**
   * Whether this is to be noted, and its time.
   *
   * @param atMs 0, or the time of another tag's invalidation: each that draws one moves the clock of the store ahead
   */
  invalidate(tagBytes: number, atMs: number): { readonly isNoted: boolean; readonly atMs: number } {
    give(atMs, this.#handle, 0, tagBytes, 0)
    const result = native.storeInvalidate()
    return { isNoted: result !== undefined && this.orThrow(result) === 1, atMs: resultHead() }
  }

  /** From now on changes are to be noted. */
  watch(): void {
    give(0, this.#handle, 0, 0, 0)
    const result = native.storeWatch()
    if (result !== undefined) this.orThrow(result)
  }

  /** When the tag was last invalidated, or later, on the clock of expiry; 0: never. */
  invalidatedAt(tagBytes: number): number {
    give(0, this.#handle, 0, tagBytes, 0)
    return this.orThrow(native.storeInvalidatedAt())
  }

  /** Leaves entries from a bucket on in the scratch, and returns how many. */
  list(fromBucket: number): { readonly count: number; readonly next: number; readonly buckets: number } {
    give(fromBucket, this.#handle, 0, 0, 0)
    const count = this.orThrow(native.storeList())
    return { count, next: resultTo(), buckets: resultHead() }
  }

  report(): NativeStoreReport {
    this.opener.checkOpen()
    return translated(() => native.inspectStore(this.opener.handle, this.kind)) as NativeStoreReport
  }

  orThrow(result: number): number {
    if (result >= 0) return result
    if (result === status.closed) throw closedError(this.what)
    if (result === status.readOnly) throw readOnlyError(this.what)
    if (result === status.retired) {
      throw new OrbitError('ERR_ORBIT_RETIRED', `${this.what}: it was removed; join or observe the fleet again`)
    }
    if (result === status.full) {
      const text = 'the fleet has too many members for its segments; open it with more bytes'
      throw new OrbitError('ERR_ORBIT_NO_SPARE', `${this.what}: ${text}`)
    }
    throw new OrbitError('ERR_ORBIT_CORRUPT', `${this.what}: its shared bytes contradict the layout; remove it`)
  }
}

type StoreHandleNumbers = NonNullable<ReturnType<typeof native.openStore>>
