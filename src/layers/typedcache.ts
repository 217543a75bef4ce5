import { checkFlag, checkInteger, checkOptions, checkSignal, outOfRange, printable, wrongType } from '../base/check.js'
import { typeError } from '../base/errors.js'
import { freeze } from '../base/freeze.js'
import type { Fleet } from '../core/fleet.js'
import type { FleetObserver } from '../core/observer.js'
import { resultPosition } from '../core/scratch.js'
import { foundHashHigh, foundHashLow, foundIsStale, loadedCopy, loadedText } from '../core/storehandle.js'
import type { CacheBytes } from './cache.js'
import { type Codec, type TextForm, textFormOf } from './codecs.js'
import type { LoadCaller } from './flight.js'
import type { OrbitStoreOptions } from './keyspace.js'
import type { LoadContext } from './loadcontext.js'
import { Loads, spaceOf } from './loads.js'
import { warnNotReloaded, warnNotStored } from './loadwarnings.js'
import type { Reservation } from './reservation.js'
import { type KnownEntry, OrbitStore } from './store.js'
import { type ConditionalPutOptions, checkEntryOptions, type StorePutOptions } from './storeoptions.js'
import type { StoreStats } from './storestats.js'

/** Options of a `TypedCache`: its codec, what callers may do with values, and the options of an `OrbitStore`. */
export interface TypedCacheOptions<T> extends OrbitStoreOptions {
  /** How values become bytes: one of `codecs`, or your own. */
  codec: Codec<T>
  /**
   * What callers get for an entry that has not changed. 'frozen' (default): the same object, deeply frozen except for
   * bytes, Map, Set and Date in it; 'shared': the same object, which callers must not change; 'own': a new object,
   * decoded for each call.
   */
  values?: 'frozen' | 'shared' | 'own'
  /** How many decoded values this handle remembers, 0..2^24; default 1024. The one remembered longest goes first. */
  remember?: number
}

/** Options of `getOrSet`: how long the loaded value lives, its tags, and how long the load may take. */
export interface GetOrSetOptions extends StorePutOptions {
  /** Aborting it rejects this call at once, with the signal's reason. A load that runs goes on for other callers. */
  signal?: AbortSignal
  /**
   * How long the load may take, in milliseconds, 1..2^31-1; default 60,000. After it, its callers are rejected with
   * ERR_ORBIT_TIMEOUT, the next caller loads, and the late value is discarded.
   */
  loadTimeoutMs?: number
  /**
   * How long other processes wait for one that loads with a blocked event loop, in milliseconds, 1..2^31-1; default
   * 10,000. A load that is only slow keeps its turn; one that fails, or dies with its process, hands over at once.
   */
  leaseMs?: number
  /** Keeps the process alive until the call ends; default true. */
  keepAlive?: boolean
}

interface Remembered<T> extends KnownEntry {
  readonly value: T
}

const defaultRemembered = 1024
const maxMs = 0x7fffffff

/** The options of a getOrSet: those of its load, and those of the entry. */
function checkGetOrSet(options: GetOrSetOptions) {
  checkOptions('options', options, ['ttlMs', 'staleMs', 'tags', 'signal', 'leaseMs', 'loadTimeoutMs', 'keepAlive'])
  const { signal, leaseMs = 10_000, loadTimeoutMs = 60_000, keepAlive = true, ...putOptions } = options
  checkInteger('leaseMs', leaseMs, 1, maxMs)
  checkInteger('loadTimeoutMs', loadTimeoutMs, 1, maxMs)
  checkSignal(signal)
  checkFlag('keepAlive', keepAlive)
  return { limits: { signal, leaseMs, loadTimeoutMs, keepAlive }, putOptions: checkEntryOptions(putOptions) }
}

/**
 * An `OrbitStore` of values: a codec turns them into bytes. An entry that has not changed since this handle decoded it
 * is not decoded again.
 */
