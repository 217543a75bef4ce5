import { type Cursor, type IterateOptions, nextTurn } from '../core/cursor.js'
import type { FleetObserver } from '../core/observer.js'
import { eventIn, type OrbitEvent } from './event.js'
import { type EventHub, type HubWait, pollMax } from './eventhub.js'
import { patternBytes } from './topic.js'

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
export class EventSubscription<Event = OrbitEvent> implements AsyncIterable<Event>, Disposable {
  readonly #fleet: FleetObserver
  readonly #cursor: Cursor
  readonly #hub: EventHub
  readonly #pattern: string
  readonly #options: SubscribeOptions
  readonly #events: AsyncGenerator<Event, void, undefined>
  #wait: HubWait | undefined
  #lost = 0
  #malformed = 0

  /** @internal */
  constructor(fleet: FleetObserver, hub: EventHub, cursor: Cursor, pattern: string, options: SubscribeOptions) {
    this.#fleet = fleet
    this.#hub = hub
    this.#cursor = cursor
    this.#pattern = pattern
    this.#options = options
    const events: AsyncGenerator<Event, void, undefined> = this.#each()
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
  [Symbol.asyncIterator](): AsyncGenerator<Event, void, undefined> {
    return this.#events
  }

  async *#each() {
    const { max = pollMax, onLoss } = this.#options
    const filter = patternBytes(this.#pattern)
    try {
      while (!this.#isOver) {
        const { frames, lost, malformed, from, to } = this.#cursor.pollMatching(filter, max)
        this.#lost += lost
        this.#malformed += malformed
        if (lost > 0) onLoss?.(lost)
        for (const frame of frames) {
          if (this.#isOver) return
          yield eventIn(frame) as Event
        }
        // Polls that always bring something must not starve timers, sockets and the signal.
        if (to > from) await nextTurn()
        else await this.#sleep()
      }
    } finally {
      this.close()
    }
  }

  get #isOver(): boolean {
    return this.#cursor.closed || this.#options.signal?.aborted === true
  }

  /** Sleeps until there is something to read, or the subscription is over. */
  async #sleep(): Promise<void> {
    const { signal, spin, keepAlive = true } = this.#options
    try {
      if (spin) {
        await this.#cursor.wait({ ...(signal && { signal }), spin })
        return
      }
      const wait = this.#hub.wait(this.#pattern, this.#cursor.position, keepAlive)
      this.#wait = wait
      const { signals } = this.#fleet.bell
      if (signal !== undefined) signals.add(signal, wait)
      const position = await wait.position.finally(() => signal && signals.remove(signal, wait))
      if (position !== undefined) this.#cursor.moveTo(position)
    } catch (error) {
      if (!this.#isOver) throw error
    } finally {
      this.#wait = undefined
    }
  }

  /** Ends the iteration; allowed inside its loop. Idempotent. */
  close(): void {
    this.#cursor.close()
    this.#wait?.end()
  }

  /** Calls `close()`, for `using`. */
  [Symbol.dispose](): void {
    this.close()
  }
}
