// Checks every frame: is it whole, does it follow the one before, and does the poll account for every position?
import type { Poll } from '../../core/poll.js'
import { checksumOf, type StepValue, stepsPerRequest } from './contract.js'

export class Ledger {
  frames = 0
  /** Frames of last steps: their requests were served. */
  requests = 0
  /** Sequence numbers that were skipped. */
  skipped = 0
  /** Sequence numbers that came twice, or out of order. */
  repeated = 0
  /** Frames with a wrong checksum. */
  torn = 0
  /** Frames that were overwritten before they were read, or that could not be read. */
  unread = 0
  /** Positions that a poll neither delivered nor counted. */
  unaccounted = 0
  /** The last sequence number, by `node:incarnation`. */
  readonly #last = new Map<string, number>()

  take({ frames, lost, malformed, from, to }: Poll<StepValue>): void {
    this.frames += frames.length
    this.unread += lost + malformed
    this.unaccounted += Math.abs(to - from - frames.length - lost - malformed)
    for (const { node, value } of frames) this.#check(node, value)
  }

  #check(node: number, step: StepValue): void {
    const { incarnation, sequence } = step
    const expected = this.count(node, incarnation) + 1
    if (step.checksum !== checksumOf(node, step)) this.torn++
    else if (sequence < expected) this.repeated++
    else {
      this.skipped += sequence - expected
      this.#last.set(`${node}:${incarnation}`, sequence)
      if (sequence % stepsPerRequest === 0) this.requests++
    }
  }

  /** How many frames of one incarnation of a node this ledger has seen. */
  count(node: number, incarnation: number): number {
    return this.#last.get(`${node}:${incarnation}`) ?? 0
  }
}
