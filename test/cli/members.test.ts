// States of members, empty lists, and keys in other namespaces of a cache.
import { describe, expect, it } from 'vitest'
import { Contest, OrbitCache } from '../../src/index.js'
import { beatAt, fleetAt, ObjectFile, recordAt } from '../help/bytes.js'
import { fleetName, joinShm, objectPath } from '../help/fleets.js'
import { orbit, orbitJson, showcase } from '../help/orbit.js'
import { isLinux } from '../help/system.js'

const stateOf = async (name: string): Promise<string> =>
  (await orbitJson('nodes', ['nodes', name])).nodes.map(({ state }: { state: string }) => state).join()

describe.runIf(isLinux)('orbit nodes', () => {
  it('shows whether a member is alive, stopped, stale or dead', async () => {
    const name = fleetName('cli')
    const child = await showcase(name)
    expect(await stateOf(name)).toBe('alive')
    await child.stop()
    expect(await stateOf(name)).toBe('stopped')
    expect((await orbit(['nodes', name])).stdout).toMatch(/ stopped /)
    const { findings } = await orbitJson('doctor', ['doctor', name], 1)
    expect(findings).toContainEqual(expect.objectContaining({ check: 'stopped', fix: `kill -CONT ${child.pid}` }))
    child.process.kill('SIGCONT')
    await child.ask('event', 'it', 'runs')
    expect(await stateOf(name)).toBe('alive')
    {
      using file = new ObjectFile(objectPath(name, 'fleet'))
      file.setU64(fleetAt.records + recordAt.beat(1) + beatAt.monotonicMs, 1n)
    }
    expect(await stateOf(name)).toBe('stale')
    await child.kill()
    expect(await stateOf(name)).toBe('dead')
  })

  it('does not take a stopped process of the same pid for a member', async () => {
    const name = fleetName('cli')
    await showcase(name)
    const other = await showcase(fleetName('cli'))
    {
      using file = new ObjectFile(objectPath(name, 'fleet'))
      file.setU32(fleetAt.records + recordAt.pid, other.pid)
    }
    await other.stop()
    expect(await stateOf(name)).toBe('alive')
  })
})

describe.runIf(isLinux)('orbit on an empty fleet', () => {
  it('says on stdout that a list is empty', async () => {
    const name = fleetName()
    const fleet = joinShm(name, { size: 2 })
    expect(await orbit(['stat', name])).toMatchObject({
      code: 0,
      stdout: `${name}: 1 alive, 0 dead, of 2 nodes\nno rings\n`,
    })
    const cache = new OrbitCache(fleet, { capacity: 4, valueBytes: 8 })
    cache.put('key', 'value')
    cache.delete('key')
    const claim = new Contest(fleet, { capacity: 4 }).tryClaim('it', { ttlMs: 60_000 })
    if ('guard' in claim) claim.guard.release()
    const said = async (...args: string[]) => expect.soft(await orbit(args), args.join(' '))
    ;(await said('cache', name)).toEqual({ code: 0, stdout: `the cache of fleet ${name} has no entries\n`, stderr: '' })
    ;(await said('claims', name)).toEqual({ code: 0, stdout: `fleet ${name} has no claims\n`, stderr: '' })
    ;(await said('dump', name, 'cache', '--from', '2')).toEqual({ code: 0, stdout: 'no frames to show\n', stderr: '' })
    ;(await said('gc', name)).toEqual({ code: 0, stdout: 'nothing to remove\n', stderr: '' })
    fleet.close()
    ;(await said('nodes', name)).toEqual({
      code: 0,
      stdout: `fleet ${name} has no nodes: all members have left\n`,
      stderr: '',
    })
  })
})

describe.runIf(isLinux)('orbit cache', () => {
  it('names the other namespaces that have a key', async () => {
    const name = fleetName()
    const fleet = joinShm(name, { size: 2 })
    for (const namespace of ['users', 'pages', 'users']) {
      new OrbitCache(fleet, { namespace, capacity: 8, valueBytes: 32 }).put('17', `of ${namespace}`)
    }
    const missing = await orbit(['cache', name, '17'])
    expect(missing).toMatchObject({ code: 3, stdout: '' })
    expect(missing.stderr).toContain('the key is in namespace "users", "pages": pass --namespace')
    const elsewhere = await orbit(['cache', name, '17', '--namespace', 'none', '--json'])
    expect(JSON.parse(elsewhere.stderr).error.message).toContain('the key is in namespace "users", "pages"')
    expect((await orbit(['cache', name, '18'])).stderr).not.toContain('--namespace')
    new OrbitCache(fleet, { capacity: 8, valueBytes: 32 }).put('17', 'of none')
    const found = await orbit(['cache', name, '17'])
    expect(found).toMatchObject({ code: 0, stdout: 'of none\n' })
    expect(found.stderr).toContain('the key is in namespace "users", "pages" too')
    expect(await orbit(['cache', name, '17', '--namespace', 'users'])).toMatchObject({
      stdout: 'of users\n',
      stderr: '',
    })
  })
})