export class TypedCache<T> {
  readonly #loads: Loads
  readonly #store: OrbitStore
  /** Sets the loads of this cache and namespace apart from others. */
  readonly #space: string
  readonly #codec: Codec<T>
  readonly #textForm: TextForm<T> | undefined
  readonly #values: 'shared' | 'frozen' | 'own'
  readonly #remembered = new Map<CacheBytes, Remembered<T>>()
  readonly #mostRemembered: number
  /** Values that were loaded but are not in the cache, by their bytes. */
  readonly #loaded = new WeakMap<Uint8Array, T>()
  #notStored = 0

  /**
   * If other members use a store of another size, it is taken as it is, and the process gets one warning with the code
   * ORBIT_GEOMETRY_DIFFERS. A member that is alone makes the store anew with what it asks for.
   *
   * @throws TypeError or RangeError for wrong options; what else opening an `OrbitStore` throws
   */
  constructor(fleet: Fleet | FleetObserver, options: TypedCacheOptions<T>) {
    checkOptions('options', options, ['codec', 'values', 'remember', 'name', 'namespace', 'bytes', 'entryBytes'])
    const { codec, values = 'frozen', remember = defaultRemembered, ...rest } = options
    if (typeof codec?.encode !== 'function' || typeof codec.decode !== 'function') {
      throw wrongType('codec', codec, 'an object with encode and decode, such as codecs.json()')
    }
    if (values !== 'shared' && values !== 'frozen' && values !== 'own') {
      throw outOfRange('values', values, "'frozen', 'shared' or 'own'")
    }
    checkInteger('remember', remember, 0, 2 ** 24)
    this.#store = new OrbitStore(fleet, rest)
    this.#codec = codec
    this.#textForm = textFormOf(codec)
    this.#values = values
    this.#mostRemembered = values === 'own' ? 0 : remember
    this.#loads = Loads.of(fleet)
    this.#space = spaceOf(rest.name, rest.namespace ?? '')
  }

  /**
   * Stores the bytes that the codec makes of a value. From now on every process gets it, until the key is put again,
   * deleted, reset, expired, removed by one of its tags, or evicted.
   *
   * @returns false if the condition in the options did not hold; then nothing has changed
   * @throws what the codec throws; TypeError or RangeError for wrong arguments; RangeError ERR_ORBIT_PAYLOAD_SIZE for
   *   an entry that does not fit; ERR_ORBIT_RETIRED, ERR_ORBIT_CLOSED, ERR_ORBIT_NO_SPARE, ERR_ORBIT_READ_ONLY for an
   *   observer. After an error nothing has changed.
   */
  put(key: CacheBytes, value: T, options?: ConditionalPutOptions): boolean {
    return this.#store.put(key, this.#encoded(key, value), options)
  }

  /**
   * Deletes a key. From now on it is a miss in every process.
   *
   * @returns whether it had a value
   * @throws TypeError for a wrong key; ERR_ORBIT_RETIRED, ERR_ORBIT_CLOSED, ERR_ORBIT_READ_ONLY for an observer
   */
  delete(key: CacheBytes): boolean {
    return this.#store.delete(key)
  }

  /**
   * Deletes all keys of this namespace that begin with a prefix. From now on they are misses in every process.
   *
   * @param prefix default '': all keys
   * @throws TypeError for a wrong prefix; RangeError ERR_ORBIT_PAYLOAD_SIZE for a prefix that is too long;
   *   ERR_ORBIT_RETIRED, ERR_ORBIT_CLOSED, ERR_ORBIT_READ_ONLY for an observer
   */
  reset(prefix?: CacheBytes): void {
    this.#store.reset(prefix)
  }

  /**
   * Removes all entries that have at least one of these tags, in all namespaces of the store. From now on they are
   * misses in every process. Now and then an entry with another tag goes with them.
   *
   * @throws TypeError or RangeError for wrong tags; ERR_ORBIT_RETIRED, ERR_ORBIT_CLOSED, ERR_ORBIT_READ_ONLY for an
   *   observer
   */
  invalidate(...tags: readonly string[]): void {
    this.#store.invalidate(...tags)
  }

