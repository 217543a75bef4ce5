import { OrbitError } from '../base/errors.js'
import type { OpenCall } from './opencall.js'

/** The reply slots of one box by their places, and the calls that have one. */
export class CallPlaces {
  /** How many can be used. */
  #count: number
  readonly #free: number[] = []
  readonly #calls: (OpenCall | undefined)[] = []

  constructor(count: number) {
    this.#count = count
    for (let place = count - 1; place >= 0; place--) this.#free.push(place)
  }

  /**
   * A free place; undefined: none for a call of this depth. Calls that wait for deeper ones leave them places.
   *
   * @throws ERR_ORBIT_CORRUPT if no place can be used any more
   */
  take(depth: number): number | undefined {
    if (this.#count === 0) {
      throw new OrbitError('ERR_ORBIT_CORRUPT', 'foreign bytes are in all reply slots of this process')
    }
    return this.#free.length > this.#count >> (depth + 2) ? this.#free.pop() : undefined
  }

  /** No answer can land at the place of a call: from now on the call has none, and no other gets it. */
  retire(call: OpenCall): void {
    this.#calls[call.place] = undefined
    call.place = -1
    this.#count--
  }

  /** A place that was taken is that of this call. */
  give(place: number, call: OpenCall): void {
    call.place = place
    this.#calls[place] = call
  }

  at(place: number): OpenCall | undefined {
    return this.#calls[place]
  }

  /** A place is free again, and a call that had it has none. */
  vacate(place: number): void {
    const call = this.#calls[place]
    this.#calls[place] = undefined
    this.#free.push(place)
    if (call === undefined) return
    call.place = -1
    call.sent = undefined
  }

  all(): OpenCall[] {
    return this.#calls.filter((call) => call !== undefined)
  }
}
