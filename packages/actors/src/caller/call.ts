import { AsyncResource } from 'node:async_hooks'
import type { Actor } from '../actor/actor.js'
import type { Deadlines, Expiring } from '../base/deadlines.js'
import { ActorError, type ActorErrorCode, type Outcome, reasonOf } from '../base/errors.js'
import { areCopies, copiesOf, copyOf, decodeRequest, type Ending, refusalError, remoteErrorOf } from '../base/wire.js'
import type { Activation } from '../host/activation.js'
import { Turn } from '../host/turn.js'

/** What a call is made of. */
export interface CallParts {
  readonly type: string
  readonly key: string
  /** The type, "/", and the key. */
  readonly id: string
  readonly method: string
  readonly args: readonly unknown[]
  readonly chain: readonly string[]
  readonly deadlineMs: number
  readonly timeoutMs: number
  /** The system that calls: the node and the incarnation of its handle. */
  readonly caller: string
  /** The turn that waits for it; undefined: none, or it is not known which. */
  readonly origin: Turn | undefined
  readonly signal: AbortSignal | undefined
  /** Whether its caller waits only until it begins. */
  readonly isTell: boolean
  /** Whether its result is a stream. */
  readonly isStream: boolean
  /** Calls of one key run once. */
  readonly idempotencyKey: string | undefined
}

/** Takes calls back that have not begun where they were sent. */
export interface CallSender {
  takeBack(call: Call): void
}

/** Where a call is, before it has ended. */
type Place = 'here' | 'waiting' | 'running' | 'sent' | 'over'

/** One call as its caller sees it. It is the turn, too, if the actor is in the same process. */
export class Call extends Turn implements Expiring {
  readonly parts: CallParts
  /** Calls of one process have the order of these numbers. */
  readonly sequence: number
  readonly deadlineMs: number
  /** What sends it elsewhere when it comes back; undefined: it goes to a child, which does not move. */
  sender: CallSender | undefined
  #args: readonly unknown[]
  /** The request that was sent, if the arguments are those of the caller. */
  #message: string | Uint8Array | undefined
  /** The arguments, if the method has got copies of them: it may be run again. */
  #original: readonly unknown[] | undefined
  #place: Place = 'here'
  /** A copy of what it has returned, if it was held back then. */
  #kept: { readonly result: unknown } | undefined
  /** Whether it was made before and lost. */
  #mayHaveRun = false
  #activation: Activation | undefined
  readonly #deadlines: Deadlines
  readonly #resolve: (value: unknown) => void
  readonly #reject: (error: unknown) => void
  #hasDeadline = false
  /** What it was made in, if it is not sent at once. */
  #scope: AsyncResource | undefined
  readonly #onAbort: (() => void) | undefined

