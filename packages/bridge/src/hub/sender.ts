import type { EventCursor, EventPoll, Orbital, OrbitEvent, OrbitEventBus } from 'orbit-node'
import { pause, runtime } from '../base/clock.js'
import { batchOverhead, encodeBatch, type SentEvent, sentBytes } from '../events/batch.js'
import { matcherOf } from '../events/pattern.js'
import type { Memory, SentState } from './memory.js'
import { beginSending, hashOf, newState } from './sentstate.js'

/** What a sender sends, and how. */
export interface SenderSpec {
  readonly route: string
  readonly topics: readonly string[]
  /** Whether each batch is acknowledged before the next one. */
  readonly isStored: boolean
  readonly bus: OrbitEventBus
  readonly memory: Memory
  /** The most bytes of a batch. */
  maxBytes(): number
  /** Sends a batch. Resolves when the next one may follow; rejects if it was not sent. undefined: it was sent. */
  send(bytes: Uint8Array): Promise<void> | undefined
}

/**
 * How many events are polled at once, and so in a batch at most. The server acknowledges each batch of a stored route
 * before the next one is sent, so these are larger. The others are on their way while the next ones are polled.
 */
const [pollMaxStored, pollMaxLive] = [512, 128]
const maxBatchBytes = 256 * 1024
const retryMs = 100
/**
 * What was sent is noted so much later. A batch that follows at once waits for no note, and neither does the process
 * that the last write has woken: it often runs on the core of this one.
 */
const noteMs = 2

/** Whether a batch was sent; false: it was not, or the signal was aborted before the server has answered. */
async function isSent(sending: Promise<void> | undefined, signal: AbortSignal): Promise<boolean> {
  let onAbort = () => {}
  const aborted = new Promise<false>((resolve) => {
    onAbort = () => resolve(false)
  })
  signal.addEventListener('abort', onAbort, { once: true })
  const sent = Promise.resolve(sending).then(
    () => true,
    () => false,
  )
  try {
    return await (signal.aborted ? false : Promise.race([sent, aborted]))
  } finally {
    signal.removeEventListener('abort', onAbort)
  }
}

/**
 * Reads the events of this host from a bus, and sends those that match in batches, in order and one batch at a time. It
 * only reads, so it never slows a publisher; what the bus overwrites first is lost, and counted.
 *
 * How far it has come is in shared memory, and so is what it is about to send, before it sends it: a range of positions
 * and the indexes of its events. If the process dies, the next one sends the range again, and receivers drop what they
 * have. If the bus has overwritten a part of it by then, the last event of the range still has the last index.
 */
export class Sender {
  readonly #spec: SenderSpec
  readonly #state: Orbital<SentState>
  readonly #matches: (topic: string) => boolean
  /** What is in shared memory, or will be soon. */
  readonly #progress: { -readonly [Key in keyof SentState]: SentState[Key] }
  /** The index of the next event. */
  #next: number
  #cursor: EventCursor | undefined
  /** Events that were polled wait to be sent. */
  #isPending = false
  #timer: NodeJS.Timeout | undefined

