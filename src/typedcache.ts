import {
  type CacheBytes,
  decidedAt,
  hit,
  loadedValue,
  OrbitCache,
  type OrbitCacheOptions,
  type PutOptions,
  unchanged,
} from './cache.js'
import { checkOptions, shown } from './check.js'
import type { Codec } from './codecs.js'
import { rangeError, typeError } from './errors.js'
import type { Fleet, FleetObserver } from './fleet.js'
import type { NetId64 } from './netid.js'

export interface TypedCacheOptions<T> extends OrbitCacheOptions {
  /** One of `codecs`, or your own. */
  codec: Codec<T>
  /**
   * What callers get of an unchanged entry. 'shared' (default): the same object, so nobody may change it; 'frozen': the same
   * object, frozen through and through but for bytes in it; 'own': each call an object of its own, decoded anew.
   */
  values?: 'shared' | 'frozen' | 'own'
}

interface Remembered<T> {
  readonly position: number
  readonly value: T
}

/**
 * An OrbitCache of values: a codec makes them bytes, and an entry that has not changed since this handle decoded it costs
 * no decoding.
 */
export class TypedCache<T> {
  readonly #cache: OrbitCache
  readonly #codec: Codec<T>
  readonly #values: 'shared' | 'frozen' | 'own'
  readonly #remembered = new Map<CacheBytes, Remembered<T>>()
  readonly #capacity: number

  /** @throws as OrbitCache */
  constructor(fleet: Fleet | FleetObserver, options: TypedCacheOptions<T>) {
    checkOptions('options', options, ['codec', 'values', 'namespace', 'capacity', 'valueBytes'])
    const { codec, values = 'shared', ...rest } = options
    if (typeof codec?.encode !== 'function' || typeof codec.decode !== 'function') {
      throw typeError('ERR_ORBIT_INVALID_ARGUMENT', `codec=${shown(codec)} has no encode and decode`)
    }
    if (values !== 'shared' && values !== 'frozen' && values !== 'own') {
      throw rangeError('ERR_ORBIT_OUT_OF_RANGE', `values=${shown(values)} is not 'shared', 'frozen' or 'own'`)
    }
    this.#cache = new OrbitCache(fleet, rest)
    this.#codec = codec
    this.#values = values
    this.#capacity = rest.capacity ?? 1024
  }

  /** Throws as OrbitCache.put, and what the codec throws. */
  put(key: CacheBytes, value: T, options?: PutOptions): NetId64 {
    return this.#cache.put(key, this.#codec.encode(value), options)
  }

  /** As OrbitCache.delete. */
  delete(key: CacheBytes): NetId64 {
    return this.#cache.delete(key)
  }

  /** As OrbitCache.reset. */
  reset(prefix?: CacheBytes): NetId64 {
    return this.#cache.reset(prefix)
  }

  /**
   * The value of a key.
   *
   * @returns undefined when there is none, or not any more
   * @throws as OrbitCache.get, and what the codec throws for bytes that are not its own
   */
  get(key: CacheBytes): T | undefined {
    const remembered = this.#remembered.get(key)
    const found = this.#cache.find(key, remembered === undefined ? -1 : remembered.position)
    if (found === unchanged) return (remembered as Remembered<T>).value
    if (found === hit) return this.#decode(key)
    if (remembered !== undefined) this.#remembered.delete(key)
    return undefined
  }

  #decode(key: CacheBytes): T {
    const position = decidedAt()
    const value = this.#codec.decode(loadedValue())
    if (this.#values === 'own') return value
    if (this.#values === 'frozen') freeze(value)
    if (typeof key === 'string') this.#remember(key, { position, value })
    return value
  }

  /** At most as many as the ring retains; the longest remembered goes first. */
  #remember(key: string, entry: Remembered<T>): void {
    this.#remembered.delete(key)
    if (this.#remembered.size >= this.#capacity) this.#remembered.delete(this.#remembered.keys().next().value as string)
    this.#remembered.set(key, entry)
  }
}

/** All the way down, however deep, also below what the codec froze. Bytes cannot be frozen. */
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
