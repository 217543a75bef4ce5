// The cache, claims and ids.

import {
  Contest,
  codecs,
  type Fleet,
  type Guard,
  NetId64,
  OrbitCache,
  OrbitStore,
  TypedCache,
} from '../../src/index.js'
import { bytesOf } from './bytes.js'
import { batchCall, consumed, fleetCall, otherMember, plainCall } from './call.js'

const keys = Array.from({ length: 1000 }, (_, i) => `user/${i}`)
const absent = keys.map((key) => `${key}?`)
const value = bytesOf(64)
/** Room for the live keys and as much again. */
const options = { capacity: 2048, valueBytes: 64 }

const cacheCall = (name: string, measures: string, start: (cache: OrbitCache) => (i: number) => unknown) =>
  fleetCall(name, measures, (fleet) => {
    const cache = new OrbitCache(fleet, options)
    for (const key of keys) cache.put(key, value)
    return start(cache)
  })

const storeCall = (name: string, measures: string, start: (store: OrbitStore) => (i: number) => unknown) =>
  fleetCall(`OrbitStore ${name}`, measures, (fleet) => {
    const store = new OrbitStore(fleet, { bytes: 8 * 2 ** 20 })
    for (const key of keys) store.put(key, value)
    return start(store)
  })

const target = new Uint8Array(64)

const hit = (bytes: number) =>
  fleetCall(`cache get hit, ${bytes} B`, `cache.get(key) of ${bytes} bytes, over 1,000 live keys`, (fleet) => {
    const cache = new OrbitCache(fleet, { capacity: 2048, valueBytes: bytes })
    for (const key of keys) cache.put(key, bytesOf(bytes))
    return (i) => (cache.get(keys[i] as string) as Uint8Array)[0]
  })

const user = { id: 12345, name: 'Ada Lovelace', email: 'ada@example.com', roles: ['admin', 'user'] }
const userOptions = { codec: codecs.json<typeof user>(), values: 'own' } as const
function userCache(fleet: Fleet): TypedCache<typeof user> {
  try {
    return new TypedCache(fleet, { ...userOptions, bytes: 8 * 2 ** 20 })
  } catch {
    // bench:compare measures older builds, too: before there was a store, a cache had a ring.
    return new TypedCache(fleet, { ...userOptions, capacity: 2048, valueBytes: 256 } as typeof userOptions)
  }
}
const jsonCall = (name: string, measures: string, start: (cache: TypedCache<typeof user>) => (i: number) => unknown) =>
  fleetCall(`TypedCache ${name}`, measures, (fleet) => {
    const cache = userCache(fleet)
    for (const key of keys) cache.put(key, user)
    return start(cache)
  })

const ttlMs = 600_000

/** Guards, for as long as the process lives. */
const held: Guard[] = []

function won(contest: Contest): Guard {
  const result = contest.tryClaim('leader', { ttlMs, owner: 'bench' })
  if ('yieldTo' in result) throw new Error('the subject is held')
  held[0] = result.guard
  return result.guard
}

const contestCall = (
  name: string,
  measures: string,
  start: (contest: Contest, fleet: Fleet) => (i: number) => unknown,
) => fleetCall(`Contest ${name}`, measures, (fleet) => start(new Contest(fleet), fleet))

const id = NetId64.make(12, 34, 567890)
const text = id.toString()
const wire = id.toBytes()
const idCall = (name: string, measures: string, call: (i: number) => unknown) =>
  plainCall(`NetId64 ${name}`, measures, () => call)

