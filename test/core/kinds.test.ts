import { describe, expect, it } from 'vitest'
import { feedOf } from '../../src/cli/itemfeed.js'
import { kindNamed } from '../../src/cli/kindoperand.js'
import {
  Contest,
  codecs,
  Fleet,
  NetId64,
  Orbital,
  OrbitCache,
  OrbitError,
  OrbitEventBus,
  orbitType,
  pod,
  TypedCache,
} from '../../src/index.js'
import { faultAddon } from '../help/addons.js'
import { fleetAt, objectFile } from '../help/bytes.js'
import { fleetName, hasObjectFiles, joinShm, keep, memories } from '../help/fleets.js'
import { start } from '../help/processes.js'
import { expectRangeError, expectRefusal, expectTypeError, thrownBy, untyped } from '../help/refusals.js'
import { isLinux } from '../help/system.js'

const named = (name: string) => orbitType({ name, capacity: 8, payloadBytes: 16 })
const kindIn = (fleet: Fleet, name: string) => fleet.stats(named(name))?.kind

describe.each(memories)('a type without a KIND in $memory', ({ join }) => {
  it('has the same KIND in all members, and another one than other names', () => {
    const name = fleetName()
    const [a, b] = [join(name), join(name)]
    const type = named('orders')
    expect(type.kind).toBeUndefined()
    const id = a.publish(type, Buffer.from('one'))
    expect(id.kind).toBe(128)
    expect(b.publish(named('users'), Buffer.from('two')).kind).toBe(129)
    expect(b.publishBatch(named('orders'), [Buffer.from('three')]).map(({ kind, counter }) => [kind, counter])).toEqual(
      [[128, 1]],
    )
    expect(Buffer.from(b.read(id)?.payload ?? []).toString()).toBe('one')
    expect(
      b
        .cursor(type)
        .poll()
        .frames.map(({ kind }) => kind),
    ).toEqual([128, 128])
    expect([kindIn(a, 'users'), kindIn(b, 'orders')]).toEqual([129, 128])
  })

  it('does not meet a type of its name that has a KIND', () => {
    const fleet = join(fleetName())
    const high = orbitType({ name: 'orders', kind: 127 })
    fleet.publish(high, Buffer.from('x'))
    fleet.publish(named('orders'), Buffer.from('y'))
    expect([fleet.head(high), fleet.head(named('orders')), kindIn(fleet, 'orders')]).toEqual([1, 1, 128])
  })

  it('works with an Orbital, also by id', () => {
    const fleet = join(fleetName())
    const orbital = new Orbital(fleet, orbitType({ name: 'load', pod: pod({ busy: 'u32' }) }))
    const other = new Orbital(fleet, orbitType({ name: 'other', pod: pod({ busy: 'u32' }) }))
    const id = orbital.store({ busy: 3 })
    other.store({ busy: 4 })
    expect(orbital.loadById(id)).toEqual({ busy: 3 })
    expect(other.loadById(id)).toBeUndefined()
    expect(orbital.loadById(NetId64.make(200, 0, 0))).toBeUndefined()
  })

  it('is refused if another type of its name differs', () => {
    const name = fleetName()
    join(name).head(named('orders'))
    const other = orbitType({ name: 'orders', capacity: 16, payloadBytes: 16 })
    expectRefusal(() => join(name).head(other), OrbitError, 'ERR_ORBIT_TYPE_MISMATCH', 'capacity=16')
  })

  it('is refused when the fleet has given all 72 KINDs for names, and changes nothing then', () => {
    const fleet = join(fleetName())
    const small = (i: number) => orbitType({ name: `type ${i}`, capacity: 1, payloadBytes: 0 })
    for (let i = 0; i < 72; i++) expect(fleet.publish(small(i), new Uint8Array()).kind).toBe(128 + i)
    expectRefusal(
      () => fleet.head(small(72)),
      OrbitError,
      'ERR_ORBIT_KINDS_FULL',
      'all 72 KINDs',
      'a KIND of their own',
    )
    expect(fleet.head(small(71))).toBe(1)
    fleet.head(orbitType({ name: 'explicit', kind: 0 }))
  })
})

