import { codecs, OrbitStore } from 'orbit-node'
import { describe, expect, it } from 'vitest'
import { BridgedCache, type BridgedStore } from '../src/index.js'
import { connected, type Host, startHost, until } from './help/hosts.js'
import { hasNats, NatsServer, Wire } from './help/nats.js'

const json = { codec: codecs.json(), namespace: 'users', bytes: 1 << 20 }

async function twoHosts(more: object = {}): Promise<[Host, Host, Wire, NatsServer]> {
  const server = await NatsServer.start()
  const wire = await Wire.to(server.port)
  const a = startHost('a', { servers: server.address, ...more })
  const b = startHost('b', { servers: wire.address, ...more })
  await connected(a, b)
  return [a, b, wire, server]
}

describe.skipIf(!hasNats)('caches of two hosts', () => {
  it('drop what another host deletes, resets, invalidates or puts', async () => {
    const [a, b] = await twoHosts()
    const [here, there] = [a.bridge.cache(json), b.bridge.cache(json)]
    expect(here).toBeInstanceOf(BridgedCache)
    const keys = ['deleted', 'reset.1', 'tagged', 'put', 'kept']
    for (const key of keys) {
      await there.getOrSet(key, () => 'old', { tags: key === 'tagged' ? ['t'] : [] })
    }
    here.delete('deleted')
    here.reset('reset.')
    here.invalidate('t')
    here.put('put', 'new')
    await until(() => keys.every((key) => (key === 'kept') === (there.get(key) !== undefined)))
    expect(there.get('kept')).toBe('old')
    expect([here.get('put'), there.get('put')]).toEqual(['new', undefined])
    expect(b.bridge.stats().routes['cache']).toMatchObject({ received: 4, lost: {} })
  })

  it('get the values of puts if asked, and end with the same value however puts cross', async () => {
    const [a, b] = await twoHosts()
    const options = { namespace: 'n', bytes: 1 << 20, puts: true }
    const stores = [a, b].map(({ bridge }) => bridge.store(options)) as [BridgedStore, BridgedStore]
    stores[0].put('key', 'value', { ttlMs: 60_000 })
    await until(() => stores[1].has('key'))
    expect(Buffer.from(stores[1].get('key') as Uint8Array).toString()).toBe('value')
    expect(stores[1].getEntry('key')).toMatchObject({ hit: true, expiresInMs: expect.any(Number) })
    for (let i = 0; i < 50; i++) for (const [host, store] of stores.entries()) store.put('both', `${host} ${i}`)
    stores[0].put('large', new Uint8Array(20_000)) // too long for the bus of changes: a delete there
    await Promise.all([a, b].map(({ bridge }) => bridge.flush()))
    const textsOf = () => stores.map((store) => Buffer.from(store.get('both') ?? '').toString())
    await until(() => [a, b].every(({ bridge }) => (bridge.stats().routes['cache']?.received ?? 0) >= 50))
    await until(() => new Set(textsOf()).size === 1)
    expect(textsOf()[0]).toMatch(/^[01] 49$/)
    expect([stores[0].has('large'), stores[1].has('large')]).toEqual([true, false])
  })

  it('serve nothing older than staleMs while their host is cut off, and catch up before they serve it again', async () => {
    const [a, b, wire] = await twoHosts({ staleMs: 400 })
    const [here, there] = [a.bridge.cache(json), b.bridge.cache(json)]
    const raw = new OrbitStore(b.fleet, { namespace: 'users' })
    there.put('key', 'old')
    await b.bridge.flush()
    await until(() => there.get('key') === 'old' && b.bridge.stats().connected)
    wire.cut()
    here.delete('key')
    await a.bridge.flush()
    const deletedMs = performance.now()
    // No look that begins after the bound finds the old value.
    for (let lookMs = deletedMs; there.get('key') !== undefined; lookMs = performance.now()) {
      expect(lookMs - deletedMs).toBeLessThanOrEqual(400)
      await new Promise((resolve) => setTimeout(resolve, 1))
    }
    expect(raw.get('key')).toBeUndefined()
    there.put('own', 'young') // it may serve what it has just loaded
    expect(there.get('own')).toBe('young')
    await until(() => there.get('own') === undefined)
    expect(await there.getOrSet('own', () => 'loaded')).toBe('loaded')
    wire.heal()
    await until(() => b.bridge.stats().connected)
    there.put('after', 'x')
    await b.bridge.flush({ timeoutMs: 10_000 })
    expect(there.get('after')).toBe('x')
  })

  it('are emptied where a host was away for longer than the server keeps changes', async () => {
    const [a, b, wire] = await twoHosts({ staleMs: 60_000, retain: { maxAgeMs: 1000 } })
    const [here, there] = [a.bridge.cache(json), b.bridge.cache(json)]
    await there.getOrSet('key', () => 'old')
    const { resets } = b.bridge.stats()
    wire.cut()
    await until(() => !b.bridge.stats().connected)
    here.delete('other')
    await a.bridge.flush()
    await new Promise((resolve) => setTimeout(resolve, 1300)) // the server forgets it
    here.delete('another')
    await a.bridge.flush()
    wire.heal()
    await until(() => there.get('key') === undefined)
    expect(b.bridge.stats().resets).toBeGreaterThan(resets)
  })
})
