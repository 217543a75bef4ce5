import { checkFlag, checkInteger, checkOptions, checkSignal, outOfRange, printable, wrongType } from '../base/check.js'
import { typeError } from '../base/errors.js'
import { freeze } from '../base/freeze.js'
import type { NetId64 } from '../base/netid.js'
import type { Fleet } from '../core/fleet.js'
import type { FleetObserver } from '../core/observer.js'
import { type CacheBytes, checkPut, OrbitCache, type OrbitCacheOptions, type PutOptions } from './cache.js'
import { type Codec, type TextForm, textFormOf } from './codecs.js'
import type { LoadContext } from './loadcontext.js'
import { Loads, spaceOf } from './loads.js'
import type { Lookup } from './lookup.js'

/** Options of a `TypedCache`: its codec, what callers may do with values, and the options of an `OrbitCache`. */
export interface TypedCacheOptions<T> extends OrbitCacheOptions {
  /** How values become bytes: one of `codecs`, or your own. */
  codec: Codec<T>
  /**
   * What callers get for an entry that has not changed. 'frozen' (default): the same object, deeply frozen except for
   * bytes, Map, Set and Date in it; 'shared': the same object, which callers must not change; 'own': a new object,
   * decoded for each call.
   */
  values?: 'frozen' | 'shared' | 'own'
}

/** Options of `getOrSet`: how long the loaded value lives, and how long the load may take. */
export interface GetOrSetOptions extends PutOptions {
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

interface Remembered<T> {
  readonly position: number
  readonly value: T
}

/**
 * An `OrbitCache` of values: a codec turns them into bytes. An entry that has not changed since this handle decoded it
 * is not decoded again.
 */
export class TypedCache<T> {
  readonly #loads: Loads
  readonly #cache: OrbitCache
  /** Sets the loads of this cache and namespace apart from others. */
  readonly #space: string
  readonly #codec: Codec<T>
  readonly #textForm: TextForm<T> | undefined
  readonly #values: 'shared' | 'frozen' | 'own'
  readonly #remembered = new Map<CacheBytes, Remembered<T>>()
  /** Values that were loaded but are not in the cache, by their bytes. */
  readonly #loaded = new WeakMap<Uint8Array, T>()
  #notStored = 0

  /**
   * If other members use a cache with another capacity or valueBytes, it is taken as it is, and the process gets one
   * warning with the code ORBIT_GEOMETRY_DIFFERS. A member that is alone makes the cache anew with what it asks for.
   *
   * @throws TypeError or RangeError for wrong options; what else opening a ring throws
   */
  constructor(fleet: Fleet | FleetObserver, options: TypedCacheOptions<T>) {
    checkOptions('options', options, ['codec', 'values', 'name', 'namespace', 'capacity', 'valueBytes'])
    const { codec, values = 'frozen', ...rest } = options
    if (typeof codec?.encode !== 'function' || typeof codec.decode !== 'function') {
      throw wrongType('codec', codec, 'an object with encode and decode, such as codecs.json()')
    }
    if (values !== 'shared' && values !== 'frozen' && values !== 'own') {
      throw outOfRange('values', values, "'frozen', 'shared' or 'own'")
    }
    this.#cache = new OrbitCache(fleet, rest)
    this.#codec = codec
    this.#textForm = textFormOf(codec)
    this.#values = values
    this.#loads = Loads.of(fleet)
    this.#space = spaceOf(rest.name, rest.namespace ?? '')
  }

  /**
   * Stores the bytes that the codec makes of a value. From now on every process gets it, until the key is put again,
   * deleted, reset or expired, or `capacity` newer mutations were made.
   *
   * @returns the id of the frame
   * @throws what the codec throws; TypeError or RangeError for wrong arguments; RangeError ERR_ORBIT_PAYLOAD_SIZE for
   *   an entry that does not fit; ERR_ORBIT_RETIRED, ERR_ORBIT_CLOSED, ERR_ORBIT_READ_ONLY for an observer. After an
   *   error nothing has changed.
   */
  put(key: CacheBytes, value: T, options?: PutOptions): NetId64 {
    return this.#cache.put(key, this.#encoded(key, value), options)
  }

  /**
   * Deletes a key. From now on it is a miss in every process.
   *
   * @returns the id of the frame
   * @throws TypeError for a wrong key; RangeError ERR_ORBIT_PAYLOAD_SIZE for a key that does not fit;
   *   ERR_ORBIT_RETIRED, ERR_ORBIT_CLOSED, ERR_ORBIT_READ_ONLY for an observer
   */
  delete(key: CacheBytes): NetId64 {
    return this.#cache.delete(key)
  }

