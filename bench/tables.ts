// The report for people: a line for each cell.

import { quantile } from './measure.js'
import type { Measured } from './measuring.js'
import { type CellResult, named, type Results, type TrialResult } from './results.js'
import { advantage, digits, shown, times } from './units.js'

function table(rows: readonly (readonly string[])[]): string {
  const widths = rows[0]?.map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0))) ?? []
  const padded = (cell: string, column: number) =>
    column === 0 ? cell.padEnd(widths[column] ?? 0) : cell.padStart(widths[column] ?? 0)
  return rows.map((row) => row.map(padded).join('  ').trimEnd()).join('\n')
}

export const ofTrial = <T extends { trial: string }>(cells: readonly T[], { name }: TrialResult): T[] =>
  cells.filter(({ trial }) => trial === name)

export function aboutText({ machine, isQuick }: Pick<Results, 'machine' | 'isQuick'>): string {
  const lines = [
    `${machine.package} at ${machine.commit}, ${machine.date}`,
    `${machine.cpu}, ${machine.cores} cores, ${machine.memoryGiB} GiB; ${machine.kernel}; Node ${machine.node}`,
  ]
  if (isQuick) lines.push('a quick run: a look, not figures to quote')
  if (machine.loadAverage > machine.cores / 2) {
    lines.push(`the machine was busy, load average ${digits(machine.loadAverage)}: trust ratios more than times`)
  }
  return lines.join('\n')
}

/** A row for each case, a column for each driver: medians and, in brackets, how many times better orbit is. */
export function trialRows(trial: TrialResult, all: readonly CellResult[]): string[][] {
  const cells = ofTrial(all, trial)
  const drivers = [...new Set(cells.map(({ driver }) => driver))]
  const rows = [...new Set(cells.map((cell) => cell.case))].map((ofCase) => {
    const its = new Map(cells.filter((cell) => cell.case === ofCase).map((cell) => [cell.driver, cell]))
    const ours = its.get('orbit')
    const text = (cell: CellResult | undefined) => {
      if (cell === undefined) return ''
      const isOurs = ours === undefined || cell.driver.startsWith('orbit')
      const ratio = isOurs ? '' : ` (${times(advantage(ours.median, cell.median, trial.better))})`
      return `${shown(cell.median, trial.unit)}${ratio}`
    }
    return [ofCase, ...drivers.map((name) => text(its.get(name)))]
  })
  return [['', ...drivers], ...rows]
}

export function resultsText({ trials, drivers, cells, skipped }: Results): string {
  const tables = trials.map((trial) => `${trial.name}: ${trial.measures}\n${table(trialRows(trial, cells))}`)
  const settings = drivers.map(({ name, version, settings }) => `${name} (${version}): ${settings}`)
  return [...tables, settings.join('\n'), skipped.join('\n')].filter((part) => part !== '').join('\n\n')
}

/** Fewer ratios than this say nothing about noise. */
const enoughRatios = 9

/**
 * Two builds: how many times better B is. The ratio of each round is of two runs that were measured close to each
 * other; shown are the median of these ratios and the range of the middle half. A star: that range does not include 1.
 * The last column compares the best tenth of all samples, which other work on the machine disturbs least.
 */
export function buildsText(trials: readonly TrialResult[], cells: readonly Measured[]): string {
  const tables = trials.map((trial) => {
    const its = ofTrial(cells, trial)
    const nameOf = (cell: Measured) => named(cell.case, cell.driver === 'orbit' ? '' : cell.driver)
    const rows = [...new Set(its.map(nameOf))].map((name) => {
      const cellsOf = (build: string) => its.filter((cell) => nameOf(cell) === name && cell.build === build)
      const [a, b] = ['A', 'B'].map((build) => cellsOf(build).flatMap(({ runs }) => runs)) as [number[], number[]]
      const bestOf = (build: string) =>
        quantile(
          cellsOf(build).map(({ p10, p90 }) => (trial.better === 'lower' ? p10 : p90)),
          0.5,
        )
      const ratios = a.slice(0, b.length).map((run, i) => advantage(b[i] as number, run, trial.better))
      if (ratios.length === 0) return [name]
      const [low, ratio, high] = [0.25, 0.5, 0.75].map((part) => quantile(ratios, part)) as [number, number, number]
      const star = ratios.length >= enoughRatios && (low > 1 || high < 1) ? '*' : ''
      const medians = [a, b].map((runs) => shown(quantile(runs, 0.5), trial.unit))
      const best = times(advantage(bestOf('B'), bestOf('A'), trial.better))
      return [name, ...medians, times(ratio), `${digits(low)} - ${digits(high)}`, star, best]
    })
    const head = ['A', 'B', 'B is better', 'middle half', '', 'in the best tenth']
    return table([[`${trial.name}, ${trial.better} is better`, ...head], ...rows])
  })
  return tables.join('\n\n')
}
