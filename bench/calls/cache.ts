import { codecs, Fleet, type NetId64, OrbitCache, TypedCache } from '../../src/index.js'
import { bytesOf, type Call, consumed, onFleet } from './call.js'

const operations = 1000
const live = 1000
const keys = Array.from({ length: live }, (_, i) => `user/${i}`)
const value = bytesOf(64)
/** Room for the live keys and as much again. */
const options = { capacity: 2048, valueBytes: 64 }

const get: Call = {
  name: 'cache get hit, 64 B',
  measures: `cache.get(key) of 64 bytes, copied out, over ${live} live keys`,
  unit: 'call',
  operations,
  setup: onFleet((fleet) => {
    const cache = new OrbitCache(fleet, options)
    for (const key of keys) cache.put(key, value)
    return () => {
      let sum = 0
      for (const key of keys) sum += (cache.get(key) as Uint8Array)[0] as number
      consumed.number += sum
    }
  }),
}

const unchanged: Call = {
  name: 'TypedCache.get, unchanged',
  measures: `typed.get(key) of an entry that this handle has decoded, a field read, over ${live} live keys`,
  unit: 'call',
  operations,
  setup: onFleet((fleet) => {
    const cache = new TypedCache(fleet, { ...options, codec: codecs.json<{ n: number }>() })
    keys.forEach((key, n) => void cache.put(key, { n }))
    return () => {
      let sum = 0
      for (const key of keys) sum += cache.get(key)?.n ?? 0
      consumed.number += sum
    }
  }),
}

const miss: Call = {
  name: 'cache get miss',
  measures: `cache.get(key) of ${live} keys that nobody has put, with as many live ones`,
  unit: 'call',
  operations,
  setup: onFleet((fleet) => {
    const cache = new OrbitCache(fleet, options)
    for (const key of keys) cache.put(key, value)
    const missing = keys.map((key) => `${key}?`)
    return () => {
      let found = 0
      for (const key of missing) if (cache.get(key) !== undefined) found++
      consumed.number += found
    }
  }),
}

const put = (name: string, measures: string, putOptions?: { ttlMs: number }): Call => ({
  name,
  measures,
  unit: 'call',
  operations,
  ...(putOptions === undefined ? {} : { arguments: 4 }),
  setup: onFleet((fleet) => {
    const cache = new OrbitCache(fleet, options)
    return () => {
      let id: NetId64 | undefined
      for (const key of keys) id = cache.put(key, value, putOptions)
      consumed.value = id
    }
  }),
})

/** The puts have a call of their own; what is over theirs is the catching up. */
const catchUp: Call = {
  name: 'cache put and catch up, 64 B',
  measures: `cache.put of one handle, then a get of another that notes ${operations} new frames at once`,
  unit: 'frame',
  operations,
  setup: onFleet((fleet) => {
    const writer = new OrbitCache(fleet, options)
    const other = Fleet.joinShm(fleet.name, { lifetime: 'fleet' })
    process.on('exit', () => other.close())
    const reader = new OrbitCache(other, options)
    return () => {
      for (const key of keys) writer.put(key, value)
      consumed.value = reader.get('nobody puts this')
    }
  }),
}

export default [
  get,
  unchanged,
  miss,
  put('cache put 64 B', 'cache.put(key, value) of 64 bytes, the id unused'),
  put('cache put 64 B, ttl', 'cache.put(key, value, { ttlMs })', { ttlMs: 60_000 }),
  catchUp,
]
