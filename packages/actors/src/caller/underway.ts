/** So many actors without calls under way are remembered, at least. */
const fewest = 64

/** Those of one actor. */
interface Sent {
  count: number
  epoch: number
}

/** The calls of a route that are in another process, by actor. What is called again and again stays in the map. */
export class Underway {
  readonly #sent = new Map<string, Sent>()
  #size = 0
  /** At so many actors those without calls are forgotten. */
  #most = fewest

  /** How many there are. */
  get size(): number {
    return this.#size
  }

  /** The epoch in which the last of those of an actor was sent; undefined: there are none. */
  epochOf(id: string): number | undefined {
    const sent = this.#sent.get(id)
    return sent === undefined || sent.count === 0 ? undefined : sent.epoch
  }

  has(id: string): boolean {
    return this.epochOf(id) !== undefined
  }

  add(id: string, epoch: number): void {
    this.#add(id, this.#sent.get(id), epoch)
  }

  /** Adds one, if those of its actor were sent in this epoch, too; false: they were not. */
  follow(id: string, epoch: number): boolean {
    const sent = this.#sent.get(id)
    if (sent !== undefined && sent.count > 0 && sent.epoch !== epoch) return false
    this.#add(id, sent, epoch)
    return true
  }

  #add(id: string, sent: Sent | undefined, epoch: number): void {
    this.#size++
    if (sent === undefined) {
      this.#sent.set(id, { count: 1, epoch })
      if (this.#sent.size > this.#most) this.#sweep()
    } else {
      sent.count++
      sent.epoch = epoch
    }
  }

  /** One of an actor has ended, or comes back. */
  delete(id: string): void {
    const sent = this.#sent.get(id)
    if (sent === undefined || sent.count === 0) return
    sent.count--
    this.#size--
  }

  #sweep(): void {
    for (const [id, { count }] of this.#sent) if (count === 0) this.#sent.delete(id)
    this.#most = Math.max(fewest, 2 * this.#sent.size)
  }
}
