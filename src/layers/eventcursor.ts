import { checkInteger, checkOptions, wrongType } from '../base/check.js'
import type { Cursor, WaitOptions } from '../core/cursor.js'
import type { CursorListener, ListenOptions } from '../core/listener.js'
import type { Poll } from '../core/poll.js'
import { eventIn, type OrbitEvent } from './event.js'
import { everyTopic, patternBytes } from './topic.js'
import type { AnyTopics, EventOf } from './topics.js'

/**
 * The events of one poll, and an exact account of those that are missing. `to - from` counts the events, the lost, the
 * malformed, and those of other topics. A loss always comes before the events of its poll.
 */
export interface EventPoll<Event = OrbitEvent> {
  /** The events that were found, in the order of their publication; empty if there is nothing new. */
  readonly events: Event[]
  /** How many events of any topic were overwritten before this cursor reached them; 0 or more, exact. */
  readonly lost: number
  /** How many frames were skipped because their bytes are not an event; 0 unless another program wrote them. */
  readonly malformed: number
  /** The position of the cursor before the poll. */
  readonly from: number
  /** The position of the cursor after the poll. */
  readonly to: number
}

/** Options of `listen` of an `EventCursor`. */
export interface EventListenOptions<Pattern extends string = string> extends ListenOptions {
  /** Which topics it hears, as in `pollTopic`; default every topic. */
  pattern?: Pattern
}

/** A position among the events of all topics that moves on with each poll. Made by `bus.cursor`. */
export class EventCursor<Topics extends object = AnyTopics> implements Disposable {
  readonly #cursor: Cursor
  #pattern: string | undefined = undefined
  #patternBytes = everyTopic

  /** @internal */
  constructor(cursor: Cursor) {
    this.#cursor = cursor
  }

  /** The position of the next event to read, 0..2^53-1. */
  get position(): number {
    return this.#cursor.position
  }

  /**
   * How many events of any topic the cursor is behind the head; events that it has lost count too. 0: it has read
   * everything.
   *
   * @throws ERR_ORBIT_CLOSED after the cursor or its fleet was closed
   */
  get lag(): number {
    return this.#cursor.lag
  }

  /**
   * Reads the events that were published since the last poll. A poll ends before a loss unless the loss comes first.
   *
   * @param max the most events to read, 1..2^32-1; default the capacity of the bus
   * @throws TypeError or RangeError for a wrong `max`; ERR_ORBIT_CLOSED after the cursor or its fleet was closed,
   *   ERR_ORBIT_RETIRED after the ring was removed
   */
  poll(max?: number): EventPoll<EventOf<Topics>> {
    return eventPoll(this.#cursor.pollMatching(everyTopic, max))
  }

  /**
   * Reads the events with a topic that matches a pattern, and passes all others. A poll ends before a loss unless the
   * loss comes first; it may have no events then, although `to` is before the head.
   *
   * @param pattern levels separated by dots; `*` matches one level, `>` as the last one matches one or more
   * @param max the most events to read, 1..2^32-1; default the capacity of the bus
   * @throws TypeError or RangeError for a wrong pattern or `max`; ERR_ORBIT_CLOSED after the cursor or its fleet was
   *   closed, ERR_ORBIT_RETIRED after the ring was removed
   */
  pollTopic<Pattern extends string>(pattern: Pattern, max?: number): EventPoll<EventOf<Topics, Pattern>> {
    if (pattern !== this.#pattern) {
      this.#patternBytes = patternBytes(pattern)
      this.#pattern = pattern
    }
    return eventPoll(this.#cursor.pollMatching(this.#patternBytes, max))
  }

  /**
   * Waits until there is something to poll, of any topic. It uses no CPU while it sleeps, and keeps the process alive
   * unless `keepAlive` is false.
   *
   * @returns true: a poll finds events or a loss; false: the time is up, or the cursor or its fleet was closed
   * @throws the signal's reason; TypeError or RangeError for wrong options; ERR_ORBIT_CLOSED, ERR_ORBIT_RETIRED
   */
  wait(options?: WaitOptions): Promise<boolean> {
    return this.#cursor.wait(options)
  }

  /**
   * Goes on at another position, and counts nothing in between as lost. Waits and listeners go on there, too.
   *
   * @param position 0..2^53-2
   * @throws TypeError or RangeError for a wrong `position`
   */
  seek(position: number): void {
    checkInteger('position', position, 0, Number.MAX_SAFE_INTEGER - 1)
    this.#cursor.seek(position)
  }

  /**
   * Calls a function with each poll that moves the cursor on, from now on; it may have passed only other topics. It is
   * the fastest way to hear of single events. It keeps the process alive unless `keepAlive` is false. Listeners of one
   * cursor share its position, so one of them passes events that another would match: make a cursor for each.
   *
   * @returns what ends it, as an aborted signal and closing the cursor or its fleet do
   * @throws TypeError or RangeError for wrong arguments; ERR_ORBIT_CLOSED
   */
  listen<Pattern extends string = '>'>(
    listener: (poll: EventPoll<EventOf<Topics, Pattern>>) => void,
    options: EventListenOptions<Pattern> = {},
  ): CursorListener {
    if (typeof listener !== 'function') throw wrongType('listener', listener, 'a function')
    checkOptions('options', options, ['pattern', 'signal', 'max', 'keepAlive', 'onError'])
    const { pattern, ...listening } = options
    return this.#cursor.listenMatching(patternBytes(pattern), (poll) => listener(eventPoll(poll)), listening)
  }

  /** Ends the waits and listeners of the cursor. A later poll or wait throws ERR_ORBIT_CLOSED. Idempotent. */
  close(): void {
    this.#cursor.close()
  }

  /** Calls `close()`, for `using`. */
  [Symbol.dispose](): void {
    this.close()
  }
}

function eventPoll<Event>({ frames, lost, malformed, from, to }: Poll): EventPoll<Event> {
  const events: Event[] = []
  for (const frame of frames) events.push(eventIn(frame) as Event)
  return { events, lost: lost, malformed: malformed, from, to }
}
