// What grows with members, nodes, claims, keys and lengths of prefixes, and what an object takes. Times are processor
// time: no cell waits for another process, so a busy machine disturbs them little.

import { processorNs } from '../measure.js'
import { aloneCase, type Case, type Run, type Trial } from './trial.js'
import { sharedBytes } from './usage.js'

type Orbit = typeof import('../../src/index.js')

const ttlMs = 600_000

/** What is set up for a case: how to sample it once, and how to end it. */
interface Grown {
  samples(runMs: number): Promise<number[]> | number[]
  close(): void
}

const trial = (
  about: Pick<Trial, 'name' | 'measures' | 'unit'>,
  cases: readonly Case[],
  start: (orbit: Orbit, name: string, number: number, label: string) => Grown | Promise<Grown>,
): Trial => ({
  ...about,
  ...{ better: 'lower', needs: 'calls', together: true },
  full: { cases, rounds: 6, runMs: 100 },
  quick: { cases, rounds: 3, runMs: 20 },
  async host({ place, case: { values, label }, runMs }): Promise<Run> {
    const orbit = await import('../../src/index.js')
    const { samples, close } = await start(orbit, place.name, values['number'] ?? 0, label)
    return { samples: () => samples(runMs), close }
  },
})

const casesOf = (numbers: readonly number[], what: string): readonly Case[] =>
  numbers.map((number) => aloneCase(`${number.toLocaleString('en')} ${what}`, { number }))

/** What is repeated, at least three times, until it has taken the time of a run. */
const repeated = (run: () => unknown, close: () => void, operations = 1): Grown => ({
  samples(runMs) {
    const begin = processorNs()
    let runs = 0
    while (runs < 3 || processorNs() - begin < runMs * 1e6) {
      run()
      runs++
    }
    return [(processorNs() - begin) / (runs * operations)]
  },
  close,
})

/** A fleet with so many members, all of this process. */
function crowded({ Fleet }: Orbit, name: string, members: number) {
  const fleet = Fleet.joinShm(name, { lifetime: 'fleet', size: 2048 })
  process.removeAllListeners('warning') // so many handles are on purpose
  const others = Array.from({ length: members - 1 }, () => Fleet.joinShm(name, { lifetime: 'fleet' }))
  return { fleet, close: () => [...others, fleet].forEach((member) => void member.close()) }
}

const memberCounts = casesOf([1, 16, 64, 256, 1024], 'living members')

export const joining = trial(
  { name: 'join', measures: 'joining a fleet and leaving it, by its living members', unit: 'ns' },
  memberCounts,
  (orbit, name, members) => {
    const { close } = crowded(orbit, name, members)
    return repeated(() => orbit.Fleet.joinShm(name, { lifetime: 'fleet' }).close(), close)
  },
)

export const listing = trial(
  { name: 'nodes', measures: 'fleet.nodes(), by living members', unit: 'ns' },
  memberCounts,
  (orbit, name, members) => {
    const { fleet, close } = crowded(orbit, name, members)
    return repeated(() => fleet.nodes(), close)
  },
)

export const snapshot = trial(
  {
    name: 'heartbeat snapshot',
    measures: 'FleetHeartbeat.snapshot() with one member, by the size of its fleet',
    unit: 'ns',
  },
  casesOf([256, 4096, 65_536], 'nodes'),
  ({ Fleet, FleetHeartbeat }, name, size) => {
    const fleet = Fleet.joinShm(name, { lifetime: 'fleet', size })
    const heartbeat = new FleetHeartbeat(fleet)
    heartbeat.beat()
    return repeated(
      () => heartbeat.snapshot(),
      () => fleet.close(),
    )
  },
)

/** The longest turn of the event loop while something is awaited. */
async function longestTurn(work: Promise<unknown>): Promise<number> {
  let longest = 0
  let last = processorNs()
  let isOver = false
  const turn = (): void => {
    const now = processorNs()
    longest = Math.max(longest, now - last)
    last = now
    if (!isOver) setImmediate(turn)
  }
  setImmediate(turn)
  await work
  isOver = true
  return Math.max(longest, processorNs() - last)
}

export const holders = trial(
  {
    name: 'list of holders',
    measures: 'the longest time for which contest.iterateHolders() keeps the event loop, by claims',
    unit: 'ns',
  },
  casesOf([1000, 10_000, 100_000], 'claims'),
  ({ Fleet, Contest }, name, claims) => {
    const fleet = Fleet.joinShm(name, { lifetime: 'fleet', size: 8 })
    const contest = new Contest(fleet, { capacity: 2 ** 17 })
    const held = Array.from({ length: claims }, (_, i) => contest.tryClaim(`subject-${i}`, { ttlMs, owner: 'bench' }))
    const all = async () => {
      let count = 0
      for await (const _ of contest.iterateHolders()) count++
      if (count !== claims) throw new Error(`${count} holders of ${claims}`)
    }
    const close = () => {
      held.length = 0
      fleet.close()
    }
    return { samples: async () => [await longestTurn(all())], close }
  },
)

