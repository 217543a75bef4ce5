import { isUint8Array } from 'node:util/types'
import { checkInteger, checkOptions, shown } from '../base/check.js'
import { OrbitError, rangeError, typeError } from '../base/errors.js'
import { type NetId64, netIdAt } from '../base/netid.js'
import type { Cursor, IterateOptions, Poll, WaitOptions } from '../core/cursor.js'
import type { Fleet } from '../core/fleet.js'
import { abi, putText, scratch } from '../core/native.js'
import { checkFleet, type FleetObserver } from '../core/observer.js'
import { checkBytes, lengthOf, publishOffset, type Ring } from '../core/ring.js'
import { type OrbitEvent, PolledEvent } from './event.js'

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

/** The geometry of the ring of all topics. */
export interface EventBusOptions {
  /**
   * How many events of all topics are retained: a power of two in 1..2^19; default that of the fleet's bus, if it has one,
   * else 1024.
   */
  capacity?: number
  /**
   * Room for topic and payload together, 0..2^24-2 bytes; default likewise, or 1024. Every retained event takes that and 26 bytes more,
   * rounded up to 64, whatever its size: with the defaults 1.2 MB in a fleet of 64.
   */
  payloadBytes?: number
}

/** Where a subscription begins, how it ends, and who is told of losses. */
export interface SubscribeOptions extends IterateOptions {
  /** 'head' (default): what comes after this call; 'start': also all that is retained; or a position. */
  from?: 'start' | 'head' | number
  /** Told of each loss before the events that follow it; what it throws ends the subscription. */
  onLoss?: (lost: number) => void
}

const { eventHeaderBytes: headerBytes, maxTopicBytes } = abi
const busName = 'orbit.events'
const topicOffset = publishOffset + headerBytes

/**
 * Publishes events under topics, and reads them by topic: one ring for all topics of a fleet. Every subscriber has its own
 * place in it and sees every event that it is fast enough for; it is told exactly how many it was not.
 *
 * A topic is any text; by custom, levels separated by dots. A pattern is a topic whose levels may be wildcards: `*`
 * stands for any one level, `>` as the last for one level or more. So "a.*" asks for "a.b" but not for "a.b.c", which
 * "a.>" does; ">" asks for every topic, as no pattern does. Levels may be empty, and the empty topic has one.
 */
export class OrbitEventBus {
  readonly #fleet: Fleet | FleetObserver
  readonly #capacity: number | undefined
  readonly #payloadBytes: number | undefined
  readonly #node: number
  #ring: Ring | undefined

  /** @throws TypeError, RangeError; ERR_ORBIT_TYPE_MISMATCH and what else opening the ring throws */
  constructor(fleet: Fleet | FleetObserver, options: EventBusOptions = {}) {
    checkFleet(fleet)
    checkOptions('options', options, ['capacity', 'payloadBytes'])
    const { capacity, payloadBytes } = options
    if (payloadBytes !== undefined) {
      checkInteger('payloadBytes', payloadBytes, 0, abi.maxPayloadBytes - headerBytes)
    }
    this.#fleet = fleet
    this.#capacity = capacity
    this.#payloadBytes = payloadBytes
    this.#node = 'node' in fleet ? fleet.node : -1
    this.#open()
  }

