import { describe, expect, it } from 'vitest'
import type { EventRoute } from '../src/index.js'
import { connected, type Host, startHost, take, until } from './help/hosts.js'
import { hasNats, NatsServer, Wire } from './help/nats.js'

describe.skipIf(!hasNats)('events of three hosts', () => {
  for (const delivery of ['live', 'stored'] as const) {
    it(`reach the others with their origin, in order and once (${delivery})`, async () => {
      const { address } = await NatsServer.start()
      const options = { servers: address, events: [{ topics: ['a.>', 'b'], delivery }] }
      const [a, b, c] = ['a', 'b', 'c'].map((host) => startHost(host, options)) as [Host, Host, Host]
      await connected(a, b, c)
      for (let i = 0; i < 500; i++) a.bus.publish('a.x', `${i}`)
      b.bus.publish('b', 'from b')
      b.bus.publish('c', 'stays on b')
      const ofA = Array.from({ length: 500 }, (_, i) => `a a.x ${i}`)
      expect(await take(c.bus, 'a.x', 500)).toEqual(ofA)
      expect(await take(b.bus, 'a.x', 500)).toEqual(ofA)
      expect(await take(a.bus, 'b', 1)).toEqual(['b b from b'])
      expect(await take(c.bus, 'b', 1)).toEqual(['b b from b'])
      await Promise.all([a, b, c].map(({ bridge }) => bridge.flush()))
      // No event comes back to its host, and none goes on from the host that it came to.
      const topics = (bus: typeof a.bus) =>
        bus
          .cursor()
          .poll()
          .events.map(({ topic }) => topic)
      expect(topics(a.bus)).toEqual([...ofA.map(() => 'a.x'), 'b'])
      expect(topics(c.bus).length).toBe(501)
      const { routes } = b.bridge.stats()
      expect(routes[delivery]).toMatchObject({ sent: 1, received: 500, unsent: 0, duplicates: 0, lost: {} })
    })
  }

  it('arrive once, or are counted as lost, after a network that dropped packets and kept connections', async () => {
    const server = await NatsServer.start()
    const wire = await Wire.to(server.port)
    const events: EventRoute[] = [{ topics: ['stored', 'back'], delivery: 'stored' }, { topics: ['live'] }]
    const nats = { pingInterval: 100, maxPingOut: 2, timeout: 300, reconnectDelayHandler: () => 30 }
    const a = startHost('a', { servers: server.address, events })
    const b = startHost('b', { servers: wire.address, events, nats })
    await connected(a, b)
    a.bus.publish('stored', '0')
    a.bus.publish('live', '0')
    await take(b.bus, 'stored', 1)
    await take(b.bus, 'live', 1)
    wire.silence()
    for (let i = 1; i <= 100; i++) {
      a.bus.publish('stored', `${i}`)
      a.bus.publish('live', `${i}`)
      b.bus.publish('back', `${i}`)
    }
    await a.bridge.flush()
    await until(() => !b.bridge.stats().connected) // its pings are not answered
    expect(b.bridge.stats()).toMatchObject({ outages: 1, routes: { stored: { received: 1 } } })
    wire.heal()
    expect(await take(b.bus, 'stored', 101)).toEqual(Array.from({ length: 101 }, (_, i) => `a stored ${i}`))
    expect(await take(a.bus, 'back', 100)).toEqual(Array.from({ length: 100 }, (_, i) => `b back ${i + 1}`))
    const live = () => b.bridge.stats().routes['live']
    await until(() => (live()?.received ?? 0) + (live()?.lost['a'] ?? 0) === 101)
  })

  it('go on after the server has lost all that it stored', async () => {
    const server = await NatsServer.start()
    const options = { servers: server.address, events: [{ topics: ['a'], delivery: 'stored' as const }] }
    const [a, b] = ['a', 'b'].map((host) => startHost(host, options)) as [Host, Host]
    await connected(a, b)
    a.bus.publish('a', '0')
    await take(b.bus, 'a', 1)
    const token = await a.bridge.contest().run('lock', {}, ({ token }) => token)
    expect(token).toBeGreaterThan(0)
    await server.kill()
    server.forget()
    await server.restart()
    a.bus.publish('a', '1')
    expect(await take(b.bus, 'a', 2)).toEqual(['a a 0', 'a a 1'])
    await b.bridge.contest().run('lock', {}, () => {})
    await a.bridge.contest().run('lock', {}, () => {})
  })
})
