import type { Look, Row, Section } from './page.js'
import { type Column, pairLines, tableLines } from './table.js'

/** A section that is a table, and what its rows open. */
export function tableSection<T>(
  { output, columns }: Look,
  noun: Pick<Section, 'noun' | 'plural'>,
  all: readonly Column<T>[],
  rows: readonly T[],
  row: (item: T) => Omit<Row, 'line'>,
): Section {
  const [head = '', ...lines] = tableLines(output, all, rows, columns)
  return { ...noun, head: [head], rows: lines.map((line, i) => ({ line, ...row(rows[i] as T) })) }
}

/** Values without a page of their own: one row each. */
export const pairSection = (
  { output }: Look,
  noun: string,
  pairs: readonly (readonly [string, string])[],
): Section => ({
  noun,
  head: [],
  rows: pairLines(output, pairs).map((line, i) => ({ key: String(i), line })),
})
