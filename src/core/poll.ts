import { type Frame, framesIn, takeFrames } from './frame.js'
import type { Ring } from './ring.js'
import { resultHead, resultLost, resultMalformed } from './scratch.js'
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

/** The result of a poll that found nothing. */
export const nothingAt = (position: number): Poll => ({
  frames: [],
  lost: 0,
  malformed: 0,
  from: position,
  to: position,
})

/**
 * Reads up to `max` frames of a ring from `position` on. The poll ends before a loss unless the loss comes first, so
 * the frames that it lost are always those from `position` on. It may end before the head.
 *
 * @param filter what the addon compares each frame with; frames that do not match are passed. Default: all match
 */
export function pollRing(ring: Ring, position: number, max: number, filter?: Uint8Array): Poll {
  const place = placeFor(ring.payloadBytes)
  const to = ring.poll(position, max, false, place, filter)
  return to === position ? nothingAt(position) : found(ring, position, to, max, place, filter)
}

/**
 * What a first call to `to` has found. It is apart from `pollRing` because V8 inlines no more than 766 bytes of
 * bytecode into a caller: so a poll of nothing fits, and its result is never made if the caller drops it.
 */
function found(
  ring: Ring,
  position: number,
  to: number,
  max: number,
  place: number,
  filter: Uint8Array | undefined,
): Poll {
  // The head of the first call is the goal: publishers may be faster than the loop behind it.
  const head = resultHead()
  const lost = resultLost()
  const malformed = resultMalformed()
  const frames = takeFrames(ring, place)
  const poll = { frames, lost, malformed, from: position, to }
  if (to < head && frames.length < max) pollOn(ring, poll, head, max, filter)
  return poll
}

/** As `pollRing`, with the payloads in an array of the caller. It ends when that has no room for another one. */
export function pollRingInto(ring: Ring, position: number, max: number, target: Uint8Array): Poll {
  const to = ring.pollInto(position, max, target)
  if (to === position) return nothingAt(position)
  const lost = resultLost()
  const malformed = resultMalformed()
  return { frames: framesIn(ring, target), lost, malformed, from: position, to }
}

type Mutable<T> = { -readonly [Key in keyof T]: T[Key] }

/** Goes on with a poll after a first call that ended before the head, as it does when the slab is full. */
function pollOn(ring: Ring, poll: Mutable<Poll>, head: number, max: number, filter: Uint8Array | undefined): void {
  const { frames } = poll
  while (poll.to < head && frames.length < max) {
    const isContinued = poll.to - poll.from > poll.lost
    const place = placeFor(ring.payloadBytes)
    const to = ring.poll(poll.to, max - frames.length, isContinued, place, filter)
    if (to === poll.to) return
    poll.to = to
    poll.lost += resultLost()
    poll.malformed += resultMalformed()
    frames.push(...takeFrames(ring, place))
  }
}
