// What the bench promises of its figures: every message is checked with every driver, and nothing is left behind.
import { execFileSync } from 'node:child_process'
import { mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { build } from 'tsup'
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest'
import { Child } from '../../bench/child.js'
import { drivers } from '../../bench/drivers/index.js'
import type { CellSpec } from '../../bench/spec.js'
import { checkExclusion } from '../../bench/trials/crowd.js'
import { Hearing } from '../../bench/trials/hearing.js'
import { messageCase } from '../../bench/trials/messages.js'
import { newMessage, writeSequence } from '../../bench/trials/text.js'
import { fleetName, shmFolder } from '../help/fleets.js'
import { isCi, root } from '../help/system.js'

/** Beside dist, as the bench's own bundle, which removes such folders of ended processes. */
const bundle = join(root, `.bench-${process.pid}`)

beforeAll(async () => {
  const files = { host: 'host.ts', peer: 'peer.ts', trials: 'trials/index.ts' }
  const entry = Object.fromEntries(Object.entries(files).map(([name, file]) => [name, join(root, 'bench', file)]))
  const options = { format: 'esm', target: 'node20', splitting: true, skipNodeModulesBundle: true } as const
  await build({ config: false, silent: true, outDir: bundle, entry, ...options })
})
afterAll(() => rmSync(bundle, { recursive: true, force: true }))

const shapes = [
  messageCase('', { publishers: 1, subscribers: 1, messageBytes: 4096, burst: 1000 }),
  messageCase('', { publishers: 1, subscribers: 2, messageBytes: 64, burst: 1000 }),
  messageCase('', { publishers: 2, subscribers: 1, messageBytes: 16, burst: 1000 }),
]

/** Two runs: what is doubled at the end of the first shows at the beginning of the second. */
async function measure(about: Pick<CellSpec, 'driver' | 'folder' | 'case'>): Promise<void> {
  const spec: CellSpec = { ...about, trial: 'fan-in', runMs: 30, name: fleetName('bench') }
  const host = new Child({ file: join(bundle, 'host.js'), spec, name: about.driver, patienceMs: 50_000 })
  onTestFinished(() => void host.kill())
  await host.ask('begin')
  for (let run = 0; run < 2; run++) {
    const samples = await host.ask<number[]>('run')
    expect(samples.length).toBeGreaterThan(0)
    for (const sample of samples) expect(sample).toBeGreaterThan(0)
  }
  expect(await host.leave()).toBe('0')
  expect(readdirSync(shmFolder).filter((object) => object.includes(spec.name))).toEqual([])
}

describe('a driver of the bench', () => {
  it.for(drivers.filter(({ messages }) => messages !== undefined).map((driver) => [driver.name, driver] as const))(
    'delivers bursts whole, in order and once to each subscriber, and leaves nothing behind: %s',
    async ([name, driver], { skip }) => {
      const lack = await driver.lacks()
      if (lack !== undefined) {
        console.log(`${name}: skipped, ${lack}`)
        skip()
      }
      const folder = mkdtempSync(join(tmpdir(), 'orbit-drivers-'))
      onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
      const server = driver.serve?.(folder)
      onTestFinished(() => server?.end())
      await server?.ready()
      const served = readdirSync(folder)
      // An inbox has one owner, so its driver takes no part in the trials of several subscribers.
      const fansOut = driver.trials?.includes('fan-out') ?? true
      const fitting = shapes.filter(({ subscribers }) => subscribers === 1 || fansOut)
      for (const shape of isCi ? fitting : fitting.slice(-1)) await measure({ driver: name, folder, case: shape })
      expect(readdirSync(folder)).toEqual(served)
    },
  )
})

describe('the modules of all trials', () => {
  it('allocate no buffers of their own: the memory of each process of the bench is measured', () => {
    const url = pathToFileURL(join(bundle, 'trials.js')).href
    const code = `await import(${JSON.stringify(url)}); console.log(process.memoryUsage().arrayBuffers)`
    const bytes = execFileSync(process.execPath, ['--input-type=module', '--eval', code], { encoding: 'utf8' })
    expect(Number(bytes)).toBeLessThan(2 ** 20)
  })
})

describe('the check of messages', () => {
  const message = (publisher: number, sequence: number) => {
    const bytes = newMessage(64)
    writeSequence(bytes, publisher, sequence)
    return bytes
  }
  const hear = (messages: readonly Uint8Array[]) => {
    const hearing = new Hearing('count', { publishers: 2, messageBytes: 64 })
    hearing.expect(messages.length)
    for (const bytes of messages) hearing.hear(bytes)
    return hearing.heard()
  }
  const torn = message(0, 1)
  torn[63] = 0

  it('accepts the messages of two publishers in the order of each', async () => {
    expect((await hear([message(1, 0), message(0, 0), message(0, 1), message(1, 1)])).lateness).toEqual([])
  })

  it.each([
    ['a missing message', [message(0, 0), message(0, 2)], 'message 2 of publisher 0 came instead of 1'],
    ['a doubled message', [message(1, 0), message(1, 0)], 'message 0 of publisher 1 came instead of 1'],
    ['a torn message', [message(0, 0), torn], 'message 1 of publisher 0 is torn'],
    ['a short message', [message(0, 0).subarray(0, 63)], 'a message of 63 bytes came'],
  ])('rejects %s', async (_, messages, why) => {
    await expect(hear(messages)).rejects.toThrow(why)
  })
})

describe('the check of claims', () => {
  it('accepts grants that follow one another in different processes', () => {
    expect(checkExclusion([{ grants: [1, 2, 5, 6] }, { grants: [3, 4] }])).toBeUndefined()
  })

  it('rejects a grant that begins before another has ended', () => {
    expect(() => checkExclusion([{ grants: [1, 4] }, { grants: [3, 6] }])).toThrow('1 ns before')
  })
})
