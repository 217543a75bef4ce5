import type { Cursor, IterateOptions } from '../core/cursor.js'
import type { Poll } from '../core/poll.js'
import { type OrbitEvent, PolledEvent } from './event.js'

/** Options of `subscribe`: where it begins, how it ends, and what is called on a loss. */
export interface SubscribeOptions extends IterateOptions {
  /**
   * 'head' (default): events published after this call; 'start': also all that are retained; or a position, 0..2^53-2.
   */
  from?: 'start' | 'head' | number
  /**
   * Called with the number of lost events, before the events that follow the loss. An error that it throws ends the
   * subscription.
   */
  onLoss?: (lost: number) => void
}

/**
 * The events of a subscription, one at a time, for one `for await` loop. A slow loop slows no publisher down: it falls
 * behind, and loses events, which `lost` and `onLoss` count exactly. Iterating keeps the process alive unless
 * `keepAlive` is false. It ends when the loop is left, the signal is aborted, or the subscription or its fleet is
 * closed; no further event is given then. It throws ERR_ORBIT_RETIRED after the ring was removed.
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
    // The generator's own methods would wait for a next() that may sleep without end.
    const { return: leave, throw: fail } = events
    const left: typeof leave = (value) => {
      this.close()
      return leave.call(events, value)
    }
    const failed: typeof fail = (error) => {
      this.close()
      return fail.call(events, error)
    }
    // An assignment fails where prototypes are frozen (node --frozen-intrinsics).
    Object.defineProperties(events, { return: { value: left }, throw: { value: failed } })
    this.#events = events
  }

  /** How many events of any topic were lost so far; 0 or more, exact. */
  get lost(): number {
    return this.#lost
  }

  /** How many frames were skipped so far because their bytes are not an event. */
  get malformed(): number {
    return this.#malformed
  }

  /** The iterator of this subscription; always the same one, so a second loop goes on where the first one stopped. */
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

  /** Ends the iteration; allowed inside its loop. Idempotent. */
  close(): void {
    this.#cursor.close()
  }

  /** Calls `close()`, for `using`. */
  [Symbol.dispose](): void {
    this.close()
  }
}
