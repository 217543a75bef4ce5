import { isUtf8 } from 'node:buffer'
import { createHash } from 'node:crypto'
import { checkInteger, checkOptions, checkSignal, shown } from '../base/check.js'
import { rangeError, typeError } from '../base/errors.js'
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

/** The same, and how values become bytes. */
export interface TypedCacheOptions<T> extends OrbitCacheOptions {
  /** One of `codecs`, or your own. */
  codec: Codec<T>
  /**
   * What callers get of an unchanged entry. 'shared' (default): the same object, so nobody may change it; 'frozen': the same
   * object, frozen through and through but for bytes in it; 'own': each call an object of its own, decoded anew.
   */
  values?: 'shared' | 'frozen' | 'own'
}

/** How long a loaded value stays, and how long others wait for it. */
export interface GetOrSetOptions extends PutOptions {
  /** Aborting it rejects a call that waits for another's load with the signal's reason; a load of its own goes on. */
  signal?: AbortSignal
  /**
   * How long a loader whose event loop is blocked keeps the others waiting, in milliseconds, 1..2^31-1; default 10,000. One
   * that dies or fails hands over at once, one that is slow goes on.
   */
  leaseMs?: number
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
  readonly #fleet: Fleet | FleetObserver
  readonly #cache: OrbitCache
  readonly #namespace: string
  readonly #codec: Codec<T>
  readonly #values: 'shared' | 'frozen' | 'own'
  readonly #remembered = new Map<CacheBytes, Remembered<T>>()
  #contest: Contest | undefined

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
    this.#fleet = fleet
    this.#namespace = rest.namespace ?? ''
  }

  /**
   * As OrbitCache.put, of the bytes that the codec makes of `value`.
   *
   * @throws as OrbitCache.put, and what the codec throws; nothing changed then
   */
  put(key: CacheBytes, value: T, options?: PutOptions): NetId64 {
    return this.#cache.put(key, this.#codec.encode(value), options)
  }

  /**
   * As OrbitCache.delete.
   *
   * @throws as OrbitCache.put
   */
  delete(key: CacheBytes): NetId64 {
    return this.#cache.delete(key)
  }

  /**
   * As OrbitCache.reset.
   *
   * @throws as OrbitCache.put
   */
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
    const lookup = this.#cache.find(key, remembered === undefined ? -1 : remembered.position)
    if (lookup.isUnchanged) return (remembered as Remembered<T>).value
    if (lookup.isHit) return this.#decode(key, lookup)
    if (remembered !== undefined) this.#remembered.delete(key)
    return undefined
  }

  /**
   * The value of a key; if there is none, `load` makes it and it is put: by one caller at a time in the whole fleet, while
   * the others wait for what it puts. Keeps the process alive meanwhile. Loads are elected by a Contest of the same fleet,
   * under subjects of kind 255.
   *
   * @param load may be called again elsewhere when it throws, or when its process dies or blocks for `leaseMs`
   * @throws what `load` throws, to its own caller; as get, put and Contest.claim
   */
  async getOrSet(key: CacheBytes, load: () => T | Promise<T>, options: GetOrSetOptions = {}): Promise<T> {
    checkOptions('options', options, ['ttlMs', 'signal', 'leaseMs'])
    const { signal, leaseMs = 10_000, ttlMs } = options
    if (typeof load !== 'function') throw typeError('ERR_ORBIT_INVALID_ARGUMENT', `load=${shown(load)} is no function`)
    checkInteger('leaseMs', leaseMs, 1, 0x7fffffff)
    checkSignal(signal)
    const putOptions = ttlMs === undefined ? {} : { ttlMs }
    checkPut(putOptions) // not after a load that was for nothing
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
        runtime.clearInterval(renewal) // the put will tell why
      }
    }
    const renewal = runtime.setInterval(renew, Math.ceil(leaseMs / 3)).unref()
    try {
      // Whoever held the claim until now has put it, perhaps, since we looked.
      const cached = this.get(key)
      if (cached !== undefined) return cached
      const value = await load()
      if (value === undefined) {
        throw typeError(
          'ERR_ORBIT_INVALID_ARGUMENT',
          'load gave undefined, which is how a cache says that it has no value',
        )
      }
      if (guard.held) this.put(key, value, options) // else another loads by now, and is to have the last word
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

  /** At most as many as the ring retains; the longest remembered goes first. */
  #remember(key: string, entry: Remembered<T>): void {
    this.#remembered.delete(key)
    if (this.#remembered.size === this.#cache.capacity) {
      this.#remembered.delete(this.#remembered.keys().next().value as string)
    }
    this.#remembered.set(key, entry)
  }
}

const loadKind = 255

/** The subject of a load: one for each key, which is the same key as a string and as bytes. */
function loadOf(namespace: string, key: CacheBytes): Subject {
  const head = Buffer.from(`${Buffer.byteLength(namespace)}:${namespace}`)
  const bytes = Buffer.concat([head, typeof key === 'string' ? Buffer.from(key) : key])
  const isLabel = bytes.length <= abi.maxSubjectBytes && !bytes.includes(0) && isUtf8(bytes)
  const label = isLabel ? bytes.toString() : createHash('sha256').update(bytes).digest('hex')
  return { kind: loadKind, label }
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
