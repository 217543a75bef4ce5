/** Counts the calls of a process that wait over the limits of their mailboxes. */
export class Overflow {
  readonly #limit: number
  #size = 0

  constructor(limit: number) {
    this.#limit = limit
  }

  /** False: there is no room for another one. */
  enter(): boolean {
    if (this.#size >= this.#limit) return false
    this.#size++
    return true
  }

  leave(): void {
    this.#size--
  }
}