describe('orbitType', () => {
  it('takes KINDs up to 127, and names of users without one', () => {
    expect(orbitType({ name: 'last', kind: 127 }).kind).toBe(127)
    for (const kind of [128, 199, 200, 255]) {
      expectRangeError(() => orbitType({ name: 'x', kind }), `kind=${kind}`, '0..127', 'the fleet chooses one')
    }
    expectRangeError(() => orbitType({ name: 'x', kind: 256 }), 'kind=256')
    expectTypeError(() => orbitType(untyped({ name: 'x', kind: null })), 'kind=null')
    expectRangeError(() => orbitType({ name: 'orbit.cache:x' }), 'orbit.cache:x', 'does not begin with')
    expectRangeError(() => orbitType({ name: '' }), 'name=""')
  })
})

describe.each(memories)('layers with names in $memory', ({ join }) => {
  it('are caches of their own', () => {
    const name = fleetName()
    const [a, b] = [join(name), join(name)]
    const sessions = new OrbitCache(a, { name: 'sessions', capacity: 4, valueBytes: 16 })
    const pages = new OrbitCache(a, { name: 'pages', capacity: 8, valueBytes: 1024 })
    const plain = new OrbitCache(a)
    expect([sessions.put('k', '1').kind, pages.put('k', '2').kind, plain.put('k', '3').kind]).toEqual([128, 129, 200])
    const again = new OrbitCache(b, { name: 'sessions' })
    expect([again.get('k'), new OrbitCache(b, { name: 'pages' }).get('k')]).toEqual(
      [Buffer.from('1'), Buffer.from('2')].map((bytes) => Uint8Array.from(bytes)),
    )
    expect([again.capacity, pages.capacity, plain.capacity]).toEqual([4, 8, 1024])
    again.reset()
    expect([sessions.get('k'), plain.get('k')?.length]).toEqual([undefined, 1])
  })

  it('are buses of their own, with the ids of their events', async () => {
    const fleet = join(fleetName())
    const jobs = new OrbitEventBus(fleet, { name: 'jobs', capacity: 8 })
    const plain = new OrbitEventBus(fleet)
    const heard = jobs.subscribe('a')[Symbol.asyncIterator]()
    const plainHeard = plain.subscribe('a')[Symbol.asyncIterator]()
    const id = jobs.publish('a', 'job')
    plain.publish('a', 'plain')
    const event = (await heard.next()).value
    expect([event?.text(), String(event?.id), id.kind]).toEqual(['job', String(id), 128])
    const other = (await plainHeard.next()).value
    expect([other?.text(), other?.id.kind]).toEqual(['plain', 220])
    await heard.return?.()
    await plainHeard.return?.()
    expect(jobs.cursor().poll().events.length).toBe(1)
  })

  it('are contests of their own', () => {
    const fleet = join(fleetName())
    const [blue, green] = [
      new Contest(fleet, { name: 'blue', capacity: 16 }),
      new Contest(fleet, { name: 'green', capacity: 16 }),
    ]
    const claim = (contest: Contest) => 'guard' in contest.tryClaim('leader', { ttlMs: 60_000 })
    expect([claim(blue), claim(green), claim(new Contest(fleet)), claim(blue)]).toEqual([true, true, true, false])
    expect(new Contest(fleet, { name: 'blue' }).holder('leader')).toBeDefined()
  })

  it('load the same key of two caches at the same time', async () => {
    const fleet = join(fleetName())
    const [one, two] = ['one', 'two'].map((name) => new TypedCache(fleet, { name, codec: codecs.text() }))
    const inner = one?.getOrSet('k', async () => `${await two?.getOrSet('k', () => 'deep')}!`)
    expect(await inner).toBe('deep!')
    expect([one?.get('k'), two?.get('k')]).toEqual(['deep!', 'deep'])
  })

  it('are refused with a name that does not fit', () => {
    const fleet = join(fleetName())
    for (const Layer of [OrbitCache, OrbitEventBus, Contest]) {
      expectRangeError(() => new Layer(fleet, { name: '' }), 'name=""')
      expectRangeError(() => new Layer(fleet, { name: 'x'.repeat(49) }), '48')
      expectTypeError(() => new Layer(fleet, { name: untyped(1) }), 'name=1')
    }
    expect(new OrbitCache(fleet, { name: 'ü'.repeat(24), capacity: 1, valueBytes: 1 }).put('a', 'b').kind).toBe(128)
  })
})

