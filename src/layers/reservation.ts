import type { CacheBytes } from './cache.js'
import { checkEntryOptions, type PutCondition, type StorePutOptions } from './storeoptions.js'

/**
 * The right to store the value of a key, if nothing happens to the key first: what `OrbitStore.reserve` returns.
 * Reserve before you read the data that the value is made of. Then a value that is out of date is never stored.
 */
export class Reservation {
  readonly #store: (value: CacheBytes, options: StorePutOptions, condition: PutCondition) => boolean
  readonly #condition: PutCondition

  /** @internal */
  constructor(
    words: Uint32Array,
    store: (value: CacheBytes, options: StorePutOptions, condition: PutCondition) => boolean,
  ) {
    this.#store = store
    this.#condition = { reservation: words }
  }

  /**
   * Stores the value, unless the key was put, deleted or reset, or one of the tags invalidated, since it was reserved,
   * or the reservation was evicted.
   *
   * @returns whether it was stored
   * @throws TypeError or RangeError for wrong arguments; RangeError ERR_ORBIT_PAYLOAD_SIZE for an entry that does not
   *   fit; ERR_ORBIT_RETIRED, ERR_ORBIT_CLOSED, ERR_ORBIT_NO_SPARE
   */
  put(value: CacheBytes, options: StorePutOptions = {}): boolean {
    return this.#store(value, checkEntryOptions(options), this.#condition)
  }
}
