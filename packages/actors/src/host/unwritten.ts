import type { StoreChange } from '../store/store.js'
import type { Draft } from './draft.js'

type EntryChange = Extract<StoreChange, { kind: 'entry' }>
type PageChange = Extract<StoreChange, { kind: 'page' }>

/** Adds a change to those of the commit, or its value to an earlier one of the same name. */
function addOnce<N, C extends StoreChange>(made: Map<N, C>, name: N, change: C, changes: StoreChange[]): void {
  const earlier = made.get(name)
  if (earlier !== undefined) {
    Object.assign(earlier, change)
    return
  }
  made.set(name, change)
  changes.push(change)
}

/** What the turns of one activation set in one commit: what several of them set is written once, by the last value. */
export class Unwritten {
  readonly #type: string
  readonly #key: string
  readonly #entries = new Map<string, EntryChange>()
  /** Made when the first page is set. */
  #pages: Map<number, PageChange> | undefined
  /** How many pages the database of the actor has. */
  #count: number

  constructor(type: string, key: string, count: number) {
    this.#type = type
    this.#key = key
    this.#count = count
  }

  /** A new commit begins. */
  clear(): void {
    if (this.#entries.size > 0) this.#entries.clear()
    this.#pages?.clear()
  }

  /** Adds what a turn has set to the changes of the commit. */
  add({ entries, pages }: Draft, changes: StoreChange[]): void {
    const [type, key] = [this.#type, this.#key]
    for (const [name, value] of entries) {
      addOnce(this.#entries, name, { kind: 'entry', type, key, name, value }, changes)
    }
    if (pages === undefined) return
    this.#pages ??= new Map()
    for (const [page, bytes] of pages.pages) {
      addOnce(this.#pages, page, { kind: 'page', type, key, page, bytes }, changes)
    }
    this.#resize(pages.count, changes)
  }

  #resize(count: number, changes: StoreChange[]): void {
    if (count < this.#count) {
      changes.push({ kind: 'no pages', type: this.#type, key: this.#key, after: count })
      this.#pages?.clear() // pages that come back follow this change
    }
    this.#count = count
  }
}
