import { encodeFailure, encodeValue, lengthBytes, type ReplyTo, tooLarge } from './callwire.js'
import { maxCallBytes, type Switchboard } from './switchboard.js'

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
  readonly slot: number
  readonly #board: Switchboard
  readonly #what: string
  readonly #context: { abort(): void }
  readonly #part = Buffer.allocUnsafeSlow(maxCallBytes)
  #length = 0
  #stamp: number
  #isWanted = true
  #isOver = false
  #resume = () => {}

  /**
   * @param what names the method in errors
   * @param context of the handler; aborted when the caller has gone
   */
  constructor(board: Switchboard, { slot, stamp }: ReplyTo, what: string, context: { abort(): void }) {
    this.#board = board
    this.slot = slot
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
        await this.#add(encodeValue(next.value))
      }
      await this.#untilWanted()
      this.#end('answer', this.#part.subarray(0, this.#length))
    } catch (error) {
      isDone ||= this.#isOver
      this.#flush()
      await this.#untilWanted()
      this.#end('failure', encodeFailure(error))
    } finally {
      if (!isDone) await items.return?.()
    }
  }

  async #add(item: Uint8Array): Promise<void> {
    const bytes = lengthBytes + item.length
    if (bytes > maxCallBytes) throw tooLarge(`an item of ${this.#what}`, item, maxCallBytes - lengthBytes)
    if (this.#length + bytes > maxCallBytes) {
      const copy = Buffer.from(item) // another value may be encoded before the caller wants more
      await this.#untilWanted()
      return this.#add(copy)
    }
    this.#part.writeUInt32LE(item.length, this.#length)
    this.#part.set(item, this.#length + lengthBytes)
    this.#length += bytes
    this.#flush()
  }

  #flush(): void {
    if (!this.#isWanted || this.#length === 0 || this.#isOver) return
    const { boxes, closed } = this.#board
    const part = this.#part.subarray(0, this.#length)
    if (closed || !boxes.answer(this.slot, this.#stamp, 'part', part)) {
      this.#isOver = true
      return
    }
    this.#stamp++
    this.#length = 0
    this.#isWanted = false
    this.#board.wake(boxes.boxOfSlot(this.slot))
  }

  #end(kind: 'answer' | 'failure', payload: Uint8Array): void {
    const { boxes, closed } = this.#board
    if (this.#isOver || closed) return
    if (boxes.answer(this.slot, this.#stamp, kind, payload)) this.#board.wake(boxes.boxOfSlot(this.slot))
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
    if (this.#isWanted || this.#isOver || !this.#board.boxes.isTaken(this.slot, this.#stamp)) return
    this.#isWanted = true
    this.#flush()
    this.#resume()
  }

  /** The caller has gone. */
  abort(): void {
    this.#isOver = true
    this.#context.abort()
    this.#resume()
  }
}
