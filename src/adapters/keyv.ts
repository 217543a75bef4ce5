import { EventEmitter } from 'node:events'
import type { KeyvStoreAdapter } from 'keyv'
import { type Fleet, OrbitStore, type OrbitStoreOptions } from '../index.js'

/** A longer time to live is none. */
const longestMs = 2 ** 48

const textOf = (value: Uint8Array): string => Buffer.from(value.buffer, value.byteOffset, value.length).toString()

/**
 * A store for one Keyv (5.x) in the memory that all processes of a fleet share: `new Keyv({ store: new KeyvOrbit(fleet)
 * })`. Keyv prefixes the keys with its namespace and writes the values as text.
 */
export class KeyvOrbit extends EventEmitter implements KeyvStoreAdapter {
  /** What Keyv reads of a store. It makes an iterator only for dialects that it knows. */
  readonly opts: unknown = { url: 'orbit-node', dialect: 'redis' }
  /** Set by Keyv: the namespace that it prefixes keys with. */
  namespace: string | undefined
  readonly #store: OrbitStore

  /**
   * @param options those of an `OrbitStore`. By default it is a store of its own, with the name 'keyv' and 16 MiB.
   * @throws what `OrbitStore` throws
   */
  constructor(fleet: Fleet, options: OrbitStoreOptions = {}) {
    super()
    this.#store = new OrbitStore(fleet, { name: 'keyv', ...options })
  }

  /** The text of a key; undefined: it has none. */
  async get<Value>(key: string): Promise<Value | undefined> {
    const value = this.#store.get(key)
    return (value && textOf(value)) as Value | undefined
  }

  /** The texts of several keys, in the same order. */
  async getMany<Value>(keys: string[]): Promise<(Value | undefined)[]> {
    return this.#store.getMany(keys).map((value) => value && textOf(value)) as (Value | undefined)[]
  }

  /** Whether a key has a value. */
  async has(key: string): Promise<boolean> {
    return this.#store.has(key)
  }

  /** Whether each of several keys has a value, in the same order. */
  async hasMany(keys: string[]): Promise<boolean[]> {
    return keys.map((key) => this.#store.has(key))
  }

  /**
   * Stores a text.
   *
   * @param ttl milliseconds until it expires; default never
   * @throws RangeError ERR_ORBIT_PAYLOAD_SIZE for a text that does not fit; Keyv emits it as an error
   */
  async set(key: string, value: string, ttl?: number): Promise<boolean> {
    const expires = ttl !== undefined && ttl !== null && ttl < longestMs
    return this.#store.put(key, value, expires ? { ttlMs: Math.max(1, Math.ceil(ttl)) } : {})
  }

  /**
   * Stores several texts.
   *
   * @throws RangeError ERR_ORBIT_PAYLOAD_SIZE for a text that does not fit; those before it are stored
   */
  async setMany(values: { key: string; value: string; ttl?: number }[]): Promise<void> {
    for (const { key, value, ttl } of values) await this.set(key, value, ttl)
  }

  /** Deletes a key, and returns whether it had a value. */
  async delete(key: string): Promise<boolean> {
    return this.#store.delete(key)
  }

  /** Deletes several keys, and returns whether any of them had a value. */
  async deleteMany(keys: string[]): Promise<boolean> {
    return keys.map((key) => this.#store.delete(key)).some(Boolean)
  }

  /** Deletes all keys of this Keyv's namespace. */
  async clear(): Promise<void> {
    this.#store.reset(this.namespace ? `${this.namespace}:` : '')
  }

  /**
   * The keys and texts of a namespace, in no order. It walks the whole index. What is set during the walk may be
   * missing.
   *
   * @param namespace default: all keys
   */
  async *iterator<Value>(namespace?: string): AsyncGenerator<[string, Value], void> {
    for (const { key } of this.#store.keys({ prefix: namespace ? `${namespace}:` : '' })) {
      const value = this.#store.get(key)
      if (value !== undefined) yield [textOf(key), textOf(value) as Value]
    }
  }

  /** Does nothing: the fleet closes the store. */
  async disconnect(): Promise<void> {}
}
