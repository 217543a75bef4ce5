// The commands that join a fleet and write to it.
import { spawnSync } from 'node:child_process'
import { describe, expect, it } from 'vitest'
import { Contest, OrbitCache, OrbitEventBus } from '../../src/index.js'
import { fleetName, joinShm, objectsOf } from '../help/fleets.js'
import { bytesOf, cliPath, jsonOf, orbit, orbitJson, showcase } from '../help/orbit.js'
import { Running } from '../help/running.js'
import { isLinux } from '../help/system.js'
import { Terminal, terminalOrSkip } from '../help/terminal.js'

describe.runIf(isLinux)('orbit pub', () => {
  it('publishes an event and leaves the fleet', async () => {
    const name = fleetName('pub')
    const fleet = joinShm(name, { size: 4 })
    const bus = new OrbitEventBus(fleet, { capacity: 8 })
    const events = bus.subscribe('orders.*')
    const said = await orbitJson('pub', ['pub', name, 'orders.new', '{"id":17}'])
    expect(said).toEqual({ fleet: name, topic: 'orders.new', id: '220:1:0', position: 0, node: 1, bytes: 9 })
    for await (const event of events) {
      expect([event.topic, event.json(), event.node]).toEqual(['orders.new', { id: 17 }, 1])
      break
    }
    expect((await orbit(['pub', name, 'empty'])).stdout).toBe('published #1  empty  0 bytes\n')
    expect(fleet.nodes()).toHaveLength(1)
  })

  it('publishes its standard input', () => {
    const name = fleetName('pub')
    const cursor = new OrbitEventBus(joinShm(name, { size: 4 }), { capacity: 8 }).cursor()
    const { status } = spawnSync(process.execPath, [cliPath, 'pub', name, 'file', '-'], { input: 'line\n' })
    expect(status).toBe(0)
    expect(cursor.poll().events.map((event) => event.text())).toEqual(['line\n'])
  })

  it('uses the bus of a name', async () => {
    const name = fleetName('pub')
    const cursor = new OrbitEventBus(joinShm(name, { size: 4 }), { name: 'jobs', capacity: 8 }).cursor()
    expect(await orbit(['pub', name, 'it', '--name', 'jobs'])).toMatchObject({ code: 0 })
    expect(cursor.poll().events).toMatchObject([{ topic: 'it' }])
    expect(await orbit(['pub', name, 'it', '--name', 'other'])).toMatchObject({ code: 3 })
  })

  it('creates no fleet, no bus, and no fleet anew', async () => {
    const name = fleetName('pub')
    expect(await orbit(['pub', name, 'it'])).toMatchObject({ code: 3, stdout: '' })
    expect(objectsOf(name)).toEqual([])
    const child = await showcase(name, { join: { lifetime: 'fleet' } })
    await child.kill()
    const before = bytesOf(name)
    const { code, stderr } = await orbit(['pub', name, 'it'])
    expect([code, stderr]).toEqual([3, expect.stringContaining(`fleet ${name} must have a living member`)])
    expect(bytesOf(name)).toEqual(before)
    const empty = fleetName('pub')
    joinShm(empty, { size: 2 })
    expect(await orbit(['pub', empty, 'it'])).toMatchObject({ code: 3 })
    expect(objectsOf(empty)).toHaveLength(1)
  })

  it('writes to a persistent fleet without members', async () => {
    const name = fleetName('pub')
    const child = await showcase(name)
    await child.kill()
    expect(await orbit(['pub', name, 'it'])).toMatchObject({ code: 0 })
    const { items } = await orbitJson('dump', ['dump', name, 'events', '--from=-1'])
    expect(items).toMatchObject([{ topic: 'it', position: 3 }])
  })
})

describe.runIf(isLinux)('orbit sub', () => {
  it('prints the events that match, as a member of the fleet', async () => {
    const name = fleetName('sub')
    const fleet = joinShm(name, { size: 4 })
    const bus = new OrbitEventBus(fleet, { capacity: 8 })
    bus.publish('orders.old', 'before')
    const sub = new Running(['sub', name, 'orders.*', '--limit', '2', '--json'])
    while (fleet.nodes().length < 2) await new Promise((resolve) => setImmediate(resolve))
    expect(fleet.nodes()[1]).toMatchObject({ label: 'orbit sub', alive: true })
    // It reads from a head that it has found by the time that it sleeps.
    while (sleepers(name) === 0) await new Promise((resolve) => setImmediate(resolve))
    bus.publish('users.new', 'other')
    bus.publish('orders.new', 'first')
    expect(jsonOf('tail', (await sub.line()) as string)).toMatchObject({ topic: 'orders.new', payload: 'first' })
    bus.publish('orders.paid', 'second')
    expect(jsonOf('tail', (await sub.line()) as string)).toMatchObject({ topic: 'orders.paid', payload: 'second' })
    expect(await sub.ended).toBe(0)
    expect(fleet.nodes()).toHaveLength(1)
  })

  it('leaves the fleet on Ctrl-C', async () => {
    const name = fleetName('sub')
    const fleet = joinShm(name, { size: 4 })
    new OrbitEventBus(fleet, { capacity: 8 }).publish('it', '')
    const sub = new Running(['sub', name])
    await sub.remarks(`waiting for events of topic > in fleet ${name}, as node 1; Ctrl-C ends\n`)
    sub.process.kill('SIGINT')
    expect(await sub.ended).toBe(0)
    expect(fleet.nodes()).toHaveLength(1)
  })
})

