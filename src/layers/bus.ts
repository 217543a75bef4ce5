import { isUint8Array } from 'node:util/types'
import { checkBytes, lengthOf } from '../base/bytes.js'
import { checkInteger, checkName, checkOptions, wrongType } from '../base/check.js'
import { rangeError } from '../base/errors.js'
import { jsonOf } from '../base/json.js'
import type { NetId64 } from '../base/netid.js'
import { checkIterate } from '../core/cursor.js'
import type { Fleet } from '../core/fleet.js'
import { type Layer, reservedLayer } from '../core/layer.js'
import { abi } from '../core/native.js'
import type { FleetObserver } from '../core/observer.js'
import { Ring } from '../core/ring.js'
import { firstRecord, putBytes, putName, putText, scratch } from '../core/scratch.js'
import { type EventOrigin, foreignKind, maxHostBytes, originBytes } from './event.js'
import { EventCursor } from './eventcursor.js'
import { EventHub } from './eventhub.js'
import { EventSubscription, type SubscribeOptions } from './subscription.js'
import { everyPattern, patternBytes } from './topic.js'
import type { AnyTopics, EventOf, RawPayload } from './topics.js'

/** Options of an `OrbitEventBus`: its name, and the geometry of the ring that all topics share. */
export interface EventBusOptions {
  /**
   * The name of the bus, 1..48 bytes of UTF-8: each name is a bus of its own in the fleet. Default: the one
   * bus without a name.
   */
  name?: string
  /**
   * How many events of all topics are retained, a power of two in 1..2^19. Default: that of the fleet's existing bus,
   * or 1024.
   */
  capacity?: number
  /**
   * The most bytes of a topic and its payload together, 0..2^24-2. Default: that of the fleet's existing bus, or 1024.
   * Each retained event takes this many bytes and 26 more, rounded up to 64, however small it is: with both defaults,
   * 1.5 MB in a fleet of 256.
   */
  payloadBytes?: number
}

const { eventHeaderBytes: headerBytes, maxTopicBytes } = abi
const topicOffset = firstRecord + headerBytes

/**
 * Publishes events under topics and reads them by topic. All topics of a bus share one ring. A fleet has one bus
 * without a name, and can have others with names. Each subscriber reads at its own pace, and learns exactly how many
 * events it lost.
 *
 * A topic is any text; levels are separated by dots. A pattern is a topic in which `*` matches exactly one level, and
 * `>` as the last level matches one or more. "a.*" matches "a.b" but not "a.b.c"; "a.>" matches both; ">" matches every
 * topic, like no pattern. A level may be empty.
 *
 * With `OrbitEventBus<{ 'deploy.web': { version: number } }>`, the compiler checks topics and values, and knows the
 * events of each pattern: they are a union that `event.topic` tells apart. A key may be a template, as in
 * [topic: `user.${string}`]. The types are promises of the caller; nothing is checked at run time.
 */
export class OrbitEventBus<Topics extends object = AnyTopics> {
  readonly #layer: Layer<Ring>

