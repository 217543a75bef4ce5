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
  #resume: () => void = () => {}
  /** The server waits until it is asked for the next part. */
  owesMore = false
  /** The last answer has come, or none will. */
  isOver = false

  constructor(request: CallRequest, length: number, blobs: Blobs) {
    super(request, length, blobs)
    const end = () => {
      this.isOver = true
      this.#resume()
    }
    this.promise.then(end, end)
  }

  override part(): void {
    this.#next = this.payload ?? nothing
    this.owesMore = true
    this.deadlineMs = Number.POSITIVE_INFINITY
    this.#resume()
  }

  override answer(): void {
    this.owesMore = false
    if (this.kind === 'failure') {
      super.answer()
      return
    }
    if (this.payload !== undefined && this.payload.length > 0) this.#next = this.payload
    this.resolve(undefined)
  }

  override abort(): void {
    this.discard()
    super.abort()
  }

  /** Drops what the consumer has not taken. */
  discard(): void {
    while (this.hasItem) {
      const begin = this.#nextItem()
      if (this.#at > this.#part.length) continue // foreign bytes
      const place = placeOf(this.#part, begin, this.#at)
      if (place !== undefined) this.blobs.remove(place)
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

  /** The consumer has begun the last part: it would be lost if the next one came before. */
  get wantsMore(): boolean {
    return this.owesMore && this.#next.length === 0
  }

  take(): unknown {
    const begin = this.#nextItem()
    if (this.#at > this.#part.length) throw this.unreadable('is damaged')
    try {
      return decodeValue(this.#part, begin, this.#at, this.blobs.load)
    } catch (error) {
      throw this.unreadable('cannot be read', error)
    }
  }

  /** Goes to the next item, which ends at `#at`, and returns where it begins. One with foreign bytes ends anywhere. */
  #nextItem(): number {
    const begin = this.#at + lengthBytes
    const isWhole = begin <= this.#part.length
    this.#at = isWhole ? begin + this.#part.readUInt32LE(this.#at) : begin
    return begin
  }

  /** Resolves when a part has come, or the stream is over. */
  wait(): Promise<void> {
    return new Promise((resolve) => {
      this.#resume = resolve
    })
  }
}
