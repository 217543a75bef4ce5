import type { Activation } from './activation.js'

/** What a host says about its actors to those that only read shared memory: `orbit top`, the page, `orbit doctor`. */
export interface HostCounts {
  /** How many partitions it has, 0..16. */
  readonly partitions: number
  /** How many actors are active. */
  readonly active: number
  /** How many calls wait for their turn. */
  readonly waiting: number
  /** How long the oldest of them has waited, in milliseconds; 0: none waits. */
  readonly oldestMs: number
  /** How many calls its actors have taken in the last second. */
  readonly callsPerSecond: number
}

/** How many calls wait for actors, and for how long the oldest of them has. */
export function waitsOf(blocked: Iterable<Activation>, nowMs: number): Pick<HostCounts, 'waiting' | 'oldestMs'> {
  let [waiting, since] = [0, nowMs]
  for (const activation of blocked) {
    for (const { sinceMs } of activation.waiting) {
      waiting++
      since = Math.min(since, sinceMs)
    }
  }
  return { waiting, oldestMs: Math.round(nowMs - since) }
}