export default [
  cacheCall(
    'cache get hit, 64 B',
    'cache.get(key) of 64 bytes, copied out, over 1,000 live keys',
    (cache) => (i) => (cache.get(keys[i] as string) as Uint8Array)[0],
  ),
  ...[72, 256].map(hit),
  jsonCall(
    'put, JSON',
    'typed.put(key, value) of 85 bytes of JSON',
    (cache) => (i) => cache.put(keys[i] as string, user),
  ),
  jsonCall(
    'get, JSON decoded',
    "typed.get(key) of 85 bytes of JSON, with values: 'own'",
    (cache) => (i) => cache.get(keys[i] as string),
  ),
  storeCall(
    'get hit, 64 B',
    'store.get(key) of 64 bytes, over 1,000 live keys',
    (store) => (i) => (store.get(keys[i] as string) as Uint8Array)[0],
  ),
  storeCall(
    'getInto, 64 B',
    'store.getInto(key, target) of 64 bytes',
    (store) => (i) => store.getInto(keys[i] as string, target),
  ),
  storeCall(
    'get miss',
    'store.get(key) of keys that were never put, beside 1,000 live ones',
    (store) => (i) => store.get(absent[i] as string),
  ),
  storeCall('put 64 B', 'store.put(key, value) of 64 bytes', (store) => (i) => store.put(keys[i] as string, value)),
  fleetCall('TypedCache.get, unchanged', 'typed.get(key) of an entry that this handle has decoded', (fleet) => {
    const cache = new TypedCache(fleet, { bytes: 8 * 2 ** 20, codec: codecs.json<{ n: number }>() })
    keys.forEach((key, n) => void cache.put(key, { n }))
    return (i) => cache.get(keys[i] as string)?.n
  }),
  cacheCall(
    'cache get miss',
    'cache.get(key) of keys that were never put, beside 1,000 live ones',
    (cache) => (i) => cache.get(absent[i] as string),
  ),
  cacheCall(
    'cache put 64 B',
    'cache.put(key, value) of 64 bytes, the id unused',
    (cache) => (i) => cache.put(keys[i] as string, value),
  ),
  cacheCall(
    'cache put 64 B, ttl',
    'cache.put(key, value, { ttlMs })',
    (cache) => (i) => cache.put(keys[i] as string, value, { ttlMs: 60_000 }),
  ),
  batchCall(
    'cache put and catch up, 64 B',
    'cache.put of one handle, then a get of another that notes 1,000 new frames at once',
    keys.length,
    (fleet) => {
      const writer = new OrbitCache(fleet, options)
      const reader = new OrbitCache(otherMember(fleet), options)
      return () => {
        for (const key of keys) writer.put(key, value)
        consumed.value = reader.get('absent')
      }
    },
  ),
  contestCall('claim and release', 'tryClaim of a free subject and release of its guard, both', (contest) => () => {
    const guard = won(contest)
    guard.release()
    return guard
  }),
  contestCall('lost try', 'tryClaim of a subject that this process holds', (contest) => {
    won(contest)
    return () => contest.tryClaim('leader', { ttlMs, owner: 'bench' })
  }),
  contestCall('lost try, to another', 'tryClaim of a subject that another member holds', (contest, fleet) => {
    won(new Contest(otherMember(fleet)))
    return () => contest.tryClaim('leader', { ttlMs, owner: 'bench' })
  }),
  contestCall('holder', 'holder(subject)', (contest) => {
    won(contest)
    return () => contest.holder('leader')
  }),
  contestCall('renew', 'guard.renew(ttlMs)', (contest) => {
    const guard = won(contest)
    return () => guard.renew(ttlMs)
  }),
  contestCall('held', 'guard.held', (contest) => {
    const guard = won(contest)
    return () => guard.held
  }),
  idCall(
    'make, parts',
    'NetId64.make(kind, node, counter), and its counter read',
    (i) => NetId64.make(12, 34, i).counter,
  ),
  idCall('make, raw', 'NetId64.make(kind, node, counter), and its raw bigint read', (i) => NetId64.make(12, 34, i).raw),
  idCall('fromRaw', 'NetId64.fromRaw(raw), and its counter read', () => NetId64.fromRaw(id.raw).counter),
  idCall('toString', 'NetId64.make(kind, node, counter).toString()', (i) => NetId64.make(12, 34, i).toString()),
  idCall('parse', 'NetId64.parse("kind:node:counter")', () => NetId64.parse(text)),
  idCall('toBytes', 'id.toBytes()', () => id.toBytes()),
  idCall('fromBytes', 'NetId64.fromBytes(bytes)', () => NetId64.fromBytes(wire)),
]
