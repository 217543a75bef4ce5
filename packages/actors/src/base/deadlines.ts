import type { Clock, ClockTimer } from './clock.js'

/** What ends at a deadline. */
export interface Expiring {
  /** When, in milliseconds of the clock. */
  readonly deadlineMs: number
  /** Called once, within a tick after the deadline. */
  expire(): void
}

/** How late a deadline may be noticed. */
const tickMs = 16
const tickOf = (entry: Expiring): number => Math.ceil(entry.deadlineMs / tickMs)

/**
 * The deadlines of many calls under one timer. To add and to remove one costs a tenth of a timer of its own: nearly all
 * calls end long before their deadlines. It does not keep the process alive.
 */
export class Deadlines {
  readonly #clock: Clock
  readonly #ticks = new Map<number, Set<Expiring>>()
  #timer: ClockTimer | undefined
  /** The tick for which the timer is set. */
  #next = Number.POSITIVE_INFINITY

  constructor(clock: Clock) {
    this.#clock = clock
  }

  add(entry: Expiring): void {
    const tick = tickOf(entry)
    const entries = this.#ticks.get(tick)
    if (entries === undefined) this.#ticks.set(tick, new Set([entry]))
    else entries.add(entry)
    if (tick < this.#next) this.#schedule(tick)
  }

  /** Removes an entry; nothing happens if it is not there. */
  delete(entry: Expiring): void {
    const tick = tickOf(entry)
    const entries = this.#ticks.get(tick)
    if (entries?.delete(entry) === true && entries.size === 0) this.#ticks.delete(tick)
  }

  /** Stops the timer: no entry expires any more. */
  close(): void {
    this.#clock.clearTimeout(this.#timer)
    this.#next = Number.NEGATIVE_INFINITY
    this.#ticks.clear()
  }

  #schedule(tick: number): void {
    this.#clock.clearTimeout(this.#timer)
    this.#next = tick
    const ms = Math.max(0, Math.min(tick * tickMs - this.#clock.now(), 0x7fffffff))
    this.#timer = this.#clock.setTimeout(() => this.#expire(), Math.ceil(ms), false)
  }

  #expire(): void {
    this.#next = Number.POSITIVE_INFINITY
    const due = Math.floor(this.#clock.now() / tickMs)
    const expired: Expiring[] = []
    let next = Number.POSITIVE_INFINITY
    for (const [tick, entries] of this.#ticks) {
      if (tick > due) {
        next = Math.min(next, tick)
      } else {
        this.#ticks.delete(tick)
        expired.push(...entries)
      }
    }
    for (const entry of expired) entry.expire()
    if (next < this.#next) this.#schedule(next)
  }
}
