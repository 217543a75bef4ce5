import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { makeFiles } from '../bench/figures/main.js'

// README claims nothing that the committed results do not show.
test.each(Object.entries(makeFiles()))('%s shows the figures of bench/results/full.json', (path, made) => {
  expect(readFileSync(new URL(`../${path}`, import.meta.url), 'utf8')).toBe(made)
})
