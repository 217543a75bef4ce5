import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { makeFiles, readResults } from '../../bench/figures/main.js'
import { fromJson, merged, toJson } from '../../bench/results.js'

const results = readResults()

/** The trial of calls, as a run of its own has it. */
const calls = () => results.trials.filter(({ name }) => name === 'call').map(({ of: _, ...trial }) => trial)

// The documents claim nothing that the committed results do not show.
test.each(Object.entries(makeFiles(results)))('shows in %s the figures of bench/results/full.json', (path, made) => {
  expect(readFileSync(new URL(`../../${path}`, import.meta.url), 'utf8')).toBe(made)
})

test('writes results that it reads again', () => {
  expect(fromJson(toJson(results))).toEqual(results)
})

test('keeps the trials of an older run that a newer one does not measure, and says what they are of', () => {
  const trials = calls()
  const cells = results.cells.filter(({ trial }) => trial === 'call').map((cell) => ({ ...cell, median: 1 }))
  const newer = { ...results, machine: { ...results.machine, commit: 'newer' }, trials, cells, skipped: [] }
  const both = merged(results, newer)
  expect(both.machine.commit).toBe('newer')
  expect(both.trials.map(({ name }) => name)).toEqual(results.trials.map(({ name }) => name))
  for (const { name, of } of both.trials) {
    if (name === 'call') expect(of).toBeUndefined()
    else expect(of).toContain('commit')
  }
  expect(both.cells.length).toBe(results.cells.length)
  for (const { trial, median } of both.cells) if (trial === 'call') expect(median).toBe(1)
  expect(merged(both, newer).trials).toEqual(both.trials)
})

test('keeps the cases of a trial that a newer run of the same build does not measure', () => {
  const ofCall = results.cells.filter(({ trial }) => trial === 'call')
  const cells = ofCall.slice(1).map((cell) => ({ ...cell, median: 1 }))
  const trials = calls()
  const medians = (newer: typeof results) =>
    merged({ ...results, trials, cells: ofCall }, newer).cells.map(({ case: ofCase, median }) => [ofCase, median])
  const measured = cells.map((cell) => [cell.case, 1])
  const [first] = ofCall as [(typeof ofCall)[0]]
  expect(medians({ ...results, trials, cells })).toEqual([[first.case, first.median], ...measured])
  expect(medians({ ...results, machine: { ...results.machine, commit: 'newer' }, trials, cells })).toEqual(measured)
})

test('refuses to draw a trial that was not measured', () => {
  const cells = results.cells.filter(({ trial }) => trial !== 'claim')
  expect(() => makeFiles({ ...results, cells })).toThrow('no cells for claim and release')
})
