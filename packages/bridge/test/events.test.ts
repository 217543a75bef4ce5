import { describe, expect, it } from 'vitest'
import { connected, type Host, startHost, take } from './help/hosts.js'
import { hasNats, NatsServer } from './help/nats.js'

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
})
