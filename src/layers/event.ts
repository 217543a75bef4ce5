import { type NetId64, netIdAt } from '../base/netid.js'
import { base64, type Frame } from '../core/frame.js'
import { abi } from '../core/native.js'

const headerBytes = abi.eventHeaderBytes
/** The frame kind of events that end with their origin: two numbers, the host, and the length of the host. */
export const foreignKind = 1
export const maxHostBytes = 64
const numberBytes = 16

/** Where an event of another host comes from. `epoch` and `index` identify it among all events of that host. */
export interface EventOrigin {
  /** The name of the host, 1..64 bytes of UTF-8. */
  readonly host: string
  /** Tells the counts of a host apart: another one begins when its bus was made anew. 0..2^53-1. */
  readonly epoch: number
  /** How many events the host had sent before this one, 0..2^53-1. */
  readonly index: number
}

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
  /** Where the event comes from, if a bridge brought it from another host; absent for an event of this host. */
  readonly origin?: EventOrigin
  /** The payload as UTF-8 text; bytes that are not UTF-8 become U+FFFD. */
  text(): string
  /** The payload parsed as JSON. Throws a SyntaxError for a payload that is not JSON. */
  json(): Value
  /** This event with a payload that has a buffer of its own, of exactly its length. */
  copy(): OrbitEvent<Topic, Value>
}

/** An event as it is polled. */
class PolledEvent implements OrbitEvent {
  readonly node: number
  readonly position: number
  readonly topic: string
  readonly payload: Uint8Array
  readonly timestampMs: number
  declare readonly origin?: EventOrigin
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
    const { node, position, topic, payload, timestampMs, origin } = this
    const copy = new PolledEvent(this.#kind, node, position, topic, payload.slice(), timestampMs)
    return origin === undefined ? copy : Object.assign(copy, { origin })
  }

  toJSON(): object {
    const { id, node, position, topic, payload, timestampMs, origin } = this
    return { id, node, position, topic, payload: base64(payload), timestampMs, ...(origin && { origin }) }
  }
}

/** The event in a frame. */
export function eventIn({ kind, frameKind, node, position, version, payload }: Frame): OrbitEvent {
  const { buffer, byteOffset, length } = payload
  const topicBytes = topicLength(payload)
  const begin = headerBytes + topicBytes
  const found = frameKind === foreignKind ? originIn(payload, begin) : undefined
  const bytes = new Uint8Array(buffer, byteOffset + begin, (found?.at ?? length) - begin)
  const event = new PolledEvent(kind, node, position, topicOf(payload, topicBytes), bytes, version)
  return found === undefined ? event : Object.assign(event, { origin: found.origin })
}

// Events of one host often follow each other, as those of one topic do.
let lastHost = ''
let lastOrigin = Buffer.alloc(0)

/** The bytes of an origin, as they follow the payload of its event. They are valid until the next call. */
export function originBytes({ host, epoch, index }: EventOrigin): Uint8Array {
  if (host !== lastHost) {
    const name = Buffer.from(host)
    lastOrigin = Buffer.concat([Buffer.alloc(numberBytes), name, Uint8Array.of(name.length)])
    lastHost = host
  }
  lastOrigin.writeDoubleLE(epoch, 0)
  lastOrigin.writeDoubleLE(index, 8)
  return lastOrigin
}

/** The origin at the end of an event, and where it begins; undefined: another program wrote these bytes. */
function originIn(frame: Uint8Array, begin: number): { origin: EventOrigin; at: number } | undefined {
  const { buffer, byteOffset, length } = frame
  const hostBytes = frame[length - 1] as number
  const at = length - 1 - hostBytes - numberBytes
  if (at < begin || hostBytes === 0) return undefined
  const view = new DataView(buffer, byteOffset + at, numberBytes)
  const host = textOf(frame.subarray(at + numberBytes, length - 1))
  return { origin: { host, epoch: view.getFloat64(0, true), index: view.getFloat64(8, true) }, at }
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
