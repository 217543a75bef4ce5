import type { ActorLog } from '../actor/actor.js'
import type { CallOptions } from '../actor/ref.js'
import type { Clock } from '../base/clock.js'
import type { Activation } from './activation.js'
import type { Filter } from './filter.js'
import type { Overflow } from './overflow.js'
import type { Turn } from './turn.js'

/** Where calls of a reference come from. */
export interface Origin {
  /** The actors that wait for them, the first caller first. */
  readonly chain: readonly string[]
  /** The turn that makes them; undefined: none, or it is not known which. */
  readonly turn: Turn | undefined
}

/** What an activation needs of its process. */
export interface Home {
  readonly clock: Clock
  readonly log: ActorLog
  readonly filters: readonly Filter[]
  readonly overflow: Overflow
  /** The activations in which turns wait. */
  readonly blocked: Set<Activation>
  /** A reference whose calls say which turn and which actors wait for them. */
  refer(type: string, key: string, options: CallOptions, origin: Origin): object
  /** An activation of this actor failed. */
  noteCrash(id: string): void
  /** The activation has ended; `left` goes to the next one. */
  forget(activation: Activation, left: readonly Turn[]): void
}
