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

/**
 * Reads up to `max` frames of a ring from `position` on. The poll ends before a loss unless the loss comes first, so the
 * frames that it lost are always those from `position` on. It may end before the head.
 *
 * @param filter what the addon compares each frame with; frames that do not match are passed. Default: all match
 */
export function pollRing(ring: Ring, position: number, max: number, filter?: Uint8Array): Poll {
  const frames: Frame[] = []
  let to = position
  let lost = 0
  let malformed = 0
  let head: number | undefined
  for (;;) {
    const isContinued = to - position > lost
    const count = ring.poll(to, max - frames.length, isContinued, filter)
    const passed = resultTo() - to
    lost += resultLost()
    malformed += resultMalformed()
    to += passed
    if (count > 0) takeFrames(ring, count, frames)
    // A full scratch ends a call early. The head of the first call is the goal: publishers may be faster than this loop.
    head ??= resultHead()
    if (passed === 0 || frames.length >= max || to >= head) break
  }
  return { frames, lost, malformed, from: position, to }
}
