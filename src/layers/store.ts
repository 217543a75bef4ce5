import { isUint8Array } from 'node:util/types'
import { checkBytes, lengthOf } from '../base/bytes.js'
import { checkInteger, wrongType } from '../base/check.js'
import { rangeError } from '../base/errors.js'
import type { Fleet } from '../core/fleet.js'
import { abi, status } from '../core/native.js'
import type { FleetObserver } from '../core/observer.js'
import { putName, putText, resultBytes, resultPosition, scratch } from '../core/scratch.js'
import {
  afterStoreKey,
  foundAgeMs,
  foundExpiresInMs,
  foundIsStale,
  type StoreHandle,
  storeKeyAt,
} from '../core/storehandle.js'
import type { CacheBytes } from './cache.js'
import { checkKey, Keyspace, type OrbitStoreOptions } from './keyspace.js'
import { Reservation } from './reservation.js'
import { type KeysOptions, keysOf, type StoreKey } from './storekeys.js'
import {
  type ConditionalPutOptions,
  checkPutOptions,
  checkTag,
  giveOptions,
  makeRoomForTags,
  maxTagBytes,
  type PutCondition,
  type StorePutOptions,
} from './storeoptions.js'
import { type StoreStats, statsOf } from './storestats.js'
import { ChangeLog, StoreWatch, type StoreWatchOptions } from './storewatch.js'

/** The result of `getEntry`: a hit with its value and what is known of it, or a miss. */
export type StoreEntry =
  | {
      /** The key has a value. */
      readonly hit: true
      /** A private copy of the value. */
      readonly value: Uint8Array
      /** The id of this put, 1..2^53-1: no other put of the store has it. */
      readonly id: number
      /** Whether `ttlMs` has passed, and `staleMs` has not. */
      readonly stale: boolean
      /** Milliseconds since the put. */
      readonly ageMs: number
      /** Milliseconds until the entry expires, stale time included; undefined: never. */
      readonly expiresInMs?: number
    }
  | {
      /** The key has no value. */
      readonly hit: false
    }

/** What a caller keeps of an entry that it has decoded. */
export interface KnownEntry {
  readonly id: number
  readonly hashLow: number
  readonly hashHigh: number
}

const stringOrBytes = 'a string or a Uint8Array'
/** Longer values cross as arguments. */
const shortBytes = 64
const noOptions: StorePutOptions = {}

/**
 * A cache of bytes that all processes of a fleet share, under a budget of bytes. Values may have any size up to an
 * eighth of it. What is asked for stays; what is not is evicted. All processes use one index, so the first read of a
 * process costs as little as any other.
 */
export class OrbitStore {
  readonly #keys: Keyspace
  readonly #changes: ChangeLog

  /**
   * If other members use a store of another size, it is taken as it is, and the process gets one warning with the code
   * ORBIT_GEOMETRY_DIFFERS. A member that is alone makes the store anew with what it asks for.
   *
   * @throws TypeError or RangeError for wrong options; RangeError ERR_ORBIT_OUT_OF_RANGE for too few bytes;
   *   ERR_ORBIT_NO_SPACE, ERR_ORBIT_NO_SPARE, ERR_ORBIT_BUSY, ERR_ORBIT_RETIRED, ERR_ORBIT_CLOSED, ERR_ORBIT_CORRUPT,
   *   ERR_ORBIT_KINDS_FULL for a new name
   */
  constructor(fleet: Fleet | FleetObserver, options: OrbitStoreOptions = {}) {
    this.#keys = new Keyspace(fleet, options)
    this.#changes = new ChangeLog(this.#keys)
  }

  /**
   * The value of a key, as a private copy: no process and no later call changes it. The buffer behind a value of up to
   * 4 KiB also holds other copies, 16 KiB at most, and lives as long as any of them. Take `value.slice()` before you
   * keep a small value for long or transfer it to another thread.
   *
   * @returns undefined if the key has no value
   * @throws TypeError for a wrong key; ERR_ORBIT_CLOSED, ERR_ORBIT_RETIRED, ERR_ORBIT_CORRUPT
   */
  get(key: CacheBytes): Uint8Array | undefined {
    const store = this.#keys.open()
    const keyBytes = this.#keys.putKey(key)
    return store === undefined || keyBytes < 0 ? undefined : store.get(keyBytes)
  }

