import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { fleetName } from '../help/fleets.js'
import { type Running, runProgram } from './program.js'

async function startRecipe() {
  const env = { FLEET: fleetName('recipe-flags'), PORT: '0' }
  const recipe = runProgram('flags', { env })
  let port = 0
  for (let i = 0; i < 4; i++) port = Number((await recipe.main.heard(/listens on port (\d+)/))[1])
  let configs = 0
  const set = (...words: string[]): Running => recipe.start('set.ts', ...words)
  const setConfig = async (value: unknown) => {
    const file = join(recipe.folder, `config${configs++}.json`)
    writeFileSync(file, typeof value === 'string' ? value : JSON.stringify(value))
    const setting = set(file)
    return { code: await setting.ended, lines: setting.lines }
  }
  // The workers take connections in turn.
  const ask = async () => (await fetch(`http://127.0.0.1:${port}`, { headers: { connection: 'close' } })).text()
  const askAll = () => Promise.all(Array.from({ length: 8 }, ask))
  return { ...recipe, set, setConfig, askAll }
}

/** The pids of the next workers that print this level. */
async function tellers(main: Running, count: number, level: string): Promise<number[]> {
  const pids: number[] = []
  while (pids.length < count) pids.push(Number((await main.heard(new RegExp(`^pid (\\d+): logLevel ${level}$`)))[1]))
  return pids
}

/** The flags as a new process finds them. */
async function flagsFound(start: (...args: string[]) => Running): Promise<unknown> {
  const look = start('-e', `import('./settings.ts').then(({ flags }) => console.log(JSON.stringify(flags.load())))`)
  return JSON.parse((await look.heard(/^{.*}$/))[0])
}

it('delivers a configuration to all workers, and the newest to one that starts later', async () => {
  const { main, setConfig } = await startRecipe()
  expect(await setConfig({ logLevel: 'info' })).toEqual({ code: 0, lines: [] })
  const pids = await tellers(main, 4, 'info')
  expect(new Set(pids).size).toBe(4)
  expect((await setConfig({ logLevel: 'debug' })).code).toBe(0)
  expect((await tellers(main, 4, 'debug')).sort()).toEqual([...pids].sort())

  const [victim] = pids as [number]
  process.kill(victim, 'SIGKILL')
  const [successor] = await tellers(main, 1, 'debug')
  expect(pids).not.toContain(successor)
  expect((await setConfig({ logLevel: 'warn' })).code).toBe(0)
  expect(new Set(await tellers(main, 4, 'warn'))).toEqual(new Set([successor, ...pids.slice(1)]))
  expect(main.lines.filter((line) => line.includes(`pid ${successor}:`))).toEqual([
    `pid ${successor}: logLevel debug`,
    `pid ${successor}: logLevel warn`,
  ])
})

it('changes a flag for the next request of every worker, and loses no concurrent change', async () => {
  const { main, set, start, askAll } = await startRecipe()
  expect(new Set(await askAll())).toEqual(new Set(['the old checkout']))
  const settings = ['newCheckout=true', 'maxUploadMb=20', 'sampleRate=0.5'].map((change) => set(change))
  expect(await Promise.all(settings.map((setting) => setting.ended))).toEqual([0, 0, 0])
  expect(new Set(await askAll())).toEqual(new Set(['the new checkout']))

  // The whole service ends, and the next one finds the values.
  await main.end()
  expect(await flagsFound(start)).toEqual({ newCheckout: true, sampleRate: 0.5, maxUploadMb: 20 })
})

it('changes flags only while no other process does', async () => {
  const files = {
    'two.ts': `
      import { Contest } from 'orbit-node'
      import { defaults, flags, fleet, setFlags } from './settings.js'
      using other = new Contest(fleet).tryClaim('settings', { ttlMs: 60_000 }).guard
      const setting = setFlags({ newCheckout: true })
      flags.store({ ...defaults, maxUploadMb: 20 }) // between its claim and its change
      other?.release()
      await setting
      fleet.close()`,
  }
  const env = { FLEET: fleetName('recipe-flags') }
  const { main, start } = runProgram('flags', { files, run: ['two.ts'], env })
  expect(await main.ended, main.lines.join('\n')).toBe(0)
  // It was the only member and has left normally: the values stay nevertheless.
  expect(await flagsFound(start)).toEqual({ newCheckout: true, sampleRate: 0.01, maxUploadMb: 20 })
})

it('refuses a value that does not fit, and changes nothing', async () => {
  const { main, set, setConfig } = await startRecipe()
  await setConfig({ logLevel: 'info' })
  await tellers(main, 4, 'info')
  const refused: [Promise<number | null>, Running | { lines: string[] }, RegExp][] = []
  for (const [word, why] of [
    ['maxUploadMb=-1', /maxUploadMb/],
    ['noSuchFlag=true', /noSuchFlag/],
    ['toString=true', /toString/],
  ] as const) {
    const setting = set(word)
    refused.push([setting.ended, setting, why])
  }
  for (const [value, why] of [
    ['{ no json', /SyntaxError/],
    ['null', /not null/],
    [{ logLevel: 'x'.repeat(8192) }, /json/],
  ] as const) {
    const setting = await setConfig(value)
    refused.push([Promise.resolve(setting.code), setting, why])
  }
  for (const [code, setting, why] of refused) {
    expect(await code).toBe(1)
    expect(setting.lines.join('\n')).toMatch(why)
  }
  await setConfig({ logLevel: 'last' })
  await tellers(main, 4, 'last')
  expect(main.lines.filter((line) => line.startsWith('pid'))).toHaveLength(8)
})
