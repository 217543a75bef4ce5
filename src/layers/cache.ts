import { TextEncoder } from 'node:util'
import { isUint8Array } from 'node:util/types'
import { checkBytes, lengthOf } from '../base/bytes.js'
import { checkInteger, checkOptions, checkWellFormed, outOfRange, wrongType } from '../base/check.js'
import { rangeError } from '../base/errors.js'
import type { NetId64 } from '../base/netid.js'
import { nextTurn } from '../core/cursor.js'
import type { Fleet } from '../core/fleet.js'
import { type Layer, reservedLayer } from '../core/layer.js'
import { abi, native, status } from '../core/native.js'
import type { FleetObserver } from '../core/observer.js'
import { Ring } from '../core/ring.js'
import { give, payloadOffset, putBytes, putName, putText, resultPosition, scratch } from '../core/scratch.js'
import { type Lookup, lookUp, missAt, noteOlder } from './lookup.js'

/** A key or a value: bytes, or a string that is stored as UTF-8. A key that is a string must be well-formed UTF-16. */
export type CacheBytes = string | Uint8Array

/** Options of an `OrbitCache`: its name, the namespace of its keys, and the geometry that all namespaces share. */
export interface OrbitCacheOptions {
  /**
   * The name of the cache, 1..48 bytes of UTF-8: each name is a cache of its own in the fleet. Default: the one
   * cache without a name.
   */
  name?: string
  /** Keys of different namespaces are different keys. 0..255 bytes of UTF-8, well-formed; default ''. */
  namespace?: string
  /**
   * How many puts, deletes and resets of all namespaces are retained, a power of two in 1..2^19. Default: that of the
   * fleet's existing cache, or 1024.
   */
  capacity?: number
  /**
   * The most bytes of a value if its key and namespace have `keyBytes` together, 0..2^24-256-keyBytes; shorter keys
   * leave more room. Default: that of the fleet's existing cache, or 1024.
   */
  valueBytes?: number
  /**
   * How many bytes of UTF-8 namespace and key have together beside a value of `valueBytes`, 1..2^16. Each slot of the
   * ring has room for both, so pass a small number if keys are short. Default: that of the existing cache, or 256.
   */
  keyBytes?: number
}

/** Options of `put`: how long the entry lives. */
export interface PutOptions {
  /** The entry expires after so many milliseconds of monotonic time, 1..2^48; default never. */
  ttlMs?: number
}

/** The result of `getEntry`: a hit with its value, or a miss, and the position of the frame that decided. */
export type CacheEntry =
  | {
      /** The key has a value. */
      readonly hit: true
      /** A private copy of the value. Its buffer holds other copies, too. */
      readonly value: Uint8Array
      /** The position of the put, 0..2^53-2. */
      readonly position: number
      /** Milliseconds until the entry expires, 1 or more; undefined: never. */
      readonly expiresInMs?: number
      /** The head of the ring when the lookup began: frames before it were considered. */
      readonly head: number
    }
  | {
      /** The key has no value. */
      readonly hit: false
      /** The position of the delete, reset or expired put that decided; undefined: no retained frame did. */
      readonly position?: number
      /** The head of the ring when the lookup began: frames before it were considered. */
      readonly head: number
    }

const { cacheKind, cacheHeaderBytes } = abi
const defaults = { valueBytes: 1024, keyBytes: 256 }
const frameOffset = payloadOffset
const keyOffset = frameOffset + cacheHeaderBytes
/** A frame pads namespace and key. */
const entryBytes = (valueBytes: number, keyBytes: number): number =>
  cacheHeaderBytes + ((keyBytes + 7) & ~7) + valueBytes
const encoder = new TextEncoder()
const noTtl = 0
const stringOrBytes = 'a string or a Uint8Array'

/**
 * A cache that all processes of a fleet share. The newest put of a key wins. Each put, delete or reset takes one slot
 * of the ring, so an entry is evicted when `capacity` newer ones were made. Each handle finds keys by an index of its
 * own, which it brings up to date when it is asked.
 */
export class OrbitCache {
  readonly #layer: Layer<Ring>
  readonly #namespace: Uint8Array

