import type { BlobPlace } from '../core/blobs.js'
import type { AnswerKind } from '../core/boxes.js'
import type { Answers } from './answers.js'
import type { ReplyTo } from './callrequest.js'
import { encodeFailure, encodeItem, maxCallBytes, wire } from './callwire.js'

type Items = AsyncIterator<unknown> | Iterator<unknown>

/** The items of a value that a handler returned; undefined: it has none. */
export function itemsOf(value: unknown): Items | undefined {
  if (typeof value !== 'object' || value === null) return undefined
  const { [Symbol.asyncIterator]: later, [Symbol.iterator]: now } = value as AsyncIterable<unknown> & Iterable<unknown>
  return later?.call(value) ?? now?.call(value)
}

/**
 * Answers a call item by item. Items that the generator has ready are gathered into parts, and the next part is sent
 * when the caller has taken the one before. So the generator is at most one part ahead.
 */
export class StreamedReply {
  readonly #slot: number
  readonly #answers: Answers
  readonly #what: string
  readonly #context: { abort(): void }
  readonly #part = Buffer.allocUnsafeSlow(maxCallBytes)
  #length = 0
  /** Of items of this part that are too large for it. */
  #places: BlobPlace[] = []
  #stamp: number
  #isWanted = true
  #isOver = false
  #resume = () => {}

  /**
   * @param what names the method in errors
   * @param context of the handler; aborted when the caller has gone
   */
  constructor(answers: Answers, { slot, stamp }: ReplyTo, what: string, context: { abort(): void }) {
    this.#answers = answers
    this.#slot = slot
    this.#stamp = stamp
    this.#what = what
    this.#context = context
  }

  /** Sends all items, and resolves when the caller has been sent the last, or has gone. */
  async send(items: Items): Promise<void> {
    let isDone = false
    try {
      while (!this.#isOver) {
        const next = await items.next()
        isDone = next.done === true
        if (isDone || this.#isOver) break
        const places: BlobPlace[] = []
        const length = encodeItem(next.value, this.#answers.spill(places, `an item of ${this.#what}`))
        await this.#add(wire, length, places)
      }
      await this.#untilWanted()
      this.#send('answer', this.#part, this.#length, this.#places)
    } catch (error) {
      isDone ||= this.#isOver
      this.#flush()
      await this.#untilWanted()
      const places: BlobPlace[] = []
      const length = encodeFailure(error, this.#answers.spill(places, `the error of ${this.#what}`))
      this.#send('failure', wire, length, places)
    } finally {
      if (!isDone) await items.return?.()
    }
  }

  async #add(bytes: Buffer, length: number, places: readonly BlobPlace[]): Promise<void> {
    if (this.#length + length > maxCallBytes || this.#places.length > 0) {
      // Another value may be encoded before the caller wants more.
      const copy = Buffer.from(bytes.subarray(0, length))
      await this.#untilWanted()
      return this.#isOver ? this.#answers.discard(places) : this.#add(copy, length, places)
    }
    bytes.copy(this.#part, this.#length, 0, length)
    this.#length += length
    this.#places.push(...places)
    this.#flush()
  }

  #flush(): void {
    if (!this.#isWanted || this.#length === 0) return
    if (!this.#send('part', this.#part, this.#length, this.#places)) return
    this.#stamp++
    this.#length = 0
    this.#places = []
    this.#isWanted = false
  }

  #send(kind: AnswerKind, bytes: Uint8Array, length: number, places: readonly BlobPlace[]): boolean {
    const replyTo = { slot: this.#slot, stamp: this.#stamp }
    if (!this.#isOver && this.#answers.send(replyTo, kind, bytes, length, places)) return true
    if (this.#isOver) this.#answers.discard(places)
    this.#isOver = true
    this.#context.abort()
    return false
  }

  async #untilWanted(): Promise<void> {
    while (!this.#isWanted && !this.#isOver) {
      await new Promise<void>((resolve) => {
        this.#resume = resolve
      })
    }
  }

  /** Sends the next part if the caller has taken the last one. */
  look(): void {
    if (this.#isWanted || this.#isOver || !this.#answers.isTaken(this.#slot, this.#stamp)) return
    this.#isWanted = true
    this.#flush()
    this.#resume()
  }

  /** Whether it answers this call now. A later call may have the same slot. */
  isAt({ slot, stamp }: ReplyTo): boolean {
    return slot === this.#slot && stamp === this.#stamp
  }

  /** The caller has gone. */
  abort(): void {
    this.#isOver = true
    this.#context.abort()
    this.#resume()
  }
}
