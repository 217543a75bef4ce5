// A system without the locks that tell which members live.
import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it, onTestFinished } from 'vitest'
import { Fleet } from '../../src/index.js'
import { fleetName, objectsOf } from '../help/fleets.js'
import { start } from '../help/processes.js'
import { canRun, isLinux, isSanitized, root } from '../help/system.js'

function withoutLocks(): NodeJS.ProcessEnv {
  const folder = mkdtempSync(join(tmpdir(), 'orbit-leases-'))
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
  const library = join(folder, 'noleases.so')
  const source = join(root, 'test/fixtures/noleases.cc')
  const { status, stderr } = spawnSync('g++', ['-O1', '-shared', '-fPIC', source, '-o', library, '-ldl'])
  expect(status, `${stderr}`).toBe(0)
  return { LD_PRELOAD: library }
}

const refusal = {
  code: 'ERR_ORBIT_SYSTEM',
  errno: 22,
  message: expect.stringMatching(/no open file description locks.*use Fleet\.join for a fleet within one process/),
}

describe.runIf(isLinux && !isSanitized && canRun('g++', '--version'))('without open file description locks', () => {
  const obey = async (...words: unknown[]): Promise<unknown> => {
    const child = start('actor.mjs', ['frames', 'member'], { env: withoutLocks() })
    expect(await child.next()).toBe('ready')
    return child.ask(...words)
  }

  it('refuses to join, names the cause and a way out, and creates nothing', async () => {
    const name = fleetName('leases')
    expect(await obey('join', name)).toMatchObject(refusal)
    expect(objectsOf(name)).toEqual([])
  })

  it('refuses to remove a fleet', async () => {
    const name = fleetName('leases')
    using fleet = Fleet.joinShm(name)
    expect(await obey('remove', name)).toMatchObject(refusal)
    expect(fleet.isDead(fleet.node)).toBe(false)
  })

  it('joins a fleet within one process', async () => {
    expect(await obey('joinLocal', fleetName('leases'))).toMatchObject({ value: { node: 0 } })
  })
})
