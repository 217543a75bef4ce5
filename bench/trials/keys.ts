/** Enough that the loop around them costs nothing, and a window has many of them. */
export const chunk = 100

/** Keys in an order in which no neighbour helps, a few at a time. */
export class Keys {
  readonly #chunks: string[][] = []
  #next = 0

  /**
   * @param prefix of every key
   * @param seed of the order
   * @param atOnce how many `next` gives
   */
  constructor(count: number, prefix: string, seed: number, atOnce = chunk) {
    const keys = Array.from({ length: count }, (_, i) => `${prefix}${i}`)
    shuffle(keys, seed)
    for (let i = 0; i < count; i += atOnce) this.#chunks.push(keys.slice(i, i + atOnce))
  }

  /** All of them, in chunks. */
  get chunks(): readonly (readonly string[])[] {
    return this.#chunks
  }

  /** The next ones; after the last ones, the first. */
  next(): readonly string[] {
    const keys = this.#chunks[this.#next] as string[]
    this.#next = (this.#next + 1) % this.#chunks.length
    return keys
  }
}

/** The same order for the same seed, 1..2^31-2. */
function shuffle<T>(list: T[], seed: number): void {
  let state = seed
  for (let i = list.length - 1; i > 0; i--) {
    state = (state * 48271) % 0x7fffffff
    const j = state % (i + 1)
    const [a, b] = [list[i] as T, list[j] as T]
    list[i] = b
    list[j] = a
  }
}