  /**
   * Copies the value of a key into `target`, from `at` on. Nothing is allocated.
   *
   * @param at an offset in `target`; default 0
   * @returns how many bytes the value has; -1 if the key has no value
   * @throws TypeError or RangeError for wrong arguments; RangeError ERR_ORBIT_PAYLOAD_SIZE if `target` has too little
   *   room, which then has any bytes from `at` on; ERR_ORBIT_CLOSED, ERR_ORBIT_RETIRED, ERR_ORBIT_CORRUPT
   */
  getInto(key: CacheBytes, target: Uint8Array, at = 0): number {
    if (!isUint8Array(target) || target.length === 0) checkBytes('target', target)
    const room = lengthOf(target)
    if (at !== 0) checkInteger('at', at, 0, room)
    const store = this.#keys.open()
    const keyBytes = this.#keys.putKey(key)
    if (store === undefined || keyBytes < 0) return -1
    const bytes = store.getInto(keyBytes, target, at)
    if (bytes !== -2) return bytes
    throw rangeError(
      'ERR_ORBIT_PAYLOAD_SIZE',
      `${store.what}: the value has ${resultBytes()} bytes, and target has room for ${room - at}: pass a larger target`,
    )
  }

  /**
   * The values of several keys, in the same order, as private copies.
   *
   * @returns undefined in place of a value that there is not
   * @throws TypeError for wrong keys; ERR_ORBIT_CLOSED, ERR_ORBIT_RETIRED, ERR_ORBIT_CORRUPT
   */
  getMany(keys: readonly CacheBytes[]): (Uint8Array | undefined)[] {
    if (!Array.isArray(keys)) throw wrongType('keys', keys, 'an array of keys')
    return keys.map((key) => this.get(key))
  }

  /**
   * The value of a key, with its id, its age and the time until it expires.
   *
   * @returns `hit: false` if the key has no value
   * @throws TypeError for a wrong key; ERR_ORBIT_CLOSED, ERR_ORBIT_RETIRED, ERR_ORBIT_CORRUPT
   */
  getEntry(key: CacheBytes): StoreEntry {
    const store = this.#keys.open()
    const keyBytes = this.#keys.putKey(key)
    const value = store === undefined || keyBytes < 0 ? undefined : store.getWithTimes(keyBytes)
    if (value === undefined) return { hit: false }
    const entry = { hit: true, value, id: resultPosition(), stale: foundIsStale(), ageMs: foundAgeMs() } as const
    const expiresInMs = foundExpiresInMs()
    return expiresInMs < 0 ? entry : { ...entry, expiresInMs }
  }

  /**
   * Whether a key has a value. It does not count as a read, and does not keep the entry from being evicted.
   *
   * @throws TypeError for a wrong key; ERR_ORBIT_CLOSED, ERR_ORBIT_RETIRED, ERR_ORBIT_CORRUPT
   */
  has(key: CacheBytes): boolean {
    const store = this.#keys.open()
    const keyBytes = this.#keys.putKey(key)
    return store !== undefined && keyBytes >= 0 && store.look(keyBytes)
  }

  /**
   * Stores a value. From now on every process gets it, until the key is put again, deleted, reset, expired, removed by
   * one of its tags, or evicted.
   *
   * @returns false if the condition in the options did not hold; then nothing has changed
   * @throws TypeError or RangeError for wrong arguments; RangeError ERR_ORBIT_PAYLOAD_SIZE for an entry that does not
   *   fit; ERR_ORBIT_RETIRED, ERR_ORBIT_CLOSED, ERR_ORBIT_NO_SPARE, ERR_ORBIT_READ_ONLY for an observer
   */
  put(key: CacheBytes, value: CacheBytes, options?: ConditionalPutOptions): boolean {
    if (options === undefined) return this.putChecked(key, value, noOptions)
    const given = checkPutOptions(options)
    return this.putChecked(key, value, given, given)
  }

