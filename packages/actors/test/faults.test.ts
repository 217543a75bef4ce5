// Disks that fail, by a library that is loaded before libc.
import { spawnSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { Fleet } from 'orbit-node'
import { describe, expect, it } from 'vitest'
import { fleetName } from '../../../test/help/fleets.js'
import { type Child, start as startFixture } from '../../../test/help/processes.js'
import { canRun, isLinux, isSanitized, root } from '../../../test/help/system.js'
import type { Actor } from '../src/index.js'
import { dataFolder, drivers } from './help/stores.js'
import { start } from './help/systems.js'

interface Written {
  n: number
  token: number
}

/** The class of test/fixtures/durablehunter.mjs. */
declare class Ledger extends Actor {
  add(op: string, ms: number): Promise<Written>
  counts(): Record<string, number>
}

/** A host on a disk that obeys: `disk('f')` fills it, `disk('e')` lets syncs fail, `disk(' ')` heals it. */
function onFaultyDisk() {
  const folder = dataFolder()
  const library = join(folder, 'faultydisk.so')
  const source = join(root, 'packages/actors/test/fixtures/faultydisk.cc')
  const { status, stderr } = spawnSync('g++', ['-O1', '-shared', '-fPIC', source, '-o', library, '-ldl'])
  expect(status, `${stderr}`).toBe(0)
  const orders = join(folder, 'orders')
  const disk = (letter: string) => writeFileSync(orders, letter)
  const name = fleetName('actors')
  const system = start<{ Ledger: typeof Ledger; SqlLedger: typeof Ledger }>({ fleet: Fleet.joinShm(name), host: false })
  const host = (): Child =>
    startFixture('../../packages/actors/test/fixtures/durablehunter.mjs', [name, join(folder, 'data'), 'full'], {
      env: { LD_PRELOAD: library, ORBIT_DISK: orders },
    })
  return { disk, host, ledger: system.get('Ledger', 'a'), sqlLedger: system.get('SqlLedger', 'a') }
}

const isTestable = isLinux && !isSanitized && drivers.length > 0 && canRun('g++', '--version')

describe.runIf(isTestable)('a disk', () => {
  it.each(['entries', 'a database'])('that is full rolls back %s, and is used again with room', async (what) => {
    const { disk, host, ...ledgers } = onFaultyDisk()
    const ledger = what === 'entries' ? ledgers.ledger : ledgers.sqlLedger
    const said: unknown[] = []
    const child = host()
    void (async () => {
      for (let word = await child.heard(); word !== undefined; word = await child.heard()) said.push(word)
    })()
    await ledger.add('one', 0)
    disk('f')
    for (const key of [undefined, 'key']) {
      const call = key === undefined ? ledger : ledger.with({ idempotencyKey: key })
      await expect(call.add('two', 0)).rejects.toMatchObject({
        code: 'ERR_ORBIT_ACTOR_STORE',
        outcome: 'rolled-back',
        message: expect.stringMatching(/full/),
      })
    }
    expect(await ledger.counts()).toEqual({ 'ran/one': 1 })
    disk(' ')
    expect(await ledger.add('three', 0)).toMatchObject({ n: 2 })
    expect(await ledger.counts()).toEqual({ 'ran/one': 1, 'ran/three': 1 })
    expect(said.filter((word) => Array.isArray(word) && ['apart', 'older'].includes(word[0]))).toEqual([])
  })

  it('with a failing fsync leaves it unknown what was kept, and a call with a key runs once', async () => {
    const { disk, host, ledger } = onFaultyDisk()
    const first = host()
    await ledger.add('one', 0)
    disk('e')
    const failed = await ledger.add('two', 0).catch((error) => error)
    expect(failed).toMatchObject({ code: 'ERR_ORBIT_ACTOR_STORE', outcome: 'unknown' })
    const keyed = ledger.with({ idempotencyKey: 'key' }).add('three', 0)
    disk(' ')
    await keyed
    const counts = await ledger.counts()
    expect(counts).toMatchObject({ 'ran/one': 1, 'ran/three': 1 })
    await first.kill()
    host()
    expect(await ledger.counts()).toEqual(counts)
  })

  it('of another host is refused', async () => {
    const { disk, host, ledger } = onFaultyDisk()
    disk('n')
    const child = host()
    const call = ledger.with({ timeoutMs: 2000 }).add('one', 0)
    await expect(call).rejects.toMatchObject({ code: 'ERR_ORBIT_ACTOR_TIMEOUT', outcome: 'not-run' })
    const said: unknown[] = [await child.next(), await child.next()]
    expect(String(said.flat())).toMatch(/is on NFS: keep the data on a file system of this host/)
  })
})
