import type { CellResult, Comparison, TrialResult } from './results.js'

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
function figures(trial: string): readonly Figure[] {
  if (trial === 'latency') return ['median', 'spread', 'p99', 'p999']
  return trial.startsWith('death') ? ['median', 'spread', 'p90'] : ['median', 'spread']
}
type Figure = 'median' | 'spread' | 'p90' | 'p99' | 'p999'
const titles = { median: 'median', spread: 'of visits', p90: 'p90', p99: 'p99', p999: 'p99.9' }
/** With fewer it is the greatest of them, whatever it is called. */
const samplesOf = { median: 1, p90: 10, p99: 100, p999: 1000 }

function shownFigure(cell: CellResult, figure: Figure): string {
  if (figure === 'spread') return cell.spread.map((median) => shown(median, cell.unit)).join(' - ')
  return cell.samples < samplesOf[figure] ? '' : shown(cell[figure], cell.unit)
}

/** A row for each set of parameters and figure, a column for each driver. */
function trialTable({ name: trial, measures }: TrialResult, cells: readonly CellResult[]): string {
  const drivers = [...new Set(cells.map(({ driver }) => driver))]
  const parameters = [...new Set(cells.map((cell) => cell.parameters))]
  const head = `${trial}, ${cells[0]?.unit}, ${cells[0]?.better} is better`
  const rows = parameters.flatMap((label) =>
    figures(trial).map((figure) => [
      [label, titles[figure]].filter((part) => part !== '').join(', '),
      ...drivers.map((driver) => {
        const cell = cells.find((cell) => cell.driver === driver && cell.parameters === label)
        return cell === undefined ? '' : shownFigure(cell, figure)
      }),
    ]),
  )
  const told = rows.filter(([, ...cells]) => cells.some((cell) => cell !== ''))
  return `${trial}: ${measures}\n${table([[head, ...drivers], ...told])}`
}

/** The comparison for people: a table a trial, then how each driver was set up. */
export function comparisonTables({ trials, cells, drivers, skipped }: Comparison): string[] {
  const tables = trials.flatMap((trial) => {
    const its = cells.filter((cell) => cell.trial === trial.name)
    return its.length === 0 ? [] : [trialTable(trial, its)]
  })
  const settings = drivers.map(({ name, version, peers, settings }) => `${name} (${version}; ${peers}): ${settings}`)
  return [...tables, settings.join('\n'), skipped.join('\n')].filter((part) => part !== '')
}
