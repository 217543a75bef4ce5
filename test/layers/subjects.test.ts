// Subjects and the buckets that they share. How many claims fit: native/test/table_test.cc.
import { describe, expect, it } from 'vitest'
import { Contest } from '../../src/index.js'
import { lapIn, objectFile, ringAt } from '../help/bytes.js'
import { fleetName, hasObjectFiles, joinLocal, joinShm, observe } from '../help/fleets.js'

const ttlMs = 600_000
const size = 4
const kind = 222
const cardBytes = 12 * (40 + 128 + 64)

const wrap = (value: bigint): bigint => BigInt.asUintN(64, value)
/** The hash of orbit-node 0.1, which had no key. */
function hashWithoutKey(label: string): bigint {
  const bytes = Buffer.from(label)
  let hash = BigInt(bytes.length) << 8n
  for (let at = 0; at < bytes.length; at += 8) {
    hash = wrap((hash ^ bytes.readBigUInt64LE(at)) * 0x9fb21c651e98df25n)
    hash ^= hash >> 32n
  }
  hash = wrap(hash * 0xd6e8feb86659fd93n)
  return hash ^ (hash >> 32n)
}

/** Labels of 104 bytes that share one bucket of 1024 in a table that hashes without a key. */
function craftedLabels(count: number): string[] {
  const labels: string[] = []
  for (let i = 0; labels.length < count; i++) {
    const label = `user/${i}`.padEnd(104, '.')
    if ((hashWithoutKey(label) & 1023n) === 0n) labels.push(label)
  }
  return labels
}

/** The buckets of a contest in which claims were made. */
function usedBuckets(name: string, capacity: number): number[] {
  const file = objectFile(name, kind)
  const at = ringAt({ capacity, payloadBytes: cardBytes }, size)
  return Array.from({ length: capacity }, (_, i) => i).filter((i) => lapIn(file.u64(at.slot(i))) > 0)
}

describe('the holders of a contest', () => {
  const crowded = (count: number) => {
    const contest = new Contest(joinLocal(fleetName(), { size }), { capacity: 2048 })
    const kinds = (i: number) => (i % 3 === 0 ? { kind: i % 256, label: `größe ${i}` } : `subject ${i}`)
    const guards = Array.from({ length: count }, (_, i) => contest.tryClaim(kinds(i), { ttlMs, owner: `owner ${i} ✓` }))
    return { contest, tokens: guards.map((result) => ('guard' in result ? result.guard.token : 0)) }
  }

  it('lists all, in one call and in parts', async () => {
    const { contest, tokens } = crowded(3000)
    const listed = contest.holders().sort((a, b) => a.token - b.token)
    expect(listed.map(({ token }) => token)).toEqual(tokens)
    expect(listed[300]).toMatchObject({ subject: { kind: 44, label: 'größe 300' }, owner: 'owner 300 ✓', node: 0 })
    expect(listed[301]).toMatchObject({ subject: { kind: 0, label: 'subject 301' }, pid: process.pid })
    const parts: number[] = []
    for await (const { token } of contest.iterateHolders()) parts.push(token)
    expect(parts.sort((a, b) => a - b)).toEqual(tokens)
  })

  it('leaves turns to the event loop between the parts of an iteration', async () => {
    const { contest } = crowded(3000)
    let turns = 0
    const turn = () => {
      turns++
      immediate = setImmediate(turn)
    }
    let immediate = setImmediate(turn)
    let most = 0
    let since = 0
    let last = 0
    for await (const _ of contest.iterateHolders()) {
      since = turns === last ? since + 1 : 1
      last = turns
      most = Math.max(most, since)
    }
    clearImmediate(immediate)
    expect(turns).toBeGreaterThan(1)
    expect(most).toBeLessThan(1500)
  })

  it('ends when an iteration is left, and lists none without claims', async () => {
    const { contest } = crowded(50)
    for await (const holder of contest.iterateHolders()) {
      expect(holder.owner).toContain('owner')
      break
    }
    const empty = new Contest(joinLocal(fleetName(), { size }))
    expect(empty.holders()).toEqual([])
    for await (const holder of empty.iterateHolders()) expect(holder).toBeUndefined()
  })
})

describe('subjects', () => {
  it('finds room for subjects that were crafted to share a bucket, and for innocent ones', () => {
    const contest = new Contest(joinLocal(fleetName(), { size }))
    const labels = [...craftedLabels(32), 'innocent']
    const results = labels.map((label) => contest.tryClaim(label, { ttlMs }))
    expect(results.filter((result) => 'guard' in result)).toHaveLength(33)
    expect(contest.holders()).toHaveLength(33)
  })

  it.runIf(hasObjectFiles)('spreads the same subjects over other buckets in each fleet', () => {
    const [one, other] = ['one', 'other'].map((label) => {
      const name = fleetName(label)
      const contest = new Contest(joinShm(name, { size }), { capacity: 1024 })
      for (let i = 0; i < 40; i++) contest.tryClaim(`subject ${i}`, { ttlMs })
      return usedBuckets(name, 1024)
    })
    expect(one?.length).toBeGreaterThan(30)
    expect(one).not.toEqual(other)
  })

  it.runIf(hasObjectFiles)('lets later joiners and observers find each subject in its bucket', () => {
    const name = fleetName()
    const contest = new Contest(joinShm(name, { size }), { capacity: 1024 })
    const labels = Array.from({ length: 40 }, (_, i) => `subject ${i}`)
    for (const label of labels) contest.tryClaim(label, { ttlMs })
    for (const fleet of [joinShm(name), observe(name)]) {
      const found = labels.map((label) => new Contest(fleet).holder(label)?.subject.label)
      expect(found).toEqual(labels)
    }
  })
})
