import { TextEncoder } from 'node:util'
import { isUint8Array } from 'node:util/types'
import { checkBytes, lengthOf } from '../base/bytes.js'
import { checkInteger, checkOptions, shown } from '../base/check.js'
import { rangeError, typeError } from '../base/errors.js'
import type { NetId64 } from '../base/netid.js'
import type { Fleet } from '../core/fleet.js'
import { type Layer, reservedLayer } from '../core/layer.js'
import { abi, native, status } from '../core/native.js'
import type { FleetObserver } from '../core/observer.js'
import { Ring } from '../core/ring.js'
import { payloadOffset, putText, resultPosition, scratch } from '../core/scratch.js'
import { type Lookup, lookUp, missAt } from './lookup.js'

/** A key or a value: strings are their UTF-8. */
export type CacheBytes = string | Uint8Array

/** What a cache handle wants: its keys' namespace, and the ring's geometry. */
export interface OrbitCacheOptions {
  /** Keys of different namespaces never meet: 0..255 bytes in UTF-8; default ''. */
  namespace?: string
  /**
   * Puts, deletes and resets that are retained, all namespaces together: a power of two in 1..2^19; default that of the
   * fleet's cache, if it has one, else 1024.
   */
  capacity?: number
  /** Room for a value with a namespace and key of 256 bytes, 0..2^24-512; shorter ones leave more. Default likewise, or 1024. */
  valueBytes?: number
}

/** What can be said of an entry beside its value. */
export interface PutOptions {
  /** The entry is gone after so many milliseconds of monotonic time, 1..2^48; default never. */
  ttlMs?: number
}

/** What a lookup found, and what decided it. */
export type CacheEntry =
  | {
      /** A put decided, and it has not expired. */
      readonly hit: true
      /** A private copy. */
      readonly value: Uint8Array
      /** Of the put. */
      readonly position: number
      /** Milliseconds until it expires; undefined: never. */
      readonly expiresInMs?: number
      /** The answer is that of a walk backwards from this position. */
      readonly head: number
    }
  | {
      /** There is no such entry. */
      readonly hit: false
      /** Of the delete, the reset or the expired put that decided; undefined: no retained frame did. */
      readonly position?: number
      /** As of a hit. */
      readonly head: number
    }

const { cacheKind, cacheHeaderBytes } = abi
/** `valueBytes` leaves this much room for namespace and key. */
const keyRoom = 256
const frameOffset = payloadOffset
const keyOffset = frameOffset + cacheHeaderBytes
const entryBytes = (valueBytes: number): number => cacheHeaderBytes + keyRoom + valueBytes
const encoder = new TextEncoder()
const noTtl = 0

/**
 * A cache that the whole fleet shares: what one process puts, all get. The newest put of a key wins; a put, delete or reset
 * takes one slot of the ring, and what is `capacity` mutations old is gone. Lookups go by an index of this handle's
 * own, which catches up with what others have put since.
 */
export class OrbitCache {
  readonly #layer: Layer<Ring>
  readonly #namespace: Uint8Array

