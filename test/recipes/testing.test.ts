// The tests of docs/recipes/testing.md run, and can fail. test/release/jest.test.ts runs the one for Jest.
import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { root } from '../help/system.js'
import { folderOf, recipeFiles } from './recipe.js'

const files = recipeFiles('testing')
const inherited = Object.entries(process.env).filter(([name]) => !name.startsWith('VITEST'))
const env = { ...Object.fromEntries(inherited), NO_COLOR: '1' }

/** The files, without the advances of the clock. */
const without = (name: string) => ({ ...files, [name]: files[name]?.replace(/^\s*advanceClock\(.*\)$/gm, '') ?? '' })

function runWith(code: Record<string, string>, ...args: string[]) {
  const cwd = folderOf(code)
  const { status, stdout, stderr } = spawnSync(process.execPath, args, { cwd, env, encoding: 'utf8' })
  return { status, output: stdout + stderr }
}

const vitest = (code: Record<string, string>, pool: string) =>
  // A configuration of its own, or vitest takes that of this package.
  runWith(
    { ...code, 'vitest.config.mjs': 'export default {}' },
    join(root, 'node_modules/vitest/vitest.mjs'),
    'run',
    'prices',
    '--root=.',
    `--pool=${pool}`,
  )

it.each(['forks', 'threads', 'vmThreads'])('passes under vitest in the pool %s', (pool) => {
  const { status, output } = vitest(files, pool)
  expect(output).toMatch(/Tests.*1 passed/)
  expect(status).toBe(0)
})

it('fails under vitest if the clock is not advanced', () => {
  const { status, output } = vitest(without('prices.test.ts'), 'forks')
  expect(output).toContain('called 2 times')
  expect(status).toBe(1)
})

it('passes under node:test, and fails if the clock is not advanced', () => {
  const passed = runWith(files, '--test', 'heart.test.mjs')
  expect(passed.output).toMatch(/pass 1\n/)
  expect(passed.status).toBe(0)
  expect(runWith(without('heart.test.mjs'), '--test', 'heart.test.mjs').status).toBe(1)
})
