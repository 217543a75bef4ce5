import {
  Contest,
  type Counter,
  Counters,
  codecs,
  Fleet,
  type Guard,
  Orbital,
  OrbitCache,
  OrbitStore,
  orbitType,
  pod,
  RateLimiter,
  TypedCache,
} from '../../src/index.js'
import {
  type Cache,
  type CacheShape,
  type Claims,
  type Counts,
  type Latest,
  type Limits,
  limitOfAll,
  load,
  type Place,
  type Script,
  type ScriptCall,
  syncCache,
} from './driver.js'

const Load = orbitType({ name: 'Load', kind: 1, pod: pod({ busy: 'u32', idle: 'u32' }) })
/** Longer than any trial: a claim ends by a release or a death, not by time. */
const ttlMs = 600_000

const join = ({ name }: Place): Fleet => Fleet.joinShm(name, { lifetime: 'fleet' })

export async function latest(place: Place): Promise<Latest> {
  const fleet = join(place)
  const orbital = new Orbital(fleet, Load)
  return {
    storeAll(count) {
      for (let i = 0; i < count; i++) orbital.store(load)
    },
    loadAll(count) {
      let sum = 0
      for (let i = 0; i < count; i++) {
        const { busy, idle } = orbital.load() as typeof load
        sum += busy + idle
      }
      return sum
    },
    close: () => fleet.close(),
  }
}

/** In a ring of 8192, four processes may put 1,000 keys in turn at any pace, and no key is lost. */
const roomFor = ({ keys, valueBytes }: CacheShape) => ({
  capacity: 2 ** Math.ceil(Math.log2(valueBytes > 4096 ? 2 * keys : Math.max(keys, 8192))),
  valueBytes,
})

/**
 * Twice what the keys take, with their headers; and an index of eight times their number, since one with less room
 * evicts a few of 100,000 keys early.
 */
const budgetFor = ({ keys, valueBytes }: CacheShape) => ({
  bytes: Math.max(8 * 2 ** 20, 2 * keys * (valueBytes + 128)),
  entryBytes: (valueBytes + 32) / 2,
})

type Both = OrbitCache | OrbitStore | TypedCache<Uint8Array>
const cacheOf = (fleet: Fleet, cache: Both): Cache =>
  syncCache(
    (key, value) => cache.put(key, value),
    (key) => cache.get(key),
    () => fleet.close(),
  )

export async function cache(place: Place, shape: CacheShape): Promise<Cache> {
  const fleet = join(place)
  return cacheOf(fleet, new OrbitCache(fleet, roomFor(shape)))
}

export async function store(place: Place, shape: CacheShape): Promise<Cache> {
  const fleet = join(place)
  return cacheOf(fleet, new OrbitStore(fleet, budgetFor(shape)))
}

export async function typedCache(place: Place, shape: CacheShape): Promise<Cache> {
  const fleet = join(place)
  return cacheOf(fleet, new TypedCache(fleet, { ...budgetFor(shape), remember: shape.keys, codec: codecs.bytes() }))
}

export async function claims(place: Place): Promise<Claims> {
  const fleet = join(place)
  const contest = new Contest(fleet)
  return {
    tryClaim(subject): Guard | undefined {
      const result = contest.tryClaim(subject, { ttlMs })
      return 'guard' in result ? result.guard : undefined
    },
    claim: (subject) => contest.claim(subject, { ttlMs }),
    close: () => fleet.close(),
  }
}

/** Counters that are kept, as orbit's users do. */
export async function counts(place: Place): Promise<Counts> {
  const fleet = join(place)
  const counters = new Counters(fleet, { capacity: 2 ** 15 })
  const kept = new Map<string, Counter>()
  return {
    countAll(keys) {
      let count = 0
      for (const key of keys) {
        let counter = kept.get(key)
        if (counter === undefined) {
          counter = counters.counter(key)
          kept.set(key, counter)
        }
        count = counter.add()
      }
      return count
    },
    close: () => fleet.close(),
  }
}

export async function limits(place: Place): Promise<Limits> {
  const fleet = join(place)
  const limiter = new RateLimiter(fleet, { name: 'bench', ...limitOfAll, keys: 20_000 })
  return {
    takeAll(keys) {
      let allowed = 0
      for (const key of keys) if (limiter.take(key).allowed) allowed++
      return allowed
    },
    close: () => fleet.close(),
  }
}

const scriptKeys = Array.from({ length: 1000 }, (_, i) => `key-${i}`)
const scriptAbsent = scriptKeys.map((key) => `absent-${key}`)

const scriptShape: CacheShape = { keys: scriptKeys.length, valueBytes: 64 }

export const script = (place: Place): Promise<Script> =>
  scriptOf(place, (fleet) => new OrbitCache(fleet, roomFor(scriptShape)))

export const storeScript = (place: Place): Promise<Script> =>
  scriptOf(place, (fleet) => new OrbitStore(fleet, budgetFor(scriptShape)))

async function scriptOf(place: Place, open: (fleet: Fleet) => OrbitCache | OrbitStore): Promise<Script> {
  const fleet = join(place)
  const cache = open(fleet)
  const value = new Uint8Array(64).fill(120)
  for (const key of scriptKeys) cache.put(key, value)
  const counter = new Counters(fleet).counter('count')
  const loops: Record<ScriptCall, () => number> = {
    store: () => scriptKeys.reduce((found, key) => found + (cache.put(key, value) === false ? 0 : 1), 0),
    hit: () => scriptKeys.reduce((found, key) => found + (cache.get(key) === undefined ? 0 : 1), 0),
    miss: () => scriptAbsent.reduce((found, key) => found + (cache.get(key) === undefined ? 1 : 0), 0),
    count: () => scriptKeys.reduce((found) => found + (counter.add() > 0 ? 1 : 0), 0),
  }
  return {
    sample(call, runMs) {
      const begin = performance.now()
      let calls = 0
      for (let now = begin; now < begin + runMs; now = performance.now()) {
        if (loops[call]() !== scriptKeys.length) return Number.NaN
        calls += scriptKeys.length
      }
      return ((performance.now() - begin) * 1e6) / calls
    },
    close: () => fleet.close(),
  }
}
