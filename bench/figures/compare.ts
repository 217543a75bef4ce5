// npm run bench:compare -- A.json B.json: does the same bench, run twice, agree within the spread that each run printed?

import { readFileSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { type CellResult, type Comparison, named } from '../results.js'
import { digits } from '../units.js'
import { groupsOf, ours } from './comparison.js'

const help = `npm run bench:compare -- A.json B.json

Compares two results of \`npm run bench -- --json FILE\` by what they are for: how many times better orbit is than each driver in
each trial, in one run. A ratio lies between those of the ends of the two spreads; the runs agree in it when these ranges
meet. Lists those that do not, the widest apart first. The exit code is 0 when there is nothing to list, 1 else.
`

interface Ratio {
  readonly name: string
  readonly low: number
  readonly high: number
}

/** Of each cell to that of orbit in the same group. */
function ratiosOf(comparison: Comparison): Ratio[] {
  return groupsOf(comparison).flatMap(({ orbit, cells }) => {
    if (orbit === undefined) return []
    return cells.filter(({ driver }) => driver !== ours).map((cell) => ratio(orbit, cell))
  })
}

function ratio(orbit: CellResult, cell: CellResult): Ratio {
  const { trial, parameters, driver } = cell
  const [over, under] = cell.better === 'lower' ? [cell, orbit] : [orbit, cell]
  return {
    name: named(trial, parameters, driver),
    low: over.spread[0] / under.spread[1],
    high: over.spread[1] / under.spread[0],
  }
}

/** The gap between two ranges as a part of the nearer end; 0 or less when they meet. */
function gap(a: Ratio, b: Ratio): number {
  const [lower, upper] = a.low <= b.low ? [a, b] : [b, a]
  return upper.low / lower.high - 1
}

function main(): number {
  const { positionals, values } = parseArgs({
    allowPositionals: true,
    options: { help: { type: 'boolean', default: false } },
  })
  if (values.help || positionals.length !== 2) {
    process[values.help ? 'stdout' : 'stderr'].write(help)
    return values.help ? 0 : 2
  }
  const [first, second] = positionals.map((file) =>
    ratiosOf((JSON.parse(readFileSync(file, 'utf8')) as { comparison: Comparison }).comparison),
  ) as [Ratio[], Ratio[]]
  const pairs = first.flatMap((one) => {
    const again = second.find(({ name }) => name === one.name)
    return again === undefined ? [] : [{ one, again, gap: gap(one, again) }]
  })
  const apart = pairs.filter(({ gap }) => gap > 0).sort((a, b) => b.gap - a.gap)
  for (const { one, again, gap } of apart) {
    const [a, b] = [one, again].map(({ low, high }) => `${digits(low)} to ${digits(high)} x`)
    console.log(`${one.name}: ${a}, then ${b}: ${digits(gap * 100)} % apart`)
  }
  console.log(`${pairs.length - apart.length} of ${pairs.length} ratios agree within their spreads`)
  return apart.length === 0 ? 0 : 1
}

process.exitCode = main()
