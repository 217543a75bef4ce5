import { isUtf8 } from 'node:buffer'
import { checkInteger, checkOptions, checkSignal, outOfRange, wrongType } from '../base/check.js'
import { typeError } from '../base/errors.js'
import type { NetId64 } from '../base/netid.js'
import { runtime } from '../base/runtime.js'
import type { Fleet } from '../core/fleet.js'
import { abi } from '../core/native.js'
import type { FleetObserver } from '../core/observer.js'
import type { Subject } from '../core/table.js'
import { type CacheBytes, checkPut, OrbitCache, type OrbitCacheOptions, type PutOptions } from './cache.js'
import { defaultOwner } from './claim.js'
import type { Codec } from './codecs.js'
import { Contest } from './contest.js'
import { Guard } from './guard.js'
import type { Lookup } from './lookup.js'

/** Options of a `TypedCache`: its codec, what callers may do with values, and the options of an `OrbitCache`. */
export interface TypedCacheOptions<T> extends OrbitCacheOptions {
  /** How values become bytes: one of `codecs`, or your own. */
  codec: Codec<T>
  /**
   * What callers get for an entry that has not changed. 'shared' (default): the same object, which no caller may
   * change; 'frozen': the same object, deeply frozen except for bytes in it; 'own': a new object, decoded for each
   * call.
   */
  values?: 'shared' | 'frozen' | 'own'
}

/** Options of `getOrSet`: how long the loaded value lives, and how long other callers wait for it. */
export interface GetOrSetOptions extends PutOptions {
  /**
   * Aborting it rejects a call that waits for the load of another caller, with the signal's reason. A load that this
   * call has started goes on.
   */
  signal?: AbortSignal
  /**
   * How long the other callers wait for a loader with a blocked event loop, in milliseconds, 1..2^31-1; default 10,000.
   * A loader that is only slow keeps its turn; one that fails or dies hands over at once.
   */
  leaseMs?: number
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
  readonly #fleet: Fleet | FleetObserver
  readonly #cache: OrbitCache
  readonly #namespace: string
  readonly #codec: Codec<T>
  readonly #values: 'shared' | 'frozen' | 'own'
  readonly #remembered = new Map<CacheBytes, Remembered<T>>()
  #contest: Contest | undefined

  /**
   * If other members use a cache with another capacity or valueBytes, it is taken as it is, and the process gets one
   * warning with the code ORBIT_GEOMETRY_DIFFERS. A member that is alone makes the cache anew with what it asks for.
   *
   * @throws TypeError or RangeError for wrong options; what else opening a ring throws
   */
  constructor(fleet: Fleet | FleetObserver, options: TypedCacheOptions<T>) {
    checkOptions('options', options, ['codec', 'values', 'namespace', 'capacity', 'valueBytes'])
    const { codec, values = 'shared', ...rest } = options
    if (typeof codec?.encode !== 'function' || typeof codec.decode !== 'function') {
      throw wrongType('codec', codec, 'an object with encode and decode, such as codecs.json()')
    }
    if (values !== 'shared' && values !== 'frozen' && values !== 'own') {
      throw outOfRange('values', values, "'shared', 'frozen' or 'own'")
    }
    this.#cache = new OrbitCache(fleet, rest)
    this.#codec = codec
    this.#values = values
    this.#fleet = fleet
    this.#namespace = rest.namespace ?? ''
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
    return this.#cache.put(key, this.#codec.encode(value), options)
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
    const lookup = this.#cache.find(key, remembered === undefined ? -1 : remembered.position)
    if (lookup.isUnchanged) return (remembered as Remembered<T>).value
    if (lookup.isHit) return this.#decode(key, lookup)
    if (remembered !== undefined) this.#remembered.delete(key)
    return undefined
  }

