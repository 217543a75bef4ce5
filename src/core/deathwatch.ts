import { native } from './native.js'

/** A member of a fleet: a node, and which of its owners. */
export interface MemberId {
  readonly node: number
  readonly incarnation: number
}

interface Watched {
  readonly incarnation: number
  /** Undefined: its process is this one, or cannot be watched. */
  readonly watch: object | undefined
}

/** What the addon returns for a member that has ended. */
const isDead = -2

/**
 * The members on which this fleet handle depends, or has depended: the kernel tells the event loop of this thread when
 * the process of one of them ends. It takes a descriptor for each, until that member ends or this handle is closed.
 */
export class DeathWatch {
  readonly #fleet: number
  readonly #watched = new Map<number, Watched>()
  /** Called after a death, in any order. */
  readonly onDeath = new Set<() => void>()

  /** @param fleet the addon's handle of the fleet; it is closed after `close` */
  constructor(fleet: number) {
    this.#fleet = fleet
  }

  /**
   * From now on the death of this member calls `onDeath`, where the system can tell it.
   *
   * @returns false: the member has ended already
   */
  add({ node, incarnation }: MemberId): boolean {
    const known = this.#watched.get(node)
    if (known?.incarnation === incarnation) return true
    const descriptor = native.watchDeath(this.#fleet, node, incarnation)
    if (known !== undefined) this.#forget(node, known)
    if (descriptor === isDead) return false
    const watch = descriptor < 0 ? undefined : native.watchBell(descriptor, () => this.#end(node, watched))
    const watched = { incarnation, watch }
    this.#watched.set(node, watched)
    return true
  }

  /** Idempotent. */
  close(): void {
    for (const [node, watched] of [...this.#watched]) this.#forget(node, watched)
    this.onDeath.clear()
  }

  #forget(node: number, { watch }: Watched): void {
    this.#watched.delete(node)
    if (watch !== undefined) native.unwatchBell(watch)
  }

  #end(node: number, watched: Watched): void {
    if (this.#watched.get(node) !== watched) return
    this.#forget(node, watched)
    for (const callback of [...this.onDeath]) callback()
  }
}
