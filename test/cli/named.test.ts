import { describe, expect, it } from 'vitest'
import { Contest, OrbitCache, OrbitEventBus, orbitType, Presence } from '../../src/index.js'
import { fleetName, hasObjectFiles, joinShm } from '../help/fleets.js'
import { orbit, orbitJson } from '../help/orbit.js'

describe.skipIf(!hasObjectFiles)('orbit on objects with names', () => {
  it('shows caches, contests, buses and types by their names', async () => {
    const name = fleetName('named')
    const fleet = joinShm(name)
    new OrbitCache(fleet, { name: 'sessions', capacity: 4 }).put('17', 'Ada')
    new OrbitCache(fleet).put('17', 'Bob')
    new Contest(fleet, { name: 'billing', capacity: 16 }).tryClaim('leader', { ttlMs: 2 ** 31 - 1 })
    new OrbitEventBus(fleet, { name: 'jobs', capacity: 4 }).publish('done', 'yes')
    fleet.publish(orbitType({ name: 'orders' }), Buffer.from('first'))

    const { rings } = await orbitJson('stat', ['stat', name, '--rate-ms', '0'])
    expect(rings.map(({ kind, name }: { kind: number; name: string }) => [kind, name])).toEqual([
      [128, 'orbit.cache:sessions'],
      [129, 'orbit.contest:billing'],
      [130, 'orbit.events:jobs'],
      [131, 'orders'],
      [200, 'orbit.cache'],
    ])
    expect((await orbit(['cache', name, '17', '--name', 'sessions'])).stdout).toBe('Ada\n')
    expect((await orbit(['cache', name, '17'])).stdout).toBe('Bob\n')
    expect((await orbitJson('cache', ['cache', name, '--name', 'sessions'])).entries).toMatchObject([{ key: '17' }])
    const { claims } = await orbitJson('claims', ['claims', name, '--name', 'billing'])
    expect(claims).toMatchObject([{ subject: { label: 'leader' } }])
    expect((await orbit(['dump', name, 'events:jobs'])).stdout).toContain('done  yes')
    expect((await orbit(['dump', name, 'cache:sessions'])).stdout).toContain('put 17')
    expect((await orbit(['dump', name, 'orders'])).stdout).toContain('first')
    expect((await orbit(['top', '--json', '--limit', '1'])).stdout).toContain('orbit.cache:sessions')
    for (const type of ['42', 'cache:sessions', 'type:x']) {
      fleet.publish(orbitType({ name: type }), Buffer.from(`of ${type}`))
      expect((await orbit(['dump', name, `type:${type}`])).stdout).toContain(`of ${type}`)
    }
  })

  it('names the layer that a fleet does not have, and says how to list those that it has', async () => {
    const name = fleetName('named')
    joinShm(name)
    const hint = `; "orbit stat ${name}" lists what it has\n`
    for (const [command, layer, ...args] of [
      ['claims', 'contest'],
      ['counters', 'counters'],
      ['cache', 'cache'],
      ['claims', 'contest named "other"', '--name', 'other'],
    ]) {
      const { code, stderr } = await orbit([`${command}`, name, ...args])
      expect([code, stderr]).toEqual([3, `orbit: fleet ${name} has no ${layer}${hint}`])
    }
  })

  it('lists the entries of a presence by id, and reports one that does not exist', async () => {
    const name = fleetName('named')
    const [one, two] = [joinShm(name), joinShm(name)]
    const online = new Presence(one, { capacity: 8 })
    online.set('grace', { since: 17 })
    online.set('ada\u001b[31m', undefined)
    new Presence(two).set('grace', 'elsewhere')
    const { entries } = await orbitJson('presence', ['presence', name])
    expect(entries).toEqual([
      { id: 'ada\u001b[31m', node: one.node, incarnation: 1 },
      { id: 'grace', value: { since: 17 }, node: one.node, incarnation: 1 },
      { id: 'grace', value: 'elsewhere', node: two.node, incarnation: 1 },
    ])
    const { stdout } = await orbit(['presence', name])
    expect(stdout).toMatch(/^ID.*\n.*ada.*\n.*grace.*\{"since":17\}\n.*grace.*"elsewhere"\n$/)
    expect(stdout).not.toContain('\u001b')
    online.close()
    expect((await orbitJson('presence', ['presence', name])).entries).toHaveLength(1)
    expect(await orbit(['presence', name, '--name', 'other'])).toMatchObject({ code: 3, stdout: '' })
  })
})
