import type { CallContext } from 'orbit-node'
import type { Actor } from '../actor/actor.js'
import type { Deadlines, Expiring } from '../base/deadlines.js'
import type { Outcome } from '../base/errors.js'
import { type Ending, encodeEnding, type Request } from '../base/wire.js'
import type { Activation } from './activation.js'
import { Items } from './items.js'
import { Turn } from './turn.js'

/** What a call tells the part of the process that took it. */
export interface TurnListener {
  answer(bytes: Uint8Array): void
  /** Its stream has begun; absent: it is no stream. */
  readonly opened: ((items: Items) => void) | undefined
  moved(): void
  losesReply(): boolean
}

/** A call from another process. */
export class RemoteTurn extends Turn implements Expiring {
  readonly method: string
  readonly args: readonly unknown[]
  readonly chain: readonly string[]
  readonly deadlineMs: number
  readonly callId: string
  readonly #idempotencyKey: string | undefined
  /** Where it waits or runs. */
  activation: Activation | undefined
  readonly #context: CallContext
  readonly #deadlines: Deadlines
  readonly #on: TurnListener
  readonly #isTell: boolean
  #isBegun = false
  #isOver = false

  constructor(request: Request, context: CallContext, deadlines: Deadlines, on: TurnListener) {
    super()
    this.method = request.method
    this.args = request.args
    this.chain = request.chain
    this.deadlineMs = request.deadlineMs
    this.callId = `${request.caller}:${request.sequence}`
    this.#isTell = request.isTell
    this.#idempotencyKey = request.idempotencyKey
    this.#context = context
    this.#deadlines = deadlines
    this.#on = on
    deadlines.add(this)
  }

  override get isTell(): boolean {
    return this.#isTell
  }

  override get isStream(): boolean {
    return this.#on.opened !== undefined
  }

  override get idempotencyKey(): string | undefined {
    return this.#idempotencyKey
  }

  override get signal(): AbortSignal {
    const { signal } = this.#context
    const abort = () => this.abort(signal.reason)
    if (signal.aborted) abort()
    else signal.addEventListener('abort', abort, { once: true })
    return super.signal
  }

  begin(): boolean {
    if (this.#isOver) return false
    this.#isBegun = this.#context.begin()
    if (!this.#isBegun) this.#late('not-run')
    else if (this.isTell) this.#over(encodeEnding({ how: 'returned', value: undefined }))
    return this.#isBegun
  }

  invoke(actor: Actor): unknown {
    const methods = actor as unknown as Record<string, (...args: unknown[]) => unknown>
    return methods[this.method]?.(...this.args)
  }

  end(ending: Ending): void {
    if (this.#isOver) return
    if (ending.how === 'returned' && ending.value instanceof Items) {
      this.#isOver = true
      this.#deadlines.delete(this)
      this.#on.opened?.(ending.value)
      return
    }
    if (ending.how === 'moved') this.#on.moved()
    this.#over(this.#isBegun && this.#on.losesReply() ? lostReply(this.method) : this.#encoded(ending))
  }

  /** Its caller gives up, too: what has not begun will not, and what runs is asked to stop. */
  expire(): void {
    if (this.#isBegun) {
      this.abort(new Error('the caller has given up'))
      this.#late('unknown')
    } else if (this.activation?.remove(this)) {
      this.#late('not-run')
    }
  }

  #late(outcome: Outcome): void {
    const message = `${this.method}: no result within its time; outcome: ${outcome}`
    this.#over(encodeEnding({ how: 'refused', refusal: { code: 'ERR_ORBIT_ACTOR_TIMEOUT', message, outcome } }))
  }

  #over(bytes: Uint8Array): void {
    if (this.#isOver) return
    this.#isOver = true
    this.#deadlines.delete(this)
    this.#on.answer(bytes)
  }

  #encoded(ending: Ending): Uint8Array {
    try {
      return encodeEnding(ending)
    } catch (error) {
      const message = `the result of ${this.method} cannot be sent: ${(error as Error).message}`
      return encodeEnding({ how: 'refused', refusal: { code: 'ERR_ORBIT_ACTOR_VALUE', message, outcome: 'done' } })
    }
  }
}

/** What a caller learns if the process of the actor ends between the method and its reply. */
function lostReply(method: string): Uint8Array {
  const message = `${method}: it has run, and its reply was lost; outcome: done`
  return encodeEnding({ how: 'refused', refusal: { code: 'ERR_ORBIT_ACTOR_LOST', message, outcome: 'done' } })
}
