// The installed package under Jest, which runs CommonJS of its own, in realms of its own.
import { cpSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { beforeAll, describe, expect, it } from 'vitest'
import { attempt, install, pack, project, temporaryFolder, testTool } from '../help/package.js'
import { root } from '../help/system.js'
import { recipeFiles } from '../recipes/recipe.js'

const temporary = temporaryFolder('jest')
let app: string

beforeAll(() => {
  app = project(join(temporary, 'app'))
  cpSync(join(root, 'test/fixtures/suite.cjs'), join(app, 'suite.test.cjs'))
  writeFileSync(join(app, 'leader.test.cjs'), recipeFiles('testing')['leader.test.cjs'] ?? '')
  install(app, pack(temporary))
}, 240_000)

describe('under Jest', () => {
  it.each(['node', 'jsdom'])('all that users test works with testEnvironment %s', (environment) => {
    const places = [`--rootDir=${app}`, `--cacheDirectory=${join(temporary, 'cache')}`, '--runInBand']
    const found = environment === 'node' ? environment : join(root, 'test/packages/node_modules/jest-environment-jsdom')
    const args = [...places, '--env', found, '--testMatch', '**/*.test.cjs', '--json']
    const { stdout, stderr } = attempt(app, testTool('jest'), args)
    expect(stdout, stderr).toContain('{')
    const { numPassedTests, numFailedTests } = JSON.parse(stdout)
    expect({ numFailedTests }, stderr).toEqual({ numFailedTests: 0 })
    expect(numPassedTests).toBe(10) // nine of the suite, and that of docs/recipes/testing.md
  })
})
