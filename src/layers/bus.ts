import { isUint8Array } from 'node:util/types'
import { checkBytes, lengthOf } from '../base/bytes.js'
import { checkInteger, checkOptions, shown } from '../base/check.js'
import { rangeError, typeError } from '../base/errors.js'
import type { NetId64 } from '../base/netid.js'
import type { Fleet } from '../core/fleet.js'
import { type Layer, reservedLayer } from '../core/layer.js'
import { abi } from '../core/native.js'
import type { FleetObserver } from '../core/observer.js'
import { Ring } from '../core/ring.js'
import { publishOffset, putBytes, putText, scratch } from '../core/scratch.js'
import { EventCursor } from './eventcursor.js'
import { EventSubscription, type SubscribeOptions } from './subscription.js'
import { patternBytes } from './topic.js'

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

const { eventHeaderBytes: headerBytes, maxTopicBytes } = abi
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
  readonly #layer: Layer<Ring>

  /** @throws TypeError, RangeError; ERR_ORBIT_TYPE_MISMATCH and what else opening the ring throws */
  constructor(fleet: Fleet | FleetObserver, options: EventBusOptions = {}) {
    checkOptions('options', options, ['capacity', 'payloadBytes'])
    const { capacity, payloadBytes } = options
    if (payloadBytes !== undefined) {
      checkInteger('payloadBytes', payloadBytes, 0, abi.maxPayloadBytes - headerBytes)
    }
    this.#layer = reservedLayer(fleet, Ring, {
      name: 'orbit.events',
      kind: abi.eventKind,
      capacity,
      payloadBytes: payloadBytes === undefined ? undefined : headerBytes + payloadBytes,
      defaults: { capacity: 1024, payloadBytes: headerBytes + 1024 },
    })
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
    const ring = this.#layer.writable()
    const end = publishOffset + ring.payloadBytes
    const topicEnd = putText(topic, topicOffset, Math.min(end, topicOffset + maxTopicBytes))
    const eventEnd =
      topicEnd < 0 ? -1 : isText ? putText(payload, topicEnd, end) : putBytes(payload, lengthOf(payload), topicEnd, end)
    if (eventEnd < 0) this.#refuseSize(ring, topic, payload)
    scratch.bytes[publishOffset] = topicEnd - topicOffset
    scratch.bytes[publishOffset + 1] = (topicEnd - topicOffset) >> 8
    return this.#layer.idAt(ring.publishScratch(eventEnd - publishOffset, Date.now()))
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
    return new EventCursor(this.#layer.fleet.cursorOf(() => this.#layer.open(), from))
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
      this.#layer.fleet.cursorOf(() => this.#layer.open(), from),
      wanted,
      iteration,
      onLoss,
    )
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
      `${this.#layer.what}: a topic of ${topicBytes} bytes and a payload of ${Buffer.byteLength(payload)}: ${limit}`,
    )
  }
}