  /**
   * The value of a key. If it has none, `load` makes one and it is stored: one caller of the whole fleet loads at a
   * time, and the others wait for its value. The wait keeps the process alive. The loader is elected by a `Contest` of
   * the same fleet, under subjects of kind 255.
   *
   * @param load returns the value, never undefined; it is called again, possibly in another process, if it throws, or
   *   if its process dies or blocks for `leaseMs`
   * @throws what `load` throws, to its own caller; what the codec throws; TypeError or RangeError for wrong arguments;
   *   the signal's reason; RangeError ERR_ORBIT_PAYLOAD_SIZE for a value that does not fit; ERR_ORBIT_TABLE_FULL,
   *   ERR_ORBIT_RETIRED, ERR_ORBIT_CLOSED, ERR_ORBIT_READ_ONLY for an observer
   */
  async getOrSet(key: CacheBytes, load: () => T | Promise<T>, options: GetOrSetOptions = {}): Promise<T> {
    checkOptions('options', options, ['ttlMs', 'signal', 'leaseMs'])
    const { signal, leaseMs = 10_000, ttlMs } = options
    if (typeof load !== 'function') throw wrongType('load', load, 'a function')
    checkInteger('leaseMs', leaseMs, 1, 0x7fffffff)
    checkSignal(signal)
    const putOptions = ttlMs === undefined ? {} : { ttlMs }
    checkPut(putOptions) // before the load, which would be in vain
    for (;;) {
      const cached = this.get(key)
      if (cached !== undefined) return cached
      signal?.throwIfAborted()
      this.#contest ??= new Contest(this.#fleet)
      const claim = this.#contest.tryClaimChecked(loadOf(this.#namespace, key), leaseMs, defaultOwner())
      if (claim instanceof Guard) return this.#load(claim, leaseMs, key, load, putOptions)
      await this.#contest.untilFree(claim, Number.POSITIVE_INFINITY, signal)
    }
  }

  async #load(
    guard: Guard,
    leaseMs: number,
    key: CacheBytes,
    load: () => T | Promise<T>,
    options: PutOptions,
  ): Promise<T> {
    const renew = () => {
      try {
        guard.renew(leaseMs)
      } catch {
        runtime.clearInterval(renewal) // the put fails for the same reason
      }
    }
    const renewal = runtime.setInterval(renew, Math.ceil(leaseMs / 3)).unref()
    try {
      // The holder before may have stored it since this caller looked.
      const cached = this.get(key)
      if (cached !== undefined) return cached
      const value = await load()
      if (value === undefined) {
        throw typeError(
          'ERR_ORBIT_INVALID_ARGUMENT',
          'load returned undefined, which a cache cannot store: return null or another value',
        )
      }
      if (guard.held) this.put(key, value, options) // else another caller loads by now, and its value counts
      return this.get(key) ?? value
    } finally {
      runtime.clearInterval(renewal)
      guard.release()
    }
  }

  #decode(key: CacheBytes, lookup: Lookup): T {
    const position = lookup.position()
    const value = this.#codec.decode(lookup.value())
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

const loadKind = 255

/** The subject of a load. It is the same for a key as a string and as bytes. */
function loadOf(namespace: string, key: CacheBytes): Subject {
  const head = Buffer.from(`${Buffer.byteLength(namespace)}:${namespace}`)
  const bytes = Buffer.concat([head, typeof key === 'string' ? Buffer.from(key) : key])
  const isLabel = bytes.length <= abi.maxSubjectBytes && !bytes.includes(0) && isUtf8(bytes)
  const label = isLabel
    ? bytes.toString()
    : process.getBuiltinModule('node:crypto').createHash('sha256').update(bytes).digest('hex')
  return { kind: loadKind, label }
}

/** Freezes a value deeply, even below an object that the codec froze. Bytes cannot be frozen. */
function freeze(root: unknown): void {
  const frozen = new Set<unknown>()
  const pending = [root]
  while (pending.length > 0) {
    const value = pending.pop()
    if (typeof value !== 'object' || value === null || ArrayBuffer.isView(value) || frozen.has(value)) continue
    frozen.add(Object.freeze(value))
    for (const key of Reflect.ownKeys(value)) pending.push((value as Record<PropertyKey, unknown>)[key])
  }
}
