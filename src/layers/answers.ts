import type { BlobPlace } from '../core/blobs.js'
import type { AnswerKind } from '../core/boxes.js'
import type { MemberId } from '../core/deathwatch.js'
import type { ReplyTo } from './callrequest.js'
import type { Spill } from './callwire.js'
import type { Switchboard } from './switchboard.js'

interface Lent {
  readonly caller: MemberId | undefined
  readonly places: readonly BlobPlace[]
}

/**
 * Sends the answers of one switchboard. What does not fit into a slot is lent to the caller in blobs, which it removes
 * when it has read them. Those of a call that is over, and of a caller that died, are removed here.
 */
export class Answers {
  readonly #board: Switchboard
  /** By reply slot: an answer there says that the caller has taken the one before. */
  readonly #lent = new Map<number, Lent>()

  constructor(board: Switchboard) {
    this.#board = board
    board.onDeath(() => this.#sweep())
  }

  /** Adds the places of blobs to `places`; `what` names their bytes in errors. */
  spill(places: BlobPlace[], what: string): Spill {
    return (bytes) => {
      const place = this.#board.blobs.write(bytes, what)
      places.push(place)
      return place
    }
  }

  /** Sends the first `length` bytes; false: the call is over. */
  send(
    { slot, stamp }: ReplyTo,
    kind: AnswerKind,
    bytes: Uint8Array,
    length: number,
    places: readonly BlobPlace[],
  ): boolean {
    const board = this.#board
    if (board.closed || !board.boxes.answer(slot, stamp, kind, bytes, length)) {
      this.discard(places)
      return false
    }
    board.loop.wake(board.boxes.boxOfSlot(slot))
    if (places.length > 0) this.#lend(slot, places)
    return true
  }

  #lend(slot: number, places: readonly BlobPlace[]): void {
    const caller = this.#board.watchCaller(slot)
    const before = this.#lent.get(slot)
    if (before !== undefined && before.caller?.incarnation !== caller?.incarnation) this.discard(before.places)
    this.#lent.set(slot, { caller, places })
  }

  /** Removes blobs that no caller will read. */
  discard(places: readonly BlobPlace[]): void {
    for (const place of places) this.#board.blobs.remove(place)
  }

  /** Whether the caller has taken the last part of a stream. */
  isTaken(slot: number, stamp: number): boolean {
    return this.#board.boxes.isTaken(slot, stamp)
  }

  #sweep(): void {
    const { boxes } = this.#board
    for (const [slot, lent] of this.#lent) {
      const { owner } = boxes.look(boxes.boxOfSlot(slot))
      if (owner?.isAlive && owner.incarnation === lent.caller?.incarnation) continue
      this.#lent.delete(slot)
      this.discard(lent.places)
    }
  }
}