  constructor(spec: SenderSpec) {
    this.#spec = spec
    // One pattern is matched by the bus itself.
    this.#matches = spec.topics.length === 1 ? () => true : matcherOf(spec.topics)
    this.#state = spec.memory.sent(spec.route)
    beginSending(this.#state, spec.bus, spec.topics)
    this.#progress = { ...(this.#state.load() as SentState) }
    this.#next = this.#progress.next
  }

  /** The count of the events that were sent: what a receiver should have by now. */
  get progress(): { epoch: number; next: number } {
    return { epoch: this.#progress.epoch, next: this.#next }
  }

  /** How many events of the bus, of any topic, it has not sent or passed. */
  get waiting(): number {
    using cursor = this.#spec.bus.cursor('head')
    const sent = this.#isPending ? undefined : this.#cursor?.position
    return Math.max(0, cursor.position - (sent ?? this.#progress.position))
  }

  /** Sends until the signal is aborted. */
  async run(signal: AbortSignal): Promise<void> {
    const cursor = this.#open()
    this.#cursor = cursor
    try {
      await this.#resume(cursor, signal)
      while (!signal.aborted) await this.#listen(cursor, signal)
      if (!this.#isPending) this.#note()
    } finally {
      runtime.clearTimeout(this.#timer)
      this.#timer = undefined
      this.#isPending = false
      this.#cursor = undefined
      cursor.close()
    }
  }

  /** Goes on after events that are not to be sent, without reading them, if it has come to these. */
  pass(from: number, to: number): void {
    const cursor = this.#cursor
    if (cursor === undefined || cursor.position < from || cursor.position >= to) return
    cursor.seek(to)
    if (!this.#isPending) this.#noteSoon()
  }

  /** Sends what comes, without a promise, until one must be waited for. */
  async #listen(cursor: EventCursor, signal: AbortSignal): Promise<void> {
    const { topics, isStored } = this.#spec
    const pattern = topics.length === 1 ? (topics[0] as string) : '>'
    let end = () => {}
    const pending = new Promise<Promise<void> | undefined>((resolve, reject) => {
      end = () => resolve(undefined)
      signal.addEventListener('abort', end, { once: true })
      const take = (poll: EventPoll) => {
        this.#isPending = true // the cursor has come further than what was sent, also if this throws
        const sending = this.#take(poll, signal)
        this.#isPending = sending !== undefined
        if (sending === undefined) return
        listener.close()
        resolve(sending)
      }
      const listener = cursor.listen(
        (poll) => {
          try {
            take(poll)
          } catch (error) {
            listener.close()
            reject(error) // the memory of this host was removed
          }
        },
        { pattern, max: isStored ? pollMaxStored : pollMaxLive, signal, keepAlive: false, onError: reject },
      )
    })
    try {
      await pending
    } finally {
      signal.removeEventListener('abort', end)
    }
    if (signal.aborted) return // what was not sent is read again by the next process
    if (this.#isPending) this.#note()
    this.#isPending = false
  }

  #open(): EventCursor {
    const { bus } = this.#spec
    const { position, triedPosition } = this.#progress
    try {
      const cursor = bus.cursor(triedPosition)
      cursor.seek(position)
      return cursor
    } catch (error) {
      // The bus was made anew, with positions from 0 on.
      if (!(error instanceof RangeError)) throw error
      Object.assign(this.#progress, newState(this.#progress.topics, 0))
      this.#next = 0
      return bus.cursor('start')
    }
  }

  /** Sends what the last process was about to send, or may have sent, with the same indexes. */
  async #resume(cursor: EventCursor, signal: AbortSignal): Promise<void> {
    const { triedPosition } = this.#progress
    const topics = hashOf(this.#spec.topics)
    if (triedPosition > cursor.position) {
      this.#isPending = true
      const events = topics === this.#progress.topics ? this.#readTried(cursor, triedPosition) : []
      cursor.seek(triedPosition)
      this.#noteTried(events)
      await this.#sendAll(events, signal)
      if (signal.aborted) return
    }
    this.#progress.topics = topics
    this.#note()
    this.#isPending = false
  }

  /** What is left of a range that was tried are its last events, with its last indexes. */
  #noteTried(events: readonly OrbitEvent[]): void {
    const { next, triedPosition, triedNext } = this.#progress
    this.#next = triedNext - events.length
    if (this.#next > next) this.#spec.memory.count('unsent', this.#spec.route, this.#next - next)
    const position = events[0]?.position ?? triedPosition
    this.#state.store(Object.assign(this.#progress, { position, next: this.#next }))
  }

  /** The last events before a position: those before them are lost, or cannot be told from those that were sent. */
  #readTried(cursor: EventCursor, end: number): OrbitEvent[] {
    let tried: OrbitEvent[] = []
    for (let isMore = true; isMore && cursor.position < end; ) {
      const { events, lost, malformed, from, to } = this.#poll(cursor, Math.min(end - cursor.position, pollMaxStored))
      isMore = to > from
      if (lost + malformed > 0) tried = []
      if (malformed === 0) tried.push(...events.filter((event) => event.position < end && this.#isSent(event)))
    }
    return tried
  }

  #poll(cursor: EventCursor, max: number): EventPoll {
    const { topics } = this.#spec
    return topics.length === 1 ? cursor.pollTopic(topics[0] as string, max) : cursor.poll(max)
  }

  /** Sends what a poll has found. What was lost before it moves the count on. undefined: it was sent. */
  #take({ events, lost, malformed }: EventPoll, signal: AbortSignal): Promise<void> | undefined {
    const missing = lost + malformed
    if (missing > 0) this.#skip(missing)
    const own = this.#isOwn(events) ? events : events.filter((event) => this.#isSent(event))
    if (own.length > 0 || missing > 0) {
      // A batch without events tells of a loss that no event follows yet.
      const sending = this.#try(own, signal)
      if (sending !== undefined) return sending
    }
    if (missing > 0) this.#note()
    else this.#noteSoon()
    return undefined
  }

  /** Notes what it is about to send, and sends it. */
  #try(events: readonly OrbitEvent[], signal: AbortSignal): Promise<void> | undefined {
    this.#progress.triedPosition = this.#cursor?.position as number
    this.#progress.triedNext = this.#next + events.length
    this.#state.store(this.#progress)
    return this.#sendAll(events, signal)
  }

  #isOwn(events: readonly OrbitEvent[]): boolean {
    for (const event of events) if (!this.#isSent(event)) return false
    return true
  }

  #isSent({ origin, topic }: OrbitEvent): boolean {
    return origin === undefined && this.#matches(topic)
  }

  #skip(lost: number): void {
    this.#spec.memory.count('unsent', this.#spec.route, lost)
    this.#next += lost
  }

  /** Notes soon that all was sent that was polled. */
  #noteSoon(): void {
    this.#timer ??= runtime.setTimeout(() => this.#noteInTime(), noteMs).unref()
  }

  #noteInTime(): void {
    this.#timer = undefined
    if (this.#isPending) return // it is noted when it was sent
    try {
      this.#note()
    } catch {
      // The memory of this host was removed: the next poll fails too.
    }
  }

  #note(): void {
    runtime.clearTimeout(this.#timer)
    this.#timer = undefined
    const position = this.#cursor?.position ?? this.#progress.position
    const next = this.#next
    this.#state.store(Object.assign(this.#progress, { position, next, triedPosition: position, triedNext: next }))
  }

  #sendAll(events: readonly SentEvent[], signal: AbortSignal): Promise<void> | undefined {
    const most = this.#mostBytes
    let bytes = batchOverhead
    for (const event of events) bytes += sentBytes(event)
    return bytes <= most ? this.#send(events, signal) : this.#sendParts(events, signal)
  }

  /** Whether the server takes a batch of so many bytes. One that is not known now says it when it is. */
  #fits(bytes: number): boolean {
    const most = this.#spec.maxBytes()
    return most === 0 || bytes <= most
  }

