import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { makeFiles, readResults } from '../../bench/figures/main.js'
import { fromJson, toJson } from '../../bench/results.js'

const results = readResults()

// The documents claim nothing that the committed results do not show.
test.each(Object.entries(makeFiles(results)))('shows in %s the figures of bench/results/full.json', (path, made) => {
  expect(readFileSync(new URL(`../../${path}`, import.meta.url), 'utf8')).toBe(made)
})

test('writes results that it reads again', () => {
  expect(fromJson(toJson(results))).toEqual(results)
})

test('refuses to draw a trial that was not measured', () => {
  const cells = results.cells.filter(({ trial }) => trial !== 'claim')
  expect(() => makeFiles({ ...results, cells })).toThrow('no cells for claim and release')
})
