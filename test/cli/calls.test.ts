// The commands for calls and inboxes.
import { describe, expect, it } from 'vitest'
import { Inbox, inboxType, Outbox, serve } from '../../src/index.js'
import { fleetName, joinShm, keep } from '../help/fleets.js'
import { orbit, orbitJson } from '../help/orbit.js'
import { start } from '../help/processes.js'
import { isLinux } from '../help/system.js'

const handlers = {
  add: ({ a, b }: { a: number; b: number }) => a + b,
  say: (value: unknown) => `said ${value}`,
  *count(to: number) {
    for (let i = 1; i <= to; i++) yield i
  },
  fail: () => {
    throw Object.assign(new RangeError('too far'), { code: 'ERR_FAR' })
  },
  never: () => new Promise(() => {}),
}

function serving() {
  const fleet = joinShm(fleetName('call'), { size: 4 })
  keep(serve(fleet, 'my.math', handlers))
  return fleet
}

describe.runIf(isLinux)('orbit call', () => {
  it('prints the answer, and leaves the fleet', async () => {
    const fleet = serving()
    const said = await orbitJson('call', ['call', fleet.name, 'my.math.add', '{"a":2,"b":3}'])
    expect(said).toEqual({ fleet: fleet.name, service: 'my.math', method: 'add', value: 5 })
    expect(await orbit(['call', fleet.name, 'my.math.say'])).toMatchObject({ code: 0, stdout: 'said undefined\n' })
    expect(await orbit(['call', fleet.name, 'my.math.count', '3', '--stream'])).toMatchObject({ stdout: '1\n2\n3\n' })
    expect(fleet.nodes()).toHaveLength(1)
  })

  it('says by its exit code why there is no answer', async () => {
    const { name } = serving()
    const codeOf = async (...args: string[]) => {
      const { code, stderr } = await orbit(['call', ...args])
      return [code, stderr]
    }
    expect(await codeOf(name, 'my.math.fail')).toEqual([1, 'orbit: my.math.fail threw RangeError: too far\n'])
    expect(await codeOf(name, 'my.math.never', '--timeout', '10')).toEqual([1, expect.stringContaining('timeoutMs=10')])
    expect(await codeOf(name, 'my.math.absent')).toEqual([3, 'orbit: my.math has no handler absent\n'])
    expect(await codeOf(name, 'absent.add')).toEqual([3, expect.stringContaining('no living process serves absent')])
    expect(await codeOf(name, 'math')).toEqual([2, expect.stringContaining('NAME=math must be SERVICE.METHOD')])
    expect(await codeOf(name, 'my.math.add', '{')).toEqual([2, expect.stringContaining('JSON={ cannot be parsed')])
    const { name: empty } = joinShm(fleetName('call'), { size: 4 })
    expect(await codeOf(empty, 'my.math.add')).toEqual([3, expect.stringContaining('serves my.math')])
  })
})

const jobs = inboxType({ name: 'jobs', kind: 40, capacity: 4, payloadBytes: 16 })

describe.runIf(isLinux)('orbit on an inbox', () => {
  it('prints messages, and leaves them to their owner', async () => {
    const fleet = joinShm(fleetName('inbox'), { size: 4 })
    const outbox = new Outbox(fleet, jobs)
    for (const text of ['one', 'two', 'three']) outbox.trySend(Buffer.from(text), { frameKind: 7 })
    const owner = keep(await Inbox.own(fleet, jobs))
    owner.poll({ max: 1 })
    owner.commit()
    const { stdout } = await orbit(['tail', fleet.name, '40', '--from', 'start', '--limit', '3'])
    const line = (at: number, text: string) => `inbox 0 #${at} node 0 kind 7  ${text}\n`
    expect(stdout).toBe(`${line(0, 'one')}${line(1, 'two')}${line(2, 'three')}`)
    const item = await orbitJson('tail', ['tail', fleet.name, '40', '--from=-1', '--limit', '1'])
    expect(item).toMatchObject({ item: 'message', instance: 0, position: 2, payload: 'three' })
    expect(owner.depth).toBe(2)
  })

  it('shows the oldest message, and the calls that are open', async () => {
    const fleet = serving()
    const outbox = new Outbox(fleet, jobs)
    outbox.trySend(Buffer.from('one'))
    outbox.trySend(Buffer.from('three'))
    keep(await Inbox.own(fleet, jobs)).poll()
    const { rings } = await orbitJson('stat', ['stat', fleet.name, '40'])
    expect(rings[0].inboxes).toMatchObject([{ depth: 2, oldest: { position: 0, node: 0, bytes: 3 }, openCalls: 0 }])
    expect((await orbit(['stat', fleet.name, '40'])).stdout).toContain(
      '2 of 4, oldest #0 of node 0, 3 bytes, 0 refused',
    )
    const asking = orbit(['call', fleet.name, 'my.math.never', '--timeout', '20000'])
    const openCalls = async () => {
      const stat = await orbitJson('stat', ['stat', fleet.name, '228', '--rate-ms', '0'])
      return stat.rings[0].inboxes.reduce((sum: number, each: { openCalls: number }) => sum + each.openCalls, 0)
    }
    while ((await openCalls()) === 0);
    fleet.close()
    expect(await asking).toMatchObject({ code: 1 })
  })

  it('is told by doctor when its owner is stopped', async () => {
    const fleet = joinShm(fleetName('inbox'), { size: 4 })
    const child = start('actor.mjs', ['inbox', 'take', fleet.name, jobs, 1])
    expect(await child.next()).toEqual(['owned'])
    new Outbox(fleet, jobs).trySend(Buffer.from('one'))
    expect(await child.next()).toEqual(['took', ['one']])
    await child.stop()
    const { findings } = await orbitJson('doctor', ['doctor', fleet.name], 1)
    expect(findings).toContainEqual(expect.objectContaining({ check: 'inbox-owner-stopped' }))
    process.kill(child.pid, 'SIGCONT')
  })
})