  /**
   * If other members use a cache with another capacity or valueBytes, it is taken as it is, and the process gets one
   * warning with the code ORBIT_GEOMETRY_DIFFERS. A member that is alone makes the cache anew with what it asks for.
   *
   * @throws TypeError or RangeError for wrong options; what else opening a ring throws
   */
  constructor(fleet: Fleet | FleetObserver, options: OrbitCacheOptions = {}) {
    checkOptions('options', options, ['name', 'namespace', 'capacity', 'valueBytes', 'keyBytes'])
    const { name, namespace = '', capacity } = options
    if (typeof namespace !== 'string') {
      throw wrongType('namespace', namespace, 'a string')
    }
    checkWellFormed('namespace', namespace)
    this.#namespace = encoder.encode(namespace)
    if (this.#namespace.length > 255) {
      throw outOfRange('namespace', namespace, 'at most 255 bytes of UTF-8')
    }
    const { valueBytes = defaults.valueBytes, keyBytes = defaults.keyBytes } = options
    checkInteger('keyBytes', keyBytes, 1, 2 ** 16)
    checkInteger('valueBytes', valueBytes, 0, abi.maxPayloadBytes - 256 - keyBytes)
    const payloadBytes = entryBytes(valueBytes, keyBytes)
    const isAsked = options.valueBytes !== undefined || options.keyBytes !== undefined
    this.#layer = reservedLayer(fleet, Ring, {
      name: 'orbit.cache',
      kind: cacheKind,
      ownName: name,
      capacity,
      payloadBytes: isAsked ? payloadBytes : undefined,
      payloadOption: { option: 'valueBytes', overhead: entryBytes(0, keyBytes) },
      defaults: { capacity: 1024, payloadBytes },
    })
  }

  /**
   * Stores a value. From now on every process gets it, until the key is put again, deleted, reset or expired, or
   * `capacity` newer mutations were made.
   *
   * @returns the id of the frame
   * @throws TypeError or RangeError for wrong arguments; RangeError ERR_ORBIT_PAYLOAD_SIZE for an entry that does not
   *   fit; ERR_ORBIT_RETIRED, ERR_ORBIT_CLOSED, ERR_ORBIT_READ_ONLY for an observer. After an error nothing has
   *   changed.
   */
  put(key: CacheBytes, value: CacheBytes, options?: PutOptions): NetId64 {
    const ttlMs = options === undefined ? noTtl : checkPut(options)
    if (typeof value !== 'string' && (!isUint8Array(value) || value.length === 0))
      checkBytes('value', value, stringOrBytes)
    return this.#publish(abi.cachePut, key, value, ttlMs)
  }

  /**
   * Deletes a key. From now on it is a miss in every process.
   *
   * @returns the id of the frame
   * @throws TypeError for a wrong key; RangeError ERR_ORBIT_PAYLOAD_SIZE for a key that does not fit;
   *   ERR_ORBIT_RETIRED, ERR_ORBIT_CLOSED, ERR_ORBIT_READ_ONLY for an observer
   */
  delete(key: CacheBytes): NetId64 {
    return this.#publish(abi.cacheDelete, key, '', noTtl)
  }

  /**
   * Deletes all keys of this namespace that begin with a prefix. From now on they are misses in every process.
   *
   * @param prefix default '': all keys
   * @returns the id of the frame
   * @throws TypeError for a wrong prefix; RangeError ERR_ORBIT_PAYLOAD_SIZE for a prefix that does not fit;
   *   ERR_ORBIT_RETIRED, ERR_ORBIT_CLOSED, ERR_ORBIT_READ_ONLY for an observer
   */
  reset(prefix: CacheBytes = ''): NetId64 {
    return this.#publish(abi.cacheReset, prefix, '', noTtl)
  }

  /**
   * The value of a key, as a private copy: no process and no later call changes it. The buffer behind it also holds
   * other copies, 16 KiB at most for values up to 4 KiB, and lives as long as any of them. Take `value.slice()` before
   * you keep a small value for long or transfer it to another thread.
   *
   * @returns undefined if the key has no value, or if its entry was overwritten 64 times while it was being read
   * @throws TypeError for a wrong key; ERR_ORBIT_CLOSED, ERR_ORBIT_RETIRED, ERR_ORBIT_CORRUPT
   */
  get(key: CacheBytes): Uint8Array | undefined {
    const lookup = this.#find(key)
    return lookup.isHit ? lookup.value() : undefined
  }

  /**
   * The value of a key, with the position of the frame that decided and the time until it expires.
   *
   * @returns `hit: false` if the key has no value
   * @throws TypeError for a wrong key; ERR_ORBIT_CLOSED, ERR_ORBIT_RETIRED, ERR_ORBIT_CORRUPT
   */
  getEntry(key: CacheBytes): CacheEntry {
    const lookup = this.#find(key)
    const position = lookup.position()
    const head = lookup.head()
    if (!lookup.isHit) return position < 0 ? { hit: false, head } : { hit: false, position, head }
    const expiresInMs = lookup.expiresInMs()
    const value = lookup.value()
    return expiresInMs < 0 ? { hit: true, value, position, head } : { hit: true, value, position, expiresInMs, head }
  }

  /**
   * Reads all retained entries into the index of this handle, a few at a time, and returns to the event loop after each
   * few. Without it, lookups read what they need: recent keys little, and the first miss all there is, at once. Await
   * it before a process serves requests from a cache of 10,000 entries or more.
   *
   * @throws ERR_ORBIT_CLOSED if the fleet is closed before the end, ERR_ORBIT_RETIRED, ERR_ORBIT_CORRUPT
   */
  async warmUp(): Promise<void> {
    const ring = this.#layer.open()
    while (ring !== undefined && noteOlder(ring)) await nextTurn()
  }

  /** The capacity of the ring; undefined for an observer while there is none. @internal */
  get capacity(): number | undefined {
    return this.#layer.open()?.capacity
  }

  #find(key: CacheBytes): Lookup {
    const ring = this.#layer.open()
    if (ring === undefined) {
      if (typeof key !== 'string') checkBytes('key', key, stringOrBytes)
      return missAt(0)
    }
    const keyBytes = this.#putKey(ring, key)
    if (keyBytes < 0) return missAt(ring.head())
    const lengths = (this.#namespace.length << 8) | (keyBytes << 16)
    return lookUp(ring, lengths)
  }

  #publish(op: number, key: CacheBytes, value: CacheBytes, ttlMs: number): NetId64 {
    const ring = this.#layer.writable()
    const keyBytes = this.#putKey(ring, key)
    if (keyBytes < 0) this.#refuseSize(ring, key, value)
    const namespaceBytes = this.#namespace.length
    const valueOffset = keyOffset + ((namespaceBytes + keyBytes + 7) & ~7)
    const end = frameOffset + ring.payloadBytes
    const valueEnd =
      typeof value === 'string' ? putText(value, valueOffset, end) : putBytes(value, lengthOf(value), valueOffset, end)
    if (valueEnd < 0) this.#refuseSize(ring, key, value)
    const lengths = op | (namespaceBytes << 8) | (keyBytes << 16)
    give(ttlMs, ring.handle, valueEnd - valueOffset, lengths, ttlMs === noTtl ? 0 : 1)
    const refused = native.cachePublish()
    if (refused !== undefined) {
      if (refused === status.tooLarge) this.#refuseSize(ring, key, value)
      ring.refuse(refused)
    }
    return this.#layer.idAt(resultPosition())
  }

  /** Writes namespace and key where the addon reads them. Returns the key's length, or -1 if no frame can hold it. */
  #putKey(ring: Ring, key: CacheBytes): number {
    if (typeof key !== 'string') checkBytes('key', key, stringOrBytes)
    const namespace = this.#namespace
    for (let i = 0; i < namespace.length; i++) scratch.bytes[keyOffset + i] = namespace[i] as number
    const at = keyOffset + namespace.length
    // The value begins at a multiple of 8.
    const end = Math.min(keyOffset + ((ring.payloadBytes - cacheHeaderBytes) & ~7), at + 0xffff)
    if (typeof key === 'string') return putName('key', key, at, end) - at
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
      `${this.#layer.what}: ${sizes} must have at most ${most} bytes together, key and namespace padded to 8: open the cache with a larger valueBytes`,
    )
  }
}

/** The `ttlMs` of a put, checked; 0: none. */
function checkPut(options: PutOptions): number {
  checkOptions('options', options, ['ttlMs'])
  const { ttlMs } = options
  if (ttlMs === undefined) return noTtl
  checkInteger('ttlMs', ttlMs, 1, 2 ** 48)
  return ttlMs
}
