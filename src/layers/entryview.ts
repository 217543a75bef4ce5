import { freeze } from '../base/freeze.js'
import type { Cells, ChangedCell } from '../core/cells.js'
import type { MemberId } from '../core/deathwatch.js'
import type { FleetObserver } from '../core/observer.js'

/** One entry of a presence: what one process says under an id. */
export interface PresenceEntry<T> {
  /** What the process has named it. Other processes may have entries with the same id. */
  readonly id: string
  /** The value, frozen. */
  readonly value: T
  /** The node of the process, 0..65535. */
  readonly node: number
  /** Which of the members of that node it is, 1 or more. */
  readonly incarnation: number
}

/** A change of a presence. */
export interface PresenceChange<T> {
  /** 'removed': by its process, or because that has ended. */
  readonly change: 'added' | 'changed' | 'removed'
  /** The entry; with 'removed', as it was before. */
  readonly entry: PresenceEntry<T>
}

/** A private copy of all entries of living processes, brought up to date when it is asked. */
export class EntryView<T> {
  readonly #fleet: FleetObserver
  readonly #open: () => Cells | undefined
  readonly #entries = new Map<number, PresenceEntry<T>>()
  /** How many entries each process has here, by its node and incarnation. */
  readonly #owners = new Map<string, number>()
  #stamps: Uint8Array | undefined

  /** @param open the table; undefined for an observer while no member has created it */
  constructor(fleet: FleetObserver, open: () => Cells | undefined) {
    this.#fleet = fleet
    this.#open = open
  }

  get entries(): IterableIterator<PresenceEntry<T>> {
    return this.#entries.values()
  }

  /** The processes that have entries here. */
  *members(): Generator<MemberId> {
    for (const owner of this.#owners.keys()) {
      const [node, incarnation] = owner.split(' ').map(Number)
      yield { node: node as number, incarnation: incarnation as number }
    }
  }

  get size(): number {
    return this.#entries.size
  }

  /**
   * Looks at what has changed since the last call, and returns it in no order.
   *
   * @param hasDeaths whether a process may have ended since; to ask for all of them takes long
   */
  update(hasDeaths = true): PresenceChange<T>[] {
    const changes: PresenceChange<T>[] = []
    const cells = this.#open()
    if (cells === undefined) return changes
    this.#stamps ??= new Uint8Array(cells.capacity * 8)
    if (hasDeaths) this.#buryDead(changes)
    for (let from = 0; from < cells.capacity; ) {
      const { cells: changed, to } = cells.changed(from, this.#stamps)
      for (const each of changed) this.#note(each, changes)
      from = to
    }
    return changes
  }

  #note({ cell, entry }: ChangedCell, changes: PresenceChange<T>[]): void {
    const before = this.#entries.get(cell)
    const now = entry && entryOf<T>(entry)
    const isSame = before && now && before.id === now.id && ownerOf(before) === ownerOf(now)
    if (before !== undefined && !isSame) this.#remove(cell, before, changes)
    if (now === undefined) return
    this.#entries.set(cell, now)
    if (!isSame) this.#owners.set(ownerOf(now), (this.#owners.get(ownerOf(now)) ?? 0) + 1)
    changes.push({ change: isSame ? 'changed' : 'added', entry: now })
  }

  #remove(cell: number, entry: PresenceEntry<T>, changes: PresenceChange<T>[]): void {
    this.#entries.delete(cell)
    const owner = ownerOf(entry)
    const left = (this.#owners.get(owner) ?? 1) - 1
    if (left > 0) this.#owners.set(owner, left)
    else this.#owners.delete(owner)
    changes.push({ change: 'removed', entry })
  }

  /** The entries of a process that ends do not change: the kernel says that it has ended. */
  #buryDead(changes: PresenceChange<T>[]): void {
    if (this.#owners.size === 0) return
    const living = new Set(this.#fleet.nodes().flatMap((node) => (node.alive ? [ownerOf(node)] : [])))
    const dead = new Set([...this.#owners.keys()].filter((owner) => !living.has(owner)))
    if (dead.size === 0) return
    for (const [cell, entry] of this.#entries) if (dead.has(ownerOf(entry))) this.#remove(cell, entry, changes)
  }
}

const ownerOf = ({ node, incarnation }: { node: number; incarnation: number }): string => `${node} ${incarnation}`

function entryOf<T>({ id, node, incarnation, text }: NonNullable<ChangedCell['entry']>): PresenceEntry<T> | undefined {
  try {
    const value = (text === '' ? undefined : JSON.parse(text)) as T
    freeze(value)
    return { id, value, node, incarnation }
  } catch {
    return undefined // bytes of another program
  }
}
