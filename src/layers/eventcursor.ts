import type { Cursor, WaitOptions } from '../core/cursor.js'
import type { Poll } from '../core/poll.js'
import { type OrbitEvent, PolledEvent } from './event.js'
import { everyTopic, patternBytes } from './topic.js'

/** What one poll brought. `to - from` is the events, the lost, the malformed, and those of other topics. */
export interface EventPoll {
  /** In the order of their publication; empty when there is nothing new. */
  readonly events: OrbitEvent[]
  /** How many events, of whatever topic, were lost to newer ones before this cursor came by. Exact. */
  readonly lost: number
  /** How many frames were skipped because their bytes are no event; 0 unless foreign bytes got in. */
  readonly malformed: number
  /** The cursor's position before the poll. */
  readonly from: number
  /** And after it. */
  readonly to: number
}

/** A place among the events of all topics that moves on with each poll. Made by `bus.cursor`. */
export class EventCursor implements Disposable {
  readonly #cursor: Cursor
  #pattern: string | undefined = undefined
  #patternBytes = everyTopic

  /** @internal */
  constructor(cursor: Cursor) {
    this.#cursor = cursor
  }

  /** The position of the next event to read. */
  get position(): number {
    return this.#cursor.position
  }

  /** How many events, of whatever topic, it is behind the head: as `Cursor.lag`. */
  get lag(): number {
    return this.#cursor.lag
  }

  /**
   * Reads what was published since the last poll.
   *
   * @param max at most so many events, 1..2^32-1; default the bus's capacity
   * @throws ERR_ORBIT_CLOSED after the cursor or its fleet was closed; ERR_ORBIT_RETIRED after the ring was removed
   */
  poll(max?: number): EventPoll {
    return eventPoll(this.#cursor.pollMatching(everyTopic, max))
  }

  /**
   * Reads the events whose topic matches, and moves past all the others.
   *
   * @throws RangeError ERR_ORBIT_OUT_OF_RANGE for what is no pattern; what poll throws
   */
  pollTopic(pattern: string, max?: number): EventPoll {
    if (pattern !== this.#pattern) {
      this.#patternBytes = patternBytes(pattern)
      this.#pattern = pattern
    }
    return eventPoll(this.#cursor.pollMatching(this.#patternBytes, max))
  }

  /** Waits until there is something to poll, of whatever topic: as `Cursor.wait`. */
  wait(options?: WaitOptions): Promise<boolean> {
    return this.#cursor.wait(options)
  }

  /** Ends its waits. Idempotent; a later poll or wait fails with ERR_ORBIT_CLOSED. */
  close(): void {
    this.#cursor.close()
  }

  /** `close()`, for `using`. */
  [Symbol.dispose](): void {
    this.close()
  }
}

function eventPoll({ frames, lost, malformed, from, to }: Poll): EventPoll {
  const events: OrbitEvent[] = []
  for (const frame of frames) events.push(new PolledEvent(frame))
  return { events, lost: lost, malformed: malformed, from, to }
}
