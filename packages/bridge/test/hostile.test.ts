// What other programs may do on the NATS server of a cluster: hosts drop it, and go on.
import { createServer, type Socket } from 'node:net'
import { jetstream } from '@nats-io/jetstream'
import { Kvm } from '@nats-io/kv'
import { connect, type NatsConnection } from '@nats-io/transport-node'
import { codecs, Fleet, OrbitEventBus } from 'orbit-node'
import { describe, expect, it, onTestFinished } from 'vitest'
import { fleetName } from '../../../test/help/fleets.js'
import { decodeChange, encodeChange } from '../src/cache/change.js'
import { encodeBatch } from '../src/events/batch.js'
import { announcementIn, Neighbors } from '../src/hub/neighbors.js'
import { connected, type Host, startHost, take, until } from './help/hosts.js'
import { hasNats, NatsServer } from './help/nats.js'

const events = [{ topics: ['stored'], delivery: 'stored' as const }, { topics: ['>'] }]

async function twoHosts(server: NatsServer, more: object = {}): Promise<[Host, Host]> {
  const hosts = ['a', 'b'].map((host) => startHost(host, { servers: server.address, events, ...more }))
  await connected(...hosts)
  return hosts as [Host, Host]
}

/** Another program on the server. */
async function stranger({ address }: NatsServer): Promise<NatsConnection> {
  const connection = await connect({ servers: address })
  onTestFinished(() => connection.close())
  return connection
}

const event = { topic: 'x', payload: Buffer.from('x'), timestampMs: 1 }
const whole = encodeBatch({ epoch: 1, first: 0, events: [event] })
/** Messages that are no batches, or not of this version. */
const wild = [
  new Uint8Array(0),
  whole.subarray(0, whole.length - 1),
  Buffer.concat([Buffer.of(9), whole.subarray(1)]),
  Buffer.alloc(900_000, 1),
  encodeBatch({ epoch: 1, first: 0, events: [{ ...event, timestampMs: Number.NaN }] }),
  encodeBatch({ epoch: 1, first: 0, events: [{ ...event, timestampMs: -1.5 }] }),
  encodeBatch({ epoch: 1, first: Number.MAX_SAFE_INTEGER, events: [event] }),
]
/** Last levels of subjects that no host has. */
const strangers = ['x'.repeat(65), 'a{b}', 'a"b', 'ä']

