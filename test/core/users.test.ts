// A process that changes its user after it has joined a fleet.
import { statSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { Fleet, orbitType } from '../../src/index.js'
import { fleetName, objectsOf, shmFolder } from '../help/fleets.js'
import { type Child, start } from '../help/processes.js'
import { isLinux } from '../help/system.js'

const isRoot = process.geteuid?.() === 0
const other = 54321
/** Whether every user may create objects, as in /dev/shm. */
const isOpenToOthers = isLinux && (statSync(shmFolder).mode & 0o2) !== 0
const facts = { name: 'facts', kind: 7, capacity: 64, payloadBytes: 64 }

/** A member that has published as root, and is another user now. */
async function memberOfOtherUser(name: string): Promise<Child> {
  const child = start('actor.mjs', ['frames', 'member'])
  expect(await child.next()).toBe('ready')
  expect(await child.ask('join', name, { size: 4 })).toMatchObject({ value: { node: 0 } })
  expect(await child.ask('publish')).toEqual({ value: [0] })
  expect(await child.ask('setUser', other)).toEqual({ value: other })
  return child
}

const refused = (object: string) => ({
  code: 'ERR_ORBIT_PERMISSION',
  message: expect.stringMatching(new RegExp(`${object}: belongs to uid=0, and this process is uid=${other} now`)),
})

describe.runIf(isLinux && isRoot)('a member that changes its user after it has joined', () => {
  it('publishes to the rings that it has open, and closes', async () => {
    const name = fleetName('user')
    const child = await memberOfOtherUser(name)
    using witness = Fleet.observe(name)
    expect(await child.ask('publish', 2)).toEqual({ value: [1, 2] })
    expect(witness.head(orbitType(facts))).toBe(3)
    expect(await child.ask('close')).toEqual({ value: null })
    expect(witness.isDead(0)).toBe(true)
  })

  it('creates no ring, and no object in its new name', async () => {
    const name = fleetName('user')
    const child = await memberOfOtherUser(name)
    const objects = objectsOf(name)
    expect(await child.ask('create', 8)).toMatchObject(refused(`orbit-${name}-8-0`))
    expect(await child.ask('sleep')).toEqual({ value: false })
    expect(objectsOf(name)).toEqual(objects)
  })

  it('opens no ring that another member has created', async () => {
    const name = fleetName('user')
    const child = await memberOfOtherUser(name)
    using creator = Fleet.joinShm(name)
    creator.publish(orbitType({ ...facts, kind: 9 }), new Uint8Array(1))
    expect(await child.ask('create', 9)).toMatchObject(refused(`orbit-${name}-9-0`))
  })

  it('has another fleet when it joins again, where its user may create one', async () => {
    const name = fleetName('user')
    const child = await memberOfOtherUser(name)
    const answer = await child.ask('join', name, { size: 2 })
    if (isOpenToOthers) {
      expect(answer).toEqual({ value: { node: 0, size: 2 } })
      expect(objectsOf(name)).toContain(`/orbit-${name}-fleet-${other}`)
    } else {
      expect(answer).toMatchObject({ code: 'ERR_ORBIT_PERMISSION', message: expect.stringContaining(shmFolder) })
    }
  })
})
