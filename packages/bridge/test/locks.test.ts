import { Client, Fence, type Handlers, OrbitEventBus } from 'orbit-node'
import { describe, expect, it } from 'vitest'
import { Hub } from '../src/hub/hub.js'
import { connectedName, Memory } from '../src/hub/memory.js'
import { specOf } from '../src/options.js'
import { connected, type Host, startHost, until } from './help/hosts.js'
import { hasNats, NatsServer, Wire } from './help/nats.js'

describe.skipIf(!hasNats)('locks of two hosts', () => {
  it('go from host to host with growing tokens', async () => {
    const { address } = await NatsServer.start()
    const hosts = ['a', 'b'].map((host) => startHost(host, { servers: address }))
    await connected(...hosts)
    const fence = new Fence()
    let inside = 0
    const tokens: number[] = []
    const work = hosts.flatMap(({ bridge }) =>
      [1, 2].map(async () => {
        const contest = bridge.contest()
        for (let i = 0; i < 8; i++) {
          await contest.run('job', { ttlMs: 5000 }, async ({ token }) => {
            expect(++inside).toBe(1)
            expect(fence.admit(token)).toBe(true)
            tokens.push(token)
            await new Promise((resolve) => setImmediate(resolve))
            inside--
          })
        }
      }),
    )
    await Promise.all(work)
    expect(tokens.length).toBe(32)
    expect(new Set(tokens).size).toBe(32)
    expect([...tokens].sort((x, y) => x - y)).toEqual(tokens)
  })

  it('are refused, or waited for, while another host has them', async () => {
    const { address } = await NatsServer.start()
    const [a, b] = ['a', 'b'].map((host) => startHost(host, { servers: address })) as [Host, Host]
    await connected(a, b)
    const guard = await a.bridge.contest().claim({ kind: 7, label: 'x' }, { owner: 'first' })
    const other = b.bridge.contest()
    expect(await other.tryClaim({ kind: 7, label: 'x' })).toBeUndefined()
    await expect(other.claim({ kind: 7, label: 'x' }, { timeoutMs: 50 })).rejects.toMatchObject({
      code: 'ERR_ORBIT_BRIDGE_TIMEOUT',
      message: expect.stringContaining('first of host a'),
    })
    const reason = new Error('no longer')
    await expect(other.claim({ kind: 7, label: 'x' }, { signal: AbortSignal.abort(reason) })).rejects.toBe(reason)
    const free = await other.tryClaim({ kind: 8, label: 'x' })
    expect(free?.held).toBe(true)
    await free?.release()
    const waiting = other.claim({ kind: 7, label: 'x' })
    expect(guard.held).toBe(true)
    await guard.release()
    expect(guard.held).toBe(false)
    const next = await waiting
    expect(next.token).toBeGreaterThan(guard.token)
    await next.release()
  })

  it('are released by a process that does not hold the bridge, in order with the claims that follow', async () => {
    const { address } = await NatsServer.start()
    const [a, b] = ['a', 'b'].map((host) => startHost(host, { servers: address })) as [Host, Host]
    await connected(a, b)
    const worker = startHost('a', { servers: address, offer: false }, a.name)
    expect([a.bridge.isHub, worker.bridge.isHub]).toEqual([true, false])
    const [own, other] = [worker.bridge.contest(), b.bridge.contest()]
    // A lost release would make the next claim wait for an hour.
    const lasting = { ttlMs: 3_600_000 }
    const tokens: number[] = []
    for (let i = 0; i < 20; i++) await own.run('job', lasting, ({ token }) => void tokens.push(token))
    const guard = await own.claim('job', lasting)
    const waiting = other.claim('job', lasting)
    await guard.release()
    const next = await waiting
    tokens.push(guard.token, next.token)
    expect(tokens).toEqual([...new Set(tokens)].sort((x, y) => x - y))
    await next.release()
    expect(await own.tryClaim('job', lasting)).toBeDefined()
  })

  it('are released at any moment while the process that holds the bridge closes', async () => {
    const { address } = await NatsServer.start()
    const [a, b] = ['a', 'b'].map((host) => startHost(host, { servers: address })) as [Host, Host]
    await connected(a, b)
    const worker = startHost('a', { servers: address, offer: false }, a.name)
    // A lost release would make the other host wait for an hour.
    const lasting = { ttlMs: 3_600_000 }
    let holder = a
    for (let turns = 0; turns < 4; turns++) {
      const guard = await worker.bridge.contest().claim('job', lasting)
      const closing = holder.bridge.close()
      for (let turn = 0; turn < turns; turn++) await new Promise((resolve) => setImmediate(resolve))
      const released = guard.release()
      holder = startHost('a', { servers: address }, a.name)
      await Promise.all([closing, released])
      const next = await b.bridge.contest().claim('job', { ...lasting, timeoutMs: 60_000 })
      expect(next.token).toBeGreaterThan(guard.token)
      await next.release()
    }
  })

  it('go on after a release that another program has sent wrongly', async () => {
    const { address } = await NatsServer.start()
    const a = startHost('a', { servers: address })
    await connected(a)
    const client = new Client<Handlers>(a.fleet, 'orbit.bridge')
    for (const wrong of [undefined, null, 17, {}, { key: 17, revision: -1 }]) client.tell('releaseLater', wrong)
    expect(await client.call('drained')).toBeUndefined()
    await a.bridge.contest().run('job', {}, ({ token }) => expect(token).toBeGreaterThan(0))
  })

  it('are noted in one list, also if the first two claims come at once', async () => {
    const { address } = await NatsServer.start()
    const { fleet } = startHost('other', { servers: address, offer: false })
    const spec = specOf({ servers: address, host: 'a' })
    const [memory, changes] = [new Memory(fleet), new OrbitEventBus(fleet, { name: 'changes' })]
    const hub = new Hub({ fleet, spec, memory, changes, answer: async (question) => question, warn: () => {} })
    const over = new AbortController()
    const work = hub.run(over.signal)
    await until(() => memory.number(connectedName).get() === 1)
    const [first, second] = await Promise.all([hub.leases(), hub.leases()])
    expect(first).toBe(second) // else a claim does not wait for the release before it
    over.abort()
    await work
    await expect(hub.leases()).rejects.toMatchObject({ code: 'ERR_ORBIT_BRIDGE_UNREACHABLE' })
  })

  it('are lost by a host that is cut off before another host gets them', async () => {
    const server = await NatsServer.start()
    const wire = await Wire.to(server.port)
    const a = startHost('a', { servers: wire.address })
    const b = startHost('b', { servers: server.address })
    await connected(a, b)
    const fence = new Fence()
    const guard = await a.bridge.contest().claim('job', { ttlMs: 2000 })
    expect(fence.admit(guard.token)).toBe(true)
    let lost = false
    guard.signal.addEventListener('abort', () => {
      lost = true
    })
    await new Promise((resolve) => setTimeout(resolve, 2300)) // it is renewed
    expect(guard.held).toBe(true)
    wire.cut()
    const next = await b.bridge.contest().claim('job', { ttlMs: 5000 })
    expect([lost, guard.held]).toEqual([true, false])
    expect(guard.signal.reason).toMatchObject({ code: 'ERR_ORBIT_BRIDGE_LOST' })
    expect(fence.admit(next.token)).toBe(true)
    expect(fence.admit(guard.token)).toBe(false)
    await next.release()
    await until(() => !a.bridge.stats().connected)
  })
})