  /** Stores a value with options that were checked. @internal */
  putChecked(key: CacheBytes, value: CacheBytes, options: StorePutOptions, condition?: PutCondition): boolean {
    const store = this.#keys.writable()
    if (options.tags !== undefined) makeRoomForTags(options)
    const keyBytes = this.#keys.putKey(key)
    if (keyBytes < 0) this.#refuseSize(store, key, value)
    const hasOptions = condition !== undefined || options !== noOptions
    const afterKey = afterStoreKey(keyBytes)
    const valueAt = hasOptions ? giveOptions(options, condition ?? {}, afterKey) : afterKey
    const result = store.put(keyBytes, crossing(value, valueAt), hasOptions)
    if (result === undefined) return true
    if (result === status.tooLarge) this.#refuseSize(store, key, value)
    return this.#noted('put', keyBytes, store.orThrow(result))
  }

  /**
   * Reserves a key for a value that this process is about to make. The present value stays. The reservation is of use
   * only until the key is put, deleted or reset, or a tag of the new entry is invalidated; then its `put` stores
   * nothing. Of several reservations of one key, the first that puts stores.
   *
   * @throws TypeError for a wrong key; RangeError ERR_ORBIT_PAYLOAD_SIZE for a key that does not fit;
   *   ERR_ORBIT_RETIRED, ERR_ORBIT_CLOSED, ERR_ORBIT_READ_ONLY for an observer
   */
  reserve(key: CacheBytes): Reservation {
    const store = this.#keys.writable()
    const keyBytes = this.#keys.putKey(key)
    if (keyBytes < 0) this.#refuseSize(store, key, '')
    const kept = typeof key === 'string' ? key : key.slice()
    return new Reservation(store.reserve(keyBytes), (value, options, condition) =>
      this.putChecked(kept, value, options, condition),
    )
  }

  /**
   * Deletes a key. From now on it is a miss in every process.
   *
   * @returns whether it had a value
   * @throws TypeError for a wrong key; ERR_ORBIT_RETIRED, ERR_ORBIT_CLOSED, ERR_ORBIT_READ_ONLY for an observer
   */
  delete(key: CacheBytes): boolean {
    const store = this.#keys.writable()
    const keyBytes = this.#keys.putKey(key)
    if (keyBytes < 0) return false
    const result = store.delete(keyBytes)
    return result === undefined || this.#noted('delete', keyBytes, result)
  }

