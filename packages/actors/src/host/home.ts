import type { ActorLog, DeactivateReason, MonitorEnd } from '../actor/actor.js'
import type { CallOptions } from '../actor/ref.js'
import type { Clock } from '../base/clock.js'
import type { Call } from '../caller/call.js'
import type { Activation } from './activation.js'
import type { Commits } from './commits.js'
import type { Databases } from './databases.js'
import type { Filter } from './filter.js'
import type { Ledger } from './ledger.js'
import type { Overflow } from './overflow.js'
import type { Tally } from './tally.js'
import type { Turn } from './turn.js'

/** Where calls of a reference come from. */
export interface Origin {
  /** The actors that wait for them, the first caller first. */
  readonly chain: readonly string[]
  /** The turn that makes them; undefined: none, or it is not known which. */
  readonly turn: Turn | undefined
  /** What keeps calls and messages until what they were made from is committed; undefined: nothing does. */
  readonly ledger?: Ledger | undefined
}

/** Where calls go that are not for an actor of the system. */
export interface CallTaker {
  /** The id of what is called; absent: the type, "/", and the key of the reference. */
  readonly id?: string
  submit(call: Call): void
}

/** Tells activations of one actor apart: the host, and the number of the activation among those monitored there. */
export type MonitorTag = `${string} ${number}`

/** What an activation needs of its process. */
export interface Home {
  readonly clock: Clock
  readonly log: ActorLog
  readonly filters: readonly Filter[]
  readonly overflow: Overflow
  readonly databases: Databases
  /** The commits of its partition; undefined: its actors have no storage. */
  readonly commits: Commits | undefined
  readonly tally: Tally
  /** The activations in which turns wait. */
  readonly blocked: Set<Activation>
  /** Publishes an event on the bus of the fleet. */
  emit(topic: string, value: unknown): void
  /** A reference whose calls say which turn and which actors wait for them. */
  refer(type: string, key: string, options: CallOptions, origin: Origin, to?: CallTaker): object
  /** An activation of this actor failed. */
  noteCrash(id: string): void
  /** Calls `fire` once the present activation of an actor has ended. */
  monitor(type: string, id: string, fire: (end: MonitorEnd) => void, signal: AbortSignal): void
  /** The activation has ended; `left` goes to the next one. */
  forget(activation: Activation, reason: DeactivateReason, left: readonly Turn[]): void
}
