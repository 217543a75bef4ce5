import { availableParallelism } from 'node:os'
import { monotonicMs } from '../base/clock.js'

/** News that comes within this time follows in quick succession. It is more than two sleeps take to end. */
const soonMs = 0.2
/** How long a process looks for news at most. */
const lookMs = 0.1
/** So many in a row must have come soon. */
const fewest = 4
/** How much news, each of which is worth 1, pays for one look in vain, and how much can be saved up. */
const [lookCost, mostCredit] = [64, 256]
/** On one core a process that looks for news keeps that of its news from running. */
const hasCores = availableParallelism() > 1

/**
 * Says whether a process goes on looking for news, or sleeps. It looks on while news comes in quick succession. Where
 * it looks in vain again and again, as on a busy machine, it does so rarely.
 */
export class Alertness {
  #activeMs = 0
  #inARow = 0
  #credit = 0

  /** Something was sent, and the answer may come soon. */
  sent(): void {
    this.#activeMs = monotonicMs()
  }

  /** News has come. */
  heard(): void {
    const nowMs = monotonicMs()
    this.#inARow = nowMs - this.#activeMs < soonMs ? this.#inARow + 1 : 0
    if (this.#credit < mostCredit) this.#credit++
    this.#activeMs = nowMs
  }

  /** Whether it looks on. */
  look(): boolean {
    if (!hasCores || this.#credit < 0 || this.#inARow < fewest) return false
    if (monotonicMs() - this.#activeMs < lookMs) return true
    this.#inARow = 0
    this.#credit -= lookCost
    return false
  }
}
