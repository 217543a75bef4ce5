import type { ActorLog } from '../actor/actor.js'
import type { CallOptions } from '../actor/ref.js'
import type { Clock } from '../base/clock.js'
import type { Activation } from './activation.js'
import type { Filter } from './filter.js'
import type { Overflow } from './overflow.js'
import type { Turn } from './turn.js'

/** What an activation needs of its process. */
export interface Home {
  readonly clock: Clock
  readonly log: ActorLog
  readonly filters: readonly Filter[]
  readonly overflow: Overflow
  /** A reference whose calls say which actors wait for them. */
  refer(type: string, key: string, options: CallOptions, chain: () => readonly string[]): object
  /** An activation of this actor failed. */
  noteCrash(id: string): void
  /** The activation has ended; `left` goes to the next one. */
  forget(activation: Activation, left: readonly Turn[]): void
}
