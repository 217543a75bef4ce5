import { getEventListeners } from 'node:events'
import { describe, expect, it, onTestFinished } from 'vitest'
import {
  type Fleet,
  type FleetObserver,
  OrbitError,
  Presence,
  type PresenceChange,
  type PresenceOptions,
  type WatchPresenceOptions,
} from '../../src/index.js'
import { allKinds } from '../../src/inspect/kinds.js'
import { inspectRing } from '../../src/inspect/report.js'
import { fleetName, hasObjectFiles, joinLocal, joinShm, keep, memories, observe } from '../help/fleets.js'
import { start } from '../help/processes.js'
import { expectClosed, expectRangeError, expectRefusal, expectTypeError, untyped } from '../help/refusals.js'
import { isLinux } from '../help/system.js'

const of = (fleet: Fleet | FleetObserver, options?: PresenceOptions) => keep(new Presence(fleet, options))

/** The entries, as sorted texts. */
const listed = (presence: Presence): string[] =>
  presence
    .list()
    .map(({ id, value, node, incarnation }) => `${id}=${JSON.stringify(value)}@${node}.${incarnation}`)
    .sort()

/** The next changes of a watch, as texts. */
function watched(presence: Presence, options?: WatchPresenceOptions) {
  const changes = presence.watch(options)
  onTestFinished(() => void changes.return())
  return async (count: number): Promise<string[]> => {
    const texts: string[] = []
    while (texts.length < count) {
      const { value, done } = await changes.next()
      if (done) return [...texts, 'over']
      const { change, entry } = value as PresenceChange<unknown>
      texts.push(`${change} ${entry.id}=${JSON.stringify(entry.value)}@${entry.node}`)
    }
    return texts.sort()
  }
}

