/** A process that is sent so many requests or answers in one turn is signalled before the turn ends. */
const perWake = 16

/**
 * The processes that this turn of the event loop has sent requests or answers. Each is signalled at its end, and while
 * many are sent a few times before: then both processes work at the same time.
 */
export class CallWakes {
  readonly #wake: (box: number) => void
  /** By box: how much was sent since the last flush. */
  readonly #sent: Uint32Array
  /** The boxes to which something was sent since then. */
  readonly #due: number[] = []

  constructor(boxes: number, wake: (box: number) => void) {
    this.#sent = new Uint32Array(boxes)
    this.#wake = wake
  }

  add(box: number): void {
    const count = (this.#sent[box] ?? 0) + 1
    this.#sent[box] = count
    if (count === 1) this.#due.push(box)
    if (count % perWake === 0) this.#wake(box)
  }

  /** Something was sent since the last flush. */
  get areDue(): boolean {
    return this.#due.length > 0
  }

  flush(): void {
    for (const box of this.#due) {
      if ((this.#sent[box] ?? 0) % perWake !== 0) this.#wake(box)
      this.#sent[box] = 0
    }
    this.#due.length = 0
  }
}
