import { TextEncoder } from 'node:util'
import { isUint8Array } from 'node:util/types'
import { checkBytes, lengthOf } from '../base/bytes.js'
import { checkInteger, checkOptions, shown } from '../base/check.js'
import { OrbitError, rangeError, typeError } from '../base/errors.js'
import { type NetId64, netIdAt } from '../base/netid.js'
import type { Fleet } from '../core/fleet.js'
import { abi } from '../core/native.js'
import { checkFleet, type FleetObserver } from '../core/observer.js'
import type { Ring } from '../core/ring.js'
import {
  leaveMiss,
  payloadOffset,
  putText,
  resultBytes,
  resultFrom,
  resultHead,
  resultPosition,
  resultTo,
  scratch,
} from '../core/scratch.js'

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

const { cacheKind } = abi
const keyRoom = 256
const frameAt = payloadOffset
const keyAt = frameAt + abi.cacheHeaderBytes
const entryBytes = (valueBytes: number): number => abi.cacheHeaderBytes + keyRoom + valueBytes
const encoder = new TextEncoder()
const noTtl = 0

/** What `find` answers. @internal */
export const hit = 1
/** @internal */
export const unchanged = 2

/**
 * A cache that the whole fleet shares: what one process puts, all get. The newest put of a key wins; a put, delete or reset
 * takes one slot of the ring, and what is `capacity` mutations old is gone. Lookups go by an index of this handle's
 * own, which catches up with what others have put since.
 */
export class OrbitCache {
  readonly #fleet: Fleet | FleetObserver
  readonly #capacity: number | undefined
  readonly #payloadBytes: number | undefined
  readonly #namespace: Uint8Array
  readonly #node: number
  #ring: Ring | undefined

  /**
   * @throws TypeError or RangeError for wrong options; ERR_ORBIT_TYPE_MISMATCH when the fleet's cache has another capacity
   *   or valueBytes, and what else opening a ring throws
   */
  constructor(fleet: Fleet | FleetObserver, options: OrbitCacheOptions = {}) {
    checkFleet(fleet)
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
    this.#capacity = capacity
    this.#payloadBytes = valueBytes === undefined ? undefined : entryBytes(valueBytes)
    this.#fleet = fleet
    this.#node = 'node' in fleet ? fleet.node : -1
    this.#open()
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
    return this.find(key, -1) === hit ? loadedValue() : undefined
  }

  /**
   * As get, with what decided: the put and its expiry of a hit; of a miss the delete, reset or expired put, if any.
   *
   * @returns `hit: false` when there is none, or not any more
   * @throws ERR_ORBIT_CLOSED, ERR_ORBIT_RETIRED
   */
  getEntry(key: CacheBytes): CacheEntry {
    const isHit = this.find(key, -1) === hit
    const position = resultPosition()
    const head = resultHead()
    if (!isHit) return position < 0 ? { hit: false, head } : { hit: false, position, head }
    const expiresInMs = resultTo()
    const value = loadedValue()
    return expiresInMs < 0 ? { hit: true, value, position, head } : { hit: true, value, position, expiresInMs, head }
  }

  /** Of the ring; undefined for an observer before there is one. @internal */
  get capacity(): number | undefined {
    return this.#open()?.capacity
  }

  /**
   * Looks a key up; the addon's results and a hit's value are in the scratch.
   *
   * @param known a position at which this key was found; if that put is the newest still, nothing is copied
   * @returns `hit`, `unchanged` or neither
   * @internal
   */
  find(key: CacheBytes, known: number): number {
    const ring = this.#open()
    if (ring === undefined && typeof key !== 'string') checkBytes('key', key)
    const keyBytes = ring === undefined ? -1 : this.#writeKey(ring, key)
    if (ring === undefined || keyBytes < 0) {
      leaveMiss(ring?.head() ?? 0)
      return 0
    }
    return ring.findCached((this.#namespace.length << 8) | (keyBytes << 16), known)
  }

  #publish(op: number, key: CacheBytes, value: CacheBytes, ttlMs: number): NetId64 {
    const ring = this.#open()
    if (ring === undefined || this.#node < 0) {
      throw new OrbitError('ERR_ORBIT_READ_ONLY', 'the cache: opened by an observer')
    }
    const keyBytes = this.#writeKey(ring, key)
    if (keyBytes < 0) this.#refuseSize(ring, key, value)
    const namespaceBytes = this.#namespace.length
    const end = frameAt + ring.payloadBytes
    const at = keyAt + ((namespaceBytes + keyBytes + 7) & ~7)
    const given = typeof value === 'string' ? putText(value, at, end) - at : value
    const shape = op | (namespaceBytes << 8) | (keyBytes << 16)
    const position = typeof given === 'number' && given < 0 ? -1 : ring.publishCached(shape, given, ttlMs)
    if (position < 0) this.#refuseSize(ring, key, value)
    return netIdAt(cacheKind, this.#node, position)
  }

  /** Puts namespace and key where the addon expects them; the key's length, or -1 when no frame could hold it. */
  #writeKey(ring: Ring, key: CacheBytes): number {
    if (typeof key !== 'string') checkBytes('key', key)
    const namespace = this.#namespace
    for (let i = 0; i < namespace.length; i++) scratch.bytes[keyAt + i] = namespace[i] as number
    const at = keyAt + namespace.length
    // The value begins at a multiple of 8.
    const end = Math.min(keyAt + ((ring.payloadBytes - abi.cacheHeaderBytes) & ~7), at + 0xffff)
    if (typeof key === 'string') return putText(key, at, end) - at
    const length = lengthOf(key)
    if (at + length > end) return -1
    scratch.bytes.set(key, at)
    return length
  }

  #open(): Ring | undefined {
    this.#ring ??= this.#fleet.layerRing(
      {
        name: 'orbit.cache',
        kind: cacheKind,
        capacity: this.#capacity,
        payloadBytes: this.#payloadBytes,
      },
      { capacity: 1024, payloadBytes: entryBytes(1024) },
    )
    return this.#ring
  }

  #refuseSize(ring: Ring, key: CacheBytes, value: CacheBytes): never {
    const bytesOf = (data: CacheBytes) => (typeof data === 'string' ? Buffer.byteLength(data) : lengthOf(data))
    const most = ring.payloadBytes - abi.cacheHeaderBytes
    throw rangeError(
      'ERR_ORBIT_PAYLOAD_SIZE',
      `the cache: key of ${bytesOf(key)} bytes with namespace of ${this.#namespace.length} and value of ${bytesOf(value)}: over ${most} in all, key and namespace padded to 8`,
    )
  }
}

/** A private copy of the value that a lookup left in the scratch. @internal */
export function loadedValue(): Uint8Array {
  const at = resultFrom()
  return scratch.bytes.slice(at, at + resultBytes())
}

/** Of the frame that decided the last lookup. @internal */
export const decidedAt = (): number => resultPosition()

/** The ttlMs of a put, or 0. @internal */
export function checkPut(options: PutOptions): number {
  checkOptions('options', options, ['ttlMs'])
  const { ttlMs } = options
  if (ttlMs === undefined) return noTtl
  checkInteger('ttlMs', ttlMs, 1, 2 ** 48)
  return ttlMs
}
