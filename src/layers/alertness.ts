import { availableParallelism } from 'node:os'
import { monotonicMs } from '../base/clock.js'

/** News that comes within this time costs less to look for than a sleep does. */
const soonMs = 0.05
/** So many in a row must have come so soon. */
const fewest = 4
/** On one core a process that looks for news keeps that of its news from running. */
const hasCores = availableParallelism() > 1

/**
 * Says whether a process goes on looking for news, or sleeps. It looks on while news comes in quick succession, and
 * never for longer than most sleeps take to begin and end.
 */
export class Alertness {
  #activeMs = 0
  #inARow = 0

  /** Something was sent, and the answer may come soon. */
  sent(): void {
    this.#activeMs = monotonicMs()
  }

  /** News has come. */
  heard(): void {
    const nowMs = monotonicMs()
    this.#inARow = nowMs - this.#activeMs < soonMs ? this.#inARow + 1 : 0
    this.#activeMs = nowMs
  }

  get isAlert(): boolean {
    return hasCores && this.#inARow >= fewest && monotonicMs() - this.#activeMs < soonMs
  }
}
