import { type CellResult, type Comparison, named, type TrialResult } from './results.js'
import { shown } from './units.js'

export function table(rows: readonly (readonly string[])[]): string {
  const widths = rows[0]?.map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0))) ?? []
  const padded = (cell: string, column: number) =>
    column === 0 ? cell.padEnd(widths[column] ?? 0) : cell.padStart(widths[column] ?? 0)
  return rows.map((row) => row.map(padded).join('  ').trimEnd()).join('\n')
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
      named(label, titles[figure]),
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