/** How many nodes sleep until the bus of a fleet has news. */
function sleepers(name: string): number {
  const { stdout } = spawnSync(process.execPath, [cliPath, 'stat', name, 'events', '--rate-ms', '0', '--json'])
  return JSON.parse(String(stdout)).rings[0].sleepers
}

describe.runIf(isLinux)('orbit cache --delete and --reset', () => {
  it('delete a key, and all keys with a prefix', async () => {
    const name = fleetName('cache')
    const cache = new OrbitCache(joinShm(name, { size: 4 }), { namespace: 'users', capacity: 16, valueBytes: 8 })
    for (const key of ['a:1', 'a:2', 'b:1', 'b:2']) cache.put(key, 'x')
    const options = ['--namespace', 'users', '--yes']
    const deleted = await orbitJson('cache-change', ['cache', name, '--delete', 'b:1', ...options])
    expect(deleted).toEqual({ fleet: name, namespace: 'users', op: 'delete', key: 'b:1', position: 4, entries: 1 })
    expect(cache.get('b:1')).toBeUndefined()
    const { code, stdout } = await orbit(['cache', name, '--reset', 'a:', ...options])
    expect({ code, stdout }).toEqual({
      code: 0,
      stdout: 'deleted all keys that begin with "a:" of namespace "users": 2 entries\n',
    })
    expect(['a:1', 'a:2', 'b:2'].map((key) => cache.get(key) === undefined)).toEqual([true, true, false])
    const missing = await orbit(['cache', name, '--delete', 'b:2', '--yes'])
    expect(missing).toMatchObject({ code: 3, stdout: '' })
    expect(missing.stderr).toContain('the key is in namespace "users": pass --namespace')
  })

  it('change nothing without --yes or a terminal', async () => {
    const name = fleetName('cache')
    const cache = new OrbitCache(joinShm(name, { size: 4 }), { capacity: 16, valueBytes: 8 })
    cache.put('key', 'x')
    for (const args of [['--delete', 'key'], ['--reset', '', '--json'], ['--yes'], ['key', '--delete', 'key', '--yes']])
      expect(await orbit(['cache', name, ...args]), args.join(' ')).toMatchObject({ code: 2, stdout: '' })
    expect(cache.get('key')).toBeDefined()
  })

  it('ask on a terminal, and take only yes', async (context) => {
    terminalOrSkip(context)
    const name = fleetName('cache')
    const cache = new OrbitCache(joinShm(name, { size: 4 }), { capacity: 16, valueBytes: 8 })
    cache.put('key', 'x')
    const line = `'${process.execPath}' '${cliPath}' cache ${name} --delete key; echo "ended with $?"`
    const refused = new Terminal(line)
    await refused.shows(/delete key "key" of namespace "", 1 entry now\? \[y\/N\]/)
    refused.press('Enter')
    await refused.shows(/ended with 1/)
    expect(cache.get('key')).toBeDefined()
    const agreed = new Terminal(line)
    await agreed.shows(/\[y\/N\]/)
    agreed.type('y')
    agreed.press('Enter')
    await agreed.shows(/deleted key "key" of namespace "": 1 entry\s+ended with 0/)
    expect(cache.get('key')).toBeUndefined()
  })
})

describe.runIf(isLinux)('orbit release', () => {
  it('ends the claim of a stopped process, which finds it lost, and lets another process claim', async () => {
    const name = fleetName('release')
    const child = await showcase(name)
    const contest = new Contest(joinShm(name))
    const leader = { kind: 3, label: 'leader' }
    const running = await orbit(['release', name, 'leader', '--kind', '3', '--yes'])
    expect(running).toMatchObject({ code: 1, stdout: '' })
    expect(running.stderr).toContain('which runs: stop it or let it release the subject, or pass --force')
    await child.stop()
    const asked = await orbit(['release', name, 'leader', '--kind', '3'])
    expect(asked).toMatchObject({ code: 2, stdout: '' })
    expect(asked.stderr).toContain('another process can claim it at once')
    const waiting = contest.claim(leader, { ttlMs: 60_000 })
    const said = await orbitJson('release', ['release', name, 'leader', '--kind', '3', '--yes'])
    expect(said).toMatchObject({ subject: leader, pid: child.pid, state: 'stopped', isReleased: true })
    const guard = await waiting
    expect(guard.token).toBeGreaterThan(said.token)
    child.process.kill('SIGCONT')
    expect(await child.ask('isHeld')).toBe(false)
    guard.release()
    expect(await orbit(['release', name, 'leader', '--kind', '3', '--yes'])).toMatchObject({ code: 3 })
  })
})
