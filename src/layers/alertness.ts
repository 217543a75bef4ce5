import { availableParallelism } from 'node:os'
import { monotonicMs } from '../base/clock.js'

/** News that comes within this time costs less to look for than a sleep does. */
const soonMs = 0.05
/** So many in a row must have come so soon. */
const fewest = 4
/** How much news a process sleeps for at least, and at most, after it has looked in vain. */
const [leastPause, mostPause] = [32, 4096]
/** On one core a process that looks for news keeps that of its news from running. */
const hasCores = availableParallelism() > 1

/**
 * Says whether a process goes on looking for news, or sleeps. It looks on while news comes in quick succession. Where
 * it looks in vain, as on a busy machine, it tries more and more rarely.
 */
export class Alertness {
  #activeMs = 0
  /** News that came soon; below 0: how much is still slept for. */
  #inARow = 0
  #pause = leastPause

  /** Something was sent, and the answer may come soon. */
  sent(): void {
    this.#activeMs = monotonicMs()
  }

  /** News has come. */
  heard(): void {
    const nowMs = monotonicMs()
    if (this.#inARow < 0 || nowMs - this.#activeMs < soonMs) this.#inARow++
    else this.#inARow = 0
    if (this.#inARow > this.#pause) this.#pause = leastPause
    this.#activeMs = nowMs
  }

  /** Whether it looks on. */
  look(): boolean {
    if (!hasCores || this.#inARow < fewest) return false
    if (monotonicMs() - this.#activeMs < soonMs) return true
    this.#inARow = -this.#pause
    this.#pause = Math.min(2 * this.#pause, mostPause)
    return false
  }
}
