import type { Row, Section } from './page.js'

/** A line of a page; with a row, the cursor can be on it. */
export interface BodyLine {
  readonly text: string
  readonly row?: Row
}

/** The part of a page that fits on the screen, and the row that the cursor is on. */
export class Viewport {
  readonly #isTail: boolean
  #rows: Row[] = []
  #shown: readonly BodyLine[] = []
  #index = 0
  #first = 0
  #height = 1
  /** The cursor was moved away from the last row of a tail. */
  #isFree = false

  constructor(isTail: boolean) {
    this.#isTail = isTail
  }

  /** The row that the cursor is on; undefined: there is none. */
  get row(): Row | undefined {
    return this.#rows[this.#index]
  }

  /** Chooses the lines to show, at most `height`: the cursor stays on its row, and among the lines. */
  show(body: readonly BodyLine[], height: number): readonly BodyLine[] {
    const key = this.row?.key
    this.#rows = body.flatMap(({ row }) => row ?? [])
    this.#height = Math.max(1, height)
    const last = Math.max(0, this.#rows.length - 1)
    const found = this.#rows.findIndex((row) => row.key === key)
    this.#index = this.#isTail && !this.#isFree ? last : Math.min(last, found < 0 ? this.#index : found)
    const at = Math.max(
      0,
      body.findIndex(({ row }) => row !== undefined && row === this.row),
    )
    const before = this.#index === 0 ? 0 : at // the heading above the first row
    this.#first = Math.min(this.#first, before)
    this.#first = Math.max(this.#first, at - this.#height + 1)
    this.#first = Math.max(0, Math.min(this.#first, body.length - this.#height))
    this.#shown = body.slice(this.#first, this.#first + height)
    return this.#shown
  }

  move(key: string): void {
    const last = this.#rows.length - 1
    const page = Math.max(1, this.#height - 2)
    const steps: Record<string, number> = { up: -1, down: 1, 'page up': -page, 'page down': page }
    const step = key === 'home' ? -last : key === 'end' ? last : (steps[key] ?? 0)
    this.#index = Math.max(0, Math.min(last, this.#index + step))
    this.#isFree = this.#index < last
  }

  /** The rows of each section that do not fit, as a text; '': none. */
  hidden(sections: readonly Section[]): string {
    const shown = new Set(this.#shown.map(({ row }) => row))
    return sections
      .flatMap(({ noun, plural = `${noun}s`, rows }) => {
        const count = rows.filter((row) => !shown.has(row)).length
        return count === 0 ? [] : `${count} ${count === 1 ? noun : plural}`
      })
      .join(', ')
  }
}
