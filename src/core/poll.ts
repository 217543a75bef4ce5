import { type Frame, takeFrames } from './frame.js'
import type { Ring } from './ring.js'
import { resultCount, resultHead, resultLost, resultMalformed, resultTo } from './scratch.js'
import { placeFor } from './slab.js'

/**
 * The frames of one poll, and an exact account of those that are missing. `to - from` is always
 * `frames.length + lost + malformed`. A loss always comes before the frames of its poll.
 */
export interface Poll<T = unknown> {
  /** The frames that were found, in the order of their positions; empty if there is nothing new. */
  readonly frames: Frame<T>[]
  /** How many frames were overwritten or reset away before this cursor reached them; 0 or more, exact. */
  readonly lost: number
  /**
   * How many frames were skipped because their shared bytes contradict the layout; 0 unless another program wrote
   * them.
   */
  readonly malformed: number
  /** The position of the cursor before the poll. */
  readonly from: number
  /** The position of the cursor after the poll. */
  readonly to: number
}

/**
 * Reads up to `max` frames of a ring from `position` on. The poll ends before a loss unless the loss comes first, so
 * the frames that it lost are always those from `position` on. It may end before the head.
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
    const place = placeFor(ring.payloadBytes)
    if (!ring.poll(to, max - frames.length, isContinued, place, filter)) break
    const passed = resultTo() - to
    lost += resultLost()
    malformed += resultMalformed()
    to += passed
    // A full slab ends a call early. The head of the first call is the goal: publishers may be faster than this loop.
    head ??= resultHead()
    if (resultCount() > 0) takeFrames(ring, place, frames)
    if (frames.length >= max || to >= head) break
  }
  return { frames, lost, malformed, from: position, to }
}
