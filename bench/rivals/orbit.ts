import { Contest, codecs, type NetId64, Orbital, OrbitCache, orbitType, pod, TypedCache } from '../../src/index.js'
import { consumed, onFleet } from '../calls/call.js'
import {
  absentKeys,
  keys,
  load,
  operation,
  orbit,
  type RivalTrial,
  type Session,
  session,
  trialOf,
  value,
} from './rival.js'

const operations = keys.length
/** Room for every key twice, so that no key of a trial has been overwritten. */
const capacity = 2048

const put = trialOf(operation.put, orbit, {
  measures: 'OrbitCache.put(key, bytes), the id unused',
  operations,
  setup: onFleet((fleet) => {
    const cache = new OrbitCache(fleet, { capacity })
    return () => {
      let id: NetId64 | undefined
      for (const key of keys) id = cache.put(key, value)
      consumed.value = id
    }
  }),
})

const hit = trialOf(operation.hit, orbit, {
  measures: 'OrbitCache.get(key) of each of 1,000 live keys in turn, a private copy',
  operations,
  setup: onFleet((fleet) => {
    const cache = new OrbitCache(fleet, { capacity })
    for (const key of keys) cache.put(key, value)
    return () => {
      let sum = 0
      for (const key of keys) sum += (cache.get(key) as Uint8Array).length
      consumed.number += sum
    }
  }),
})

const miss = trialOf(operation.miss, orbit, {
  measures: 'OrbitCache.get(key) of keys that were never put, beside 1,000 live ones',
  operations,
  setup: onFleet((fleet) => {
    const cache = new OrbitCache(fleet, { capacity })
    for (const key of keys) cache.put(key, value)
    return () => {
      for (const key of absentKeys) if (cache.get(key) !== undefined) throw new Error(`${key} is there`)
    }
  }),
})

const object = trialOf(operation.object, orbit, {
  measures: 'TypedCache.get(key) with codecs.json(), entries unchanged since they were decoded: the same object',
  operations,
  setup: onFleet((fleet) => {
    const cache = new TypedCache<Session>(fleet, { capacity, codec: codecs.json() })
    for (const key of keys) cache.put(key, session)
    return () => {
      let sum = 0
      for (const key of keys) sum += (cache.get(key) as Session).id
      consumed.number += sum
    }
  }),
})

const newest = trialOf(operation.newest, orbit, {
  measures: 'Orbital.load(), both fields read: the newest of any process at every call',
  operations,
  setup: onFleet((fleet) => {
    const orbital = new Orbital(fleet, orbitType({ name: 'Load', kind: 1, layout: pod({ busy: 'u32', idle: 'u32' }) }))
    orbital.store(load)
    return () => {
      let sum = 0
      for (let i = 0; i < operations; i++) {
        const { busy, idle } = orbital.load() as typeof load
        sum += busy + idle
      }
      consumed.number += sum
    }
  }),
})

const publish = trialOf(operation.publish, orbit, {
  measures: 'fleet.publish(type, bytes), the id unused; nobody reads',
  operations,
  setup: onFleet((fleet) => {
    const type = orbitType({ name: 'Bytes', kind: 1, payloadBytes: value.length })
    return () => {
      let id: NetId64 | undefined
      for (let i = 0; i < operations; i++) id = fleet.publish(type, value)
      consumed.value = id
    }
  }),
})

const claim = trialOf(operation.claim, orbit, {
  measures: 'Contest.tryClaim(subject, { ttlMs: 30000 }) of a free subject, and guard.release()',
  operations,
  setup: onFleet((fleet) => {
    const contest = new Contest(fleet)
    return () => {
      for (const key of keys) {
        const result = contest.tryClaim(key, { ttlMs: 30_000 })
        if (!('guard' in result)) throw new Error(`${key} is claimed already`)
        result.guard.release()
      }
    }
  }),
})

/** Ours, which every rival is beside. */
export const ours: readonly RivalTrial[] = [put, hit, miss, object, newest, publish, claim]
