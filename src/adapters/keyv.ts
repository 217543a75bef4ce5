import { EventEmitter } from 'node:events'
import type { KeyvStoreAdapter } from 'keyv'
import { type Fleet, OrbitCache, type OrbitCacheOptions } from '../index.js'

/**
 * A store for one Keyv (5.x) in the memory that all processes of a fleet share: `new Keyv({ store: new KeyvOrbit(fleet)
 * })`. Keyv prefixes the keys with its namespace and writes the values as text.
 */
export class KeyvOrbit extends EventEmitter implements KeyvStoreAdapter {
  /** Keyv reads the URL of a store here; this one has none. */
  readonly opts: unknown = {}
  /** Set by Keyv: the namespace that it prefixes keys with. */
  namespace: string | undefined
  readonly #cache: OrbitCache

  /**
   * @param options those of an `OrbitCache`. By default it is a cache of its own, with the name 'keyv', 1024 entries
   *   and 4096 bytes for a value.
   * @throws what `OrbitCache` throws
   */
  constructor(fleet: Fleet, options: OrbitCacheOptions = {}) {
    super()
    this.#cache = new OrbitCache(fleet, { name: 'keyv', valueBytes: 4096, ...options })
  }

  /** The text of a key; undefined: it has none. */
  async get<Value>(key: string): Promise<Value | undefined> {
    const value = this.#cache.get(key)
    return (value && Buffer.from(value.buffer, value.byteOffset, value.length).toString()) as Value | undefined
  }

  /** The texts of several keys, in the same order. */
  async getMany<Value>(keys: string[]): Promise<(Value | undefined)[]> {
    return Promise.all(keys.map((key) => this.get<Value>(key)))
  }

  /** Whether a key has a value. */
  async has(key: string): Promise<boolean> {
    return this.#cache.getEntry(key).hit
  }

  /** Whether each of several keys has a value, in the same order. */
  async hasMany(keys: string[]): Promise<boolean[]> {
    return keys.map((key) => this.#cache.getEntry(key).hit)
  }

  /**
   * Stores a text.
   *
   * @param ttl milliseconds until it expires; default never
   * @throws RangeError ERR_ORBIT_PAYLOAD_SIZE for a text that does not fit; Keyv emits it as an error
   */
  async set(key: string, value: string, ttl?: number): Promise<boolean> {
    this.#cache.put(key, value, ttl === undefined ? {} : { ttlMs: Math.max(1, Math.ceil(ttl)) })
    return true
  }

  /** Deletes a key, and returns whether it had a value just before. */
  async delete(key: string): Promise<boolean> {
    if (!this.#cache.getEntry(key).hit) return false
    this.#cache.delete(key)
    return true
  }

  /** Deletes several keys, and returns whether any of them had a value just before. */
  async deleteMany(keys: string[]): Promise<boolean> {
    const deleted = await Promise.all(keys.map((key) => this.delete(key)))
    return deleted.some(Boolean)
  }

  /** Deletes all keys of this Keyv's namespace. */
  async clear(): Promise<void> {
    this.#cache.reset(this.namespace ? `${this.namespace}:` : '')
  }
}