  constructor(
    parts: CallParts,
    sequence: number,
    deadlines: Deadlines,
    resolve: (value: unknown) => void,
    reject: (error: unknown) => void,
  ) {
    super()
    this.parts = parts
    this.sequence = sequence
    this.deadlineMs = parts.deadlineMs
    this.#args = parts.args
    this.#deadlines = deadlines
    this.#resolve = resolve
    this.#reject = reject
    parts.origin?.addOutgoing(this)
    if (parts.signal === undefined) return
    this.#onAbort = () => this.#giveUp()
    parts.signal.addEventListener('abort', this.#onAbort, { once: true })
  }

  get method(): string {
    return this.parts.method
  }

  override get isTell(): boolean {
    return this.parts.isTell
  }

  override get isStream(): boolean {
    return this.parts.isStream
  }

  get args(): readonly unknown[] {
    return this.#args
  }

  get chain(): readonly string[] {
    return this.parts.chain
  }

  override get idempotencyKey(): string | undefined {
    return this.parts.idempotencyKey
  }

  get callId(): string {
    return `${this.parts.caller}:${this.sequence}`
  }

  get actor(): string {
    return this.parts.id
  }

  get isHeld(): boolean {
    return this.#place === 'waiting' && this.#activation === undefined
  }

  get isOver(): boolean {
    return this.#place === 'over'
  }

  /** Whether it is not sent, or run, as soon as it was made. */
  get hasWaited(): boolean {
    return this.#place !== 'here'
  }

  /**
   * It waits in this process, so its arguments are copied: the caller may change its own.
   *
   * @throws ActorError if they cannot be
   */
  wait(): void {
    if (this.#place === 'here') this.#copyArgs()
    this.#place = 'waiting'
    this.#hasDeadline = true
    this.#deadlines.add(this)
  }

  #copyArgs(): void {
    try {
      this.#args = copiesOf(this.#args)
    } catch (error) {
      throw this.error('ERR_ORBIT_ACTOR_VALUE', `an argument cannot be sent: ${reasonOf(error)}`, 'not-run', error)
    }
  }

  /** It is sent later, by what was made elsewhere. */
  keepScope(): void {
    this.#scope ??= new AsyncResource('orbit-actors.Call')
  }

  /** Runs a function in what the call was made in: its place among nested calls and in a trace depend on that. */
  inScope(run: () => void): void {
    if (this.#scope === undefined) run()
    else this.#scope.runInAsyncScope(run)
  }

  /** It goes to an actor in this process. */
  waitFor(take: (call: Call) => Activation | undefined): void {
    this.wait()
    this.#activation = take(this)
    if (this.#place === 'waiting' && this.sender !== undefined) this.keepScope() // its actor may move before it runs
  }

  /**
   * It goes to another process, which ends it.
   *
   * @param message it, as it is sent; if it comes back, it has these arguments: the caller may change its own
   */
  leave(message: string | Uint8Array): void {
    if (this.#place === 'here' && !areCopies(this.#args)) {
      this.#message = typeof message === 'string' ? message : Buffer.from(message)
    }
    this.#forgetDeadline()
    this.#place = 'sent'
  }

  #comeBack(): void {
    if (this.#message !== undefined) this.#args = decodeRequest(this.#message)?.args ?? this.#args
    this.#args = this.#original ?? this.#args
    this.#message = undefined
    this.#original = undefined
    this.#kept = undefined
    this.#activation = undefined
    this.#place = 'waiting'
    this.sender?.takeBack(this)
  }

  begin(): boolean {
    if (this.#place === 'over') return false
    this.#place = 'running'
    if (this.idempotencyKey !== undefined) this.#keepArgs()
    if (this.isTell) this.#succeed(undefined)
    return true
  }

  /** The method may change its arguments. */
  #keepArgs(): void {
    this.#original = this.#args
    this.#args = copiesOf(this.#args)
  }

  invoke(actor: Actor): unknown {
    const methods = actor as unknown as Record<string, (...args: unknown[]) => unknown>
    return methods[this.method]?.(...this.#args)
  }

  override keep(result: unknown): void {
    if (this.#place === 'over' || this.isStream) return
    try {
      this.#kept = { result: copyOf(result) }
    } catch {
      // It cannot be sent, as its caller learns at the end.
    }
  }

  end(ending: Ending): void {
    if (this.#place === 'over') return
    if (this.#mayRepeat(ending)) this.#mayHaveRun = true
    if (ending.how === 'moved' || this.#mayRepeat(ending)) {
      this.#comeBack()
      return
    }
    if (ending.how === 'threw') {
      this.fail(remoteErrorOf(ending.failure))
      return
    }
    if (ending.how === 'refused') {
      this.fail(refusalError(ending.refusal, this.parts.id))
      return
    }
    if (this.#place === 'sent' || this.isStream) {
      this.#succeed(ending.value)
      return
    }
    try {
      this.#succeed(this.#kept === undefined ? copyOf(ending.value) : this.#kept.result)
    } catch (error) {
      const text = `the result of ${this.method} cannot be sent: ${reasonOf(error)}`
      this.fail(this.error('ERR_ORBIT_ACTOR_VALUE', text, 'done'))
    }
  }

  /** Makes it again although it may have run: its key keeps it from running twice. */
  repeat(): void {
    this.#mayHaveRun = true
    this.end({ how: 'moved' })
  }

  /** Whether it is made again although it may have run: its key keeps it from running twice. */
  #mayRepeat(ending: Ending): boolean {
    if (ending.how !== 'refused' || this.idempotencyKey === undefined) return false
    const { code, outcome } = ending.refusal
    return code === 'ERR_ORBIT_ACTOR_STORE' && outcome === 'unknown'
  }

  #succeed(value: unknown): void {
    this.#over()
    this.#resolve(value)
  }

  fail(error: unknown): void {
    if (this.#place === 'over') return
    this.#over()
    this.#reject(this.#mayHaveRun ? withOutcome(error, 'unknown') : error)
  }

  #over(): void {
    this.#place = 'over'
    this.#forgetDeadline()
    this.parts.origin?.removeOutgoing(this)
    if (this.#onAbort !== undefined) this.parts.signal?.removeEventListener('abort', this.#onAbort)
  }

  #forgetDeadline(): void {
    if (this.#hasDeadline) this.#deadlines.delete(this)
    this.#hasDeadline = false
  }

  /** Its deadline has come while it was in this process. */
  expire(): void {
    const outcome: Outcome = this.#place === 'running' ? 'unknown' : 'not-run'
    const where = this.#place === 'running' ? 'it runs' : 'it has not begun'
    const error = this.error(
      'ERR_ORBIT_ACTOR_TIMEOUT',
      `no result within ${this.parts.timeoutMs} ms: ${where}`,
      outcome,
    )
    this.#end(error)
  }

  #giveUp(): void {
    // One that was sent is ended by the client that sent it.
    if (this.#place !== 'sent') this.#end(this.parts.signal?.reason)
  }

  #end(error: unknown): void {
    if (this.#place === 'running') this.abort(error)
    else this.#activation?.remove(this)
    this.fail(error)
  }

  /** Fails: it has not run. */
  refuse(code: ActorErrorCode, text: string): void {
    this.fail(this.error(code, text, 'not-run'))
  }

  /** An error that names the call. */
  error(code: ActorErrorCode, text: string, outcome: Outcome, cause?: unknown): ActorError {
    const { id } = this.parts
    return new ActorError(code, `${id}.${this.method}: ${text}`, { outcome, actor: id, cause })
  }
}

/** The error of a call that is said not to have run, for one that may have run before. */
function withOutcome(error: unknown, outcome: Outcome): unknown {
  if (!(error instanceof ActorError) || error.outcome !== 'not-run') return error
  const { code, message, actor, path, cause } = error
  return new ActorError(code, message, { outcome, actor, cause, ...(path !== undefined && { path }) })
}
