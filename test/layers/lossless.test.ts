// Strings that name something: distinct ones never meet. A string with an unpaired surrogate has no UTF-8 of its own,
// so it is refused.
import { describe, expect, it } from 'vitest'
import { Contest, codecs, Fleet, OrbitCache, OrbitEventBus, orbitType, TypedCache } from '../../src/index.js'
import { fleetName, joinLocal } from '../help/fleets.js'
import { expectRangeError } from '../help/refusals.js'

const illFormed = ['\ud800', 'user-\udc00', `${'x'.repeat(60)}\ud83d`, '\udc00\ud800 ключ']
const wellFormed = ['user-\ufffd', '\ud83d\ude00', `${'x'.repeat(60)}\ud83d\ude00`, 'ключ']

describe('a string with an unpaired surrogate', () => {
  it('is refused as a key of a cache', () => {
    const cache = new OrbitCache(joinLocal(fleetName()))
    cache.put('user-\ufffd', 'of another user')
    for (const key of illFormed) {
      for (const call of [
        () => cache.put(key, 'mine'),
        () => cache.get(key),
        () => cache.getEntry(key),
        () => cache.delete(key),
        () => cache.reset(key),
      ]) {
        expectRangeError(call, 'key=', 'must be well-formed UTF-16')
      }
    }
    expect(Buffer.from(cache.get('user-\ufffd') as Uint8Array).toString()).toBe('of another user')
  })

  it('is refused as a key of a typed cache, and not loaded', async () => {
    const cache = new TypedCache(joinLocal(fleetName()), { codec: codecs.json<string>() })
    cache.put('\ufffd', 'of another user')
    expectRangeError(() => cache.get('\ud800'), 'key=', 'well-formed')
    const error = await cache.getOrSet('\ud801', () => 'loaded').catch((caught: unknown) => caught)
    expect(error).toMatchObject({ code: 'ERR_ORBIT_OUT_OF_RANGE' })
    expect(cache.get('\ufffd')).toBe('of another user')
  })

  it('is refused as a namespace, a subject, a topic, a pattern and the name of a type', () => {
    const fleet = joinLocal(fleetName())
    const [contest, bus] = [new Contest(fleet), new OrbitEventBus(fleet)]
    for (const text of illFormed) {
      expectRangeError(() => new OrbitCache(fleet, { namespace: text }), 'namespace=', 'well-formed')
      expectRangeError(() => contest.tryClaim(text, { ttlMs: 1000 }), 'subject=', 'well-formed')
      expectRangeError(() => contest.holder({ kind: 3, label: text }), 'subject=', 'well-formed')
      expectRangeError(() => bus.publish(text, 'payload'), 'topic=', 'well-formed')
      expectRangeError(() => bus.subscribe(text), 'pattern=', 'well-formed')
      expectRangeError(() => orbitType({ name: text.slice(-8), kind: 1, capacity: 4 }), 'name=', 'well-formed')
    }
    expect(contest.holders()).toEqual([])
  })
})

describe('a well-formed string', () => {
  it('is a name of its own as a key, a subject and a topic', () => {
    const fleet = joinLocal(fleetName())
    const [cache, contest, bus] = [new OrbitCache(fleet), new Contest(fleet), new OrbitEventBus(fleet)]
    const cursor = bus.cursor()
    for (const text of wellFormed) {
      cache.put(text, text)
      expect('guard' in contest.tryClaim(text, { ttlMs: 60_000 })).toBe(true)
      bus.publish(text)
    }
    expect(wellFormed.map((text) => Buffer.from(cache.get(text) as Uint8Array).toString())).toEqual(wellFormed)
    expect(cursor.poll().events.map((event) => event.topic)).toEqual(wellFormed)
    expect(contest.holders().map((holder) => holder.subject.label)).toEqual(expect.arrayContaining(wellFormed))
  })
})

it('refuses the name of a fleet with an unpaired surrogate', () => {
  expect(() => Fleet.join('fleet-\ud800')).toThrow(/name=/)
})
