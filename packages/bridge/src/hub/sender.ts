import type { EventCursor, Orbital, OrbitEvent, OrbitEventBus } from 'orbit-node'
import { pause } from '../base/clock.js'
import { batchOverhead, encodeBatch, type SentEvent, sentBytes } from '../events/batch.js'
import { matcherOf } from '../events/pattern.js'
import type { Memory, SentState } from './memory.js'

/** What a sender sends, and how. */
export interface SenderSpec {
  readonly route: string
  readonly topics: readonly string[]
  readonly bus: OrbitEventBus
  readonly memory: Memory
  /** The position up to which nothing is to be sent, from a position on; that position if there may be something. */
  passedTo(position: number): number
  /** The most bytes of a batch. */
  maxBytes(): number
  /** Sends a batch. Resolves when the next one may follow; rejects if it was not sent. */
  send(bytes: Uint8Array): Promise<void> | undefined
}

const pollMax = 512
const maxBatchBytes = 256 * 1024
const retryMs = 100
/** So few events are read and dropped faster than a cursor is made after them. */
const fewEvents = 64

const newEpoch = (): number => Math.floor(Math.random() * Number.MAX_SAFE_INTEGER)

/**
 * Notes where sending begins, unless a process of this host has done so: events that are published from now on are
 * sent, however long it takes until there is a connection.
 */
export function beginSending(state: Orbital<SentState>, bus: OrbitEventBus): void {
  if (state.load() !== undefined) return
  using cursor = bus.cursor('head')
  state.store({ epoch: newEpoch(), position: cursor.position, next: 0 })
}

/**
 * Reads the events of this host from a bus, and sends those that match in batches, in order and one batch at a time. It
 * only reads, so it never slows a publisher; what the bus overwrites first is lost, and counted. How far it has come is
 * in shared memory: a batch that was sent by a process that died then is sent again, and receivers drop what they have.
 */
export class Sender {
  readonly #spec: SenderSpec
  readonly #state: Orbital<SentState>
  readonly #matches: (topic: string) => boolean
  #progress: SentState
  /** The `next` that is in shared memory. */
  #noted: number

  constructor(spec: SenderSpec) {
    this.#spec = spec
    // One pattern is matched by the bus itself.
    this.#matches = spec.topics.length === 1 ? () => true : matcherOf(spec.topics)
    this.#state = spec.memory.sent(spec.route)
    beginSending(this.#state, spec.bus)
    this.#progress = this.#state.load() as SentState
    this.#noted = this.#progress.next
  }

  /** The count of the events that were sent: what a receiver should have by now. */
  get progress(): SentState {
    return this.#progress
  }

  /** How many events of the bus, of any topic, it has not sent or passed. */
  get waiting(): number {
    using cursor = this.#spec.bus.cursor('head')
    return Math.max(0, cursor.position - this.#progress.position)
  }

  /** Sends until the signal is aborted. */
  async run(signal: AbortSignal): Promise<void> {
    let cursor = this.#cursor()
    try {
      while (!signal.aborted) {
        cursor = this.#pass(cursor)
        await this.#step(cursor, signal)
      }
    } finally {
      cursor.close()
    }
  }

  /** Sends what there is, or waits. */
  async #step(cursor: EventCursor, signal: AbortSignal): Promise<void> {
    const { next } = this.#progress
    const events = this.#next(cursor)
    // A batch without events tells of a loss that no event follows yet.
    const isLoss = events.length === 0 && this.#progress.next > next
    if (isLoss) await this.#send([], signal)
    await this.#sendAll(events, signal)
    if (signal.aborted) return // what was not sent is read again by the next process
    // Batches that are always there must not starve the connection.
    const isIdle = cursor.lag === 0
    if (isIdle || events.length > 0) this.#note(cursor.position)
    if (isIdle) await cursor.wait({ signal, keepAlive: false }).catch(() => {})
    else await new Promise<void>((resolve) => setImmediate(resolve))
  }

  /** Goes on after events that are not to be sent, without reading them. */
  #pass(cursor: EventCursor): EventCursor {
    const to = this.#spec.passedTo(cursor.position)
    if (to - cursor.position <= fewEvents) return cursor
    cursor.close()
    this.#note(to)
    return this.#cursor()
  }

  #cursor(): EventCursor {
    const { bus } = this.#spec
    try {
      return bus.cursor(this.#progress.position)
    } catch (error) {
      // The bus was made anew, with positions from 0 on.
      if (!(error instanceof RangeError)) throw error
      this.#progress = { epoch: newEpoch(), position: 0, next: 0 }
      return bus.cursor('start')
    }
  }

  /** The next events to send. What was lost before them moves the count on. */
  #next(cursor: EventCursor): SentEvent[] {
    const { events, lost, malformed } = this.#poll(cursor)
    if (lost + malformed > 0) this.#skip(lost + malformed)
    return events.filter(({ origin, topic }) => origin === undefined && this.#matches(topic))
  }

  #poll(cursor: EventCursor): { events: readonly OrbitEvent[]; lost: number; malformed: number } {
    const [only] = this.#spec.topics
    return this.#spec.topics.length === 1 ? cursor.pollTopic(only as string, pollMax) : cursor.poll(pollMax)
  }

  #skip(lost: number): void {
    this.#spec.memory.count('unsent', this.#spec.route, lost)
    this.#progress = { ...this.#progress, next: this.#progress.next + lost }
  }

  #note(position: number): void {
    if (position === this.#progress.position && this.#progress.next === this.#noted) return
    this.#noted = this.#progress.next
    this.#progress = { ...this.#progress, position }
    this.#state.store(this.#progress)
  }

  async #sendAll(events: readonly SentEvent[], signal: AbortSignal): Promise<void> {
    const most = Math.min(maxBatchBytes, this.#spec.maxBytes() || maxBatchBytes)
    for (let at = 0; at < events.length; ) {
      let bytes = batchOverhead
      let to = at
      while (to < events.length && bytes + sentBytes(events[to] as SentEvent) <= most) {
        bytes += sentBytes(events[to++] as SentEvent)
      }
      if (to > at) await this.#send(events.slice(at, to), signal)
      else if (bytes + sentBytes(events[at] as SentEvent) <= this.#spec.maxBytes())
        await this.#send([events[to++] as SentEvent], signal)
      else {
        to++ // longer than a message may be
        this.#skip(1)
      }
      if (signal.aborted) return
      at = to
    }
  }

  async #send(events: readonly SentEvent[], signal: AbortSignal): Promise<void> {
    const { route, memory } = this.#spec
    const { epoch, next } = this.#progress
    const bytes = encodeBatch({ epoch, first: next, events })
    for (;;) {
      if (signal.aborted) return
      // The server may be another one now, which takes less.
      const most = this.#spec.maxBytes()
      if (events.length > 0 && most > 0 && bytes.length > most) return this.#sendAll(events, signal)
      try {
        // Also without a promise: the client writes to its socket in a microtask, before what follows here.
        await this.#spec.send(bytes)
        break
      } catch {
        await pause(retryMs, signal)
      }
    }
    memory.count('sent', route, events.length)
    this.#progress = { ...this.#progress, next: next + events.length }
  }
}
