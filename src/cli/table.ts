import type { Output } from './output.js'
import { cut, printable, textWidth } from './text.js'

export interface Column<Row> {
  readonly title: string
  readonly text: (row: Row) => string
  readonly align?: 'left' | 'right'
  /** May be cut when the terminal is narrow. */
  readonly isFlexible?: boolean
  /** Where the table is too wide, columns are left out, those of the highest rank first; absent: never. */
  readonly rank?: number
  readonly style?: (row: Row) => Parameters<Output['paint']>[0] | undefined
}

/** A column of numbers, or of what is like them; undefined is shown as "?". */
export const numbers = <Row>(title: string, value: (row: Row) => unknown): Column<Row> => {
  return { title, text: (row) => String(value(row) ?? '?'), align: 'right' }
}

const gap = '  '

/**
 * The lines of a table that is as wide as its content, or as the terminal if that is narrower.
 *
 * @param width leaves out columns until no line is wider; default: it only cuts the texts of flexible columns
 */
export function tableLines<Row>(
  output: Output,
  all: readonly Column<Row>[],
  rows: readonly Row[],
  width?: number,
): string[] {
  const columns = width === undefined ? all : fitting(all, rows, width)
  const texts = rows.map((row) => columns.map((column) => printable(column.text(row))))
  const widths = columns.map(({ title }, i) =>
    texts.reduce((width, line) => Math.max(width, textWidth(line[i] as string)), title.length),
  )
  shrink(widths, columns, width ?? output.columns)
  const pad = (text: string, i: number, isLast: boolean) => {
    const visible = cut(text, widths[i] as number)
    const space = ' '.repeat((widths[i] as number) - textWidth(visible))
    return columns[i]?.align === 'right' ? space + visible : isLast ? visible : visible + space
  }
  const last = columns.length - 1
  const title = columns.map((column, i) => pad(column.title, i, i === last)).join(gap)
  const lines = texts.map((line, row) =>
    line
      .map((text, i) => {
        const style = columns[i]?.style?.(rows[row] as Row)
        const padded = pad(text, i, i === last)
        return style === undefined ? padded : output.paint(style, padded)
      })
      .join(gap),
  )
  return [output.paint('bold', title), ...lines.map((line) => line.trimEnd())]
}

/** The columns that fit, where each flexible one may be cut to this width. */
const minFlexible = 12

function fitting<Row>(columns: readonly Column<Row>[], rows: readonly Row[], available: number): Column<Row>[] {
  const widthOf = ({ title, text, isFlexible }: Column<Row>) => {
    const width = rows.reduce((most, row) => Math.max(most, textWidth(printable(text(row)))), title.length)
    return gap.length + (isFlexible ? Math.min(minFlexible, width) : width)
  }
  const kept = columns.map((column) => ({ column, width: widthOf(column) }))
  const total = () => kept.reduce((sum, { width }) => sum + width, -gap.length)
  while (total() > available) {
    const ranks = kept.map(({ column }) => column.rank ?? 0)
    const worst = Math.max(...ranks)
    if (worst === 0) break
    kept.splice(ranks.lastIndexOf(worst), 1)
  }
  return kept.map(({ column }) => column)
}

/** Narrows the widest flexible column until the line fits. Each keeps at least four columns. */
function shrink<Row>(widths: number[], columns: readonly Column<Row>[], available: number | undefined): void {
  if (available === undefined) return
  let over = widths.reduce((sum, width) => sum + width + gap.length, -gap.length) - available
  while (over > 0) {
    let widest = -1
    columns.forEach((column, i) => {
      if (
        column.isFlexible &&
        (widths[i] as number) > 4 &&
        (widest < 0 || (widths[i] as number) > (widths[widest] as number))
      )
        widest = i
    })
    if (widest < 0) return
    widths[widest] = (widths[widest] as number) - 1
    over--
  }
}

export function printTable<Row>(output: Output, columns: readonly Column<Row>[], rows: readonly Row[]): void {
  for (const line of tableLines(output, columns, rows)) output.line(line)
}

/** Names and values, one pair on each line. */
export function pairLines(output: Output, pairs: readonly (readonly [string, string])[]): string[] {
  const width = Math.max(...pairs.map(([name]) => name.length))
  return pairs.map(([name, value]) => `${output.paint('dim', name.padEnd(width))}  ${printable(value)}`)
}

export function printPairs(output: Output, pairs: readonly (readonly [string, string])[]): void {
  for (const line of pairLines(output, pairs)) output.line(line)
}
