import { type Frame, takeFrames } from './frame.js'
import type { Ring } from './ring.js'
import { resultHead, resultLost, resultMalformed, resultTo } from './scratch.js'

/** What one poll brought: `to - from` is always `frames.length + lost + malformed`. */
export interface Poll {
  /** In position order; empty when there is nothing new. */
  readonly frames: Frame[]
  /** How many frames were lost to newer ones, or to a reset, before this cursor came by. Exact. */
  readonly lost: number
  /** How many were skipped because their shared bytes contradict the layout; 0 unless foreign bytes got in. */
  readonly malformed: number
  /** The cursor's position before the poll. */
  readonly from: number
  /** And after it. */
  readonly to: number
}

/** Reads up to `max` frames of `ring` from `position` on; with `pattern` the events whose topic it matches. */
export function pollRing(ring: Ring, position: number, max: number, pattern?: Uint8Array): Poll {
  const frames: Frame[] = []
  let to = position
  let lost = 0
  let malformed = 0
  let head: number | undefined
  for (;;) {
    const left = max - frames.length
    const count = pattern === undefined ? ring.poll(to, left) : ring.pollEvents(to, left, pattern)
    const passed = resultTo() - to
    lost += resultLost()
    malformed += resultMalformed()
    to += passed
    if (count > 0) takeFrames(ring, count, frames)
    // A full scratch ends a native call early. Not past the head of the first call: writers may be faster than we are.
    head ??= resultHead()
    if (count === 0 || frames.length >= max || to >= head) return { frames, lost, malformed, from: position, to }
  }
}
