import type { Output } from './output.js'

/** A line that the cursor of `top` can be on. */
export interface Row {
  /** Tells the row apart from the others of its page, also when they are in another order. */
  readonly key: string
  readonly line: string
  /** Opens the page of what the row shows; absent: there is no more to see. */
  readonly open?: () => Page
}

/** A list with a heading. */
export interface Section {
  /** What a row is, in the singular. */
  readonly noun: string
  /** The plural, where it does not end in s alone. */
  readonly plural?: string
  readonly head: readonly string[]
  readonly rows: readonly Row[]
}

/** How a page has to show its lists. */
export interface Look {
  readonly output: Output
  readonly columns: number
  readonly sort: SortKey
  readonly isReversed: boolean
}

export type SortKey = 'rate' | 'name' | 'kind' | 'head'

/** What `top` shows at a time. A page that opens something of a fleet closes it when it is disposed of. */
export interface Page extends Disposable {
  /** Where in the fleets it is, for the first line. */
  readonly title: string
  /** Whether the cursor stays on the last row as rows are added. */
  readonly isTail?: boolean
  /** Looks at shared memory again. What it throws is shown in place of the page. */
  update(): void
  sections(look: Look): Section[]
  /** What is wrong, for a line of its own. */
  alarms?(): string[]
}
