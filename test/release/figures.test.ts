import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { chartsOf } from '../../bench/figures/charts.js'
import { makeFiles } from '../../bench/figures/main.js'

// README claims nothing that the committed results do not show.
test.each(Object.entries(makeFiles()))('%s shows the figures of bench/results/full.json', (path, made) => {
  expect(readFileSync(new URL(`../../${path}`, import.meta.url), 'utf8')).toBe(made)
})

const results = JSON.parse(readFileSync(new URL('../../bench/results/full.json', import.meta.url), 'utf8'))

test('a cell that has no place in its chart is an error, not left out', () => {
  const cells = results.comparison.cells.map((cell: object) => ({ ...cell, values: { readers: 4 } }))
  expect(() => chartsOf({ ...results.comparison, cells })).toThrow('has no messageBytes')
})
