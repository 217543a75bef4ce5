import type { CallContext } from 'orbit-node'
import type { Actor } from '../actor/actor.js'
import type { Deadlines, Expiring } from '../base/deadlines.js'
import { type Outcome, reasonOf } from '../base/errors.js'
import { type Ending, encodeEnding, encodeReply, type Reply, type Request } from '../base/wire.js'
import type { Activation } from './activation.js'
import { Items } from './items.js'
import { Turn } from './turn.js'

/** What a call tells the part of the process that took it. */
export interface TurnListener {
  /** It is handed back. */
  moved(turn: RemoteTurn): void
  losesReply(): boolean
}

/** A call from another process. */
export class RemoteTurn extends Turn implements Expiring {
  readonly request: Request
  readonly partition: number
  readonly method: string
  readonly args: readonly unknown[]
  readonly deadlineMs: number
  readonly #isStream: boolean
  readonly #context: CallContext
  readonly #deadlines: Deadlines
  readonly #on: TurnListener
  /** Where it waits or runs. */
  #activation: Activation | undefined
  /** Only one that does not end at once has a deadline here. */
  #hasDeadline = false
  #isBegun = false
  #isOver = false
  /** Whether it is aborted with the signal of its caller. */
  #isListening = false
  #reply: Reply | Items
  /** Of an object that it has returned, if it was held back then. */
  #kept: Reply
  #answer: ((reply: Reply | Items) => void) | undefined

  constructor(
    request: Request,
    partition: number,
    context: CallContext,
    isStream: boolean,
    deadlines: Deadlines,
    on: TurnListener,
  ) {
    super()
    this.request = request
    this.partition = partition
    this.method = request.method
    this.args = request.args
    this.deadlineMs = request.deadlineMs
    this.#isStream = isStream
    this.#context = context
    this.#deadlines = deadlines
    this.#on = on
  }

  /** An actor has taken it. */
  waitAt(activation: Activation | undefined): void {
    if (this.#isOver) return
    this.#activation = activation
    this.#hasDeadline = true
    this.#deadlines.add(this)
  }

  /** What goes to its caller: bytes or a plain result, or the items of a stream that has begun. */
  get reply(): Reply | Promise<Reply> {
    if (this.#isOver) return this.#reply as Reply
    return new Promise((resolve) => {
      this.#answer = resolve as (reply: Reply | Items) => void
    })
  }

  override get isStream(): boolean {
    return this.#isStream
  }

  override get isTell(): boolean {
    return this.request.isTell
  }

  get chain(): readonly string[] {
    return this.request.chain
  }

  get callId(): string {
    return `${this.request.caller}:${this.request.sequence}`
  }

  override get idempotencyKey(): string | undefined {
    return this.request.idempotencyKey
  }

  override get signal(): AbortSignal {
    if (this.#isListening) return super.signal
    this.#isListening = true
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
    else if (this.isTell) this.#over(undefined)
    return this.#isBegun
  }

  invoke(actor: Actor): unknown {
    const methods = actor as unknown as Record<string, (...args: unknown[]) => unknown>
    return methods[this.method]?.(...this.args)
  }

  override keep(value: unknown): void {
    if (this.#isOver || typeof value !== 'object' || value === null || value instanceof Items) return
    this.#kept = this.#encoded({ how: 'returned', value })
  }

  end(ending: Ending): void {
    if (this.#isOver) return
    if (ending.how === 'returned' && ending.value instanceof Items) {
      this.#over(ending.value)
      return
    }
    if (ending.how === 'moved') this.#on.moved(this)
    this.#over(this.#isBegun && this.#on.losesReply() ? lostReply(this.method) : this.#encoded(ending))
  }

  override leaveIfGivenUp(): void {
    if (this.#context.signal.aborted) this.expire()
  }

  /** Its caller gives up, too: what has not begun will not, and what runs is asked to stop. */
  expire(): void {
    if (this.#isBegun) {
      this.abort(new Error('the caller has given up'))
      this.#late('unknown')
    } else if (this.#activation?.remove(this)) {
      this.#late('not-run')
    }
  }

  #late(outcome: Outcome): void {
    const message = `${this.method}: no result within its time; outcome: ${outcome}`
    this.#over(encodeEnding({ how: 'refused', refusal: { code: 'ERR_ORBIT_ACTOR_TIMEOUT', message, outcome } }))
  }

  #over(reply: Reply | Items): void {
    if (this.#isOver) return
    this.#isOver = true
    if (this.#hasDeadline) this.#deadlines.delete(this)
    this.#reply = reply
    this.#answer?.(reply)
  }

  #encoded(ending: Ending): Reply {
    if (this.#kept !== undefined && ending.how === 'returned') return this.#kept
    try {
      return encodeReply(ending)
    } catch (error) {
      const message = `the result of ${this.method} cannot be sent: ${reasonOf(error)}`
      return encodeEnding({ how: 'refused', refusal: { code: 'ERR_ORBIT_ACTOR_VALUE', message, outcome: 'done' } })
    }
  }
}

/** What a caller learns if the process of the actor ends between the method and its reply. */
function lostReply(method: string): Uint8Array {
  const message = `${method}: it has run, and its reply was lost; outcome: done`
  return encodeEnding({ how: 'refused', refusal: { code: 'ERR_ORBIT_ACTOR_LOST', message, outcome: 'done' } })
}
