import type { Bar, Machine, Report } from '../report.js'
import { type CellResult, type Comparison, named } from '../results.js'
import { digits, shown, times } from '../units.js'
import { advantage, aheadOfOrbit, type Group, groupBy, groupsOf, ours } from './comparison.js'
import { reasonFor } from './reasons.js'
import { type Slope, slopesOf } from './slopes.js'

/** Puts generated text between `<!-- name: ... -->` and `<!-- end of name -->`. */
export function replaced(document: string, name: string, text: string): string {
  const block = new RegExp(`(<!-- ${name}: [^>]*-->\n)[^]*?(<!-- end of ${name} -->)`)
  if (!block.test(document)) throw new Error(`no block "${name}"`)
  return document.replace(block, (_, begin, end) => `${begin}\n${text.trim()}\n\n${end}`)
}

function markdownTable([head = [], ...rows]: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]) => `| ${cells.join(' | ')} |`
  return [line(head), line(head.map(() => '---')), ...rows.map(line)].join('\n')
}

const machineText = ({ cpu, cores, memoryGiB, kernel, node, commit, date }: Machine): string =>
  `${cpu}, ${cores} cores, ${memoryGiB} GiB, ${kernel}, Node ${node}; commit ${commit}, ${date.slice(0, 10)}`

const nameOf = ({ trial, parameters }: { trial: string; parameters: string }) => named(trial, parameters)

function cellText({ orbit }: Group, cell: CellResult | undefined): string {
  if (cell === undefined) return ''
  const figure = shown(cell.median, cell.unit)
  return orbit === undefined || cell.driver.startsWith(ours) ? figure : `${figure} (${times(advantage(orbit, cell))})`
}

/** A row a group, a column for each driver that is in one of them. */
function groupTable(groups: readonly Group[], isShown: (driver: string) => boolean = () => true): string {
  const drivers = [...new Set(groups.flatMap(({ cells }) => cells.map(({ driver }) => driver)))].filter(isShown)
  const rows = groups.map((group) => [
    nameOf(group),
    ...drivers.map((name) =>
      cellText(
        group,
        group.cells.find(({ driver }) => driver === name),
      ),
    ),
  ])
  return markdownTable([['', ...drivers], ...rows])
}

// ---- docs/guide/figures.md ------------------------------------------------------------------------------------------

export function comparisonText({ machine, comparison }: Report): string {
  const trials = groupBy(groupsOf(comparison), ({ trial }) => trial)
  const settings = comparison.drivers.map(({ name, version, settings }) => `| ${name} | ${version} | ${settings} |`)
  return [
    `Medians; in brackets, how many times better orbit is. ${machineText(machine)}.`,
    ...['throughput-readers', 'throughput-bytes', 'latency', 'stores'].map((name) => `![](../pictures/${name}.svg)`),
    ...[...trials.values()].map((groups) => groupTable(groups)),
    behindText(comparison),
    `How the time a message takes grows:\n\n${slopeTable(comparison)}`,
    `Each at its best settings:\n\n| | version | settings |\n| --- | --- | --- |\n${settings.join('\n')}`,
    comparison.skipped.map((line) => `- ${line}`).join('\n'),
  ]
    .filter((part) => part !== '')
    .join('\n\n')
}

/** Where orbit is not ahead: a line for each trial and reason. */
function behindText(comparison: Comparison): string {
  const behind = aheadOfOrbit(comparison)
  if (behind.length === 0) return 'orbit is ahead of each of them in every trial.'
  const told = behind.map((one) => ({ ...one, why: reasonFor(one.cell) }))
  const lines = [...groupBy(told, ({ cell, why }) => `${cell.trial}: ${why}`).values()].map((cells) => {
    const [{ cell, why }] = cells as [(typeof cells)[0]]
    const drivers = [...new Set(cells.map(({ cell }) => cell.driver))]
    const parameters = [...new Set(cells.map(({ cell }) => cell.parameters))].filter((label) => label !== '')
    const where = parameters.length === 0 ? cell.trial : `${cell.trial} (${parameters.join('; ')})`
    const worst = Math.min(...cells.map(({ advantage }) => advantage))
    return `- ${where}: ${drivers.join(', ')} by up to ${times(1 / worst)}. ${why}`
  })
  return `Where orbit is not ahead, and why:\n\n${lines.join('\n')}`
}