  /**
   * If other members use a bus with another capacity or payloadBytes, it is taken as it is, and the process gets one
   * warning with the code ORBIT_GEOMETRY_DIFFERS. A member that is alone makes the bus anew with what it asks for.
   *
   * @throws TypeError, RangeError; what else opening the ring throws
   */
  constructor(fleet: Fleet | FleetObserver, options: EventBusOptions = {}) {
    checkOptions('options', options, ['name', 'capacity', 'payloadBytes'])
    const { name, capacity, payloadBytes } = options
    if (payloadBytes !== undefined) {
      checkInteger('payloadBytes', payloadBytes, 0, abi.maxPayloadBytes - headerBytes)
    }
    this.#layer = reservedLayer(fleet, Ring, {
      name: 'orbit.events',
      kind: abi.eventKind,
      ownName: name,
      capacity,
      payloadBytes: payloadBytes === undefined ? undefined : headerBytes + payloadBytes,
      payloadOption: { option: 'payloadBytes', overhead: headerBytes },
      defaults: { capacity: 1024, payloadBytes: headerBytes + 1024 },
    })
  }

  /** How many events of all topics the bus retains; for an observer 0 while no member has created it. */
  get capacity(): number {
    return this.#layer.open()?.capacity ?? 0
  }

  /** The most bytes of a topic and its payload together; for an observer 0 while no member has created the bus. */
  get payloadBytes(): number {
    const ring = this.#layer.open()
    return ring === undefined ? 0 : ring.payloadBytes - headerBytes
  }

  /**
   * Publishes an event with the present time. Never waits for another process.
   *
   * @param topic at most 65535 bytes of UTF-8, well-formed. It may contain `*` and `>`, but only wildcards match these
   *   levels.
   * @param payload bytes, or a text that is published as UTF-8; default none
   * @returns the id of the event
   * @throws TypeError for wrong arguments; RangeError ERR_ORBIT_PAYLOAD_SIZE if topic and payload together have more
   *   than payloadBytes; ERR_ORBIT_RETIRED, ERR_ORBIT_CLOSED, ERR_ORBIT_READ_ONLY for an observer. After an error
   *   nothing was published.
   */
  publish<Topic extends keyof Topics & string>(topic: Topic, payload?: RawPayload<Topics[Topic]>): NetId64 {
    return this.#publish(topic, payload)
  }

  /**
   * Publishes an event of another host with its origin and its own time. It is what a bridge between hosts does, such
   * as the package orbit-bridge.
   *
   * @param origin the host of 1..64 bytes of UTF-8, and the event's epoch and index, 0..2^53-1
   * @param timestampMs when it was published there, in Unix milliseconds, 0..2^53-1
   * @returns the id of the event on this host
   * @throws what `publish` throws; the origin takes as many bytes of payloadBytes as its host has, and 17 more
   */
  publishForeign(origin: EventOrigin, topic: string, payload: string | Uint8Array, timestampMs: number): NetId64 {
    checkOptions('origin', origin, ['host', 'epoch', 'index'])
    checkName('origin.host', origin.host, maxHostBytes)
    checkInteger('origin.epoch', origin.epoch, 0, Number.MAX_SAFE_INTEGER)
    checkInteger('origin.index', origin.index, 0, Number.MAX_SAFE_INTEGER)
    checkInteger('timestampMs', timestampMs, 0, Number.MAX_SAFE_INTEGER)
    return this.#publish(topic, payload, originBytes(origin), timestampMs)
  }

  #publish(topic: string, payload: string | Uint8Array = '', origin?: Uint8Array, timestampMs = Date.now()): NetId64 {
    if (typeof topic !== 'string') {
      throw wrongType('topic', topic, 'a string')
    }
    const isText = typeof payload === 'string'
    if (!isText && (!isUint8Array(payload) || payload.length === 0)) {
      checkBytes('payload', payload, 'a string or a Uint8Array; publishJson takes other values')
    }
    const ring = this.#layer.writable()
    const end = firstRecord + ring.payloadBytes
    const topicEnd = putName('topic', topic, topicOffset, Math.min(end, topicOffset + maxTopicBytes))
    let eventEnd =
      topicEnd < 0 ? -1 : isText ? putText(payload, topicEnd, end) : putBytes(payload, lengthOf(payload), topicEnd, end)
    if (origin !== undefined && eventEnd >= 0) eventEnd = putBytes(origin, origin.length, eventEnd, end)
    if (eventEnd < 0) this.#refuseSize(ring, topic, payload)
    scratch.bytes[firstRecord] = topicEnd - topicOffset
    scratch.bytes[firstRecord + 1] = (topicEnd - topicOffset) >> 8
    const frameKind = origin === undefined ? 0 : foreignKind
    return this.#layer.idAt(ring.publishScratch(eventEnd - firstRecord, timestampMs, frameKind))
  }

  /**
   * Publishes a value as JSON.stringify writes it; `event.json()` parses it.
   *
   * @returns the id of the event
   * @throws TypeError for a value without JSON, or what its toJSON throws; RangeError ERR_ORBIT_PAYLOAD_SIZE;
   *   ERR_ORBIT_RETIRED, ERR_ORBIT_CLOSED, ERR_ORBIT_READ_ONLY for an observer
   */
  publishJson<Topic extends keyof Topics & string>(topic: Topic, value: Topics[Topic]): NetId64 {
    return this.#publish(topic, jsonOf(value))
  }

  /**
   * Makes a cursor over the events of all topics.
   *
   * @param from 'start' (default): all events that are retained, and all that come; 'head': only those that come; or a
   *   position, 0..2^53-2
   * @throws TypeError or RangeError for another `from`; ERR_ORBIT_CLOSED
   */
  cursor(from: 'start' | 'head' | number = 'start'): EventCursor<Topics> {
    return new EventCursor(this.#layer.fleet.cursorOf(() => this.#layer.open(), from))
  }

  /**
   * Subscribes to the events that match a pattern, from this call on: events that are published before the loop starts
   * are not missed.
   *
   * @param pattern levels separated by dots; `*` matches one level, `>` as the last one matches one or more; default
   *   every topic
   * @throws TypeError or RangeError for a wrong pattern or wrong options; ERR_ORBIT_CLOSED
   */
  subscribe<Pattern extends string = '>'>(
    pattern?: Pattern,
    options: SubscribeOptions = {},
  ): EventSubscription<EventOf<Topics, Pattern>> {
    patternBytes(pattern)
    checkIterate(options, ['from', 'onLoss'])
    const { from = 'head', onLoss } = options
    if (onLoss !== undefined && typeof onLoss !== 'function') {
      throw wrongType('onLoss', onLoss, 'a function')
    }
    const { fleet } = this.#layer
    const cursorAt = (position: 'start' | 'head' | number) => fleet.cursorOf(() => this.#layer.open(), position)
    const hub = EventHub.of(fleet, this.#layer.name, cursorAt)
    return new EventSubscription(fleet, hub, cursorAt(from), pattern ?? everyPattern, options)
  }

  #refuseSize(ring: Ring, topic: string, payload: string | Uint8Array): never {
    const topicBytes = Buffer.byteLength(topic)
    const most = ring.payloadBytes - headerBytes
    const limit =
      topicBytes > maxTopicBytes
        ? `the topic must have at most ${maxTopicBytes} bytes`
        : `together they must have at most payloadBytes=${most}`
    const sizes = `topic of ${topicBytes} bytes and payload of ${Buffer.byteLength(payload)}`
    throw rangeError('ERR_ORBIT_PAYLOAD_SIZE', `${this.#layer.what}: ${sizes}: ${limit}`)
  }
}
