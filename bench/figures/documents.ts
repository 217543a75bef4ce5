import { named, type Results, type TrialResult } from '../results.js'
import { ofTrial, trialRows } from '../tables.js'
import { advantage, shown, times } from '../units.js'

/** Puts generated text between `<!-- name: ... -->` and `<!-- end of name -->`. */
export function replaced(document: string, name: string, text: string): string {
  const block = new RegExp(`(<!-- ${name}: [^>]*-->\n)[^]*?(<!-- end of ${name} -->)`)
  if (!block.test(document)) throw new Error(`no block "${name}"`)
  return document.replace(block, (_, begin, end) => `${begin}\n${text.trim()}\n\n${end}`)
}

export function markdownTable([head = [], ...rows]: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]) => `| ${cells.join(' | ')} |`
  return [line(head), line(head.map(() => '---')), ...rows.map(line)].join('\n')
}

export const machineText = ({ machine }: Results): string =>
  `${machine.package}, commit ${machine.commit}, ${machine.date.slice(0, 10)}: ${machine.cpu}, ${machine.cores} cores, ` +
  `${machine.memoryGiB} GiB, ${machine.kernel}, Node.js ${machine.node}.`

const measured = ({ measures, of }: TrialResult): string =>
  `${measures}.${of === undefined ? '' : ` Measured of ${of}.`}`

/** The trials that compare drivers. */
export function comparisonText(results: Results): string {
  const trials = results.trials.filter(({ name }) => name !== 'call')
  const settings = results.drivers.map(({ name, version, settings }) => [name, version, settings])
  return [
    ...trials.map(
      (trial) => `### ${trial.name}\n\n${measured(trial)}\n\n${markdownTable(trialRows(trial, results.cells))}`,
    ),
    `### Settings\n\n${markdownTable([['', 'version', 'settings'], ...settings])}`,
    results.skipped.map((line) => `- ${line}`).join('\n'),
  ].join('\n\n')
}

/** Where another driver is ahead of orbit, a line for each trial and driver. */
export function behindText(results: Results): string {
  const lines = results.trials.flatMap((trial) => {
    const cells = ofTrial(results.cells, trial)
    const behind = cells.flatMap((cell) => {
      const ours = cells.find((other) => other.case === cell.case && other.driver === 'orbit')
      if (ours === undefined || cell.driver.startsWith('orbit')) return []
      const by = 1 / advantage(ours.median, cell.median, trial.better)
      return by > 1 ? [{ ...cell, by }] : []
    })
    return [...new Set(behind.map(({ driver }) => driver))].map((name) => {
      const its = behind.filter(({ driver }) => driver === name)
      const most = Math.max(...its.map(({ by }) => by))
      return [name, named(trial.name, its.map((cell) => cell.case).join('; ')), times(most)]
    })
  })
  return markdownTable([['faster than orbit', 'in', 'by up to'], ...lines])
}

export function callsText({ cells }: Results): string {
  const rows = cells
    .filter(({ trial }) => trial === 'call')
    .map((cell) => [cell.case, ...[cell.median, cell.p10, cell.p99].map((value) => shown(value, 'ns'))])
  return markdownTable([['one call, or one frame of a call that takes many', 'median', 'p10', 'p99'], ...rows])
}
