// The cache between processes: each result is compared with a search over the frames that a cursor collected.
import { describe, expect, it } from 'vitest'
import { reservedType } from '../../src/core/type.js'
import { type CacheEntry, type Cursor, Fleet, OrbitCache } from '../../src/index.js'
import { fleetName } from '../help/fleets.js'
import { type Child, start } from '../help/processes.js'
import { generator, newSeed } from '../help/random.js'
import { isLinux } from '../help/system.js'

const spec = {
  capacity: 64,
  valueBytes: 900,
  spaces: ['', 'a', 'ab'],
  keys: ['', 'b', 'user/1', 'user/22', 'user/3', 'ключ', 'k'.repeat(70)],
  prefixes: ['', 'user', 'user/2', 'b', 'nothing'],
}
const { capacity, valueBytes } = spec
const raw = reservedType({ name: 'orbit.cache', kind: 200, capacity, payloadBytes: 8 + 256 + valueBytes })

const cachesOn = (fleet: Fleet) =>
  spec.spaces.map((namespace) => ({ namespace, cache: new OrbitCache(fleet, { namespace, capacity, valueBytes }) }))
const nowMs = () => Number(process.hrtime.bigint() / 1_000_000n)

interface Mutation {
  op: 'put' | 'delete' | 'reset'
  namespace: string
  key: string
  value: Uint8Array
  expiresAtMs: number
}

function mutationIn(payload: Uint8Array, version: number): Mutation {
  const bytes = Buffer.from(payload)
  const namespaceEnd = 8 + bytes.readUInt8(1)
  const keyEnd = namespaceEnd + bytes.readUInt16LE(2)
  const value = payload.slice(Math.ceil(keyEnd / 8) * 8)
  expect(value.length).toBe(bytes.readUInt32LE(4))
  return {
    op: (['put', 'delete', 'reset'] as const)[bytes.readUInt8(0) - 1] as Mutation['op'],
    namespace: bytes.toString('utf8', 8, namespaceEnd),
    key: bytes.toString('utf8', namespaceEnd, keyEnd),
    value,
    expiresAtMs: version,
  }
}

/** Follows the ring with its own cursor, and knows for every frame whether it saw it. */
class Collector {
  readonly mutations = new Map<number, Mutation>()
  readonly #cursor: Cursor
  constructor(fleet: Fleet) {
    this.#cursor = fleet.cursor(raw)
  }
  collect(): void {
    for (const { position, payload, version } of this.#cursor.poll(10_000).frames) {
      this.mutations.set(position, mutationIn(payload, version))
      this.mutations.delete(position - 4 * capacity)
    }
  }
  /** The position that decides, -1 for none, or undefined if a frame was never seen. */
  decider(head: number, namespace: string, key: string): number | undefined {
    for (let position = head - 1; position >= Math.max(0, head - capacity); position--) {
      const mutation = this.mutations.get(position)
      if (mutation === undefined) return undefined
      const isOurs = mutation.op === 'reset' ? key.startsWith(mutation.key) : key === mutation.key
      if (mutation.namespace === namespace && isOurs) return position
    }
    return -1
  }
}

const counts = () => ({ compared: 0, hits: 0, expired: 0, shadowed: 0, undecided: 0, overtaken: 0, unseen: 0 })

/** Compares one lookup with the search, and counts its outcome in `counts`. */
function compareOne(
  fleet: Fleet,
  collector: Collector,
  { namespace, cache }: { namespace: string; cache: OrbitCache },
  key: string,
  count: ReturnType<typeof counts>,
): void {
  collector.collect()
  const before = nowMs()
  const entry: CacheEntry = cache.getEntry(key)
  const after = nowMs()
  const headAfter = fleet.head(raw)
  collector.collect()
  const decider = collector.decider(entry.head, namespace, key)
  const told = `${JSON.stringify({ namespace, key, decider, headAfter })} ${JSON.stringify(entry)}`
  if (decider === undefined) {
    count.unseen++
    return
  }
  // The frame existed when the call read the head, and was overwritten before the call reached it.
  if (decider >= 0 && entry.position === undefined && headAfter > decider + capacity) {
    count.overtaken++
    return
  }
  count.compared++
  expect(entry.position ?? -1, told).toBe(decider)
  if (decider < 0) {
    expect(entry.hit, told).toBe(false)
    count.undecided++
    return
  }
  const { op, value, expiresAtMs } = collector.mutations.get(decider) as Mutation
  if (op !== 'put') {
    expect(entry.hit, told).toBe(false)
    count.shadowed++
    return
  }
  // It may expire within the call: both results are right.
  if (expiresAtMs === 0 || expiresAtMs > after) expect(entry.hit, told).toBe(true)
  else if (expiresAtMs <= before) expect(entry.hit, told).toBe(false)
  if (!entry.hit) {
    count.expired++
    return
  }
  count.hits++
  expect(Buffer.compare(entry.value, value), told).toBe(0)
  expect(entry.expiresInMs === undefined, told).toBe(expiresAtMs === 0)
}

const pause = () => new Promise((resolve) => setImmediate(resolve))

