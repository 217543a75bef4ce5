import { Contest, codecs, Fleet, type Guard, Orbital, OrbitCache, orbitType, pod, TypedCache } from '../../src/index.js'
import type { Cache, CacheShape, Claims, Latest, Place } from './driver.js'
import { load } from './values.js'

const Load = orbitType({ name: 'Load', kind: 1, pod: pod({ busy: 'u32', idle: 'u32' }) })
/** Longer than any trial: what frees a claim is a release or a death, not the time. */
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

/** In a ring of 8192, four processes may put 1,000 keys in turn at any pace, and each key still lives. */
const roomFor = ({ keys, valueBytes }: CacheShape) => ({
  capacity: 2 ** Math.ceil(Math.log2(Math.max(keys, 8192))),
  valueBytes,
})

function cacheOf(fleet: Fleet, cache: OrbitCache | TypedCache<Uint8Array>): Cache {
  return {
    putAll(keys, value) {
      for (const key of keys) cache.put(key, value)
    },
    getAll(keys) {
      let bytes = 0
      for (const key of keys) bytes += cache.get(key)?.length ?? 0
      return bytes
    },
    close: () => fleet.close(),
  }
}

export async function cache(place: Place, shape: CacheShape): Promise<Cache> {
  const fleet = join(place)
  return cacheOf(fleet, new OrbitCache(fleet, roomFor(shape)))
}

export async function claims(place: Place): Promise<Claims> {
  const fleet = join(place)
  const contest = new Contest(fleet)
  const tryClaim = (subject: string): Guard | undefined => {
    const result = contest.tryClaim(subject, { ttlMs })
    return 'guard' in result ? result.guard : undefined
  }
  return {
    claimAll(subjects) {
      for (const subject of subjects) {
        const guard = tryClaim(subject)
        if (guard === undefined) throw new Error(`${subject} is claimed already`)
        guard.release()
      }
    },
    claim: (subject) => contest.claim(subject, { ttlMs }),
    tryClaim,
    close: () => fleet.close(),
  }
}

export async function typedCache(place: Place, shape: CacheShape): Promise<Cache> {
  const fleet = join(place)
  return cacheOf(fleet, new TypedCache(fleet, { ...roomFor(shape), codec: codecs.bytes() }))
}