  /** Whether there was a change. */
  #noted(op: 'put' | 'delete', keyBytes: number, result: number): boolean {
    if (result === 1) this.#changes.note(op, keyBytes)
    return result === 1
  }

  /**
   * Deletes all keys of this namespace that begin with a prefix, in one step. From now on they are misses in every
   * process. Namespace and prefix have at most 254 bytes together.
   *
   * @param prefix default '': all keys of the namespace
   * @throws TypeError for a wrong prefix; RangeError ERR_ORBIT_PAYLOAD_SIZE for a prefix that is too long;
   *   ERR_ORBIT_RETIRED, ERR_ORBIT_CLOSED, ERR_ORBIT_READ_ONLY for an observer
   */
  reset(prefix: CacheBytes = ''): void {
    const store = this.#keys.writable()
    const prefixBytes = this.#keys.putKey(prefix)
    const most = abi.maxStorePrefixBytes
    if (prefixBytes < 0 || prefixBytes > most) {
      const text = `a prefix of ${bytesOf(prefix)} bytes must have at most ${most - this.#keys.headBytes} in this namespace`
      throw rangeError('ERR_ORBIT_PAYLOAD_SIZE', `${store.what}: ${text}: delete the keys one by one`)
    }
    if (store.reset(prefixBytes)) this.#changes.note('reset', prefixBytes)
  }

  /**
   * Removes all entries that have at least one of these tags, in all namespaces of the store. From now on they are
   * misses in every process. Now and then an entry with another tag goes with them.
   *
   * @throws TypeError or RangeError for wrong tags; ERR_ORBIT_RETIRED, ERR_ORBIT_CLOSED, ERR_ORBIT_READ_ONLY for an
   *   observer
   */
  invalidate(...tags: readonly string[]): void {
    for (const tag of tags) checkTag(tag)
    const store = this.#keys.writable()
    let atMs = 0
    for (const tag of tags) {
      const tagBytes = putTag(tag)
      const done = store.invalidate(tagBytes, atMs)
      atMs = done.atMs
      if (done.isNoted) this.#changes.note('invalidate', tagBytes)
    }
  }

  /**
   * The changes that processes make to the keys of this namespace from this call on, with an exact count of those that
   * were lost. It is for people, logs and caches of other kinds: a change is made first and noted then, so a process
   * that is killed in between leaves no note, and evictions and expiry are not noted. Once a store is watched, each
   * change of it is noted until the store is made anew, which costs as much as publishing an event.
   *
   * @throws TypeError or RangeError for wrong options; ERR_ORBIT_CLOSED, ERR_ORBIT_RETIRED, ERR_ORBIT_READ_ONLY for an
   *   observer; what opening a ring throws
   */
  watch(options: StoreWatchOptions = {}): StoreWatch {
    return new StoreWatch(this.#keys, this.#changes, options)
  }

  /**
   * When a tag was last invalidated. The answer may be later than that, and is never earlier.
   *
   * @returns milliseconds of monotonic time; 0 if it never was
   * @throws TypeError or RangeError for a wrong tag; ERR_ORBIT_CLOSED, ERR_ORBIT_RETIRED
   * @internal
   */
  invalidatedAt(tag: string): number {
    checkTag(tag)
    return this.#keys.open()?.invalidatedAt(putTag(tag)) ?? 0
  }

  /**
   * Lists the keys of this namespace, in no order. It walks the whole index, so it is for people and for tools. A key
   * that is put or moved during the walk may be missing, or come twice.
   *
   * @throws TypeError or RangeError for wrong options; ERR_ORBIT_CLOSED, ERR_ORBIT_RETIRED
   */
  keys(options: KeysOptions = {}): Generator<StoreKey, void, undefined> {
    return keysOf(this.#keys, options)
  }

  /**
   * The counters of all processes that have used the store, and how full it is.
   *
   * @returns undefined for an observer while no member has created the store
   * @throws ERR_ORBIT_CLOSED
   */
  stats(): StoreStats | undefined {
    const store = this.#keys.open()
    return store && statsOf(store.report())
  }

  /**
   * Looks a key up, for a value that is decoded at once: `loadedText` and `loadedCopy` have it.
   *
   * @param even finds an entry that has expired, too
   * @returns whether there is one
   * @internal
   */
  find(key: CacheBytes, even = false): boolean {
    for (;;) {
      const store = this.#keys.open()
      const keyBytes = this.#keys.putKey(key)
      if (store === undefined || keyBytes < 0) return false
      const found = store.load(keyBytes, even)
      if (found !== undefined) return found // else the scratch has grown
    }
  }

  /** Whether the key of a value that the caller has decoded still has that entry. @internal */
  isUnchanged({ id, hashLow, hashHigh }: KnownEntry): boolean {
    return this.#keys.open()?.isUnchanged(id, hashLow, hashHigh) === true
  }

  /** The fleet, and how it and the store are named in warnings. @internal */
  get keyspace(): Keyspace {
    return this.#keys
  }

  #refuseSize(store: StoreHandle, key: CacheBytes, value: CacheBytes): never {
    checkKey(key)
    const sizes = `key of ${bytesOf(key)} bytes, namespace of ${this.#keys.headBytes - 1} and value of ${bytesOf(value)}`
    const mostKey = abi.maxStoreKeyBytes - 1
    throw rangeError(
      'ERR_ORBIT_PAYLOAD_SIZE',
      `${store.what}: ${sizes}: key and namespace must have at most ${mostKey} bytes together, and a value at most ` +
        `${store.maxValueBytes}, an eighth of the store: open it with more bytes`,
    )
  }
}

const bytesOf = (data: CacheBytes): number => (typeof data === 'string' ? Buffer.byteLength(data) : lengthOf(data))

const putTag = (tag: string): number => putName('tag', tag, storeKeyAt, storeKeyAt + maxTagBytes) - storeKeyAt

/** The value as the addon takes it: its length, once it is in the scratch from `at` on; or its bytes. */
function crossing(value: CacheBytes, at: number): number | Uint8Array {
  const room = scratch.bytes.length - at
  if (typeof value === 'string') {
    return value.length * 3 <= room ? putText(value, at, scratch.bytes.length) - at : Buffer.from(value)
  }
  if (!isUint8Array(value) || value.length === 0) checkBytes('value', value, stringOrBytes)
  const length = lengthOf(value)
  if (length > shortBytes || length > room) return value
  scratch.bytes.set(value, at)
  return length
}
