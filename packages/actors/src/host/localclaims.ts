import { createHash } from 'node:crypto'
import { Contest, type Fleet, type Guard, OrbitError } from 'orbit-node'

/** The claims of the actors with `placement: 'local'` in a fleet: each has one while it is active. */
export class LocalClaims {
  readonly #contest: Contest
  readonly #system: string

  constructor(fleet: Fleet, system: string) {
    this.#contest = new Contest(fleet, { name: 'actors.local', capacity: 4096 })
    this.#system = system
  }

  /** Ids may be longer than a subject. */
  #subject(id: string): string {
    return `${this.#system}/${createHash('sha256').update(id).digest('base64url')}`
  }

  /** The host in which an actor is active; undefined: it is not. */
  ownerOf(id: string): string | undefined {
    return this.#contest.holder(this.#subject(id))?.owner
  }

  /** Claims an actor for a host; 'held': another one has it; 'full': the fleet has no room for another claim. */
  tryHold(id: string, host: string): Guard | 'held' | 'full' {
    try {
      const claim = this.#contest.tryClaim(this.#subject(id), { ttlMs: 'life', owner: host })
      return 'guard' in claim ? claim.guard : 'held'
    } catch (error) {
      if (error instanceof OrbitError && error.code === 'ERR_ORBIT_TABLE_FULL') return 'full'
      throw error
    }
  }
}
