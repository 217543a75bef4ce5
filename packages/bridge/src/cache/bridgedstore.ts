import {
  type CacheBytes,
  type ConditionalPutOptions,
  type Fleet,
  OrbitStore,
  type OrbitStoreOptions,
  type StoreEntry,
} from 'orbit-node'
import type { CacheLink } from './bridgedcache.js'
import { bytesOf } from './change.js'

/** Options of a store of several hosts: those of an `OrbitStore`, and what reaches the other hosts. */
export interface BridgedStoreOptions extends OrbitStoreOptions {
  /** Sends the values of `put` to the other hosts too. Without it, a put deletes the key there. Default false. */
  puts?: boolean
}

/**
 * An `OrbitStore` for several hosts, made by `bridge.store`: puts, deletes, resets and invalidations of one host reach
 * the stores of the others. An entry that another host has changed is served for at most `staleMs` after the server has
 * that change, even while this host is cut off, or was stopped. What a reservation puts is not sent.
 */
export class BridgedStore extends OrbitStore {
  readonly #link: CacheLink

  /** @internal */
  constructor(fleet: Fleet, { puts: _, ...options }: BridgedStoreOptions, link: CacheLink) {
    super(fleet, options)
    this.#link = link
  }

  override get(key: CacheBytes): Uint8Array | undefined {
    return this.#link.freshness.check(key) ? super.get(key) : undefined
  }

  override getInto(key: CacheBytes, target: Uint8Array, at = 0): number {
    this.#link.freshness.check(key)
    return super.getInto(key, target, at)
  }

  override getEntry(key: CacheBytes): StoreEntry {
    this.#link.freshness.check(key)
    return super.getEntry(key)
  }

  override has(key: CacheBytes): boolean {
    this.#link.freshness.check(key)
    return super.has(key)
  }

  override put(key: CacheBytes, value: CacheBytes, options: ConditionalPutOptions = {}): boolean {
    const { announcer } = this.#link
    announcer.check()
    if (!super.put(key, value, options)) return false
    announcer.put(key, () => bytesOf(value), options)
    return true
  }

  override delete(key: CacheBytes): boolean {
    this.#link.announcer.check()
    const wasThere = super.delete(key)
    this.#link.announcer.delete(key)
    return wasThere
  }

  override reset(prefix: CacheBytes = ''): void {
    this.#link.announcer.check()
    super.reset(prefix)
    this.#link.announcer.reset(prefix)
  }

  override invalidate(...tags: readonly string[]): void {
    this.#link.announcer.check()
    super.invalidate(...tags)
    this.#link.announcer.invalidate(tags)
  }
}
