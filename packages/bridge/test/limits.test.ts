import { describe, expect, it } from 'vitest'
import { connected, startHost } from './help/hosts.js'
import { hasNats, NatsServer, Wire } from './help/nats.js'

describe.skipIf(!hasNats)('limits of three hosts', () => {
  it('are never exceeded, and fall short by less than a share for each other host', async () => {
    const { address } = await NatsServer.start()
    const hosts = ['a', 'b', 'c'].map((host) => startHost(host, { servers: address }))
    await connected(...hosts)
    const options = { name: 'api', limit: 100, windowMs: 43_200_000, share: 8 }
    const limiters = hosts.map(({ bridge }) => bridge.limiter(options))
    let allowed = 0
    // Two callers on each host, which compete for shares.
    const callers = [...limiters, ...limiters].map(async (limiter, i) => {
      for (let n = 0; n < 10 + 4 * i; n++) if ((await limiter.take('key')).allowed) allowed++
    })
    await Promise.all(callers)
    expect(allowed).toBeLessThanOrEqual(100)
    expect(allowed).toBeGreaterThanOrEqual(100 - 2 * 7)
    // One host alone gets all that is left, but for what the others hold.
    for (let n = 0; n < 200; n++) if ((await limiters[0]?.take('key'))?.allowed) allowed++
    expect(allowed).toBeLessThanOrEqual(100)
    expect(await limiters[0]?.take('key')).toMatchObject({ allowed: false, reason: 'limit' })
    expect((await limiters[1]?.take('other', 100))?.allowed).toBe(true)
    expect((await limiters[2]?.take('other', 1))?.allowed).toBe(false)
  })

  it('refuse, or allow if asked, while the server cannot be reached', async () => {
    const server = await NatsServer.start()
    const wire = await Wire.to(server.port)
    const host = startHost('a', { servers: wire.address })
    await connected(host)
    const options = { name: 'l', limit: 10, windowMs: 43_200_000, share: 2 }
    const [strict, lax] = [host.bridge.limiter(options), host.bridge.limiter({ ...options, whenCutOff: 'allow' })]
    expect((await strict.take('k')).allowed).toBe(true)
    wire.cut()
    while (host.bridge.stats().connected) await new Promise((resolve) => setTimeout(resolve, 5))
    expect((await strict.take('k')).allowed).toBe(true) // the rest of its share
    expect(await strict.take('k')).toMatchObject({ allowed: false, reason: 'cut-off' })
    expect(await lax.take('k')).toMatchObject({ allowed: true, reason: 'cut-off' })
  })
})
