import { StreamFailure } from '../base/streamfailure.js'
import { copyOf, encodeEnding, failureOf, type Refusal } from '../base/wire.js'
import type { Activation } from './activation.js'
import { type Turn, turns } from './turn.js'

type Result = IteratorResult<unknown, undefined>
type Source = AsyncIterator<unknown> | Iterator<unknown>

const over: Result = { done: true, value: undefined }

/** A stream that its actor has begun. Each item is made when it is asked for. */
export class Items implements AsyncIterableIterator<unknown> {
  readonly turn: Turn
  readonly #activation: Activation
  readonly #source: Source
  /** How a `next` that waits fails when the stream is ended. */
  #fail: ((failure: StreamFailure) => void) | undefined
  #isOver = false

  constructor(activation: Activation, turn: Turn, source: Source) {
    this.#activation = activation
    this.turn = turn
    this.#source = source
  }

  [Symbol.asyncIterator](): this {
    return this
  }

  /** Rejects with a StreamFailure. */
  next(): Promise<Result> {
    if (this.#isOver) return Promise.resolve(over)
    return new Promise((resolve, reject) => {
      this.#fail = reject
      this.#ask().then(
        (next) => (next.done === true ? this.#finish(() => resolve(over)) : this.#deliver(next, resolve)),
        (error: unknown) => {
          const failure = new StreamFailure(encodeEnding({ how: 'threw', failure: failureOf(error) }))
          this.#finish(() => reject(failure))
        },
      )
    })
  }

  async #ask(): Promise<IteratorResult<unknown>> {
    return turns.run(this.turn, () => this.#source.next())
  }

  /** What the item may say leaves once it is committed. */
  #deliver(next: IteratorYieldResult<unknown>, resolve: (result: Result) => void): void {
    const { ledger } = this.#activation
    if (ledger === undefined) {
      resolve(next)
      return
    }
    const item = ledger.isHeld ? asItIs(next) : next
    ledger.hold((failure) => failure === undefined && resolve(item))
  }

  #finish(tell: () => void): void {
    if (!this.#isOver) {
      this.#isOver = true
      this.#activation.streamEnded(this)
    }
    tell()
  }

  /** The consumer wants no more. Resolves when the generator has ended. */
  async return(): Promise<Result> {
    this.turn.abort(new Error('the consumer of the stream has left'))
    this.#finish(() => {})
    await this.#close()
    return over
  }

  /** Ends it for its consumer. Resolves when the generator has ended. */
  end(refusal: Refusal): Promise<void> {
    this.turn.abort(new Error(refusal.message))
    const failure = new StreamFailure(encodeEnding({ how: 'refused', refusal }))
    this.#isOver = true
    this.#fail?.(failure)
    return this.#close()
  }

  async #close(): Promise<void> {
    try {
      await turns.run(this.turn, () => this.#source.return?.())
    } catch (error) {
      this.#activation.home.log.error(this.#activation.id, `${this.turn.method} failed at its end:`, error)
    }
  }
}

/** An item of its own: later turns may change what it was made from before it leaves. */
function asItIs(next: IteratorYieldResult<unknown>): IteratorYieldResult<unknown> {
  try {
    return { done: false, value: copyOf(next.value) }
  } catch {
    return next // it cannot be sent, as its consumer learns
  }
}

/** What a generator method has returned; undefined: it has no items. */
export function sourceOf(value: unknown): Source | undefined {
  if (typeof value !== 'object' || value === null) return undefined
  const { [Symbol.asyncIterator]: later, [Symbol.iterator]: now } = value as AsyncIterable<unknown> & Iterable<unknown>
  return later?.call(value) ?? now?.call(value)
}
