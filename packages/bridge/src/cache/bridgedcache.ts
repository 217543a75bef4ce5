import {
  type CacheBytes,
  type Codec,
  type ConditionalPutOptions,
  type Fleet,
  type GetOrSetOptions,
  type LoadContext,
  TypedCache,
  type TypedCacheOptions,
} from 'orbit-node'
import type { Announcer } from './announcer.js'
import type { Freshness } from './freshness.js'

/** Options of a cache of several hosts: those of a `TypedCache`, and what reaches the other hosts. */
export interface BridgedCacheOptions<T> extends TypedCacheOptions<T> {
  /**
   * Sends the values of `put` to the other hosts too. Without it, a put deletes the key there, and they load it anew.
   * What `getOrSet` loads is never sent. Default false.
   */
  puts?: boolean
}

/** What a cache needs of its bridge. @internal */
export interface CacheLink {
  readonly announcer: Announcer
  readonly freshness: Freshness
}

/**
 * A `TypedCache` for several hosts, made by `bridge.cache`: puts, deletes, resets and invalidations of one host reach
 * the caches of the others. An entry that another host has changed is served for at most `staleMs` after the server has
 * that change, even while this host is cut off, or was stopped.
 */
export class BridgedCache<T> extends TypedCache<T> {
  readonly #link: CacheLink
  readonly #codec: Codec<T>

  /** @internal */
  constructor(fleet: Fleet, { puts: _, ...options }: BridgedCacheOptions<T>, link: CacheLink) {
    super(fleet, options)
    this.#link = link
    this.#codec = options.codec
  }

  override get(key: CacheBytes): T | undefined {
    return this.#link.freshness.check(key) ? super.get(key) : undefined
  }

  override getOrSet(
    key: CacheBytes,
    load: (context: LoadContext) => T | Promise<T>,
    options?: GetOrSetOptions,
  ): Promise<T>
  override getOrSet(
    key: CacheBytes,
    load: (context: LoadContext) => T | undefined | Promise<T | undefined>,
    options?: GetOrSetOptions,
  ): Promise<T | undefined>
  override getOrSet(
    key: CacheBytes,
    load: (context: LoadContext) => T | undefined | Promise<T | undefined>,
    options?: GetOrSetOptions,
  ): Promise<T | undefined> {
    this.#link.freshness.check(key)
    return super.getOrSet(key, load, options)
  }

  override put(key: CacheBytes, value: T, options: ConditionalPutOptions = {}): boolean {
    const { announcer } = this.#link
    announcer.check()
    const isPut = super.put(key, value, options)
    if (!isPut) return false
    announcer.put(key, () => this.#codec.encode(value), options)
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
