import {
  Contest,
  codecs,
  Fleet,
  type Guard,
  Orbital,
  OrbitCache,
  OrbitStore,
  orbitType,
  pod,
  TypedCache,
} from '../../src/index.js'
import { type Cache, type CacheShape, type Claims, type Latest, load, type Place, syncCache } from './driver.js'

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
  capacity: 2 ** Math.ceil(Math.log2(Math.max(keys, 8192))),
  valueBytes,
})

/** Twice what the keys take, with their headers. */
const budgetFor = ({ keys, valueBytes }: CacheShape) => ({
  bytes: Math.max(8 * 2 ** 20, 2 * keys * (valueBytes + 128)),
  entryBytes: valueBytes + 32,
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
