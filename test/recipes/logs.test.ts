import { Console } from 'node:console'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { expect, it } from 'vitest'
import { fleetName } from '../help/fleets.js'
import { orbit } from '../help/orbit.js'
import { runProgram } from './program.js'

async function startRecipe() {
  const name = fleetName('recipe-logs')
  const recipe = runProgram('logs', { env: { FLEET: name, PORT: '0' } })
  let port = 0
  for (let i = 0; i < 2; i++) port = Number((await recipe.main.heard(/listens on port (\d+)/))[1])
  const ask = async (path: string): Promise<number> => {
    const response = await fetch(`http://127.0.0.1:${port}${path}`, { headers: { connection: 'close' } })
    return Number(/\d+/.exec(await response.text())?.[0])
  }
  return { ...recipe, name, ask }
}

it('shows what a killed worker logged last, including lines that were not printed', async () => {
  const { main, name, ask } = await startRecipe()
  const victim = await ask('/orders/17')
  process.kill(victim, 'SIGKILL')
  await main.heard(new RegExp(`^worker ${victim} ended by SIGKILL$`))
  await main.heard(/listens on port/) // its successor, which has its node
  const { stdout } = await orbit(['logs', name, '--dead'])
  expect(stdout).toMatch(new RegExp(`node \\d pid ${victim} dead {2}DEBUG {2}request {2}{"url":"/orders/17"}\n$`))
  expect(stdout).toMatch(new RegExp(`^[\\d:.]+ node \\d pid ${victim} dead {2}INFO {3}listens on port \\d+\n`))
  expect(main.lines.join('\n')).not.toContain('/orders/17')
  expect((await orbit(['logs', name, '--level', 'info'])).stdout.match(/listens on port/g)).toHaveLength(3)
})

it('records the lines of a console', async () => {
  const { folder, name } = await startRecipe()
  process.env['FLEET'] = name
  const { recorded } = await import(pathToFileURL(join(folder, 'stream.ts')).href)
  const { fleet } = await import(pathToFileURL(join(folder, 'logger.ts')).href)
  new Console(recorded).warn('from a console')
  expect((await orbit(['logs', name])).stdout).toContain(`pid ${process.pid}         from a console\n`)
  fleet.close()
  delete process.env['FLEET']
})
