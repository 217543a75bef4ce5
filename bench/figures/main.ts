// npm run figures: makes from the committed results, bench/results/full.json, the chart in docs/pictures and the tables
// in docs/guide/figures.md and docs/performance.md. test/release/figures.test.ts fails when they differ.

import { readFileSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { fromJson, type Results } from '../results.js'
import { overviewSvg } from './chart.js'
import { behindText, callsText, comparisonText, machineText, markdownTable, replaced } from './documents.js'
import { targetRows } from './targets.js'

const root = new URL('../../', import.meta.url)
const read = (path: string) => readFileSync(new URL(path, root), 'utf8')

export const readResults = (): Results => fromJson(read('bench/results/full.json'))

/** What each file should contain, by its path. */
export function makeFiles(results: Results): Record<string, string> {
  const targets = markdownTable([['target', 'at most', 'median', 'p10'], ...targetRows(results)])
  const blocks: Record<string, Record<string, string>> = {
    'docs/guide/figures.md': {
      machine: machineText(results),
      behind: behindText(results),
      comparison: comparisonText(results),
    },
    'docs/performance.md': { machine: machineText(results), calls: callsText(results), targets },
  }
  const documents = Object.entries(blocks).map(([path, texts]) => {
    const made = Object.entries(texts).reduce((document, [name, text]) => replaced(document, name, text), read(path))
    return [path, made]
  })
  return { ...Object.fromEntries(documents), 'docs/pictures/overview.svg': overviewSvg(results) }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  for (const [path, text] of Object.entries(makeFiles(readResults()))) writeFileSync(new URL(path, root), text)
}
