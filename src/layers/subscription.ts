import type { Cursor, IterateOptions } from '../core/cursor.js'
import type { Poll } from '../core/poll.js'
import { type OrbitEvent, PolledEvent } from './event.js'

/** Where a subscription begins, how it ends, and who is told of losses. */
export interface SubscribeOptions extends IterateOptions {
  /** 'head' (default): what comes after this call; 'start': also all that is retained; or a position. */
  from?: 'start' | 'head' | number
  /** Told of each loss before the events that follow it; what it throws ends the subscription. */
  onLoss?: (lost: number) => void
}

/**
 * The events of a subscription, one at a time, for one `for await`. A slow consumer slows nobody down: it falls behind, and
 * is told by how much. Iterating keeps the process alive. It ends when the loop is left, the signal aborted, or the
 * subscription or its fleet closed, and then gives no event more; it throws ERR_ORBIT_RETIRED when the ring was removed.
 */
export class EventSubscription implements AsyncIterable<OrbitEvent>, Disposable {
  readonly #cursor: Cursor
  readonly #events: AsyncGenerator<OrbitEvent, void, undefined>
  #lost = 0
  #malformed = 0

  /** @internal */
  constructor(cursor: Cursor, pattern: Uint8Array, options: IterateOptions, onLoss?: (lost: number) => void) {
    this.#cursor = cursor
    const polls = cursor.iterateMatching(pattern, options)
    const events: AsyncGenerator<OrbitEvent, void, undefined> = this.#each(polls, options.signal, onLoss)
    // A generator would keep both waiting behind a next() that may sleep for ever, as a stream does that is destroyed.
    const { return: leave, throw: fail } = events
    const left: typeof leave = (value) => {
      this.close()
      return leave.call(events, value)
    }
    const failed: typeof fail = (error) => {
      this.close()
      return fail.call(events, error)
    }
    // Not by assignment, which a frozen prototype forbids (node --frozen-intrinsics).
    Object.defineProperties(events, { return: { value: left }, throw: { value: failed } })
    this.#events = events
  }

  /** How many events, of whatever topic, it has lost so far. */
  get lost(): number {
    return this.#lost
  }

  /** How many frames it has skipped so far that were no events. */
  get malformed(): number {
    return this.#malformed
  }

  /** Always the same: a second loop goes on where the first is. */
  [Symbol.asyncIterator](): AsyncGenerator<OrbitEvent, void, undefined> {
    return this.#events
  }

  async *#each(polls: AsyncIterable<Poll>, signal?: AbortSignal, onLoss?: (lost: number) => void) {
    try {
      for await (const { frames, lost, malformed } of polls) {
        this.#lost += lost
        this.#malformed += malformed
        if (lost > 0) onLoss?.(lost)
        for (const frame of frames) {
          if (this.#cursor.closed || signal?.aborted) return
          yield new PolledEvent(frame)
        }
      }
    } finally {
      this.close()
    }
  }

  /** Ends the iteration, also from inside its loop. Idempotent. */
  close(): void {
    this.#cursor.close()
  }

  /** `close()`, for `using`. */
  [Symbol.dispose](): void {
    this.close()
  }
}
