import type { Output } from './output.js'
import type { Look, Page, Row, Section, SortKey } from './page.js'
import { clockText, cut, fitted, printable, textWidth, unstyled } from './text.js'
import { type BodyLine, Viewport } from './viewport.js'

interface Level {
  readonly page: Page
  readonly viewport: Viewport
  error: string | undefined
}

const sorts: Record<string, SortKey> = { r: 'rate', n: 'name', k: 'kind', h: 'head' }

const help = [
  'Up Down PgUp PgDn Home End  move the cursor',
  'Enter Right                 open what the cursor is on',
  'Esc Left Backspace          go back',
  'Space p                     pause, and go on',
  '/                           show only rows with a text; Esc shows all again',
  'r n k h                     sort rings by rate, name, KIND, head',
  'R                           reverse the order',
  '?                           show or hide these keys',
  'q Ctrl-C                    quit',
]

/** Shows pages, one on top of the other, and moves among them by keys. */
export class Browser implements Disposable {
  readonly #output: Output
  readonly #levels: Level[] = []
  #sort: SortKey = 'rate'
  #isReversed = false
  #filter = ''
  #isTyping = false
  #isHelp = false
  #isPaused = false

  constructor(output: Output, first: Page) {
    this.#output = output
    this.#push(first)
  }

  get #level(): Level {
    return this.#levels.at(-1) as Level
  }

  #push(page: Page): void {
    this.#levels.push({ page, viewport: new Viewport(page.isTail === true), error: undefined })
    this.#update()
  }

  /** Looks at shared memory again, unless it is paused. The first page throws what it cannot show. */
  tick(): void {
    if (!this.#isPaused) this.#update()
  }

  #update(): void {
    const level = this.#level
    try {
      level.page.update()
      level.error = undefined
    } catch (error) {
      if (this.#levels.length === 1) throw error
      level.error = (error as Error).message
    }
  }

  /** Obeys a key. Returns true if it quits. */
  press(key: string): boolean {
    if (key === 'interrupt') return true
    if (this.#isTyping) this.#type(key)
    else if (key === 'q') return true
    else if (this.#isHelp) this.#isHelp = false
    else this.#command(key)
    return false
  }

  #type(key: string): void {
    if (key === 'enter' || key === 'escape') this.#isTyping = false
    if (key === 'escape') this.#filter = ''
    if (key === 'backspace') this.#filter = this.#filter.slice(0, -1)
    else if (key.length === 1 && key >= ' ') this.#filter += key
  }

  #command(key: string): void {
    const sort = sorts[key]
    if (sort !== undefined) this.#sort = sort
    else if (key === 'R') this.#isReversed = !this.#isReversed
    else if (key === '/') this.#isTyping = true
    else if (key === '?') this.#isHelp = true
    else if (key === ' ' || key === 'p') this.#isPaused = !this.#isPaused
    else if (key === 'enter' || key === 'right') this.#open()
    else if (key === 'escape' || key === 'left' || key === 'backspace') this.#back()
    else this.#level.viewport.move(key)
  }

  #open(): void {
    const open = this.#level.viewport.row?.open
    if (open === undefined) return
    this.#filter = ''
    this.#push(open())
  }

  #back(): void {
    if (this.#filter !== '') this.#filter = ''
    else if (this.#levels.length > 1) this.#levels.pop()?.page[Symbol.dispose]()
  }

  /** The lines that fill a screen of this size. None is wider. */
  lines(columns: number, rows: number): string[] {
    const { page, viewport, error } = this.#level
    const look: Look = { output: this.#output, columns: columns - 1, sort: this.#sort, isReversed: this.#isReversed }
    const sections = error === undefined ? this.#filtered(page.sections(look)) : []
    const alarms = page.alarms?.() ?? []
    const top = [this.#titleLine(columns, sections)]
    if (alarms.length > 0) top.push(this.#output.paint('red', cut(printable(`! ${alarms.join('  ! ')}`), columns)))
    const height = Math.max(0, rows - top.length - 1)
    const body = this.#isHelp ? help.map((text) => ({ text })) : bodyOf(sections, height, error)
    const shown = viewport.show(body, height)
    const lines = shown.map(({ text, row }) => this.#bodyLine(text, row, columns))
    while (lines.length < height) lines.push('')
    return [...top, ...lines, this.#footLine(columns, viewport.hidden(sections))]
  }

  #bodyLine(text: string, row: Row | undefined, columns: number): string {
    const isSelected = row !== undefined && row === this.#level.viewport.row && !this.#isHelp
    if (!isSelected) return ` ${fitted(text, columns - 1)}`
    const plain = cut(unstyled(text), columns - 1)
    return this.#output.paint('inverse', `>${plain}${' '.repeat(Math.max(0, columns - 1 - textWidth(plain)))}`)
  }

  #filtered(sections: readonly Section[]): Section[] {
    const wanted = this.#filter.toLowerCase()
    if (wanted === '') return [...sections]
    const isWanted = ({ line }: Row) => unstyled(line).toLowerCase().includes(wanted)
    const filtered = sections.map((section) => ({ ...section, rows: section.rows.filter(isWanted) }))
    return filtered.some(({ rows }) => rows.length > 0) ? filtered.filter(({ rows }) => rows.length > 0) : filtered
  }

  #titleLine(columns: number, sections: readonly Section[]): string {
    const path = this.#levels.flatMap(({ page }) => page.title || []).join(' > ')
    const counts = sections.map(countText).join(', ')
    const hasOrder = sections.some(({ noun }) => noun === 'ring')
    const order = hasOrder ? ` by ${this.#sort}${this.#isReversed ? ', reversed' : ''}` : ''
    const filter = this.#filter === '' && !this.#isTyping ? '' : `  filter: ${this.#filter}${this.#isTyping ? '_' : ''}`
    const head = `orbit top  ${clockText(Date.now()).slice(0, 8)}${this.#isPaused ? '  PAUSED' : ''}${filter}`
    return this.#output.paint(
      'bold',
      cut(printable(`${head}  ${path === '' ? '' : `${path}: `}${counts}${order}`), columns),
    )
  }

  #footLine(columns: number, hidden: string): string {
    const keys = this.#isTyping
      ? 'type a part of a row   Enter keep   Esc clear'
      : '? keys  q quit  Enter open  Esc back  Space pause  / filter  r n k h R sort'
    const text = hidden === '' ? keys : `${hidden} hidden  ${keys}`
    return this.#output.paint('dim', cut(text, columns))
  }

  [Symbol.dispose](): void {
    for (const { page } of this.#levels.splice(0)) page[Symbol.dispose]()
  }
}

/** The number of rows of a section, as a text. */
const countText = ({ noun, plural = `${noun}s`, rows }: Section): string =>
  `${rows.length} ${rows.length === 1 ? noun : plural}`

/** On a screen of fewer lines, no line between sections is empty. */
const roomyRows = 12

function bodyOf(sections: readonly Section[], height: number, error: string | undefined): BodyLine[] {
  if (error !== undefined) return [{ text: printable(error) }]
  return sections.flatMap((section, i): BodyLine[] => [
    ...(i > 0 && height >= roomyRows ? [{ text: '' }] : []),
    ...(section.rows.length > 0 ? section.head : [`no ${section.plural ?? `${section.noun}s`}`]).map((text) => ({
      text,
    })),
    ...section.rows.map((row) => ({ text: row.line, row })),
  ])
}