  /**
   * Publishes an event with the time of now. Never waits for anybody.
   *
   * @param topic at most 65535 bytes in UTF-8. It may hold `*` and `>`, but then only wildcards reach it.
   * @param payload bytes, or a text that is published as UTF-8; default none
   * @throws RangeError ERR_ORBIT_PAYLOAD_SIZE when both together are over payloadBytes, and nothing was published;
   *   ERR_ORBIT_RETIRED, ERR_ORBIT_CLOSED, ERR_ORBIT_READ_ONLY for an observer
   */
  publish(topic: string, payload: string | Uint8Array = ''): NetId64 {
    if (typeof topic !== 'string') {
      throw typeError('ERR_ORBIT_INVALID_ARGUMENT', `topic=${shown(topic)} is not a string`)
    }
    const isText = typeof payload === 'string'
    if (!isText && (!isUint8Array(payload) || payload.length === 0)) checkBytes('payload', payload)
    const ring = this.#writable()
    const end = publishOffset + ring.payloadBytes
    const topicEnd = putText(topic, topicOffset, Math.min(end, topicOffset + maxTopicBytes))
    const eventEnd = topicEnd < 0 ? -1 : isText ? putText(payload, topicEnd, end) : putBytes(payload, topicEnd, end)
    if (eventEnd < 0) this.#refuseSize(ring, topic, payload)
    scratch.bytes[publishOffset] = topicEnd - topicOffset
    scratch.bytes[publishOffset + 1] = (topicEnd - topicOffset) >> 8
    return netIdAt(abi.eventKind, this.#node, ring.publishScratch(eventEnd - publishOffset, Date.now()))
  }

  /**
   * Publishes what JSON.stringify makes of a value, for `event.json()`.
   *
   * @throws as publish; TypeError ERR_ORBIT_INVALID_ARGUMENT for what has no JSON
   */
  publishJson(topic: string, value: unknown): NetId64 {
    const text: string | undefined = JSON.stringify(value)
    if (text === undefined) throw typeError('ERR_ORBIT_INVALID_ARGUMENT', `value=${shown(value)} has no JSON`)
    return this.publish(topic, text)
  }

  /**
   * A cursor over the events.
   *
   * @param from 'start' (default): all that is retained; 'head': only what comes; or a position, 0..2^53-2
   * @throws as `Fleet.cursor`
   */
  cursor(from: 'start' | 'head' | number = 'start'): EventCursor {
    return new EventCursor(this.#fleet.cursorOf(() => this.#open(), from))
  }

  /**
   * Subscribes from now on: iterate over it when you like, what was published since this call is there.
   *
   * @param pattern default every topic
   * @throws RangeError ERR_ORBIT_OUT_OF_RANGE for a wildcard that is not a whole level, or a `>` that is not the last
   */
  subscribe(pattern?: string, options: SubscribeOptions = {}): EventSubscription {
    const wanted = patternBytes(pattern)
    checkOptions('options', options, ['from', 'onLoss', 'signal', 'max', 'spin'])
    const { from = 'head', onLoss, ...iteration } = options
    if (onLoss !== undefined && typeof onLoss !== 'function') {
      throw typeError('ERR_ORBIT_INVALID_ARGUMENT', `onLoss=${shown(onLoss)} is not a function`)
    }
    return new EventSubscription(
      this.#fleet.cursorOf(() => this.#open(), from),
      wanted,
      iteration,
      onLoss,
    )
  }

  #open(): Ring | undefined {
    this.#ring ??= this.#fleet.layerRing(
      {
        name: busName,
        kind: abi.eventKind,
        capacity: this.#capacity,
        payloadBytes: this.#payloadBytes === undefined ? undefined : headerBytes + this.#payloadBytes,
      },
      { capacity: 1024, payloadBytes: headerBytes + 1024 },
    )
    return this.#ring
  }

  #writable(): Ring {
    const ring = this.#open()
    if (ring === undefined || this.#node < 0) {
      throw new OrbitError('ERR_ORBIT_READ_ONLY', `${busName}: opened by an observer`)
    }
    return ring
  }

  #refuseSize(ring: Ring, topic: string, payload: string | Uint8Array): never {
    const topicBytes = Buffer.byteLength(topic)
    const most = ring.payloadBytes - headerBytes
    const limit =
      topicBytes > maxTopicBytes
        ? `a topic has at most ${maxTopicBytes} bytes`
        : `together they are over payloadBytes=${most}`
    throw rangeError(
      'ERR_ORBIT_PAYLOAD_SIZE',
      `${busName}: a topic of ${topicBytes} bytes and a payload of ${Buffer.byteLength(payload)}: ${limit}`,
    )
  }
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
    return eventPoll(this.#cursor.pollEvents(everyTopic, max))
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
    return eventPoll(this.#cursor.pollEvents(this.#patternBytes, max))
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

/**
 * The events of a subscription, one at a time, for one `for await`. A slow consumer slows nobody down: it falls behind, and
 * is told by how much. Iterating keeps the process alive. It ends when the loop is left, the signal aborted, or the
 * subscription or its fleet closed, and then gives no event more; it throws ERR_ORBIT_RETIRED when the ring was removed.
 */
export class EventSubscription implements AsyncIterable<OrbitEvent, void, undefined>, Disposable {
  readonly #cursor: Cursor
  readonly #events: AsyncGenerator<OrbitEvent, void, undefined>
  #lost = 0
  #malformed = 0

  /** @internal */
  constructor(cursor: Cursor, pattern: Uint8Array, options: IterateOptions, onLoss?: (lost: number) => void) {
    this.#cursor = cursor
    const polls = cursor.iterateEvents(pattern, options)
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

function eventPoll({ frames, lost, malformed, from, to }: Poll): EventPoll {
  const events: OrbitEvent[] = []
  for (const frame of frames) events.push(new PolledEvent(frame))
  return { events, lost: lost, malformed: malformed, from, to }
}

const everyTopic: Uint8Array = Buffer.from('>')

/** What the addon matches topics against, which relies on wildcards being whole levels. */
function patternBytes(pattern: string | undefined): Uint8Array {
  if (pattern === undefined) return everyTopic
  if (typeof pattern !== 'string') {
    throw typeError('ERR_ORBIT_INVALID_ARGUMENT', `pattern=${shown(pattern)} is not a string`)
  }
  const levels = pattern.split('.')
  const last = levels.length - 1
  if (levels.some((level, i) => /[*>]/.test(level) && level !== '*' && !(level === '>' && i === last))) {
    throw rangeError(
      'ERR_ORBIT_OUT_OF_RANGE',
      `pattern=${shown(pattern)}: "*" stands for a whole level, ">" for all the last ones`,
    )
  }
  return Buffer.from(pattern)
}

function putBytes(payload: Uint8Array, at: number, end: number): number {
  const length = lengthOf(payload)
  if (length > end - at) return -1
  scratch.bytes.set(payload, at)
  return at + length
}
