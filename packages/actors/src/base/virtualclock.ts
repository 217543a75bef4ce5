import type { Clock, ClockTimer } from './clock.js'

interface Due {
  readonly atMs: number
  readonly run: () => void
}

/** The date at which the clock would be 0. It begins on 2030-01-01. */
const firstDateMs = Date.UTC(2030, 0, 1) - 1_000_000

/** A clock that moves only when it is told to. */
export class VirtualClock implements Clock {
  #nowMs = 1_000_000
  readonly #timers = new Set<Due>()

  now(): number {
    return this.#nowMs
  }

  date(): number {
    return firstDateMs + this.#nowMs
  }

  setTimeout(run: () => void, ms: number): ClockTimer {
    const timer = { atMs: this.#nowMs + ms, run }
    this.#timers.add(timer)
    return timer
  }

  clearTimeout(timer: ClockTimer): void {
    this.#timers.delete(timer as Due)
  }

  /** Moves to the next timer until `untilMs` and runs it; false: there is none, and the clock is at `untilMs`. */
  step(untilMs: number): boolean {
    let next: Due | undefined
    for (const timer of this.#timers) if (timer.atMs < (next?.atMs ?? Number.POSITIVE_INFINITY)) next = timer
    if (next === undefined || next.atMs > untilMs) {
      this.#nowMs = Math.max(this.#nowMs, untilMs)
      return false
    }
    this.#timers.delete(next)
    this.#nowMs = Math.max(this.#nowMs, next.atMs)
    next.run()
    return true
  }
}
