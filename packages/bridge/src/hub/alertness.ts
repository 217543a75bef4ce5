import { monotonicMs } from '../base/clock.js'

/** An answer that comes within this time saves the time that it takes to be woken. */
const lookMs = 0.1
/** An event of this host that comes so soon after one of another host is worth 1: it answers, or may answer. */
const soonMs = 0.2
/** What a look in vain costs, and how much can be saved up for it. */
const [lookCost, mostCredit] = [8, 64]

/**
 * Says whether a process goes on looking for events of its host after it has brought one of another host, or sleeps.
 * Where answers come soon it looks on; where most looks are in vain, as on a busy machine, it mostly sleeps.
 */
export class Alertness {
  readonly #nowMs: () => number
  #broughtMs = 0
  #credit = 0

  constructor(nowMs = monotonicMs) {
    this.#nowMs = nowMs
  }

  /** Events of another host were published. @returns whether to look for answers */
  brought(): boolean {
    this.#broughtMs = this.#nowMs()
    return this.#credit >= lookCost
  }

  /** Events of this host have come. */
  heard(): void {
    if (this.#credit < mostCredit && this.#nowMs() - this.#broughtMs < soonMs) this.#credit++
  }

  /** Whether to look once more. */
  looksOn(): boolean {
    if (this.#nowMs() - this.#broughtMs < lookMs) return true
    this.#credit -= lookCost
    return false
  }
}