export const missAmongResets = trial(
  {
    name: 'miss among resets',
    measures: 'a cache miss of a key of 220 bytes, by how many lengths the prefixes have that were reset',
    unit: 'ns',
  },
  casesOf([0, 10, 200], 'lengths'),
  ({ Fleet, OrbitCache }, name, lengths) => {
    const fleet = Fleet.joinShm(name, { lifetime: 'fleet', size: 8 })
    const cache = new OrbitCache(fleet, { capacity: 1024, valueBytes: 64 })
    for (let i = 0; i < 500; i++) cache.put(`key-${i}`, 'value')
    for (let length = 1; length <= lengths; length++) cache.reset('p'.repeat(length))
    const absent = Array.from({ length: 100 }, (_, i) => `key-${i}`.padEnd(220, '?'))
    const run = () => {
      for (const key of absent) if (cache.get(key) !== undefined) throw new Error('a miss is a hit')
    }
    return repeated(run, () => fleet.close(), absent.length)
  },
)

const keyCount = 400_000

/** The keys of a store, by the label of a case. */
const storeSizes: Record<string, number> = Object.fromEntries(
  [4_000, 40_000, keyCount, 4 * keyCount].map((keys) => [`get in a store of ${keys.toLocaleString('en')} keys`, keys]),
)
const missInStore = `get of no key in a store of ${keyCount.toLocaleString('en')}`

/** The first get of a handle in a store of so many keys. */
function firstOfStore({ Fleet, OrbitStore }: Orbit, name: string, keys: number, key: string): Grown {
  const fleet = Fleet.joinShm(name, { lifetime: 'fleet', size: 8 })
  const filled = new OrbitStore(fleet, { bytes: Math.max(4 * 2 ** 20, keys * 256), entryBytes: 128 })
  const value = new Uint8Array(64)
  for (let i = 0; i < keys; i++) filled.put(`key-${i}`, value)
  filled.put('key-7', value)
  const samples = () => {
    const other = Fleet.joinShm(name, { lifetime: 'fleet' })
    const store = new OrbitStore(other)
    const begin = processorNs()
    const isFound = store.get(key) !== undefined
    const ns = processorNs() - begin
    other.close()
    if (isFound !== (key === 'key-7')) throw new Error(`get of ${key}: ${isFound}`)
    return [ns]
  }
  return { samples, close: () => fleet.close() }
}

export const firstLookup = trial(
  {
    name: 'first lookup',
    measures: `how long a handle that has not looked up yet keeps the event loop, in a cache of ${keyCount.toLocaleString('en')} keys`,
    unit: 'ns',
  },
  [
    ...['get of a new key', 'get of no key', 'warmUp, its longest turn', 'get of no key after warmUp'],
    ...[...Object.keys(storeSizes), missInStore],
  ].map((label) => aloneCase(label)),
  (orbit, name, _, label) => {
    if (label === missInStore) return firstOfStore(orbit, name, keyCount, 'no key')
    const keys = storeSizes[label]
    if (keys !== undefined) return firstOfStore(orbit, name, keys, 'key-7')
    const { Fleet, OrbitCache } = orbit
    const options = { capacity: 2 ** 19, valueBytes: 64 }
    const fleet = Fleet.joinShm(name, { lifetime: 'fleet', size: 8 })
    const filled = new OrbitCache(fleet, options)
    const value = new Uint8Array(64)
    for (let i = 0; i < keyCount; i++) filled.put(`key-${i}`, value)
    const samples = async () => {
      const other = Fleet.joinShm(name, { lifetime: 'fleet' })
      const cache = new OrbitCache(other, options)
      if (label === 'get of no key after warmUp') await cache.warmUp()
      const begin = processorNs()
      if (label === 'get of a new key') cache.get(`key-${keyCount - 1}`)
      else if (label.startsWith('get')) cache.get('no key')
      const ns = label.startsWith('warmUp') ? await longestTurn(cache.warmUp()) : processorNs() - begin
      other.close()
      return [ns]
    }
    return { samples, close: () => fleet.close() }
  },
)

export const objects = trial(
  {
    name: 'objects',
    measures: 'memory of one object, or of one entry of it, in a fleet of 8 or 256 nodes',
    unit: 'bytes',
  },
  [
    'cache entry, 64 B',
    'cache entry, 64 B, keys of 16',
    'contest, no claim',
    'contest, 100 claims',
    'contest, 10,000 claims',
  ].map((label) => aloneCase(label)),
  ({ Fleet, OrbitCache, Contest }, name, _, label) => {
    const held: unknown[] = []
    const isCache = label.startsWith('cache')
    const fleet = Fleet.joinShm(name, { lifetime: 'fleet', size: isCache ? 8 : 256 })
    const before = sharedBytes(name)
    const entries = 2 ** 14
    const claims = label === 'contest, 100 claims' ? 100 : label === 'contest, 10,000 claims' ? 10_000 : 0
    if (isCache) {
      const keyBytes = label.endsWith('16') ? { keyBytes: 16 } : {}
      new OrbitCache(fleet, { capacity: entries, valueBytes: 64, ...keyBytes }).put('key', 'value')
    } else {
      const contest = new Contest(fleet, claims > 1024 ? { capacity: 2 ** 14 } : {})
      for (let i = 0; i < claims; i++) held.push(contest.tryClaim(`subject-${i}`, { ttlMs }))
    }
    const close = () => {
      held.length = 0
      fleet.close()
    }
    return { samples: () => [(sharedBytes(name) - before) / (isCache ? entries : 1)], close }
  },
)
