import type { Guard } from 'orbit-node'
import type { ActorType } from '../actor/methods.js'
import type { Activation } from './activation.js'
import type { LocalClaims } from './localclaims.js'
import { type Household, Partition } from './partition.js'
import type { Turn } from './turn.js'

/** The actors with `placement: 'local'` of one process. Each is held by a claim of its own while it is active. */
export class Locals {
  readonly partition: Partition
  readonly #claims: LocalClaims
  readonly #host: string
  readonly #guards = new Map<string, Guard>()

  constructor(household: Household, claims: LocalClaims, host: string) {
    this.#claims = claims
    this.#host = host
    this.partition = new Partition(household, -1, {
      tokenOf: (id) => (this.#guards.get(id) as Guard).token,
      forget: (id) => this.#release(id),
    })
    this.partition.open({ token: 0, release: () => {} })
  }

  #release(id: string): void {
    this.#guards.get(id)?.release()
    this.#guards.delete(id)
  }

  /** Whether this process has an actor, from now on if no process had it. */
  #hold(id: string): boolean | 'full' {
    if (this.#guards.has(id)) return true
    const held = this.#claims.tryHold(id, this.#host)
    if (typeof held === 'string') return held === 'full' ? held : false
    this.#guards.set(id, held)
    return true
  }

  /** The host in which an actor is active; undefined: it is not. */
  ownerOf(id: string): string | undefined {
    return this.#guards.has(id) ? this.#host : this.#claims.ownerOf(id)
  }

  /** Whether this process runs a call. */
  accepts(id: string, turn: Turn): boolean {
    return this.partition.accepts(turn) && this.#hold(id) !== false
  }

  /** @param claims whether the actor may become active here */
  take(type: ActorType, key: string, id: string, turn: Turn, claims: boolean): Activation | undefined {
    const isHeld = this.partition.accepts(turn) && (claims ? this.#hold(id) : this.#guards.has(id))
    if (isHeld === true) return this.partition.take(type, key, id, turn)
    if (isHeld === false) {
      turn.end({ how: 'moved' })
      return undefined
    }
    const message = `${id}: the fleet has no room for another actor with placement: 'local'`
    turn.end({ how: 'refused', refusal: { code: 'ERR_ORBIT_ACTOR_BUSY', message, outcome: 'not-run' } })
    return undefined
  }
}