describe.each(memories)('a presence in $memory', ({ join }) => {
  function pair(options?: PresenceOptions) {
    const name = fleetName()
    const fleets = [join(name, { size: 4 }), join(name)] as const
    return { name, fleets, a: of(fleets[0], options), b: of(fleets[1], options) }
  }

  it('has the entries of all members, each with its node', () => {
    const { a, b } = pair()
    expect([a.list(), a.size]).toEqual([[], 0])
    a.set('ada', { room: 'lobby' })
    b.set('bob', 7)
    b.set('ada', 'elsewhere too')
    const all = ['ada="elsewhere too"@1.1', 'ada={"room":"lobby"}@0.1', 'bob=7@1.1']
    expect([listed(a), listed(b), a.size]).toEqual([all, all, 3])
    a.set('ada', { room: 'hall' })
    b.set('bob', undefined)
    expect(listed(a)).toEqual(['ada="elsewhere too"@1.1', 'ada={"room":"hall"}@0.1', 'bob=undefined@1.1'])
    expect([b.delete('ada'), b.delete('ada'), a.delete('bob')]).toEqual([true, false, false])
    expect(listed(b)).toEqual(['ada={"room":"hall"}@0.1', 'bob=undefined@1.1'])
  })

  it('gives values that are frozen, and the same object while an entry has not changed', () => {
    const { a, b } = pair()
    a.set('ada', { tags: ['x'] })
    const [first] = b.list()
    expect(Object.isFrozen((first?.value as { tags: string[] } | undefined)?.tags)).toBe(true)
    a.set('bob', 1)
    expect(b.list().find(({ id }) => id === 'ada')).toBe(first)
  })

  it('is watched with more entries than a call has room for as arguments', async () => {
    const { a, b } = pair({ capacity: 2 ** 18 })
    const count = 150_000
    for (let i = 0; i < count; i++) a.set(`${i}`, 0)
    const changes = b.watch()
    onTestFinished(() => void changes.return())
    expect(await changes.next()).toMatchObject({ done: false, value: { change: 'added' } })
  })

  it('forgets the entries of a handle or a fleet handle that is closed', () => {
    const { fleets, a, b } = pair()
    for (let i = 0; i < 50; i++) a.set(`a${i}`, i)
    b.set('b', 1)
    const again = of(fleets[1])
    again.set('b', 2)
    expect(b.size).toBe(52)
    a.close()
    a.close()
    expect(listed(b)).toEqual(['b=1@1.1', 'b=2@1.1'])
    expectClosed(() => a.set('a', 1))
    expectClosed(() => a.delete('a'))
    expect(listed(a)).toEqual(listed(b)) // it may still be read
    fleets[1].close()
    expect(a.list()).toEqual([])
    expectClosed(() => b.list())
    expectClosed(() => b.watch())
  })

  it('keeps presences of different names apart', () => {
    const { fleets, a, b } = pair()
    const rooms = of(fleets[0], { name: 'rooms' })
    rooms.set('lobby', 1)
    a.set('ada', 2)
    expect([listed(rooms), listed(of(fleets[1], { name: 'rooms' })), listed(b)]).toEqual([
      ['lobby=1@0.1'],
      ['lobby=1@0.1'],
      ['ada=2@0.1'],
    ])
  })

  it('holds as many entries as its capacity, and takes one again for each that is removed', () => {
    const { a, b } = pair({ capacity: 256, entryBytes: 32 })
    for (let i = 0; i < 128; i++) {
      a.set(`a${i}`, i)
      b.set(`b${i}`, i)
    }
    expect(a.size).toBe(256)
    expectRefusal(() => a.set('more', 1), OrbitError, 'ERR_ORBIT_TABLE_FULL', 'capacity=256', 'larger capacity')
    a.set('a5', 'changes need no room')
    expect(b.delete('b7')).toBe(true)
    a.set('more', 1)
    expect([a.size, a.list().some(({ id }) => id === 'more')]).toEqual([256, true])
  })

  it('refuses what does not fit, and changes nothing then', () => {
    const { a } = pair({ entryBytes: 16 })
    a.set('12345678', 123456)
    const tooLarge = (id: string, value: unknown) =>
      expectRefusal(() => a.set(id, value), RangeError, 'ERR_ORBIT_PAYLOAD_SIZE', 'entryBytes=16')
    tooLarge('12345678', 123456789)
    tooLarge('x'.repeat(17), undefined)
    expect(listed(a)).toEqual(['12345678=123456@0.1'])
    expectTypeError(() => a.set(untyped(5), 1), 'id=5')
    expectRangeError(() => a.set('', 1), 'id=""')
    expectRangeError(() => a.set('\ud800', 1), 'surrogates')
    expectTypeError(() => a.set('a', 1n), 'BigInt')
    expectTypeError(() => a.delete(untyped(undefined)), 'id=undefined')
    const fleet = join(fleetName())
    expectTypeError(() => new Presence(fleet, untyped({ size: 1 })), 'options.size')
    expectRangeError(() => new Presence(fleet, { entryBytes: 0 }), 'entryBytes=0')
    expectRangeError(() => new Presence(fleet, { capacity: 1000 }), 'capacity=1000')
    expectRangeError(() => new Presence(fleet, { name: '' }), 'name=""')
    expectTypeError(() => a.watch(untyped({ since: 1 })), 'options.since')
  })

  it('yields what is there to a watcher, and then each change', async () => {
    const { a, b } = pair()
    a.set('ada', 1)
    b.set('bob', 2)
    const next = watched(b)
    expect(await next(2)).toEqual(['added ada=1@0', 'added bob=2@1'])
    a.set('ada', 3)
    expect(await next(1)).toEqual(['changed ada=3@0'])
    a.set('cyd', 4)
    b.delete('bob')
    expect(await next(2)).toEqual(['added cyd=4@0', 'removed bob=2@1'])
    a.close()
    expect(await next(2)).toEqual(['removed ada=3@0', 'removed cyd=4@0'])
  })

  it('ends a watch when its signal is aborted or the fleet is closed', async () => {
    const { fleets, a, b } = pair()
    const abort = new AbortController()
    const nexts = [watched(a, { signal: abort.signal }), watched(b)]
    const ends = nexts.map((next) => next(1))
    await new Promise((resolve) => setImmediate(resolve))
    abort.abort()
    fleets[1].close()
    expect(await Promise.all(ends)).toEqual([['over'], ['over']])
    expect(getEventListeners(abort.signal, 'abort')).toEqual([])
  })

  it('has 100,000 entries', () => {
    const { a, b } = pair({ capacity: 2 ** 17, entryBytes: 40 })
    for (let i = 0; i < 50_000; i++) {
      a.set(`a-${i}`, i)
      b.set(`b-${i}`, i)
    }
    expect(new Set(b.list().map(({ id }) => id)).size).toBe(100_000)
    a.close()
    expect(b.size).toBe(50_000)
  })
})

