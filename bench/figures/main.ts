// npm run figures: makes from the committed results, bench/results/full.json, the charts in docs/pictures and the figures in
// docs/guide/figures.md. test/release/figures.test.ts fails when they differ.

import { readFileSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import type { Report } from '../report.js'
import { chartsOf } from './charts.js'
import { barsText, comparisonText, operationsText, replaced } from './documents.js'

const root = new URL('../../', import.meta.url)
const read = (path: string) => readFileSync(new URL(path, root), 'utf8')

/** What each file should be, by its path. */
export function makeFiles(): Record<string, string> {
  const report = JSON.parse(read('bench/results/full.json')) as Report
  const charts = Object.entries(chartsOf(report.comparison))
  let guide = read('docs/guide/figures.md')
  guide = replaced(guide, 'comparison', comparisonText(report))
  guide = replaced(guide, 'operations', operationsText(report))
  guide = replaced(guide, 'bars', barsText(report))
  return {
    'docs/guide/figures.md': guide,
    ...Object.fromEntries(charts.map(([name, svg]) => [`docs/pictures/${name}`, svg])),
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  for (const [path, text] of Object.entries(makeFiles())) writeFileSync(new URL(path, root), text)
}
