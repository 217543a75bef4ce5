import type { CellResult, Comparison } from './results.js'

export function table(rows: readonly (readonly string[])[]): string {
  const widths = rows[0]?.map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0))) ?? []
  const padded = (cell: string, column: number) =>
    column === 0 ? cell.padEnd(widths[column] ?? 0) : cell.padStart(widths[column] ?? 0)
  return rows.map((row) => row.map(padded).join('  ').trimEnd()).join('\n')
}

const scales: readonly (readonly [number, string])[] = [
  [1e9, 'G'],
  [1e6, 'M'],
  [1e3, 'k'],
]

/** Three digits and what they are thousands of. */
function short(value: number): string {
  const [scale, letter] = scales.find(([scale]) => value >= scale) ?? [1, '']
  return `${Number((value / scale).toPrecision(3))}${letter}`
}

function time(ns: number): string {
  if (ns < 1e3) return `${ns.toFixed(0)} ns`
  return ns < 1e6 ? `${Number((ns / 1e3).toPrecision(3))} us` : `${Number((ns / 1e6).toPrecision(3))} ms`
}

function shown(value: number, unit: CellResult['unit']): string {
  if (unit === 'ns') return time(value)
  if (unit === 'bytes') return `${(value / 2 ** 20).toFixed(2)} MiB`
  if (unit === 'seconds') return `${Number(value.toPrecision(3))} s`
  return short(value)
}

/** Which figures of a trial are shown. */
function figures(trial: string): readonly ('median' | 'p99' | 'p999')[] {
  if (trial === 'latency') return ['median', 'p99', 'p999']
  return trial.startsWith('death') ? ['median', 'p99'] : ['median']
}
const titles = { median: 'median', p99: 'p99', p999: 'p99.9' }

/** A row for each set of parameters and figure, a column for each driver. */
function trialTable(trial: string, cells: readonly CellResult[]): string {
  const drivers = [...new Set(cells.map(({ driver }) => driver))]
  const parameters = [...new Set(cells.map((cell) => cell.parameters))]
  const head = `${trial}, ${cells[0]?.unit}, ${cells[0]?.better} is better`
  const rows = parameters.flatMap((label) =>
    figures(trial).map((figure) => [
      [label, titles[figure]].filter((part) => part !== '').join(', '),
      ...drivers.map((driver) => {
        const cell = cells.find((cell) => cell.driver === driver && cell.parameters === label)
        return cell === undefined ? '' : shown(cell[figure], cell.unit)
      }),
    ]),
  )
  return table([[head, ...drivers], ...rows])
}

/** The comparison for people: a table a trial. */
export function comparisonTables({ cells, skipped }: Comparison): string[] {
  const trials = [...new Set(cells.map(({ trial }) => trial))]
  const tables = trials.map((trial) =>
    trialTable(
      trial,
      cells.filter((cell) => cell.trial === trial),
    ),
  )
  return skipped.length === 0 ? tables : [...tables, skipped.join('\n')]
}
