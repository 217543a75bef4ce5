// Checks every frame: is it intact, does it follow the one before, and does the poll account for every position?
import type { Poll } from '../src/index.js'
import { checksumOf, type Event, eventPod } from './types.js'

export class Ledger {
  frames = 0
  /** Sequence numbers that were skipped. */
  lost = 0
  /** Sequence numbers that came twice, or out of order. */
  repeated = 0
  /** Frames with a wrong checksum or node. */
  torn = 0
  /** Frames that were overwritten before they were read. */
  overrun = 0
  malformed = 0
  /** Positions that a poll neither delivered nor counted as lost or malformed. */
  unaccounted = 0
  /** The last sequence number seen, by `node:incarnation`. */
  readonly #last = new Map<string, number>()

  take(poll: Poll): void {
    this.frames += poll.frames.length
    this.overrun += poll.lost
    this.malformed += poll.malformed
    this.unaccounted += Math.abs(poll.to - poll.from - poll.frames.length - poll.lost - poll.malformed)
    for (const frame of poll.frames) this.#check(eventPod.decode(frame.payload), frame.node)
  }

  #check(event: Event, publisher: number): void {
    if (event.checksum !== checksumOf(event) || event.node !== publisher) {
      this.torn++
      return
    }
    const expected = this.count(event.node, event.incarnation) + 1
    if (event.sequence < expected) {
      this.repeated++
      return
    }
    this.lost += event.sequence - expected
    this.#last.set(`${event.node}:${event.incarnation}`, event.sequence)
  }

  /** How many frames of one incarnation of a node this ledger has seen. */
  count(node: number, incarnation: number): number {
    return this.#last.get(`${node}:${incarnation}`) ?? 0
  }

  /** How many frames of all earlier incarnations of a node this ledger has seen. */
  countBefore(node: number, incarnation: number): number {
    let count = 0
    for (let earlier = 1; earlier < incarnation; earlier++) count += this.count(node, earlier)
    return count
  }
}
