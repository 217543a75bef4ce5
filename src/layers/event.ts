import { type NetId64, netIdAt } from '../base/netid.js'
import { base64, type Frame } from '../core/frame.js'
import { abi } from '../core/native.js'

const headerBytes = abi.eventHeaderBytes

/**
 * An event that a process published. It can be spread, cloned, compared and printed; a copy has its data, but no `id`.
 */
export interface OrbitEvent<Topic extends string = string, Value = unknown> {
  /** The id of the event: KIND 220 or that of a named bus, its publisher's node, and its position. */
  readonly id: NetId64
  /** The node that published the event, 0..65535. */
  readonly node: number
  /** The position of the event in the ring of all topics, 0..2^53-2. */
  readonly position: number
  /** The topic that it was published under, 0 to 65535 bytes of UTF-8. */
  readonly topic: Topic
  /**
   * The bytes of the event. They are a private copy; the buffer behind it also holds other events of the same or a
   * nearby poll. Take `copy()` before you keep an event for long, post it to another thread or transfer its payload.
   * As JSON they are base64.
   */
  readonly payload: Uint8Array
  /** When it was published, in Unix milliseconds of the publisher's clock. */
  readonly timestampMs: number
  /** The payload as UTF-8 text; bytes that are not UTF-8 become U+FFFD. */
  text(): string
  /** The payload parsed as JSON. Throws a SyntaxError for a payload that is not JSON. */
  json(): Value
  /** The same event with a payload that has a buffer of its own, of exactly its length. */
  copy(): OrbitEvent<Topic, Value>
}

/** An event as it is polled. */
class PolledEvent implements OrbitEvent {
  readonly node: number
  readonly position: number
  readonly topic: string
  readonly payload: Uint8Array
  readonly timestampMs: number
  readonly #kind: number

  constructor(kind: number, node: number, position: number, topic: string, payload: Uint8Array, timestampMs: number) {
    this.#kind = kind
    this.node = node
    this.position = position
    this.topic = topic
    this.payload = payload
    this.timestampMs = timestampMs
  }

  get id(): NetId64 {
    return netIdAt(this.#kind, this.node, this.position)
  }

  // Getters, so that a function that was taken out of the event still knows it: `const { json } = event`.
  get text(): () => string {
    return () => textOf(this.payload)
  }

  get json(): () => unknown {
    return () => JSON.parse(textOf(this.payload))
  }

  copy(): OrbitEvent {
    const { node, position, topic, payload, timestampMs } = this
    return new PolledEvent(this.#kind, node, position, topic, payload.slice(), timestampMs)
  }

  toJSON(): object {
    const { id, node, position, topic, payload, timestampMs } = this
    return { id, node, position, topic, payload: base64(payload), timestampMs }
  }
}

/** The event in a frame. */
export function eventIn({ kind, node, position, version, payload }: Frame): OrbitEvent {
  const { buffer, byteOffset, length } = payload
  const topicBytes = topicLength(payload)
  const begin = headerBytes + topicBytes
  const bytes = new Uint8Array(buffer, byteOffset + begin, length - begin)
  return new PolledEvent(kind, node, position, topicOf(payload, topicBytes), bytes, version)
}

const textOf = ({ buffer, byteOffset, length }: Uint8Array): string =>
  Buffer.from(buffer, byteOffset, length).toString()

const topicLength = (payload: Uint8Array): number => (payload[0] as number) + ((payload[1] as number) << 8)

/** The topic of an event, in its frame. */
export const topicIn = ({ payload }: Frame): string => topicOf(payload, topicLength(payload))

// Events of one topic often follow each other: the topic that was decoded last is compared with the next one.
let lastTopic = ''
let lastBytes = new Uint8Array(0)

function topicOf(frame: Uint8Array, topicBytes: number): string {
  if (topicBytes === lastBytes.length) {
    let i = 0
    while (i < topicBytes && lastBytes[i] === frame[headerBytes + i]) i++
    if (i === topicBytes) return lastTopic
  }
  lastBytes = frame.slice(headerBytes, headerBytes + topicBytes)
  lastTopic = textOf(lastBytes)
  return lastTopic
}
