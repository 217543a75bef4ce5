// The file main.ts, which is part of several recipes.
import { expect, it } from 'vitest'
import { fleetName } from '../help/fleets.js'
import { runProgram } from './program.js'
import { recipeFiles, recipeNames } from './recipe.js'

const recipes = recipeNames().filter((name) => 'main.ts' in recipeFiles(name))

it.each(recipes)('ends when a worker fails at its start, instead of forking it forever: %s', async (name) => {
  const { main } = runProgram(name, { env: { FLEET: fleetName(`recipe-${name}`), PORT: '70000' } })
  expect(await main.ended).toBe(1)
  expect(main.lines.join('\n')).toContain('ERR_SOCKET_BAD_PORT')
})
