import type { CacheBytes, ConditionalPutOptions, OrbitEventBus } from 'orbit-node'
import type { Space } from '../hub/memory.js'
import { bytesOf, type Change, encodeChange } from './change.js'

/** Tells the other hosts what this one has changed in a namespace. */
export class Announcer {
  readonly #bus: () => OrbitEventBus
  readonly #space: Space
  readonly #sendsPuts: boolean

  /** @param bus the bus of changes; throws if the bridge was closed */
  constructor(bus: () => OrbitEventBus, space: Space, sendsPuts: boolean) {
    this.#bus = bus
    this.#space = space
    this.#sendsPuts = sendsPuts
  }

  get #what() {
    return { ...this.#space, isOrdered: this.#sendsPuts }
  }

  /** Throws if nothing can be announced: called before a change is made, so that none is made on this host alone. */
  check(): void {
    this.#bus()
  }

  delete(key: CacheBytes, isOrdered = this.#sendsPuts): void {
    this.#announce({ op: 'delete', ...this.#space, isOrdered, key: bytesOf(key) })
  }

  reset(prefix: CacheBytes): void {
    this.#announce({ op: 'reset', ...this.#what, key: bytesOf(prefix) })
  }

  invalidate(tags: readonly string[]): void {
    this.#announce({ op: 'tags', store: this.#space.store, isOrdered: this.#sendsPuts, tags })
  }

  /**
   * Announces a put: as a delete, unless values are sent. A value that is too long for the bus is announced as a delete
   * too, and the other hosts load it themselves.
   */
  put(key: CacheBytes, value: () => Uint8Array, { ttlMs, staleMs, tags }: ConditionalPutOptions): void {
    if (!this.#sendsPuts) {
      this.delete(key)
      return
    }
    const options = { ...(ttlMs && { ttlMs }), ...(staleMs && { staleMs }), ...(tags && { tags }) }
    const change: Change = { op: 'put', ...this.#what, key: bytesOf(key), value: value(), options }
    try {
      this.#announce(change)
    } catch (error) {
      if ((error as { code?: string }).code !== 'ERR_ORBIT_PAYLOAD_SIZE') throw error
      this.delete(key, false) // this host keeps it
    }
  }

  #announce(change: Change): void {
    this.#bus().publish(change.op, encodeChange(change))
  }
}
