import { Fleet } from 'orbit-node'
import { describe, expect, it } from 'vitest'
import { fleetName } from '../../../test/help/fleets.js'
import { type Child, start as startFixture } from '../../../test/help/processes.js'
import { Actor, type ActorSystem } from '../src/index.js'
import { start } from './help/systems.js'

/** The class of test/fixtures/host.mjs, as its callers know it. */
declare class Room extends Actor {
  join(member: string): { pid: number; members: number }
  hold(member: string): Promise<void>
  where(): number
}
type Classes = { Room: typeof Room }

async function startHost(fleet: string, options: object = {}): Promise<Child> {
  const host = startFixture('../../packages/actors/test/fixtures/host.mjs', [fleet, options])
  expect(await host.next()).toEqual(['ready', host.pid])
  return host
}

/** The process of each of 64 actors. */
async function placesOf(system: ActorSystem<Classes>): Promise<number[]> {
  return Promise.all(Array.from({ length: 64 }, (_, i) => system.get('Room', `room ${i}`).where()))
}

function caller(): { name: string; system: ActorSystem<Classes> } {
  const name = fleetName('actors')
  return { name, system: start<Classes>({ fleet: Fleet.joinShm(name), host: false }) }
}

describe('the actors of several processes', () => {
  it('are spread over them, move to a process that joins, and back when it closes', async () => {
    const { name, system } = caller()
    const first = await startHost(name)
    expect(new Set(await placesOf(system))).toEqual(new Set([first.pid]))
    const second = await startHost(name)
    let places = await placesOf(system)
    while (places.filter((pid) => pid === second.pid).length < 20) places = await placesOf(system)
    expect(new Set(places)).toEqual(new Set([first.pid, second.pid]))
    second.tell('close')
    while (places.includes(second.pid)) places = await placesOf(system)
    expect(new Set(places)).toEqual(new Set([first.pid]))
  })

  it('live in another process after the death of theirs, and calls that had not begun run there', async () => {
    const { name, system } = caller()
    const first = await startHost(name)
    const room = system.get('Room', 'a')
    const held = room.hold('x').catch((error) => error)
    while (JSON.stringify(await first.next()) !== JSON.stringify(['run', 'a', 'x']));
    const waiting = ['y', 'z'].map((member) => room.join(member))
    const second = await startHost(name)
    await first.kill()
    expect(await held).toMatchObject({ code: 'ERR_ORBIT_ACTOR_LOST', outcome: 'unknown', retryable: false })
    expect(await Promise.all(waiting)).toEqual([1, 2].map((members) => ({ pid: second.pid, members })))
  })

  it('stay where they are while their process is stopped', async () => {
    const { name, system } = caller()
    const first = await startHost(name)
    expect((await system.get('Room', 'a').join('x')).members).toBe(1)
    const second = await startHost(name)
    // Until both have their share, so that no partition is on its way.
    let places = await placesOf(system)
    while (places.filter((pid) => pid === second.pid).length < 20) places = await placesOf(system)
    const pid = await system.get('Room', 'a').where()
    const [owner] = [first, second].filter((child) => child.pid === pid)
    await owner?.stop()
    const late = system.get('Room', 'a').with({ timeoutMs: 300 }).join('y')
    await expect(late).rejects.toMatchObject({ code: 'ERR_ORBIT_ACTOR_TIMEOUT', outcome: 'not-run' })
    owner?.process.kill('SIGCONT')
    const { members } = await system.get('Room', 'a').join('z')
    expect(members).toBeLessThan(3) // y was taken back, and has not run
    expect(await system.get('Room', 'a').where()).toBe(pid)
  })

  it('are taken from a stopped process with onStuck: kill, which ends it', async () => {
    const { name, system } = caller()
    const first = await startHost(name)
    expect((await system.get('Room', 'a').join('x')).pid).toBe(first.pid)
    const monitor = system.monitor({ type: 'Room', key: 'a' })
    await system.get('Room', 'a').where()
    await first.stop()
    const second = await startHost(name, { onStuck: 'kill', stuckMs: 2000 })
    expect(await system.get('Room', 'a').join('y')).toEqual({ pid: second.pid, members: 1 })
    expect(await first.ended).toEqual({ code: null, signal: 'SIGKILL' })
    expect(await monitor).toBe('lost')
    expect(await system.monitor({ type: 'Room', key: 'b' })).toBe('absent')
  })

  it('wait for a process that runs actors', async () => {
    const { name, system } = caller()
    const lonely = system.get('Room', 'a').with({ timeoutMs: 50 }).where()
    await expect(lonely).rejects.toMatchObject({ code: 'ERR_ORBIT_ACTOR_TIMEOUT', outcome: 'not-run' })
    const patient = system.get('Room', 'a').where()
    const host = await startHost(name)
    expect(await patient).toBe(host.pid)
  })
})
