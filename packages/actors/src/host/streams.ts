import type { DeactivateReason } from '../actor/actor.js'
import type { Clock, ClockTimer } from '../base/clock.js'
import type { Items } from './items.js'
import type { Turn } from './turn.js'

/** How long the generators of streams may take to end with their activation: one may wait for what never comes. */
const endMs = 1000

/** The streams of one activation that have begun. They run beside its turns. */
export class Streams {
  readonly #open = new Set<Items>()

  get size(): number {
    return this.#open.size
  }

  get turns(): Turn[] {
    return [...this.#open].map(({ turn }) => turn)
  }

  add(items: Items): void {
    this.#open.add(items)
  }

  delete(items: Items): void {
    this.#open.delete(items)
  }

  /** Ends all of them, and waits a while for their generators. */
  async end(id: string, reason: DeactivateReason, clock: Clock): Promise<void> {
    const streams = [...this.#open]
    this.#open.clear()
    if (streams.length === 0) return
    const message = `${id}: its activation has ended: ${reason}`
    const ended = streams.map((items) => items.end({ code: 'ERR_ORBIT_ACTOR_LOST', message, outcome: 'unknown' }))
    let timer: ClockTimer
    const limit = new Promise<void>((resolve) => {
      timer = clock.setTimeout(resolve, endMs, true)
    })
    await Promise.race([Promise.all(ended), limit])
    clock.clearTimeout(timer)
  }
}
