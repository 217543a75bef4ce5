// Fleets of many members: their leases are listed together.
import { describe, expect, it } from 'vitest'
import { FleetHeartbeat, OrbitError } from '../../src/index.js'
import { fleetName, memories, observe } from '../help/fleets.js'
import { start } from '../help/processes.js'
import { expectRefusal } from '../help/refusals.js'
import { isLinux } from '../help/system.js'

const count = 80
const size = 100
const range = (from: number, to: number) => Array.from({ length: to - from }, (_, i) => from + i)

describe.each(memories)('a fleet of many members in $memory', ({ join }) => {
  const crowd = (room = size) => {
    const name = fleetName()
    return { name, fleets: range(0, count).map(() => join(name, { size: room })) }
  }

  it('gives each joiner the first free node', () => {
    const { name, fleets } = crowd()
    expect(fleets.map((fleet) => fleet.node)).toEqual(range(0, count))
    for (const node of [70, 3, 41]) fleets[node]?.close()
    expect([join(name), join(name), join(name), join(name)].map((fleet) => fleet.node)).toEqual([3, 41, 70, count])
    expect(join(name, { node: 95 }).node).toBe(95)
  })

  it('lists its members, and not those that have left', () => {
    const { fleets } = crowd()
    for (const node of [0, 13, 79]) fleets[node]?.close()
    const nodes = fleets[1]?.nodes() ?? []
    expect(nodes.map(({ node }) => node)).toEqual(range(0, count).filter((node) => ![0, 13, 79].includes(node)))
    expect(nodes.every(({ alive }) => alive)).toBe(true)
    expect(range(0, size).filter((node) => fleets[1]?.isDead(node))).toEqual([0, 13, ...range(79, size)])
  })

  it('refuses a joiner when every node is held', () => {
    const { name } = crowd(count)
    expectRefusal(() => join(name), OrbitError, 'ERR_ORBIT_FLEET_FULL', `${count} nodes`)
    expectRefusal(() => join(name, { node: 7 }), OrbitError, 'ERR_ORBIT_NODE_TAKEN', 'node=7')
  })

  it('lists as missing the nodes without a heartbeat', () => {
    const { fleets } = crowd()
    const hearts = fleets.slice(0, 3).map((fleet) => new FleetHeartbeat(fleet))
    for (const heart of hearts) heart.beat()
    const snapshot = (hearts[0] as FleetHeartbeat).snapshot()
    expect(snapshot.fresh.map(({ node }) => node)).toEqual([0, 1, 2])
    expect(snapshot.missing).toEqual(range(3, size))
    expect({ ...snapshot }.missing).toEqual(snapshot.missing)
  })
})

it.runIf(isLinux)('tells the dead of many members from the living, and gives their nodes to the next', async () => {
  const name = fleetName()
  const [, shared] = memories
  const fleets = range(0, 66).map(() => shared?.join(name, { size }))
  const child = start('actor.mjs', ['contest', 'crowd', name, 24])
  expect(await child.next()).toEqual(range(66, 90))
  const nodes = () => observe(name).nodes()
  expect(nodes().every(({ alive }) => alive)).toBe(true)
  await child.kill()
  const dead = nodes().filter(({ alive }) => !alive)
  expect(dead.map(({ node }) => node)).toEqual(range(66, 90))
  expect(shared?.join(name).node).toBe(66)
  expect(nodes().filter(({ alive }) => !alive)).toHaveLength(23)
  expect(fleets).toHaveLength(66)
})