describe.skipIf(!hasObjectFiles)('a presence of an observer', () => {
  it('can be read and watched, and not written to', async () => {
    const name = fleetName()
    const fleet = joinShm(name, { size: 4 })
    const observed = of(observe(name))
    expect(observed.list()).toEqual([])
    const next = watched(observed)
    const presence = of(fleet)
    presence.set('ada', 1)
    expect(await next(1)).toEqual(['added ada=1@0'])
    expect(listed(observed)).toEqual(['ada=1@0.1'])
    expectRefusal(() => observed.set('bob', 1), OrbitError, 'ERR_ORBIT_READ_ONLY')
  })
})

describe.runIf(isLinux && hasObjectFiles)('a presence of processes', () => {
  const member = async (name: string) => {
    const child = start('actor.mjs', ['presence', 'member', name])
    expect(await child.next()).toBe('ready')
    return child
  }

  it('loses the entries of a process that is killed, at once in lists and soon in watches', async () => {
    const name = fleetName()
    const presence = of(joinShm(name, { size: 4 }), { capacity: 64 })
    const next = watched(presence)
    const victim = await member(name)
    await victim.ask('set', 'ada', 1)
    await victim.ask('set', 'bob', 2)
    expect(await next(2)).toEqual(['added ada=1@1', 'added bob=2@1'])
    await victim.kill()
    expect(presence.list()).toEqual([])
    expect(await next(2)).toEqual(['removed ada=1@1', 'removed bob=2@1'])
    const successor = await member(name)
    expect(await successor.ask('list')).toEqual([])
    await successor.ask('set', 'ada', 3)
    expect(listed(presence)).toEqual(['ada=3@1.2'])
    expect(await next(1)).toEqual(['added ada=3@1'])
  })

  it('finds room in the cells of killed processes, and shows no mixed entry while they change', async () => {
    const name = fleetName()
    const presence = of(joinShm(name, { size: 8 }), { capacity: 32, entryBytes: 200 })
    for (let round = 0; round < 12; round++) {
      const writers = await Promise.all([member(name), member(name)])
      for (const writer of writers) writer.tell('flood', 12)
      await Promise.all(writers.map((writer) => writer.next()))
      for (let look = 0; look < 200; look++) {
        for (const { id, value, node } of presence.list()) {
          const { text, own } = value as { text: string; own: number }
          expect(new Set(text).size, `${id} of ${node}`).toBe(1)
          expect(own).toBe(node)
        }
      }
      await Promise.all(writers.map((writer) => writer.kill()))
      expect(presence.list()).toEqual([])
    }
    for (let i = 0; i < 32; i++) presence.set(`${i}`, i)
    expect(presence.size).toBe(32)
  })
})

describe.skipIf(!hasObjectFiles)('the reports of a presence', () => {
  it('count its entries, and find no damage', () => {
    const name = fleetName()
    const [fleet, other] = [joinShm(name, { size: 4 }), joinShm(name)]
    const [presence, leaving] = [of(fleet), of(other)]
    for (let i = 0; i < 5; i++) presence.set(`${i}`, i)
    leaving.set('leaves', 1)
    other.close()
    const kinds = allKinds(fleet)
    const reports = kinds.map((kind) => inspectRing(fleet, kind, fleet.nodes()))
    expect(reports).toMatchObject([
      { name: 'orbit.presence:default', form: 'table', table: { claims: 5, damagedBuckets: 0 } },
    ])
  })
})

describe('a presence', () => {
  it('is closed by using', () => {
    const fleet = joinLocal(fleetName())
    const other = of(fleet)
    {
      using presence = new Presence(fleet)
      presence.set('ada', 1)
      expect(other.size).toBe(1)
    }
    expect(other.size).toBe(0)
  })
})
