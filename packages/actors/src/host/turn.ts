import { AsyncLocalStorage } from 'node:async_hooks'
import type { Actor } from '../actor/actor.js'
import type { Ending } from '../base/wire.js'
import type { AlarmTurn } from './alarmturn.js'

/** A call that a turn waits for. */
export interface OpenCall {
  readonly callId: string
  /** The type, "/", and the key of the actor that is called. */
  readonly actor: string
  /** Whether it waits in the process that makes it, behind others to the same actor. */
  readonly isHeld: boolean
}

/** One call of an actor, or one firing of a timer, as its activation runs it. */
export abstract class Turn {
  /** The method; '' for a timer. */
  abstract readonly method: string
  /** Whether its caller waits only for its begin. */
  get isTell(): boolean {
    return false
  }
  /** Whether its caller wants items, one by one. */
  get isStream(): boolean {
    return false
  }
  /** What filters are shown. */
  abstract readonly args: readonly unknown[]
  /** The actors that wait for it, the first caller first. */
  abstract readonly chain: readonly string[]
  /** Tells it apart from all other calls; '' for a timer. */
  abstract readonly callId: string
  /** When its caller gives up, in milliseconds of the clock. */
  abstract readonly deadlineMs: number
  /** Since when it waits or runs, in milliseconds of the clock. */
  sinceMs = 0
  #abort: AbortController | undefined
  #reason: { readonly reason: unknown } | undefined
  #outgoing: Set<OpenCall> | undefined

  /** Calls of one key run once. */
  get idempotencyKey(): string | undefined {
    return undefined
  }

  /** The alarm that fires; undefined: it is none. */
  get alarm(): AlarmTurn | undefined {
    return undefined
  }

  /** Before it runs. False: its caller has given up, and it must not run. */
  abstract begin(): boolean
  /** Runs it. */
  abstract invoke(actor: Actor): unknown
  /** Keeps what it has returned as it is now: it ends later, and the actor may change that until then. */
  keep(_result: unknown): void {}
  /** While it waits: it leaves the mailbox if its caller has given up. */
  leaveIfGivenUp(): void {}
  /** How it ended. Called once, unless `begin` returned false. */
  abstract end(ending: Ending): void

  /** The calls of its references that have not ended. */
  get outgoing(): Iterable<OpenCall> {
    return this.#outgoing ?? []
  }

  addOutgoing(call: OpenCall): void {
    this.#outgoing ??= new Set()
    this.#outgoing.add(call)
  }

  removeOutgoing(call: OpenCall): void {
    this.#outgoing?.delete(call)
  }

  /** Aborted when its caller gives up, or when the activation must end. Most methods never ask for it. */
  get signal(): AbortSignal {
    if (this.#abort === undefined) {
      this.#abort = new AbortController()
      if (this.#reason !== undefined) this.#abort.abort(this.#reason.reason)
    }
    return this.#abort.signal
  }

  abort(reason: unknown): void {
    this.#reason ??= { reason }
    this.#abort?.abort(reason)
  }
}

/** The turn in which code runs, for classes with several turns at a time. */
export const turns = new AsyncLocalStorage<Turn | undefined>()

/** A firing of a timer. */
export class TimerTurn extends Turn {
  readonly method = ''
  readonly args: readonly unknown[] = []
  readonly chain: readonly string[] = []
  readonly callId = ''
  readonly deadlineMs = Number.POSITIVE_INFINITY
  readonly #run: () => unknown
  readonly #onEnd: (ending: Ending) => void

  constructor(run: () => unknown, onEnd: (ending: Ending) => void) {
    super()
    this.#run = run
    this.#onEnd = onEnd
  }

  begin(): boolean {
    return true
  }

  invoke(): unknown {
    return this.#run()
  }

  end(ending: Ending): void {
    this.#onEnd(ending)
  }
}