  /**
   * The value of a key. It may be stale: see `staleMs`.
   *
   * @returns undefined if the key has no value
   * @throws what the codec throws for bytes of another codec; TypeError for a wrong key; ERR_ORBIT_CLOSED,
   *   ERR_ORBIT_RETIRED, ERR_ORBIT_CORRUPT
   */
  get(key: CacheBytes): T | undefined {
    const remembered = this.#remembered.get(key)
    if (remembered !== undefined && this.#store.isUnchanged(remembered)) return remembered.value
    if (this.#store.find(key)) return this.#decode(key)
    if (remembered !== undefined) this.#remembered.delete(key)
    return undefined
  }

  /**
   * The value of a key. If it has none, `load` makes one and it is stored: one caller of the whole fleet loads at a
   * time. Callers with one fleet handle share the load, its value and its failure. Those in other processes wait; they
   * take its value, or load in turn if there is none. The call keeps the process alive unless `keepAlive` is false. The
   * loader is elected by a `Contest` of the same fleet, under subjects of kind 255; if that has no room, processes do
   * not wait for each other.
   *
   * A stale value is returned at once, and one process of the fleet loads a new one. If that fails, the process warns
   * once (ORBIT_NOT_RELOADED), and the next caller tries again.
   *
   * A value is not stored if its key was put, deleted or reset, or one of its tags invalidated, while it was loaded. A
   * value that does not fit is returned to all callers and not stored; see `notStored`. So is undefined.
   *
   * @param load returns the value. Its signal is aborted after `loadTimeoutMs`. It may ask for other keys, but not
   *   for one that waits for this load.
   * @returns undefined only if `load` returned it
   * @throws what `load` throws; what the codec throws; TypeError or RangeError for wrong arguments; the signal's
   *   reason; ERR_ORBIT_TIMEOUT after `loadTimeoutMs`; ERR_ORBIT_LOAD_CYCLE if a load of this thread would wait for
   *   itself; ERR_ORBIT_RETIRED, ERR_ORBIT_CLOSED, ERR_ORBIT_READ_ONLY for an observer
   */
  getOrSet(key: CacheBytes, load: (context: LoadContext) => T | Promise<T>, options?: GetOrSetOptions): Promise<T>
  /**
   * The value of a key, as above, or undefined if `load` returns it: the key then stays without a value.
   *
   * @returns undefined only if `load` returned it
   */
  getOrSet(
    key: CacheBytes,
    load: (context: LoadContext) => T | undefined | Promise<T | undefined>,
    options?: GetOrSetOptions,
  ): Promise<T | undefined>
  async getOrSet(
    key: CacheBytes,
    load: (context: LoadContext) => T | undefined | Promise<T | undefined>,
    options: GetOrSetOptions = {},
  ): Promise<T | undefined> {
    if (typeof load !== 'function') throw wrongType('load', load, 'a function')
    const { limits, putOptions } = checkGetOrSet(options) // before the load, which would be in vain
    const remembered = this.#remembered.get(key)
    const isUnchanged = remembered !== undefined && this.#store.isUnchanged(remembered)
    const isFound = isUnchanged || this.#store.find(key)
    const isStale = isFound && foundIsStale()
    const id = resultPosition()
    const caller = { ...limits, ...this.#filling(key, load, putOptions) }
    if (isFound) {
      const cached = isUnchanged ? remembered.value : this.#decode(key)
      if (isStale) this.#reload(key, id, { ...caller, signal: undefined, keepAlive: false })
      return cached
    }
    limits.signal?.throwIfAborted()
    const before = this.#store.find(key, true) ? resultPosition() : 0
    const bytes = await this.#loads.load(this.#space, key, caller, () => this.#newer(key, before))
    return bytes === undefined ? undefined : (this.get(key) ?? this.#decodeLoaded(bytes))
  }

  /**
   * The counters of the store, of all processes and namespaces.
   *
   * @returns undefined for an observer while no member has created the store
   * @throws ERR_ORBIT_CLOSED
   */
  stats(): StoreStats | undefined {
    return this.#store.stats()
  }

  /** How many values `getOrSet` has loaded with this handle that did not fit the store and were not stored. */
  get notStored(): number {
    return this.#notStored
  }

  /** How a caller of a load makes the value and stores it. The key is reserved when the load begins. */
  #filling(
    key: CacheBytes,
    load: (context: LoadContext) => unknown,
    options: StorePutOptions,
  ): Pick<LoadCaller, 'load' | 'encode' | 'store'> {
    let reservation: Reservation | undefined
    return {
      load: (context) => {
        reservation = this.#reserve(key)
        return load(context)
      },
      encode: (value) => this.#encodedBytes(key, value as T),
      store: (bytes) => this.#fill(reservation, bytes, options),
    }
  }

  /** Undefined: the key does not fit, and neither will its value. */
  #reserve(key: CacheBytes): Reservation | undefined {
    try {
      return this.#store.reserve(key)
    } catch (error) {
      this.#noteNotStored(error)
      return undefined
    }
  }

  #fill(reservation: Reservation | undefined, bytes: Uint8Array, options: StorePutOptions): void {
    try {
      reservation?.put(bytes, options)
    } catch (error) {
      this.#noteNotStored(error)
    }
  }

  #noteNotStored(error: unknown): void {
    if ((error as { code?: string }).code !== 'ERR_ORBIT_PAYLOAD_SIZE') throw error
    this.#notStored++
    warnNotStored(this.#store.keyspace.fleet, error as Error)
  }

  /** The bytes of the key's entry, even if it has expired, unless it is the one with this id. */
  #newer(key: CacheBytes, id: number): Uint8Array | undefined {
    return this.#store.find(key, true) && resultPosition() !== id ? loadedCopy() : undefined
  }

