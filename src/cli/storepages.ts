import { ownNameOf } from '../inspect/kinds.js'
import { inspectStore, ratesBetween, type StoreReport } from '../inspect/stores.js'
import { noRing } from './kindoperand.js'
import { OpenPage } from './openpage.js'
import type { Look, Page, Section } from './page.js'
import { entriesOfStore, groupsOf, type KeyGroup, type ListedEntry } from './storekeys.js'
import { groupColumns, keyColumns, storePairs } from './storetext.js'
import { pairSection, tableSection } from './tablesection.js'

/** A page looks at no more entries than these: the index of a large store has millions. */
const mostEntries = 20_000

/** How a store is used, and its keys by prefix. */
class StorePage extends OpenPage {
  readonly #kind: number
  #last: { report: StoreReport; atMs: number } | undefined
  #pairs: [string, string][] = []
  #groups: KeyGroup[] = []

  constructor(fleet: string, kind: number, name: string) {
    super(fleet, name)
    this.#kind = kind
  }

  update(): void {
    const report = inspectStore(this.fleet, this.#kind)
    if (report === undefined) throw noRing(this.fleet, this.#kind)
    const [before, atMs] = [this.#last, performance.now()]
    this.#pairs = storePairs(
      report,
      before === undefined ? null : ratesBetween(before.report, report, atMs - before.atMs),
    )
    this.#last = { report, atMs }
    this.#groups = groupsOf(entriesOf(this))
  }

  sections(look: Look): Section[] {
    const open = (group: KeyGroup) => () => new KeysPage(this.fleet.name, this.title, group)
    return [
      pairSection(look, 'detail', this.#pairs),
      tableSection(look, { noun: 'prefix', plural: 'prefixes' }, groupColumns, this.#groups, (group) => ({
        key: `${group.namespace}\0${group.prefix}`,
        open: open(group),
      })),
    ]
  }
}

/** The keys of a store with one prefix, the most bytes first. */
class KeysPage extends OpenPage {
  readonly #store: string
  readonly #group: KeyGroup
  #entries: ListedEntry[] = []

  constructor(fleet: string, store: string, group: KeyGroup) {
    super(fleet, group.prefix ?? 'other keys')
    this.#store = store
    this.#group = group
  }

  update(): void {
    const { namespace, prefix } = this.#group
    const isWanted = (entry: ListedEntry) =>
      entry.namespace === namespace && (prefix === null ? !/[:/]/.test(entry.key) : entry.key.startsWith(prefix))
    this.#entries = [...entriesOf(this, this.#store)].filter(isWanted).sort((a, b) => b.valueBytes - a.valueBytes)
  }

  sections(look: Look): Section[] {
    return [tableSection(look, { noun: 'key' }, keyColumns, this.#entries, ({ key }) => ({ key }))]
  }
}

/** The first entries of a store. */
function* entriesOf({ fleet, title }: OpenPage, name = title): Generator<ListedEntry> {
  let left = mostEntries
  for (const entry of entriesOfStore(fleet, ownNameOf('store', name))) {
    yield entry
    if (--left === 0) return
  }
}

export const storePage = (fleet: string, kind: number, name: string): Page => new StorePage(fleet, kind, name)
