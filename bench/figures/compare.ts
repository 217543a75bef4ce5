// npm run bench:compare -- A.json B.json: does the same bench, run twice, agree within the spread that each run printed?

import { readFileSync } from 'node:fs'
import { parseArgs } from 'node:util'
import type { CellResult, Comparison } from '../results.js'
import { digits, shown } from './units.js'

const help = `npm run bench:compare -- A.json B.json

Compares two results of \`npm run bench -- --json FILE\`. Two cells agree when the spreads of their visits meet. Lists those
that do not, the widest apart first. The exit code is 0 when there is nothing to list, 1 else.
`

const nameOf = ({ trial, parameters, driver }: CellResult) => [trial, parameters, driver].filter(Boolean).join(', ')

/** How far apart two spreads are: the gap between them as a part of the nearer end; 0 or less when they meet. */
function gap(a: CellResult, b: CellResult): number {
  const [low, high] = a.spread[0] <= b.spread[0] ? [a, b] : [b, a]
  return high.spread[0] / low.spread[1] - 1
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
  const [first, second] = positionals.map(
    (file) => (JSON.parse(readFileSync(file, 'utf8')) as { comparison: Comparison }).comparison.cells,
  ) as [CellResult[], CellResult[]]
  const pairs = first.flatMap((cell) => {
    const again = second.find((other) => nameOf(other) === nameOf(cell))
    return again === undefined ? [] : [{ cell, again, gap: gap(cell, again) }]
  })
  const apart = pairs.filter(({ gap }) => gap > 0).sort((a, b) => b.gap - a.gap)
  for (const { cell, again, gap } of apart) {
    const [a, b] = [cell, again].map(({ spread }) => spread.map((value) => shown(value, cell.unit)).join(' to '))
    console.log(`${nameOf(cell)}: ${a}, then ${b}: ${digits(gap * 100)} % apart`)
  }
  console.log(`${pairs.length - apart.length} of ${pairs.length} cells agree within their spreads`)
  return apart.length === 0 ? 0 : 1
}

process.exitCode = main()