  /** Loads a stale value anew, unless it is being loaded. No caller waits for it. */
  #reload(key: CacheBytes, id: number, caller: LoadCaller): void {
    const { fleet } = this.#store.keyspace
    if (!fleet.isMember) return
    const reload = this.#loads.reload(this.#space, key, caller, () => this.#newer(key, id))
    reload?.catch((error) => warnNotReloaded(fleet, error))
  }

  /** What a value is stored as. */
  #encoded(key: CacheBytes, value: T): CacheBytes {
    const form = this.#textForm
    if (form === undefined) return this.#encodedBytes(key, value)
    try {
      return form.toText(value)
    } catch (error) {
      throw namingKey(error, key)
    }
  }

  #encodedBytes(key: CacheBytes, value: T): Uint8Array {
    try {
      return this.#codec.encode(value)
    } catch (error) {
      throw namingKey(error, key)
    }
  }

  /** A loaded value that this cache does not have: it did not fit, or is gone already. */
  #decodeLoaded(bytes: Uint8Array): T {
    const known = this.#loaded.get(bytes)
    if (known !== undefined) return known
    const value = this.#codec.decode(bytes.slice())
    if (this.#values === 'frozen') freeze(value)
    if (this.#values !== 'own') this.#loaded.set(bytes, value)
    return value
  }

  /** The value that was found last. */
  #decode(key: CacheBytes): T {
    const id = resultPosition()
    const hashLow = foundHashLow()
    const hashHigh = foundHashHigh()
    const form = this.#textForm
    const value = form === undefined ? this.#codec.decode(loadedCopy()) : form.fromText(loadedText())
    if (this.#values === 'frozen') freeze(value)
    if (typeof key === 'string' && this.#mostRemembered > 0) this.#remember(key, { id, hashLow, hashHigh, value })
    return value
  }

  #remember(key: string, entry: Remembered<T>): void {
    this.#remembered.delete(key)
    if (this.#remembered.size === this.#mostRemembered) {
      this.#remembered.delete(this.#remembered.keys().next().value as string)
    }
    this.#remembered.set(key, entry)
  }
}

/** What a codec threw; an error of ours names the key. */
function namingKey(error: unknown, key: CacheBytes): unknown {
  const { code, message } = (error ?? {}) as { code?: string; message?: string }
  if (code !== 'ERR_ORBIT_INVALID_ARGUMENT') return error
  const keyText = typeof key === 'string' ? printable(key) : 'bytes'
  return typeError('ERR_ORBIT_INVALID_ARGUMENT', `key=${keyText}: ${message}`)
}
