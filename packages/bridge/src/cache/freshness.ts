import { type CacheBytes, type Fleet, OrbitStore } from 'orbit-node'
import { monotonicMs } from '../base/clock.js'
import type { Memory, Space } from '../hub/memory.js'

/** The name of the time up to which this host has all changes of other hosts. */
export const freshName = 'fresh'

/**
 * Decides which entries of a namespace may be served: all while this host has the changes of other hosts up to a moment
 * that is at most `staleMs` ago, and otherwise those that were put at most `staleMs` ago.
 */
export class Freshness {
  readonly #fleet: Fleet
  readonly #space: Space
  readonly #fresh: { get(): number | undefined }
  readonly #staleMs: number
  /** What `#fresh` was when it was read last. It only grows. */
  #store: OrbitStore | undefined
  #freshMs = Number.NEGATIVE_INFINITY

  constructor(fleet: Fleet, memory: Memory, space: Space, staleMs: number) {
    this.#fleet = fleet
    this.#space = space
    this.#fresh = memory.number(freshName)
    this.#staleMs = staleMs
  }

  /** Whether the entry of a key may be served. One that may not is deleted, on this host only. */
  check(key: CacheBytes): boolean {
    const nowMs = monotonicMs()
    if (nowMs - this.#freshMs <= this.#staleMs) return true
    this.#freshMs = this.#fresh.get() ?? Number.NEGATIVE_INFINITY
    if (nowMs - this.#freshMs <= this.#staleMs) return true
    const store = this.#open()
    const entry = store.getEntry(key)
    if (!entry.hit || entry.ageMs <= this.#staleMs) return true
    store.delete(key)
    return false
  }

  /** Opened at its first use: the cache or store that asks has made it, with its own size. */
  #open(): OrbitStore {
    const { store, namespace } = this.#space
    this.#store ??= new OrbitStore(this.#fleet, { namespace, ...(store !== '' && { name: store }) })
    return this.#store
  }
}
