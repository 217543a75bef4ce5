import { ownNameOf } from '../inspect/kinds.js'
import { Counters } from '../layers/counters.js'
import { type CounterRow, counterColumns, counterRateColumn, counterRows } from './countercolumns.js'
import { OpenPage } from './openpage.js'
import type { Look, Section } from './page.js'
import { tableSection } from './tablesection.js'

/** The counters and gauges of a table, by name. */
export class CountersPage extends OpenPage {
  readonly #counters: Counters
  #rows: CounterRow[] = []
  #lookedAt = performance.now()

  constructor(fleet: string, object: string) {
    super(fleet, object)
    const name = ownNameOf('counters', object)
    this.#counters = new Counters(this.fleet, name === undefined ? {} : { name })
  }

  update(): void {
    const entries = [...this.#counters.entries()].sort((a, b) => (a.name < b.name ? -1 : 1))
    const before = new Map(this.#rows.map(({ name, value }) => [name, value]))
    const now = performance.now()
    this.#rows = counterRows(entries, before, now - this.#lookedAt)
    this.#lookedAt = now
  }

  sections(look: Look): Section[] {
    const columns = [...counterColumns, counterRateColumn]
    return [tableSection(look, { noun: 'counter' }, columns, this.#rows, ({ name }) => ({ key: name }))]
  }
}