describe.skipIf(!hasNats)('two hosts', () => {
  it('drop the messages of other programs and versions, and go on', async () => {
    const server = await NatsServer.start()
    const [a, b] = await twoHosts(server)
    const [here, there] = [a, b].map(({ bridge }) => bridge.cache({ codec: codecs.json(), namespace: 'n' }))
    const connection = await stranger(server)
    const junk = [...wild, Buffer.from('null'), Buffer.from('{"id":"x","fleet":"f","sent":{"live":null}}')]
    for (const topic of ['live.live', 'log.stored', 'log.cache', 'hosts', 'ask']) {
      for (const bytes of junk) connection.publish(`orbit.default.${topic}.a`, bytes)
      for (const name of strangers) connection.publish(`orbit.default.${topic}.${name}`, whole)
    }
    const change = encodeChange({ op: 'delete', store: '', isOrdered: false, namespace: 'n', key: Buffer.from('k') })
    const other = Buffer.from(Buffer.from(change).toString().replace('"store":""', '"store":17'))
    connection.publish(
      'orbit.default.log.cache.c',
      encodeBatch({ epoch: 3, first: 0, events: [{ ...event, payload: other }] }),
    )
    await connection.flush()
    a.bus.publish('live', '1')
    a.bus.publish('stored', '1')
    expect(await take(b.bus, 'live', 1)).toEqual(['a live 1'])
    expect(await take(b.bus, 'stored', 1)).toEqual(['a stored 1'])
    there?.put('key', 'old')
    here?.delete('key')
    await until(() => there?.get('key') === undefined)
    for (const { bridge } of [a, b]) {
      expect(bridge.stats()).toMatchObject({ connected: true, outages: 0 })
      expect((await bridge.hosts()).map(({ host }) => host)).toEqual(expect.arrayContaining(['a', 'b']))
    }
  })

  it('go on where the buckets and logs of the server were made with other values and limits', async () => {
    const server = await NatsServer.start()
    const connection = await stranger(server)
    const buckets = new Kvm(jetstream(connection))
    const [leases, places] = [
      await buckets.create('orbit-default-leases', { history: 5 }),
      await buckets.create('orbit-default-hosts'),
    ]
    const name = (label: string) => Buffer.from(label).toString('base64url')
    for (const host of ['a', 'b']) await places.put(`cursor.stored.${name(host)}`, '{"seq":"all"}')
    await leases.put(`lock.0.${name('foreign')}`, 'held by version 9')
    const [a, b] = await twoHosts(server, { retain: { maxAgeMs: 60_000 } })
    const late = startHost('late', { servers: server.address, events, retain: { maxAgeMs: 90_000 } })
    await late.bridge.ready({ timeoutMs: 60_000 })
    b.bus.publish('stored', '1')
    expect(await take(late.bus, 'stored', 1)).toEqual(['b stored 1'])
    // It may be held for as long as a lock can be.
    expect(await a.bridge.contest().tryClaim('foreign')).toBeUndefined()
    const limiter = a.bridge.limiter({ name: 'l', limit: 5, windowMs: 43_200_000 })
    await limiter.take('k')
    for await (const key of await leases.keys('limit.>')) await leases.put(key, '[]')
    expect((await b.bridge.limiter({ name: 'l', limit: 5, windowMs: 43_200_000 }).take('k')).allowed).toBe(true)
  })

  it('carry topics with any characters, and count an event as unsent that is longer than the server takes', async () => {
    const server = await NatsServer.start()
    const names = ['a', 'b'].map((host) => fleetName(`bridge-${host}`))
    for (const name of names) {
      const fleet = Fleet.joinShm(name)
      onTestFinished(() => fleet.close())
      new OrbitEventBus(fleet, { capacity: 64, payloadBytes: 1_200_000 })
    }
    const options = { servers: server.address, events: [{ topics: ['>'] }] }
    const [a, b] = names.map((name, i) => startHost(i === 0 ? 'a' : 'b', options, name)) as [Host, Host]
    await connected(a, b)
    const topics = ['', '.', 'a b', '*', 'x.>', '>', 'x\r\nPUB y 0', 'ä.🚀', 't'.repeat(900)]
    for (const topic of topics) a.bus.publish(topic, 'x')
    a.bus.publish('long', Buffer.alloc(1_100_000))
    a.bus.publish('fits', 'x'.repeat(1_000_000))
    const arrived = await take(b.bus, '>', topics.length + 1)
    expect(arrived.slice(0, -1)).toEqual(topics.map((topic) => `a ${topic} x`))
    expect(arrived.at(-1)?.length).toBe('a fits '.length + 1_000_000)
    const { live } = a.bridge.stats().routes
    await until(() => b.bridge.stats().routes['live']?.received === topics.length + 1)
    expect(live).toMatchObject({ unsent: 1 })
    expect(b.bridge.stats().routes['live']).toMatchObject({ lost: { a: 1 } })
  })

  it('warn of a second host with the same name', async () => {
    const server = await NatsServer.start()
    const warned = new Promise<string>((resolve) => {
      const onWarning = (warning: Error & { code?: string }) => {
        if (warning.code === 'ORBIT_BRIDGE_NAME') resolve(warning.message)
      }
      process.on('warning', onWarning)
      onTestFinished(() => void process.off('warning', onWarning))
    })
    for (const _ of [1, 2]) startHost('twin', { servers: server.address })
    expect(await warned).toMatch(/two bridges of cluster default have host=twin/)
  })

  it('keep no more than 1024 names that were announced', () => {
    const neighbors = new Neighbors()
    const said = { id: 'i', fleet: 'f', pid: 1, unixMs: 1, sent: {}, lost: {} }
    for (let i = 0; i < 1100; i++) neighbors.note(`h${i}`, said, i)
    expect(neighbors.list(1100).length).toBe(1024)
    expect(neighbors.list(1100)[0]?.[0]).toBe('h76')
    for (const text of ['', '1', '{"id":"i","fleet":"f"}', '{"id":"i","fleet":"f","pid":1,"unixMs":1,"sent":{"x":{}}}'])
      expect(announcementIn(Buffer.from(text))).toBeUndefined()
    expect(announcementIn(Buffer.from(JSON.stringify(said)))).toEqual(said)
  })
})

describe('a bridge', () => {
  it('closes at once while a server accepts the connection and says nothing', async () => {
    const sockets: Socket[] = []
    const server = createServer((socket) => sockets.push(socket)).listen(0, '127.0.0.1')
    await new Promise((resolve) => server.once('listening', resolve))
    onTestFinished(() => {
      for (const socket of sockets) socket.destroy()
      server.close()
    })
    const { port } = server.address() as { port: number }
    // The client's own limit is longer than this test may take.
    const host = startHost('a', { servers: `127.0.0.1:${port}`, nats: { timeout: 120_000 } })
    await until(() => sockets.length > 0)
    await host.bridge.close()
  })
})

describe('a change', () => {
  it('is refused if it has other fields than this version writes', () => {
    const wrong = [
      {},
      { op: 'delete', store: '', isOrdered: false, namespace: 'n' },
      { op: 'delete', store: '', isOrdered: 1, namespace: 'n', key: '' },
      { op: 'merge', store: '', isOrdered: true, namespace: 'n', key: '' },
      { op: 'tags', store: '', isOrdered: true, tags: [1] },
      { op: 'put', store: '', isOrdered: true, namespace: 'n', key: '', options: { ttlMs: 0.5 } },
    ]
    for (const each of wrong) {
      const head = Buffer.from(JSON.stringify(each))
      const length = Buffer.alloc(4)
      length.writeUInt32LE(head.length)
      expect(decodeChange(Buffer.concat([length, head]))).toBeUndefined()
    }
  })
})
