import { execFileSync } from 'node:child_process'
import { Actor } from 'orbit-actors' // what is built, as in its processes
import { type TestHosts, testActors } from 'orbit-actors/testing'
import { Fleet, OrbitEventBus } from 'orbit-node'
import { afterEach, expect, it, onTestFinished, vi } from 'vitest'
import { objectsOf } from '../../../test/help/fleets.js'
import { dataFolder, drivers } from './help/stores.js'

/** The class of test/fixtures/accounts.mjs, as its callers know it. */
declare class AccountOfFixture extends Actor {
  add(amount: number): number
  pid(): number
  hold(): Promise<void>
}
const actors = { Account: Actor as typeof AccountOfFixture }
const module = new URL('fixtures/accounts.mjs', import.meta.url)

afterEach(() => {
  delete process.env['ORBIT_TEST_ACCOUNTS']
})

async function run(hosts: number): Promise<TestHosts<typeof actors>> {
  const test = await testActors({ actors, hosts, module, execArgv: [] })
  onTestFinished(() => test.close())
  return test
}

it.skipIf(drivers.length === 0)('kills the process of an actor, which goes on in another with its state', async () => {
  process.env['ORBIT_TEST_ACCOUNTS'] = dataFolder()
  const test = await run(2)
  const account = test.get('Account', 'a')
  expect(await account.add(5)).toBe(5)
  // Until both processes have partitions, so that none is on its way.
  const pids = () => Promise.all(Array.from({ length: 32 }, (_, i) => test.get('Account', `${i}`).pid()))
  while (new Set(await pids()).size < 2);
  const before = test.pidOf(account) as number
  expect(test.pids).toContain(before)
  expect(await account.pid()).toBe(before)
  expect(await test.kill(account)).toBe(1)
  expect(await account.add(1)).toBe(6)
  expect(test.pids).toEqual([await account.pid()])
  await test.restart()
  expect(test.pids).toHaveLength(2)
  expect(test.pids).not.toContain(before)
})

it('loses calls that run when all processes are killed, and those that wait run after a restart', async () => {
  const test = await run(1)
  const bus = new OrbitEventBus(test.fleet)
  const cursor = bus.cursor('head')
  const account = test.get('Account', 'a')
  const held = account.hold().catch((error) => error)
  await cursor.wait()
  const waiting = account.pid()
  expect(await test.kill()).toBe(1)
  expect(await held).toMatchObject({ code: 'ERR_ORBIT_ACTOR_LOST', outcome: 'unknown' })
  expect([test.pids, test.pidOf(account), await test.kill(account)]).toEqual([[], undefined, 0])
  const started: string[] = []
  const first = test.restart().then(() => started.push('first'))
  await test.restart().then(() => started.push('second')) // it waits for what the first one starts
  await first
  expect(started).toEqual(['first', 'second'])
  expect(await waiting).toBe(test.pids[0])
  await expect(test.kill(null as never)).rejects.toThrow('type=undefined must be a string')
  expect(() => test.pidOf(undefined as never)).toThrow('type=undefined must be a string')
  expect(test.pids).toHaveLength(1)
  const { name } = test.fleet
  await test.close()
  expect([test.pids, objectsOf(name)]).toEqual([[], []])
})

it('refuses wrong options, and says why a process could not start', async () => {
  const wrong = (options: object) => testActors({ actors, hosts: 1, module, execArgv: [], ...options } as never)
  await expect(wrong({ hosts: 0 })).rejects.toThrow('hosts=0 must be an integer in 1..16')
  await expect(wrong({ module: undefined })).rejects.toThrow('module=undefined must be a file URL')
  await expect(wrong({ module: './classes.js' })).rejects.toThrow('module="./classes.js" must be a file URL')
  await expect(wrong({ actors: undefined })).rejects.toThrow('actors=undefined')
  const join = vi.spyOn(Fleet, 'joinShm')
  onTestFinished(() => join.mockRestore())
  await expect(wrong({ timeoutMs: 0 })).rejects.toThrow('timeoutMs=0 must be an integer in 1..2147483647')
  await expect(wrong({ execArgv: '--import' })).rejects.toThrow('execArgv="--import" must be an array of strings')
  await expect(wrong({ execArgv: ['--import', 5] })).rejects.toThrow('execArgv[1]=5 must be a string')
  expect(join).not.toHaveBeenCalled() // nothing is left
  await expect(wrong({ store: {} })).rejects.toThrow('options.store is unknown')
  await expect(wrong({ actors: { Other: Actor } })).rejects.toThrow('accounts.mjs has no export Other')
})

it.each(['-e', '--eval=', '-p'])('runs in a program that is an argument of Node, by %s', (option) => {
  const program = `(async () => {
    if (process.send !== undefined) process.exit() // it would run itself
    const { testActors } = await import('orbit-actors/testing')
    const test = await testActors({ actors: { Account: class {} }, hosts: 1, module: ${JSON.stringify(module)} })
    const pid = await test.get('Account', 'a').pid()
    console.log(pid === test.pids[0])
    await test.close()
  })()`
  const named = option.endsWith('=') ? [`${option}${program}`] : [option, program]
  const args = ['--no-warnings', ...named]
  expect(execFileSync(process.execPath, args, { cwd: import.meta.dirname, encoding: 'utf8' })).toMatch(/^true$/m)
})