  /**
   * @throws TypeError or RangeError for wrong options; ERR_ORBIT_TYPE_MISMATCH when the fleet's cache has another capacity
   *   or valueBytes, and what else opening a ring throws
   */
  constructor(fleet: Fleet | FleetObserver, options: OrbitCacheOptions = {}) {
    checkOptions('options', options, ['namespace', 'capacity', 'valueBytes'])
    const { namespace = '', capacity, valueBytes } = options
    if (typeof namespace !== 'string') {
      throw typeError('ERR_ORBIT_INVALID_ARGUMENT', `namespace=${shown(namespace)} is not a string`)
    }
    this.#namespace = encoder.encode(namespace)
    if (this.#namespace.length > 255) {
      throw rangeError('ERR_ORBIT_OUT_OF_RANGE', `namespace=${shown(namespace)} has over 255 bytes`)
    }
    if (valueBytes !== undefined) checkInteger('valueBytes', valueBytes, 0, abi.maxPayloadBytes - 512)
    this.#layer = reservedLayer(fleet, Ring, {
      name: 'orbit.cache',
      kind: cacheKind,
      capacity,
      payloadBytes: valueBytes === undefined ? undefined : entryBytes(valueBytes),
      defaults: { capacity: 1024, payloadBytes: entryBytes(1024) },
    })
  }

  /**
   * From now on every process gets `value` for `key`, until it is put again, deleted, reset, expired or overwritten by
   * `capacity` newer mutations.
   *
   * @throws RangeError ERR_ORBIT_PAYLOAD_SIZE with the sizes when it does not fit, and nothing changed; ERR_ORBIT_RETIRED,
   *   ERR_ORBIT_CLOSED, ERR_ORBIT_READ_ONLY for an observer
   */
  put(key: CacheBytes, value: CacheBytes, options?: PutOptions): NetId64 {
    const ttlMs = options === undefined ? noTtl : checkPut(options)
    if (typeof value !== 'string' && (!isUint8Array(value) || value.length === 0)) checkBytes('value', value)
    return this.#publish(abi.cachePut, key, value, ttlMs)
  }

  /**
   * From now on `key` is a miss, in every process.
   *
   * @throws as put
   */
  delete(key: CacheBytes): NetId64 {
    return this.#publish(abi.cacheDelete, key, '', noTtl)
  }

  /**
   * From now on every key of this namespace that begins with `prefix` is a miss, in every process.
   *
   * @param prefix default '': all keys
   * @throws as put
   */
  reset(prefix: CacheBytes = ''): NetId64 {
    return this.#publish(abi.cacheReset, prefix, '', noTtl)
  }

  /**
   * The value of a key, as a private copy.
   *
   * @returns undefined when there is none, or not any more
   * @throws ERR_ORBIT_CLOSED, ERR_ORBIT_RETIRED
   */
  get(key: CacheBytes): Uint8Array | undefined {
    const lookup = this.find(key, -1)
    return lookup.isHit ? lookup.value() : undefined
  }

  /**
   * As get, with what decided: the put and its expiry of a hit; of a miss the delete, reset or expired put, if any.
   *
   * @returns `hit: false` when there is none, or not any more
   * @throws ERR_ORBIT_CLOSED, ERR_ORBIT_RETIRED
   */
  getEntry(key: CacheBytes): CacheEntry {
    const lookup = this.find(key, -1)
    const position = lookup.position()
    const head = lookup.head()
    if (!lookup.isHit) return position < 0 ? { hit: false, head } : { hit: false, position, head }
    const expiresInMs = lookup.expiresInMs()
    const value = lookup.value()
    return expiresInMs < 0 ? { hit: true, value, position, head } : { hit: true, value, position, expiresInMs, head }
  }

  /** The capacity of the ring; undefined for an observer while there is none. @internal */
  get capacity(): number | undefined {
    return this.#layer.open()?.capacity
  }

  /**
   * Looks a key up.
   *
   * @param known a position at which this key was found; if that put is still the newest, nothing is copied
   * @internal
   */
  find(key: CacheBytes, known: number): Lookup {
    const ring = this.#layer.open()
    if (ring === undefined) {
      if (typeof key !== 'string') checkBytes('key', key)
      return missAt(0)
    }
    const keyBytes = this.#putKey(ring, key)
    if (keyBytes < 0) return missAt(ring.head())
    return lookUp(ring, (this.#namespace.length << 8) | (keyBytes << 16), known)
  }

  #publish(op: number, key: CacheBytes, value: CacheBytes, ttlMs: number): NetId64 {
    const ring = this.#layer.writable()
    const keyBytes = this.#putKey(ring, key)
    if (keyBytes < 0) this.#refuseSize(ring, key, value)
    const namespaceBytes = this.#namespace.length
    const valueOffset = keyOffset + ((namespaceBytes + keyBytes + 7) & ~7)
    const end = frameOffset + ring.payloadBytes
    const given = typeof value === 'string' ? putText(value, valueOffset, end) - valueOffset : value
    if (typeof given === 'number' && given < 0) this.#refuseSize(ring, key, value)
    const lengths = op | (namespaceBytes << 8) | (keyBytes << 16)
    const refused =
      ttlMs === noTtl
        ? native.cachePublish(ring.handle, lengths, given)
        : native.cachePublish(ring.handle, lengths, given, ttlMs)
    if (refused !== undefined) {
      if (refused === status.tooLarge) this.#refuseSize(ring, key, value)
      ring.refuse(refused)
    }
    return this.#layer.idAt(resultPosition())
  }

  /** Writes namespace and key where the addon reads them. Returns the key's length, or -1 if no frame can hold it. */
  #putKey(ring: Ring, key: CacheBytes): number {
    if (typeof key !== 'string') checkBytes('key', key)
    const namespace = this.#namespace
    for (let i = 0; i < namespace.length; i++) scratch.bytes[keyOffset + i] = namespace[i] as number
    const at = keyOffset + namespace.length
    // The value begins at a multiple of 8.
    const end = Math.min(keyOffset + ((ring.payloadBytes - cacheHeaderBytes) & ~7), at + 0xffff)
    if (typeof key === 'string') return putText(key, at, end) - at
    const length = lengthOf(key)
    if (at + length > end) return -1
    scratch.bytes.set(key, at)
    return length
  }

  #refuseSize(ring: Ring, key: CacheBytes, value: CacheBytes): never {
    const bytesOf = (data: CacheBytes) => (typeof data === 'string' ? Buffer.byteLength(data) : lengthOf(data))
    const sizes = `key of ${bytesOf(key)} bytes, namespace of ${this.#namespace.length} and value of ${bytesOf(value)}`
    const most = ring.payloadBytes - cacheHeaderBytes
    throw rangeError(
      'ERR_ORBIT_PAYLOAD_SIZE',
      `${this.#layer.what}: ${sizes} must have at most ${most} bytes together, key and namespace padded to 8`,
    )
  }
}

/** The ttlMs of a put, or 0. @internal */
export function checkPut(options: PutOptions): number {
  checkOptions('options', options, ['ttlMs'])
  const { ttlMs } = options
  if (ttlMs === undefined) return noTtl
  checkInteger('ttlMs', ttlMs, 1, 2 ** 48)
  return ttlMs
}