describe.runIf(isLinux)('a cache that several processes change', () => {
  it('gives for every lookup the same result as a search over the frames', { timeout: 120_000 }, async () => {
    const seed = newSeed('cache')
    const random = generator(seed)
    const name = fleetName('cache')
    using fleet = Fleet.joinShm(name, { size: 8 })
    const caches = cachesOn(fleet)
    const collector = new Collector(fleet)
    const writers = await Promise.all(
      Array.from({ length: 4 }, async (_, i) => {
        const writer = start('actor.mjs', ['cache', 'writer', name, i, random(2 ** 31), spec])
        expect(await writer.next()).toBe('ready')
        expect(await writer.ask('join')).toHaveProperty('value')
        return writer
      }),
    )
    const count = counts()
    const compare = () => {
      const cache = caches[random(caches.length)] as (typeof caches)[number]
      compareOne(fleet, collector, cache, spec.keys[random(spec.keys.length)] as string, count)
    }
    while (count.compared < 20_000) {
      // Some bursts lap the ring; most leave the collector time to read.
      const bursts = Promise.all(writers.map((writer) => writer.ask('burst', random(20) === 0 ? 200 : 1 + random(12))))
      let isOver = false
      const end = () => {
        isOver = true
      }
      bursts.then(end, end)
      while (!isOver) {
        for (let i = 0; i < 10; i++) compare()
        await pause()
      }
      await bursts
    }
    console.log('cache:', fleet.head(raw), 'mutations,', count)
    expect(fleet.head(raw)).toBeGreaterThan(20 * capacity)
    for (const kind of ['hits', 'expired', 'shadowed', 'undecided'] as const)
      expect(count[kind], kind).toBeGreaterThan(0)

    // After the last write, every entry can be compared.
    const still = counts()
    for (const cache of caches) for (const key of spec.keys) compareOne(fleet, collector, cache, key, still)
    expect(still).toMatchObject({ compared: caches.length * spec.keys.length, overtaken: 0, unseen: 0 })
  })
})

/** The value is whole, and was put under this key: see the fixture that writes it. */
function checkValue(value: Uint8Array, namespace: string, key: string): void {
  const text = Buffer.from(value).toString()
  const unit = text.slice(0, text.indexOf(';') + 1)
  const [space, put, , sequence] = unit.slice(0, -1).split('|')
  if (space !== namespace || put !== key || text !== unit.repeat(1 + (Number(sequence) % 9))) {
    throw new Error(`${JSON.stringify([namespace, key])} gave ${JSON.stringify(text)}`)
  }
}

describe.runIf(isLinux)('a cache with writers that are killed during a put', () => {
  const stormMs = Number(process.env['ORBIT_STORM_SECONDS'] ?? 2) * 1000

  it('returns only whole values that were put, and continues', { timeout: 60_000 + 3 * stormMs }, async () => {
    const seed = newSeed('cache storm')
    const random = generator(seed)
    const name = fleetName('cachestorm')
    using keeper = Fleet.joinShm(name, { size: 16 })
    const caches = cachesOn(keeper)
    let generation = 0
    // These processes have loaded everything and wait for their turn, which allows many kills in a short time.
    const newWriter = async () => {
      const child = start('actor.mjs', ['cache', 'writer', name, ++generation, random(2 ** 31), spec])
      expect(await child.next()).toBe('ready')
      return child
    }
    const pool = Array.from({ length: 16 }, newWriter)
    await Promise.all(pool)
    const begin = async () => {
      const child = await (pool.shift() ?? newWriter())
      expect(await child.ask('join')).toHaveProperty('value')
      expect(await child.ask('flood')).toBe('flooding')
      return child
    }
    let hits = 0
    let lookups = 0
    const lookAround = () => {
      for (let i = 0; i < 300; i++) {
        const { namespace, cache } = caches[random(caches.length)] as (typeof caches)[number]
        const key = spec.keys[random(spec.keys.length)] as string
        const value = cache.get(key)
        lookups++
        if (value === undefined) continue
        hits++
        checkValue(value, namespace, key)
      }
    }
    const active: Child[] = [await begin(), await begin(), await begin()]
    let killed = 0
    const until = performance.now() + stormMs
    while (performance.now() < until) {
      lookAround()
      const victim = active.splice(random(active.length), 1)[0] as Child
      expect(victim.isOver, victim.stderr).toBe(false)
      await victim.kill()
      killed++
      lookAround()
      active.push(await begin())
    }
    await Promise.all(active.map((child) => child.kill()))
    console.log(`cache storm: ${keeper.head(raw)} mutations, ${killed} killed, ${hits} hits of ${lookups}`)
    expect(killed).toBeGreaterThan(3)
    expect(hits).toBeGreaterThan(0)

    // The dead block no process: another one takes one of their nodes, and every result equals the search.
    const collector = new Collector(keeper)
    const last = await newWriter()
    expect(await last.ask('join')).toHaveProperty('value')
    expect(await last.ask('burst', 30)).toBe(30)
    const still = counts()
    for (const cache of caches) for (const key of spec.keys) compareOne(keeper, collector, cache, key, still)
    expect(still).toMatchObject({ compared: caches.length * spec.keys.length, overtaken: 0, unseen: 0 })
  })
})
