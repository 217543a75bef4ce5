import { type Turn, turns } from './turn.js'

/** The turns that an activation runs, in the order in which they began. Mostly there is one, which takes no set. */
export class Running {
  /** The oldest one, if it was the only one when it began. */
  #first: Turn | undefined
  #others: Set<Turn> | undefined

  get size(): number {
    return (this.#first === undefined ? 0 : 1) + (this.#others?.size ?? 0)
  }

  has(turn: Turn): boolean {
    return this.#first === turn || this.#others?.has(turn) === true
  }

  /**
   * The turn of the code that asks; undefined: there is none.
   *
   * @param isTracked whether code of several turns runs by turns
   */
  current(isTracked: boolean): Turn | undefined {
    if (!isTracked) {
      const [oldest] = this
      return oldest
    }
    const turn = turns.getStore()
    // Code that a turn has left behind goes on in its context, and so does what it has activated.
    return turn !== undefined && (turn.isStream || this.has(turn)) ? turn : undefined
  }

  add(turn: Turn): void {
    if (this.size === 0) this.#first = turn
    else {
      this.#others ??= new Set()
      this.#others.add(turn)
    }
  }

  delete(turn: Turn): void {
    if (this.#first === turn) this.#first = undefined
    else this.#others?.delete(turn)
  }

  *[Symbol.iterator](): Generator<Turn, void, undefined> {
    if (this.#first !== undefined) yield this.#first
    yield* this.#others ?? []
  }
}
