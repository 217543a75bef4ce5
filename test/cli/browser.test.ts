// What top shows on screens of all sizes, and what its keys do. test/cli/top.test.ts looks at real terminals.
import { describe, expect, it } from 'vitest'
import { Browser } from '../../src/cli/browser.js'
import { keysIn } from '../../src/cli/keys.js'
import { Output } from '../../src/cli/output.js'
import type { Page, Section } from '../../src/cli/page.js'
import { tableLines } from '../../src/cli/table.js'
import { fitted, textWidth, unstyled } from '../../src/cli/text.js'

/** A page with two lists, and a page for each of its rows. */
class Lists implements Page {
  readonly title: string
  readonly isTail: boolean
  closed = 0
  updates = 0
  failure: Error | undefined
  readonly opened: Lists[] = []
  lists: Record<string, string[]>

  constructor(title: string, lists: Record<string, string[]>, isTail = false) {
    this.title = title
    this.lists = lists
    this.isTail = isTail
  }

  update(): void {
    this.updates++
    if (this.failure !== undefined) throw this.failure
  }

  sections(): Section[] {
    return Object.entries(this.lists).map(([noun, keys]) => ({
      noun,
      head: [noun.toUpperCase()],
      rows: keys.map((key) => ({ key, line: `${key} of ${this.title}`, open: () => this.#open(key) })),
    }))
  }

  #open(key: string): Page {
    const page = new Lists(key, { detail: ['one', 'two'] })
    this.opened.push(page)
    return page
  }

  alarms(): string[] {
    return this.lists['member']?.includes('dead') ? ['1 dead'] : []
  }

  [Symbol.dispose](): void {
    this.closed++
  }
}

const numbered = (noun: string, count: number) => Array.from({ length: count }, (_, i) => `${noun}${i}`)
const browserOf = (page: Page) => new Browser(new Output(true), page)
const sizes = [
  [60, 20],
  [100, 9],
  [200, 50],
  [60, 9],
  [20, 3],
] as const

describe('Browser', () => {
  it.each(sizes)('fills a screen of %i columns and %i rows exactly, and says which rows it hides', (columns, rows) => {
    const page = new Lists('web', { member: [...numbered('m', 6), 'dead'], ring: numbered('r', 30) })
    const lines = browserOf(page).lines(columns, rows)
    expect(lines).toHaveLength(rows)
    for (const line of lines) expect(textWidth(line)).toBeLessThanOrEqual(columns)
    const shown = (all: string[]) => all.filter((key) => lines.some((line) => line.includes(`${key} of`))).length
    const members = 7 - shown([...numbered('m', 6), 'dead'])
    const rings = 30 - shown(numbered('r', 30))
    if (columns < 60) return
    const foot = lines.at(-1) as string
    if (members > 0) expect(foot).toContain(`${members} member`)
    if (rings > 0) expect(foot).toContain(`${rings} rings hidden  ? keys  q quit`)
    if (members + rings === 0) expect(foot).not.toContain('hidden')
    expect(lines[1]).toBe('! 1 dead')
  })

  it('moves the cursor over all rows and keeps it on the screen', () => {
    const page = new Lists('web', { member: numbered('m', 3), ring: numbered('r', 20) })
    const browser = browserOf(page)
    const selected = () =>
      browser
        .lines(80, 9)
        .filter((line) => line.startsWith('>'))
        .map((line) => line.slice(1).trim())
    expect(selected()).toEqual(['m0 of web'])
    browser.press('up')
    expect(selected()).toEqual(['m0 of web'])
    for (let i = 0; i < 5; i++) browser.press('down')
    expect(selected()).toEqual(['r2 of web'])
    browser.press('end')
    expect(selected()).toEqual(['r19 of web'])
    browser.press('page up')
    expect(selected()).toEqual(['r14 of web'])
    browser.press('home')
    expect(selected()).toEqual(['m0 of web'])
    expect(browser.lines(80, 9)[1]).toBe(' MEMBER')
  })

  it('keeps the cursor on its row when the rows change their order', () => {
    const page = new Lists('web', { ring: ['a', 'b', 'c'] })
    const browser = browserOf(page)
    browser.lines(80, 9)
    browser.press('down')
    page.lists = { ring: ['c', 'a', 'd', 'b'] }
    expect(browser.lines(80, 9)).toContainEqual(expect.stringMatching(/^>b of web/))
  })

  it('opens what the cursor is on, and closes it on the way back', () => {
    const page = new Lists('web', { ring: ['a', 'b'] })
    const browser = browserOf(page)
    browser.lines(80, 9)
    browser.press('down')
    browser.lines(80, 9)
    browser.press('enter')
    expect(browser.lines(80, 9)[0]).toContain('web > b: 2 details')
    browser.press('down')
    browser.press('escape')
    expect(page.opened.map(({ closed }) => closed)).toEqual([1])
    expect(browser.lines(80, 9)).toContainEqual(expect.stringMatching(/^>b of web/))
    browser.press('escape')
    expect(browser.lines(80, 9)[0]).toContain('web: 2 rings')
  })

  it('shows the error of an opened page, and throws that of the first', () => {
    const page = new Lists('web', { ring: ['a'] })
    const browser = browserOf(page)
    browser.lines(80, 9)
    browser.press('enter')
    ;(page.opened[0] as Lists).failure = new Error('the ring was removed')
    browser.tick()
    expect(browser.lines(80, 9)[1]).toBe(' the ring was removed')
    browser.press('escape')
    page.failure = new Error('the fleet was removed')
    expect(() => browser.tick()).toThrow('the fleet was removed')
  })

  it('pauses, filters, sorts, shows its keys and quits', () => {
    const page = new Lists('web', { ring: ['alpha', 'beta'] })
    const browser = browserOf(page)
    const press = (...keys: string[]) => keys.map((key) => browser.press(key)).at(-1)
    const screen = () => browser.lines(100, 12).join('\n')
    press(' ')
    const before = page.updates
    browser.tick()
    expect(page.updates).toBe(before)
    expect(screen()).toContain('PAUSED')
    press('p')
    browser.tick()
    expect(page.updates).toBe(before + 1)
    press('/', 'B', 'E', 'x', 'backspace')
    expect(screen()).toContain('filter: BE_')
    press('enter')
    expect(screen()).toMatch(/filter: BE {2}web: 1 ring by rate/)
    expect(screen()).not.toContain('alpha of web')
    press('escape')
    expect(screen()).toContain('alpha of web')
    press('n', 'R')
    expect(screen()).toContain('by name, reversed')
    press('?')
    expect(screen()).toContain('Enter Right                 open what the cursor is on')
    press('x')
    expect(screen()).toContain('alpha of web')
    expect([press('/', 'q'), press('enter', 'q'), press('interrupt')]).toEqual([false, true, true])
  })

  it('follows the end of a tail until the cursor leaves it', () => {
    const page = new Lists('web', { line: numbered('l', 30) }, true)
    const browser = browserOf(page)
    const selected = () => browser.lines(80, 9).find((line) => line.startsWith('>'))
    expect(selected()).toMatch(/^>l29 /)
    page.lists = { line: numbered('l', 40) }
    expect(selected()).toMatch(/^>l39 /)
    browser.press('up')
    page.lists = { line: numbered('l', 50) }
    expect(selected()).toMatch(/^>l38 /)
    browser.press('end')
    page.lists = { line: numbered('l', 60) }
    browser.lines(80, 9)
    expect(selected()).toMatch(/^>l59 /)
  })
})

describe('keysIn', () => {
  it('names the keys of a terminal, and leaves out sequences that it does not know', () => {
    expect(keysIn('a\x1b[A\x1bOB\x1b[6~\r\x7f\x1b[1;5C\x1b[99~é\x03')).toEqual([
      ...['a', 'up', 'down', 'page down', 'enter', 'backspace', 'é', 'interrupt'],
    ])
    expect(keysIn('\x1b')).toEqual(['escape'])
  })
})

describe('tableLines of a width', () => {
  const columns = [
    { title: 'NAME', text: (text: string) => text, isFlexible: true },
    { title: 'MINOR', text: () => '12345', rank: 1 },
    { title: 'LEAST', text: () => '12345', rank: 2 },
  ]

  it('leaves out the columns of the highest rank first', () => {
    const output = new Output(true)
    const heads = [40, 30, 20, 12].map((width) => tableLines(output, columns, ['n'.repeat(30)], width)[0])
    expect(heads.map((head) => head?.split(/ +/).join(' '))).toEqual([
      'NAME MINOR LEAST',
      'NAME MINOR LEAST',
      'NAME MINOR',
      'NAME',
    ])
    for (const width of [40, 30, 20, 12]) {
      for (const line of tableLines(output, columns, ['n'.repeat(30)], width))
        expect(textWidth(line)).toBeLessThanOrEqual(width)
    }
  })
})

describe('fitted', () => {
  it('cuts a line with styles by what is visible', () => {
    const line = '\x1b[1mbold\x1b[22m rest'
    expect([fitted(line, 9), fitted(line, 6), unstyled(line)]).toEqual([line, 'bold …', 'bold rest'])
  })
})
