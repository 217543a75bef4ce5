import type { NetId64 } from '../base/netid.js'
import type { Frame } from '../core/frame.js'
import { abi } from '../core/native.js'

const headerBytes = abi.eventHeaderBytes

/** What somebody published under a topic. Text is decoded when it is asked for. */
export interface OrbitEvent {
  /** Of its frame in the ring of all topics. */
  readonly id: NetId64
  /** The node that published it, 0..65535. */
  readonly node: number
  /** Its full count in the ring of all topics. */
  readonly position: number
  /** What it was published under. */
  readonly topic: string
  /** As a frame's: a private copy, in a buffer that it shares with other events of the same poll. */
  readonly payload: Uint8Array
  /** The publisher's wall clock, Unix time. */
  readonly timestampMs: number
  /** The payload as UTF-8; what is none becomes U+FFFD. */
  text(): string
  /** The payload as JSON. Throws a SyntaxError when it is none. */
  json(): unknown
}

/** An event that reads itself out of its frame when asked. */
export class PolledEvent implements OrbitEvent {
  readonly #frame: Frame
  #topic: string | undefined = undefined
  #payload: Uint8Array | undefined = undefined

  constructor(frame: Frame) {
    this.#frame = frame
  }
  get id(): NetId64 {
    return this.#frame.id
  }
  get node(): number {
    return this.#frame.node
  }
  get position(): number {
    return this.#frame.position
  }
  get timestampMs(): number {
    return this.#frame.version
  }
  get topic(): string {
    this.#topic ??= textOf(this.#frame.payload.subarray(headerBytes, this.#payloadBegin))
    return this.#topic
  }
  get payload(): Uint8Array {
    this.#payload ??= this.#frame.payload.subarray(this.#payloadBegin)
    return this.#payload
  }
  text(): string {
    return textOf(this.payload)
  }
  json(): unknown {
    return JSON.parse(this.text())
  }
  toJSON(): object {
    const { id, topic, timestampMs, payload } = this
    return { id, topic, timestampMs, payload }
  }
  [Symbol.for('nodejs.util.inspect.custom')](): object {
    return this.toJSON()
  }
  get #payloadBegin(): number {
    const { payload } = this.#frame
    return headerBytes + (payload[0] as number) + ((payload[1] as number) << 8)
  }
}

const textOf = ({ buffer, byteOffset, length }: Uint8Array): string =>
  Buffer.from(buffer, byteOffset, length).toString()
