import { Counters, Fleet, Presence } from 'orbit-node'
import { describe, expect, it, onTestFinished } from 'vitest'
import { fleetName } from '../../../test/help/fleets.js'
import { orbit, orbitJson } from '../../../test/help/orbit.js'
import { start } from '../../../test/help/processes.js'
import { reportHosts } from '../src/command.js'
import { BridgeError } from '../src/index.js'
import { connected, type Host, startHost, until } from './help/hosts.js'
import { hasNats, NatsServer, Wire } from './help/nats.js'

type Finding = { readonly fleet: string | null; readonly level: string; readonly check: string }

async function three(): Promise<[Host, Host, Host, Wire]> {
  const server = await NatsServer.start()
  const wire = await Wire.to(server.port)
  const [a, b] = ['a', 'b'].map((host) => startHost(host, { servers: server.address })) as [Host, Host]
  const c = startHost('c.example', { servers: wire.address })
  await connected(a, b, c)
  return [a, b, c, wire]
}

describe.skipIf(!hasNats)('a list over hosts', () => {
  it('has the members, the presence and the sum of a counter of all, and names the hosts that are missing', async () => {
    const [a, b, c, wire] = await three()
    const hosts = [a, b, c]
    for (const [i, { fleet }] of hosts.entries()) {
      new Presence(fleet).set(`user ${i}`, { i })
      new Counters(fleet).counter('orders').add(10 ** i)
    }
    const members = await a.bridge.members()
    expect([...members.hosts.keys()]).toEqual(['a', 'b', 'c.example'])
    expect(members.hosts.get('b')?.map(({ label }) => label)).toContain('bridge b')
    const { hosts: present } = await b.bridge.presence()
    expect([...present.values()].flat().map(({ id, value }) => [id, value])).toEqual(
      expect.arrayContaining([0, 1, 2].map((i) => [`user ${i}`, { i }])),
    )
    // More than one message can hold.
    const crowd = new Presence(b.fleet, { name: 'crowd' })
    for (let i = 0; i < 6000; i++) crowd.set(`user ${i}`, 'x'.repeat(100))
    expect((await a.bridge.presence('crowd', { timeoutMs: 20_000 })).hosts.get('b')?.length).toBe(6000)
    expect(await b.bridge.count('orders')).toMatchObject({ value: 111, missing: [] })
    wire.cut()
    expect(await a.bridge.count('orders', { timeoutMs: 5000 })).toMatchObject({ value: 11, missing: ['c.example'] })
  })

  it('shows clocks, and what is wrong, in the program and on the command line', async () => {
    const [a, , c, wire] = await three()
    const rows = await a.bridge.hosts()
    expect(rows.map(({ host, alive, fleet }) => [host, alive, fleet])).toEqual([
      ['a', true, a.name],
      ['b', true, expect.any(String)],
      ['c.example', true, c.name],
    ])
    for (const { clockOffsetMs, roundTripMs } of rows) {
      expect(Math.abs(clockOffsetMs as number)).toBeLessThanOrEqual((roundTripMs as number) + 1) // it is one clock
    }
    expect(await a.bridge.doctor()).toEqual([])
    const told = await orbit(['hosts', a.name])
    expect(told).toMatchObject({ code: 0, stderr: '' })
    expect(told.stdout.split('\n').map((line) => line.split(' ')[0])).toEqual(['HOST', 'a', 'b', 'c.example', ''])
    wire.cut()
    await until(() => !c.bridge.stats().connected)
    expect(await c.bridge.doctor()).toMatchObject([{ level: 'problem', check: 'bridge-unreachable' }])
    const { findings, lines } = await reportHosts(c.name)
    expect(findings).toMatchObject([{ check: 'bridge-unreachable' }])
    expect(lines.at(-1)).toMatch(/^problem: pid \d+ holds the bridge of this host, and reaches no server/)
    const report = await orbitJson('hosts', ['hosts', c.name], 1)
    expect(report).toMatchObject({ bridge: { connected: false }, findings })
    await orbitJson('hosts', ['hosts', a.name])
    const found = (await orbitJson('doctor', ['doctor', c.name], 1)).findings as Finding[]
    expect(found.filter(({ fleet, level }) => fleet === c.name && level !== 'ok')).toMatchObject([
      { check: 'bridge-unreachable' },
    ])
    const { metrics } = c.bridge.metrics()
    expect(metrics[0]).toMatchObject({
      name: 'orbit_bridge_connected',
      samples: [{ labels: { host: 'c.example' }, value: 0 }],
    })
    expect(`${a.bridge.metrics()}`).toContain('orbit_bridge_connected{host="a"} 1\n')
  })

  it('finds a host with another clock, and events that wait for a server', async () => {
    const server = await NatsServer.start()
    const options = { servers: server.address, events: [{ topics: ['a'] }] }
    const a = startHost('a', options)
    const fleet = fleetName('bridge-b')
    const fixture = '../../packages/bridge/test/fixtures/worker.mjs'
    const b = start(fixture, [fleet, 'b', server.address, { ...options, clockOffsetMs: 7000 }])
    await b.next()
    await until(async () => (await a.bridge.hosts().catch(() => [])).length === 2)
    expect(await a.bridge.doctor()).toMatchObject([{ level: 'warning', check: 'clock-offset' }])
    const offsetMs = (await a.bridge.hosts())[1]?.clockOffsetMs as number
    expect(Math.abs(offsetMs - 7000)).toBeLessThan(1000)
    await b.kill()
    await server.kill()
    await until(() => !a.bridge.stats().connected)
    for (let i = 0; i < 1200; i++) a.bus.publish('a', `${i}`)
    await until(() => (a.bridge.stats().routes['live']?.waiting ?? 0) > 1000)
    const checks = (await a.bridge.doctor()).map(({ check }) => check)
    expect(checks).toEqual(expect.arrayContaining(['bridge-unreachable', 'bridge-lag']))
    const found = (await orbitJson('doctor', ['doctor', a.name], 1)).findings as Finding[]
    expect(found.flatMap(({ fleet, level, check }) => (fleet === a.name && level !== 'ok' ? [check] : []))).toEqual(
      checks,
    )
  })

  it('warns where members of one fleet give their host different names', async () => {
    const warned = new Promise<string>((resolve) => {
      const onWarning = (warning: Error & { code?: string }) => {
        if (warning.code === 'ORBIT_BRIDGE_HOST') resolve(warning.message)
      }
      process.on('warning', onWarning)
      onTestFinished(() => void process.off('warning', onWarning))
    })
    const options = { servers: '127.0.0.1:1', offer: false }
    const first = startHost('first', options)
    expect((await first.bridge.doctor()).map(({ check }) => check)).toEqual(['bridge-absent'])
    using _ = Fleet.joinShm(first.name, { label: 'bridge \x1b[2J' }) // the name of no host
    const second = startHost('second', options, first.name)
    expect(await warned).toContain('call it first, second')
    for (const { bridge } of [first, second]) {
      expect((await bridge.doctor()).map(({ check }) => check)).toEqual(['bridge-absent', 'host-names'])
    }
    await second.bridge.close()
    expect((await first.bridge.doctor()).map(({ check }) => check)).toEqual(['bridge-absent'])
  })

  it('says so where no process holds the bridge, and where it was closed', async () => {
    const host = startHost('alone', { servers: '127.0.0.1:1', offer: false })
    expect(host.bridge.stats()).toMatchObject({ pid: undefined, connected: false })
    await expect(host.bridge.hosts()).rejects.toMatchObject({ code: 'ERR_ORBIT_BRIDGE_UNREACHABLE' })
    expect(await host.bridge.doctor()).toMatchObject([{ level: 'problem', check: 'bridge-absent' }])
    await host.bridge.close()
    await host.bridge.close()
    for (const call of [() => host.bridge.stats(), () => host.bridge.contest(), () => host.bridge.store()]) {
      expect(call).toThrow(BridgeError)
    }
  })
})