function slopeTable(comparison: Comparison): string {
  const slopes = ['messageBytes', 'readers', 'writers', 'sleepers'].flatMap((along) => slopesOf(comparison, along))
  const titleOf = ({ trial, along, from, to, others }: Slope) =>
    `${trial}, ${from} to ${to} ${along === 'messageBytes' ? 'bytes' : along}${others === '' ? '' : ` (${others})`}`
  const isShown = ({ trial, along, others }: Slope) =>
    trial !== 'throughput' || (along === 'messageBytes' ? /^readers=(1|4)$/ : /^messageBytes=64$/).test(others)
  const rows = groupBy(slopes.filter(isShown), titleOf)
  const drivers = [...new Set(slopes.map(({ driver }) => driver))]
  const text = (slope: Slope | undefined) =>
    slope === undefined
      ? ''
      : `${slope.costs.map((cost) => shown(cost, 'ns')).join(' to ')} (${slope.exponent.toFixed(2)})`
  const lines = [...rows].map(([title, slopes]) => [
    title,
    ...drivers.map((name) => text(slopes.find(({ driver }) => driver === name))),
  ])
  return `${markdownTable([['', ...drivers], ...lines])}\n\nIn brackets the power by which it grows: 0 flat, 1 proportional.`
}

/** All that orbit was measured in alone. */
export function operationsText({ machine, trials, writers, wakes }: Report): string {
  const calls = trials.map(({ trial, unit, median, p10, p99 }) => [
    trial,
    unit,
    ...[median, p10, p99].map((value) => shown(value, 'ns')),
  ])
  const storms = writers.map(({ writers, median, p10, p90 }) => [
    `${writers}`,
    ...[median, p10, p90].map((value) => shown(value, 'per second')),
  ])
  const sleeps = wakes
    .filter(({ name }) => name.startsWith('wake'))
    .map(({ name, median, quiet, p99 }) => [
      name.replace('wake: ', ''),
      ...[median, quiet, p99].map((value) => shown(value, 'ns')),
    ])
  const crowds = wakes
    .filter(({ name }) => /^(burst|events|one|send).*readers$/.test(name))
    .map(({ name, median, p99 }) => [name, ...[median, p99].map((value) => shown(value, 'ns'))])
  return [
    `${machineText(machine)}.`,
    markdownTable([['operation', 'a', 'median', 'p10', 'p99'], ...calls]),
    `Processes that publish into one ring at once, frames in all:\n\n${markdownTable([['writers', 'median', 'p10', 'p90'], ...storms])}`,
    `From a publish to the reader's code, one way:\n\n${markdownTable([['idle wake', 'median', 'quiet', 'p99'], ...sleeps])}`,
    `What a publish costs with so many readers, that are awake or asleep (\`send\`: process.send to each):\n\n${markdownTable([['', 'median', 'p99'], ...crowds])}`,
  ].join('\n\n')
}

/** What a change must keep. */
export function barsText({ bars, wakeBars }: Report): string {
  const text = (value: number | undefined, unit: string) =>
    value === undefined ? '' : unit === 'x' ? times(value) : `${digits(value)} ${unit}`
  const rows = [...bars, ...wakeBars]
    .filter(({ figure }) => figure !== undefined)
    .map(({ name, figure, quiet, atMost, unit, isMet }: Omit<Bar, 'unit'> & { unit: string }) => [
      name,
      `${atMost} ${unit}`,
      isMet ? text(figure, unit) : `**${text(figure, unit)}**`,
      text(quiet, unit),
    ])
  return markdownTable([['bar', 'at most', 'median', 'p10 or quiet'], ...rows])
}