  /**
   * Deletes all keys of this namespace that begin with a prefix. From now on they are misses in every process.
   *
   * @param prefix default '': all keys
   * @returns the id of the frame
   * @throws TypeError for a wrong prefix; RangeError ERR_ORBIT_PAYLOAD_SIZE for a prefix that does not fit;
   *   ERR_ORBIT_RETIRED, ERR_ORBIT_CLOSED, ERR_ORBIT_READ_ONLY for an observer
   */
  reset(prefix?: CacheBytes): NetId64 {
    return this.#cache.reset(prefix)
  }

  /**
   * The value of a key.
   *
   * @returns undefined if the key has no value
   * @throws what the codec throws for bytes of another codec; TypeError for a wrong key; ERR_ORBIT_CLOSED,
   *   ERR_ORBIT_RETIRED, ERR_ORBIT_CORRUPT
   */
  get(key: CacheBytes): T | undefined {
    const remembered = this.#remembered.get(key)
    const lookup = this.#cache.findKnown(key, remembered === undefined ? -1 : remembered.position)
    if (lookup.isUnchanged) return (remembered as Remembered<T>).value
    if (lookup.isHit) return this.#decode(key, lookup)
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
   * A value that does not fit is returned to all callers and not stored; see `notStored`. So is undefined.
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
    checkOptions('options', options, ['ttlMs', 'signal', 'leaseMs', 'loadTimeoutMs', 'keepAlive'])
    const { signal, leaseMs = 10_000, loadTimeoutMs = 60_000, keepAlive = true, ttlMs } = options
    if (typeof load !== 'function') throw wrongType('load', load, 'a function')
    checkInteger('leaseMs', leaseMs, 1, 0x7fffffff)
    checkInteger('loadTimeoutMs', loadTimeoutMs, 1, 0x7fffffff)
    checkSignal(signal)
    checkFlag('keepAlive', keepAlive)
    const putOptions = ttlMs === undefined ? {} : { ttlMs }
    checkPut(putOptions) // before the load, which would be in vain
    const cached = this.get(key)
    if (cached !== undefined) return cached
    signal?.throwIfAborted()
    const caller = {
      ...{ load, leaseMs, loadTimeoutMs, signal, keepAlive },
      encode: (value: unknown) => this.#encode(key, value as T, (each) => this.#codec.encode(each)),
      store: (bytes: Uint8Array) => this.#store(key, bytes, putOptions),
    }
    const since = this.#cache.head
    const bytes = await this.#loads.load(this.#space, key, caller, () => this.#cache.newest(key, since))
    return bytes === undefined ? undefined : (this.get(key) ?? this.#decodeLoaded(bytes))
  }

  /** How many values `getOrSet` has loaded with this handle that did not fit the cache and were not stored. */
  get notStored(): number {
    return this.#notStored
  }

  /** What a value is stored as. */
  #encoded(key: CacheBytes, value: T): CacheBytes {
    const form = this.#textForm
    return this.#encode(key, value, (each) => (form === undefined ? this.#codec.encode(each) : form.toText(each)))
  }

  /** Encodes a value. An error of the codec names the key. */
  #encode<Encoded>(key: CacheBytes, value: T, encode: (value: T) => Encoded): Encoded {
    try {
      return encode(value)
    } catch (error) {
      if ((error as { code?: string }).code !== 'ERR_ORBIT_INVALID_ARGUMENT') throw error
      const keyText = typeof key === 'string' ? printable(key) : 'bytes'
      throw typeError('ERR_ORBIT_INVALID_ARGUMENT', `key=${keyText}: ${(error as Error).message}`)
    }
  }

  #store(key: CacheBytes, bytes: Uint8Array, options: PutOptions): void {
    try {
      this.#cache.put(key, bytes, options)
    } catch (error) {
      if ((error as { code?: string }).code !== 'ERR_ORBIT_PAYLOAD_SIZE') throw error
      this.#notStored++
      this.#cache.warnNotStored(error as Error)
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

  #decode(key: CacheBytes, lookup: Lookup): T {
    const position = lookup.position()
    const form = this.#textForm
    const value = form === undefined ? this.#codec.decode(lookup.ownValue()) : form.fromText(lookup.text())
    if (this.#values === 'own') return value
    if (this.#values === 'frozen') freeze(value)
    if (typeof key === 'string') this.#remember(key, { position, value })
    return value
  }

  /** Remembers at most as many values as the ring retains entries; the one remembered longest is forgotten first. */
  #remember(key: string, entry: Remembered<T>): void {
    this.#remembered.delete(key)
    if (this.#remembered.size === this.#cache.capacity) {
      this.#remembered.delete(this.#remembered.keys().next().value as string)
    }
    this.#remembered.set(key, entry)
  }
}