describe.skipIf(!hasObjectFiles)('an observer of named objects', () => {
  it('finds them by their names once a member has opened them', () => {
    const name = fleetName('kinds')
    const fleet = joinShm(name)
    using watcher = Fleet.observe(name)
    const cache = new OrbitCache(watcher, { name: 'sessions' })
    expect([cache.get('k'), watcher.stats(named('orders')), watcher.head(named('orders'))]).toEqual([
      undefined,
      undefined,
      0,
    ])
    fleet.publish(named('orders'), Buffer.from('x'))
    new OrbitCache(fleet, { name: 'sessions' }).put('k', 'v')
    expect(watcher.head(named('orders'))).toBe(1)
    expect(Buffer.from(cache.get('k') ?? []).toString()).toBe('v')
    expect(
      ['orders', 'cache:sessions', 'orbit.cache:sessions', 'cache'].map((each) => kindNamed(watcher, each)),
    ).toEqual([128, 129, 129, 200])
    expect((thrownBy(() => kindNamed(watcher, 'cache:other')) as OrbitError).code).toBe('ERR_ORBIT_NOT_FOUND')
    expect(feedOf(watcher, 129, { from: 'start' }).poll(9).items).toMatchObject([{ item: 'mutation' }])
  })
})

describe.skipIf(!hasObjectFiles)('the names in shared memory', () => {
  it('are not trusted', () => {
    const name = fleetName('kinds')
    const fleet = joinShm(name)
    fleet.publish(named('orders'), Buffer.from('x'))
    const file = objectFile(name, 'fleet')
    for (const bytes of [65n, 2n ** 32n + 6n, 2n ** 64n - 1n]) {
      file.setU64(fleetAt.name(0), bytes)
      expect(joinShm(name).head(named('users'))).toBe(0)
      expect(kindIn(joinShm(name), 'users')).toBe(129)
    }
    file.setU64(fleetAt.name(0), 6n)
    file.setBytes(fleetAt.name(0) + 8, Buffer.from('u'))
    expect((thrownBy(() => joinShm(name).head(named('urders'))) as OrbitError).code).toBe('ERR_ORBIT_TYPE_MISMATCH')
  })

  it('begin anew with a new fleet, and stay when a ring is removed', () => {
    const name = fleetName('kinds')
    const fleet = joinShm(name)
    fleet.head(named('orders'))
    fleet.head(named('users'))
    Fleet.remove(name, { kind: 128, force: true })
    expect(kindIn(joinShm(name), 'orders')).toBe(128)
    Fleet.remove(name, { force: true })
    expect(kindIn(joinShm(name), 'users')).toBe(128)
  })
})

describe.runIf(isLinux)('members that name objects at the same time', () => {
  it('wait for each other, and one that dies leaves the KIND free', async () => {
    const name = fleetName('kinds')
    const fleet = keep(Fleet.joinShm(name, { joinTimeoutMs: 0 }))
    const other = start('actor.mjs', ['frames', 'namer'], { env: { ORBIT_NATIVE_PATH: faultAddon() } })
    await other.next()
    other.tell('fault', 'name:found', 19)
    other.tell('open', name, 'theirs')
    await other.stopped()
    expectRefusal(() => fleet.head(named('mine')), OrbitError, 'ERR_ORBIT_BUSY')
    await other.kill()
    expect([kindIn(fleet, 'mine'), kindIn(fleet, 'theirs')]).toEqual([128, 129])
  })

  it('give one KIND to each name, and no name to two', async () => {
    const name = fleetName('kinds')
    const names = Array.from({ length: 12 }, (_, i) => `type ${i}`)
    const children = Array.from({ length: 4 }, () => start('actor.mjs', ['frames', 'namer']))
    for (const child of children) await child.next()
    for (const [i, child] of children.entries()) {
      const order = names.map((_, at) => names[(at * 5 + i * 3) % 12] as string)
      child.tell('openAll', name, order)
    }
    const found = await Promise.all(children.map((child) => child.next<{ value: [string, number][] }>()))
    const [first, ...rest] = found.map(({ value }) => value.sort(([a], [b]) => (a < b ? -1 : 1)))
    expect(new Set(first?.map(([, kind]) => kind)).size).toBe(12)
    for (const each of rest) expect(each).toEqual(first)
  })
})
