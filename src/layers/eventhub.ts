import { type Cursor, nextTurn } from '../core/cursor.js'
import type { FleetObserver } from '../core/observer.js'
import type { Poll } from '../core/poll.js'
import { topicIn } from './event.js'
import { everyPattern, patternBytes } from './topic.js'
import { TopicIndex } from './topicindex.js'

/** How many events are read in one poll. */
export const pollMax = 1024

/** A subscription that waits for an event. It waits once. */
export class HubWait {
  readonly pattern: string
  /** It has read all events before this position. */
  readonly since: number
  readonly keepAlive: boolean
  /** Where to read on: at the first event that matches, or at a loss; undefined: the wait was ended. */
  readonly position: Promise<number | undefined>
  resolve!: (position: number | undefined) => void
  reject!: (error: unknown) => void
  readonly #hub: EventHub

  constructor(hub: EventHub, pattern: string, since: number, keepAlive: boolean) {
    this.#hub = hub
    this.pattern = pattern
    this.since = since
    this.keepAlive = keepAlive
    this.position = new Promise((resolve, reject) => {
      this.resolve = resolve
      this.reject = reject
    })
  }

  /** Ends the wait without an event. */
  end(): void {
    this.#hub.leave(this)
    this.resolve(undefined)
  }

  /** What an aborted signal does. */
  fail(): void {
    this.end()
  }
}

const ofFleets = new WeakMap<FleetObserver, Map<string, EventHub>>()

/**
 * Where the subscriptions of one fleet handle wait for their next event: the hub reads the ring once for all of them,
 * and wakes those with a pattern that matches. It keeps no event, so a slow subscription takes no memory: it reads the
 * ring itself, at its own pace, and counts its own losses.
 */
export class EventHub {
  readonly #cursorAt: (position: number) => Cursor
  readonly #waiting = new Set<HubWait>()
  readonly #index = new TopicIndex<HubWait>()
  /** How many wait for each pattern. */
  readonly #patterns = new Map<string, number>()
  #cursor: Cursor | undefined
  #alive = 0
  #isRunning = false
  #isAsleep = false

  /** @param cursorAt makes a cursor over the ring of all topics */
  private constructor(cursorAt: (position: number) => Cursor) {
    this.#cursorAt = cursorAt
  }

  /** That of the ring of a KIND, for all buses on a fleet handle. */
  static of(fleet: FleetObserver, bus: string, cursorAt: (position: number) => Cursor): EventHub {
    const hubs = ofFleets.get(fleet) ?? new Map<string, EventHub>()
    ofFleets.set(fleet, hubs)
    const hub = hubs.get(bus) ?? new EventHub(cursorAt)
    hubs.set(bus, hub)
    return hub
  }

  /**
   * Waits for an event that matches a pattern, or for a loss.
   *
   * @param since the head of the ring: the subscription has just read up to it
   */
  wait(pattern: string, since: number, keepAlive: boolean): HubWait {
    const wait = new HubWait(this, pattern, since, keepAlive)
    this.#waiting.add(wait)
    this.#index.add(pattern, wait)
    this.#patterns.set(pattern, (this.#patterns.get(pattern) ?? 0) + 1)
    if (keepAlive && ++this.#alive === 1 && this.#isAsleep) this.#cursor?.wake()
    if (!this.#isRunning) void this.#run(since)
    return wait
  }

  /** Forgets a wait that ends. */
  leave(wait: HubWait): void {
    if (!this.#waiting.delete(wait)) return
    const { pattern } = wait
    this.#index.delete(pattern, wait)
    const left = (this.#patterns.get(pattern) as number) - 1
    if (left > 0) this.#patterns.set(pattern, left)
    else this.#patterns.delete(pattern)
    if (wait.keepAlive) this.#alive--
    if (this.#isAsleep && (this.#waiting.size === 0 || (wait.keepAlive && this.#alive === 0))) this.#cursor?.wake()
  }

  async #run(since: number): Promise<void> {
    this.#isRunning = true
    try {
      this.#cursor ??= this.#cursorAt(since)
      this.#cursor.moveTo(since)
      await this.#serve(this.#cursor)
      for (const wait of [...this.#waiting]) wait.end()
    } catch (error) {
      for (const wait of [...this.#waiting]) {
        this.leave(wait)
        wait.reject(error)
      }
    } finally {
      this.#isRunning = this.#isAsleep = false
    }
  }

  /** Wakes subscriptions until none of them waits. */
  async #serve(cursor: Cursor): Promise<void> {
    while (this.#waiting.size > 0 && !cursor.closed) {
      this.#isAsleep = true
      await cursor.wait({ keepAlive: this.#alive > 0 })
      this.#isAsleep = false
      if (cursor.closed) return
      this.#dispatch(cursor.pollMatching(this.#filter(), pollMax))
      // The subscriptions go on, and may wait again. Polls that always bring something must not starve the event loop.
      await nextTurn()
    }
  }

  /** With one pattern, the addon passes the events that do not match it; with more of them, all are read. */
  #filter(): Uint8Array {
    const [only = everyPattern] = this.#patterns.keys()
    return patternBytes(this.#patterns.size > 1 ? everyPattern : only)
  }

  #dispatch({ frames, lost, malformed, from }: Poll): void {
    // Each subscription counts its losses itself. The lost events come first.
    const lostTo = malformed > 0 ? Number.POSITIVE_INFINITY : from + lost
    if (lostTo > from) for (const wait of [...this.#waiting]) if (wait.since < lostTo) this.#wake(wait, wait.since)
    for (const frame of frames) {
      const { position } = frame
      this.#index.match(topicIn(frame), (wait) => {
        if (position >= wait.since) this.#wake(wait, position)
      })
    }
  }

  #wake(wait: HubWait, position: number): void {
    this.leave(wait)
    wait.resolve(position)
  }
}
