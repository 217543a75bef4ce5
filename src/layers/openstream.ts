import type { Blobs } from '../core/blobs.js'
import { decodeValue, lengthBytes, placeOf } from './callwire.js'
import { type CallRequest, OpenCall } from './opencall.js'

const nothing: Buffer = Buffer.alloc(0)

/** A call of this process that is answered item by item. At most one part of its answer waits for the consumer. */
export class OpenStream extends OpenCall {
  override readonly isStream = true
  /** A part that the consumer has not begun. */
  #next = nothing
  #part = nothing
  #at = 0
  readonly #blobs: Blobs
  #resume: () => void = () => {}
  /** The server waits: it sends the next part when the consumer has begun the last one. */
  owesMore = false
  /** The last answer has come, or none will. */
  isOver = false

  constructor(request: CallRequest, blobs: Blobs) {
    super(request, blobs)
    this.#blobs = blobs
    const end = () => {
      this.isOver = true
      this.#resume()
    }
    this.promise.then(end, end)
  }

  override part(payload: Buffer): void {
    this.#next = payload
    this.owesMore = true
    this.deadlineMs = Number.POSITIVE_INFINITY
    this.#resume()
  }

  override answer(isFailure: boolean, payload: Buffer): void {
    this.owesMore = false
    if (isFailure) {
      super.answer(isFailure, payload)
      return
    }
    if (payload.length > 0) this.#next = payload
    this.resolve(undefined)
  }

  override abort(): void {
    this.discard()
    super.abort()
  }

  /** Drops what the consumer has not taken. */
  discard(): void {
    while (this.hasItem) {
      const place = placeOf(this.#nextItem())
      if (place !== undefined) this.#blobs.remove(place)
    }
  }

  /** Whether there is an item; if so, `take` returns it. */
  get hasItem(): boolean {
    if (this.#at < this.#part.length) return true
    this.#part = this.#next
    this.#next = nothing
    this.#at = 0
    return this.#part.length > 0
  }

  take(): unknown {
    return decodeValue(this.#nextItem(), this.load)
  }

  #nextItem(): Buffer {
    const begin = this.#at + lengthBytes
    this.#at = begin + this.#part.readUInt32LE(this.#at)
    return this.#part.subarray(begin, this.#at)
  }

  /** Resolves when a part has come, or the stream is over. */
  wait(): Promise<void> {
    return new Promise((resolve) => {
      this.#resume = resolve
    })
  }
}
