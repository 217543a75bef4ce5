import { randomOf, zipfOf } from '../hits/trace.js'

/** Enough that the loop around them costs nothing, and a window has many of them. */
export const chunk = 100

/** Steps from one key to the next; no number of keys is a multiple of one of them. */
const steps = [7919, 104729, 1299709]

/** So many requests of `count` keys, in which key r comes 1/(r+1) as often as the first; the same in each run. */
export function zipfKeys(count: number, requests: number): readonly string[] {
  const rank = zipfOf(count, 1, randomOf(42))
  return Array.from({ length: requests }, () => `key-${rank()}`)
}

/** Keys in an order in which no neighbour helps, a few at a time. */
export class Keys {
  readonly chunks: readonly (readonly string[])[]
  #next = 0

  /**
   * @param prefix of every key
   * @param order which order they have
   * @param atOnce how many `next` gives
   */
  constructor(count: number, prefix: string, order: number, atOnce = chunk) {
    const step = steps[order % steps.length] as number
    const keys = Array.from({ length: count }, (_, i) => `${prefix}${(order + i * step) % count}`)
    this.chunks = Array.from({ length: Math.ceil(count / atOnce) }, (_, i) => keys.slice(i * atOnce, (i + 1) * atOnce))
  }

  /** The next ones; after the last ones, the first. */
  next(): readonly string[] {
    return this.chunks[this.#next++ % this.chunks.length] as readonly string[]
  }
}