  get #mostBytes(): number {
    return Math.min(maxBatchBytes, this.#spec.maxBytes() || maxBatchBytes)
  }

  async #sendParts(events: readonly SentEvent[], signal: AbortSignal): Promise<void> {
    const most = this.#mostBytes
    for (let at = 0; at < events.length; ) {
      let bytes = batchOverhead
      let to = at
      while (to < events.length && bytes + sentBytes(events[to] as SentEvent) <= most) {
        bytes += sentBytes(events[to++] as SentEvent)
      }
      if (to > at) await this.#send(events.slice(at, to), signal)
      else if (this.#fits(bytes + sentBytes(events[at] as SentEvent)))
        await this.#send([events[to++] as SentEvent], signal)
      else {
        to++ // longer than a message may be
        this.#skip(1)
      }
      if (signal.aborted) return
      at = to
    }
  }

  #send(events: readonly SentEvent[], signal: AbortSignal): Promise<void> | undefined {
    const bytes = encodeBatch({ epoch: this.#progress.epoch, first: this.#next, events })
    const sending = this.#spec.send(bytes)
    return sending === undefined ? this.#sent(events.length) : this.#await(sending, bytes, events, signal)
  }

  /** Sends a batch again until it was sent. */
  async #await(
    first: Promise<void>,
    bytes: Uint8Array,
    events: readonly SentEvent[],
    signal: AbortSignal,
  ): Promise<void> {
    for (let sending: Promise<void> | undefined = first; !(await isSent(sending, signal)); ) {
      await pause(retryMs, signal)
      if (signal.aborted) return
      // The server may be another one now, which takes less.
      const most = this.#spec.maxBytes()
      if (events.length > 0 && most > 0 && bytes.length > most) return this.#sendParts(events, signal)
      sending = this.#spec.send(bytes)
    }
    this.#sent(events.length)
  }

  #sent(count: number): undefined {
    this.#spec.memory.count('sent', this.#spec.route, count)
    this.#next += count
  }
}
