// Two releases on one host: of one layout they work together; of two they keep apart, and say so.
import { cpSync, mkdtempSync, readdirSync, rmSync, symlinkSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it, onTestFinished } from 'vitest'
import { abi } from '../../src/core/native.js'
import { codecs, Fleet, orbitType, TypedCache } from '../../src/index.js'
import { otherLayoutAddon } from '../help/addons.js'
import { fleetName } from '../help/fleets.js'
import { bytesOf, orbit, orbitJson } from '../help/orbit.js'
import { type Child, start } from '../help/processes.js'
import { saysOurs, writeOtherAddon, writeOtherCode } from '../help/releases.js'
import { canRun, isLinux, root } from '../help/system.js'

const facts = { name: 'facts', kind: 7, capacity: 64, payloadBytes: 64 }

/** The package as another version, its code and its addon; what makes a fixture use it. */
function otherPackage(): NodeJS.ProcessEnv {
  const folder = mkdtempSync(join(tmpdir(), 'orbit-version-'))
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
  const [dist, addon] = [join(folder, 'dist'), join(folder, 'orbit.node')]
  cpSync(join(root, 'dist'), dist, { recursive: true })
  const code = readdirSync(dist)
    .filter((file) => file.endsWith('.js'))
    .map((file) => join(dist, file))
  for (const file of code.filter(saysOurs)) writeOtherCode(file, file)
  writeOtherAddon(join(root, 'build/Release/orbit.node'), addon)
  symlinkSync(join(root, 'node_modules'), join(folder, 'node_modules'))
  return { ORBIT_DIST: join(dist, 'index.js'), ORBIT_NATIVE_PATH: addon }
}

describe.runIf(isLinux)('another release of the same layout', () => {
  it('shares rings, caches and bells with this one', async () => {
    const name = fleetName('version')
    const child = start('everything.mjs', [name], { env: otherPackage() })
    const { node } = await child.next<{ node: number }>()
    const fleet = Fleet.joinShm(name)
    onTestFinished(() => fleet.close())
    expect(fleet.nodes().map((record) => [record.node, record.alive])).toEqual([
      [node, true],
      [fleet.node, true],
    ])
    expect(new TypedCache(fleet, { namespace: 'json', codec: codecs.json() }).get('key')).toEqual({ list: [1, 2] })
    fleet.publish(orbitType({ ...facts, payloadBytes: 16 }), Buffer.from('now'))
    expect(await child.next()).toEqual(['now'])
    expect(await child.ended, child.stderr).toEqual({ code: 0, signal: null })
  })
})

describe.runIf(isLinux && canRun('g++', '--version'))('another release of another layout', () => {
  const ours = abi.layoutVersion
  const theirs = 999
  const mismatch = (seen: number, own: number) => ({
    code: 'ERR_ORBIT_LAYOUT_MISMATCH',
    message: expect.stringMatching(new RegExp(`^/orbit-\\S+: layoutVersion=${seen} is not ${own}: `)),
  })
  const release = async (env: NodeJS.ProcessEnv = {}): Promise<Child> => {
    const child = start('actor.mjs', ['frames', 'member', facts], { env })
    expect(await child.next()).toBe('ready')
    return child
  }
  const otherRelease = () => release({ ORBIT_NATIVE_PATH: otherLayoutAddon() })

  it.each([
    { who: 'the other one', first: release, second: otherRelease, seen: ours, own: theirs },
    { who: 'this one', first: otherRelease, second: release, seen: theirs, own: ours },
  ])('is refused by a fleet of another layout, which it does not change: $who comes later', async (each) => {
    const name = fleetName('version')
    const [member, late] = [await each.first(), await each.second()]
    expect(await member.ask('join', name, { size: 4 })).toEqual({ value: { node: 0, size: 4 } })
    expect(await member.ask('publish', 3)).toEqual({ value: [0, 1, 2] })

    const before = bytesOf(name)
    expect(Object.keys(before)).toHaveLength(2)
    expect(await late.ask('join', name)).toMatchObject(mismatch(each.seen, each.own))
    expect(await late.ask('remove', name)).toMatchObject({ code: 'ERR_ORBIT_IN_USE' })
    expect(bytesOf(name)).toEqual(before)

    expect(await member.ask('publish', 2)).toEqual({ value: [3, 4] })
    expect(await member.ask<{ value: unknown[] }>('read')).toHaveProperty('value.length', 5)
    const sibling = await each.first()
    expect(await sibling.ask('join', name)).toEqual({ value: { node: 1, size: 4 } })
    expect(await sibling.ask<{ value: unknown[] }>('read')).toHaveProperty('value.length', 5)

    const apart = `${name}.2`
    expect(await late.ask('join', apart, { size: 4 })).toEqual({ value: { node: 0, size: 4 } })
    expect(await late.ask('publish', 1)).toEqual({ value: [0] })
  })

  it('is named by orbit, which changes nothing and advises what to do', async () => {
    const name = fleetName('version')
    const member = await otherRelease()
    await member.ask('join', name, { size: 4 })
    await member.ask('publish', 3)
    const before = bytesOf(name)

    for (const args of [
      ['stat', name],
      ['nodes', name],
      ['dump', name, '7'],
    ]) {
      const { code, stdout, stderr } = await orbit(args)
      expect({ code, stdout, stderr }).toEqual({
        code: 4,
        stdout: '',
        stderr: expect.stringContaining(`layoutVersion=${theirs} is not ${ours}`),
      })
    }
    const { fleets } = await orbitJson('ls', ['ls'])
    const seen = fleets.find(({ fleet }: { fleet: string }) => fleet === name)
    expect(seen).toMatchObject({ state: 'damaged', problems: [mismatch(theirs, ours), mismatch(theirs, ours)] })
    const { findings } = await orbitJson('doctor', ['doctor', name], 1)
    const fixes = findings.filter(({ check }: { check: string }) => check === 'object')
    expect(fixes.map(({ fix }: { fix: string }) => fix)).toEqual([
      `orbit rm ${name} --force, once no process of another version uses it`,
      `orbit rm ${name} 7 --force, once no process of another version uses it`,
    ])
    expect(await orbit(['rm', name])).toMatchObject({ stdout: '', stderr: expect.stringContaining('living members') })
    expect(await orbit(['gc', name])).toMatchObject({ code: 0, stdout: 'nothing to remove\n' })
    expect(bytesOf(name)).toEqual(before)
    expect(await member.ask('publish', 1)).toEqual({ value: [3] })
  })
})
