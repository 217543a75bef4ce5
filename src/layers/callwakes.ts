/** A process that is sent so many requests or answers in one turn is signalled before the turn ends. */
const perWake = 16

/**
 * The processes that this turn of the event loop has sent requests or answers. Each is signalled at its end, and while
 * many are sent a few times before: then both processes work at the same time.
 */
export class CallWakes {
  readonly #wake: (box: number) => void
  /** By box: how much was sent since it was signalled. */
  readonly #unsignalled = new Map<number, number>()

  constructor(wake: (box: number) => void) {
    this.#wake = wake
  }

  add(box: number): void {
    const count = ((this.#unsignalled.get(box) ?? 0) + 1) % perWake
    this.#unsignalled.set(box, count)
    if (count === 0) this.#wake(box)
  }

  /** Something was sent since the last flush. */
  get areDue(): boolean {
    return this.#unsignalled.size > 0
  }

  flush(): void {
    if (!this.areDue) return
    for (const [box, count] of this.#unsignalled) if (count > 0) this.#wake(box)
    this.#unsignalled.clear()
  }
}
