import { closeSync, openSync, readFileSync, readSync, writeSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { array, Fleet, orbitType, pod } from '../../src/index.js'
import { ringAt, ringHeaderAt } from '../help/bytes.js'
import { fleetName, objectPath } from '../help/fleets.js'
import { type Child, start } from '../help/processes.js'
import { generator, newSeed } from '../help/random.js'
import { isLinux } from '../help/system.js'

const stormMs = Number(process.env['ORBIT_STORM_SECONDS'] ?? 3) * 1000
const spec = { capacity: 16, words: 20 }
const storm = orbitType({
  name: 'storm',
  kind: 7,
  capacity: spec.capacity,
  pod: pod({ words: array('u32', spec.words) }),
})
const recordBytes = spec.words * 4

describe.runIf(isLinux)('a storm of writers that are killed, stopped and replaced', () => {
  it('leaves whole frames in the order of each writer, exact loss, and a working fleet', {
    timeout: 240_000 + 3 * stormMs,
  }, async () => {
    const seed = newSeed('storm')
    const random = generator(seed)
    const name = fleetName('storm')
    const keeper = Fleet.joinShm(name, { size: 16, lifetime: 'persistent' })
    keeper.ring(storm)
    const readers = [
      start('actor.mjs', ['frames', 'reader', name, spec]),
      start('actor.mjs', ['frames', 'reader', name, { ...spec, observes: true }]),
    ]
    for (const reader of readers) expect(await reader.next()).toBe('reading')

    // These processes have loaded everything and wait for their turn, which allows many kills in a short time.
    let generation = 0
    const newWriter = async () => {
      const child = start('actor.mjs', ['frames', 'writer', name, ++generation, random(2 ** 31), spec])
      expect(await child.next()).toBe('loaded')
      return child
    }
    const pool = Array.from({ length: 24 }, newWriter)
    await Promise.all(pool)
    const begin = async () => {
      const child = await (pool.shift() ?? newWriter())
      expect(await child.ask('begin')).toHaveProperty('node')
      return child
    }
    const active: Child[] = []
    const stopped: Child[] = []
    for (let i = 0; i < 3; i++) active.push(await begin())

    const counts = { killed: 0, killedWhileStopped: 0, stopped: 0, continued: 0 }
    const until = performance.now() + stormMs
    while (performance.now() < until) {
      const victim = active.splice(random(active.length), 1)[0] as Child
      if (random(3) > 0) {
        await victim.kill()
        counts.killed++
      } else {
        await victim.stop()
        stopped.push(victim)
        counts.stopped++
      }
      if (stopped.length > 3) {
        const old = stopped.splice(random(stopped.length), 1)[0] as Child
        if (random(2) === 0) {
          await old.kill()
          counts.killedWhileStopped++
        } else {
          old.process.kill('SIGCONT')
          active.push(old)
          counts.continued++
        }
      }
      if (active.length < 3) active.push(await begin())
      for (const reader of readers) expect(reader.isOver, reader.stderr).toBe(false)
    }

    for (const child of stopped) child.process.kill('SIGCONT')
    active.push(await begin(), ...stopped)
    for (const child of active) expect(await child.ask('stop')).toHaveProperty('published')
    for (const child of active)
      expect({ ...(await child.ended), stderr: child.stderr }).toEqual({ code: 0, signal: null, stderr: '' })

    // The keeper was a member all the time, so no audit took place: burned chunks are counted, and at most the spares.
    const head = keeper.head(storm)
    const { burned = -1, spares = 0 } = keeper.stats(storm) ?? {}
    expect(burned).toBeGreaterThanOrEqual(0)
    expect(burned).toBeLessThanOrEqual(spares)
    for (const reader of readers) {
      const account = await reader.ask<{ frames: number; lost: number; to: number; loads: number }>('stop')
      expect(account).toMatchObject({ to: head, lost: head - account.frames })
      expect(account.frames).toBeGreaterThan(0)
      expect({ ...(await reader.ended), stderr: reader.stderr }).toEqual({ code: 0, signal: null, stderr: '' })
    }
    console.log(`storm: ${head} frames, ${generation} writers`, counts, { burned })

    // All spares are back after all members have left, and every chunk is in one place (I1).
    keeper.close()
    using next = Fleet.joinShm(name)
    expect(next.stats(storm)).toMatchObject({ burned: 0, head })
    expectChunksInOnePlace(name, 16)
    expect(next.publish(storm, new Uint8Array(recordBytes)).counter).toBe(head)
  })
})

/** Checks that each chunk is in exactly one slot, hand or spare (I1), after all members settled or an audit. */
function expectChunksInOnePlace(name: string, size: number): void {
  const ring = ringAt({ capacity: spec.capacity, payloadBytes: storm.payloadBytes }, size)
  const bytes = readFileSync(objectPath(name, storm.kind))
  const chunks: number[] = []
  for (let i = 0; i < spec.capacity; i++) chunks.push(Number(bytes.readBigUInt64LE(ring.slot(i)) & 0xfffffn))
  for (let i = 0; i < size; i++) chunks.push(Number(bytes.readBigUInt64LE(ring.entry(i))))
  const taken = Number(bytes.readBigUInt64LE(ringHeaderAt.sparesTaken))
  for (let i = taken; i < ring.spares; i++) chunks.push(Number(bytes.readBigUInt64LE(ring.spare(i))))
  expect(new Set(chunks).size).toBe(chunks.length)
  for (const chunk of chunks) expect(chunk).toBeLessThan(spec.capacity + size + ring.spares)
}

describe.runIf(isLinux)('a writer that died at a point where its chunk is unknown', () => {
  const size = 4
  const ring = ringAt({ capacity: spec.capacity, payloadBytes: storm.payloadBytes }, size)

  /** Writes what a death between a lapped swap and the write of its hand leaves in the node's entry, and returns it. */
  function leaveUndecidable(name: string, node: number, unseenChunk: number): number {
    const fd = openSync(objectPath(name, storm.kind), 'r+')
    const entry = Buffer.alloc(24)
    readSync(fd, entry, 0, 24, ring.entry(node))
    // If it was killed between its swap and the write of its hand, the hand is in a slot, and it owns the other chunk.
    const slots = Buffer.alloc(spec.capacity * 8)
    readSync(fd, slots, 0, slots.length, ring.slot(0))
    const isPublic = (_: unknown, i: number) => (slots.readBigUInt64LE(i * 8) & 0xfffffn) === entry.readBigUInt64LE(0)
    if (Array.from({ length: spec.capacity }, isPublic).includes(true)) entry.copy(entry, 0, 8, 16)
    entry.writeBigUInt64LE(BigInt(unseenChunk), 8)
    entry.writeBigUInt64LE(1n, 16) // position 0, overwritten long ago
    writeSync(fd, entry, 0, 24, ring.entry(node))
    closeSync(fd)
    return Number(entry.readBigUInt64LE(0))
  }
  const lastSpare = spec.capacity + size + ring.spares - 1

  async function dieAt(name: string, node: number): Promise<void> {
    const child = start('actor.mjs', ['frames', 'writer', name, 1, 1, spec])
    expect(await child.next()).toBe('loaded')
    expect(await child.ask('begin')).toEqual({ node })
    await child.kill()
  }

  it('burns one chunk, counts it, and recovers it when all members have left', async () => {
    const name = fleetName('burn')
    const keeper = Fleet.joinShm(name, { size, lifetime: 'persistent' })
    for (let i = 0; i < 40; i++) keeper.publish(storm, new Uint8Array(recordBytes))
    await dieAt(name, 1)
    leaveUndecidable(name, 1, lastSpare)
    const taker = Fleet.joinShm(name, { node: 1 })
    expect(keeper.stats(storm)?.burned).toBe(1)
    expect(taker.publish(storm, new Uint8Array(recordBytes)).node).toBe(1)
    taker.close()
    keeper.close()
    using next = Fleet.joinShm(name)
    expect(next.stats(storm)?.burned).toBe(0)
    expectChunksInOnePlace(name, size)
  })

  it('skips or refuses the node of such a writer without a spare, until all members have left', async () => {
    const name = fleetName('burn')
    const keeper = Fleet.joinShm(name, { size, lifetime: 'persistent' })
    for (let i = 0; i < 40; i++) keeper.publish(storm, new Uint8Array(recordBytes))
    let unseen = lastSpare
    for (let i = 0; i < ring.spares; i++) {
      await dieAt(name, 1)
      const hand = leaveUndecidable(name, 1, unseen)
      if (i === 0) unseen = hand // burned now, so it is in no place
      Fleet.joinShm(name, { node: 1 }).close()
      expect(keeper.stats(storm)?.burned).toBe(i + 1)
    }
    await dieAt(name, 1)
    leaveUndecidable(name, 1, unseen)
    expect(() => Fleet.joinShm(name, { node: 1 })).toThrow(expect.objectContaining({ code: 'ERR_ORBIT_NO_SPARE' }))
    const passing = Fleet.joinShm(name)
    expect(passing.node).toBe(2)
    passing.publish(storm, new Uint8Array(recordBytes))
    expect(() => Fleet.joinShm(name, { node: 1 })).toThrow(expect.objectContaining({ code: 'ERR_ORBIT_NO_SPARE' }))
    passing.close()
    keeper.close()

    using next = Fleet.joinShm(name, { node: 1 })
    expect(next.stats(storm)?.burned).toBe(0)
    expect(next.publish(storm, new Uint8Array(recordBytes)).node).toBe(1)
    expectChunksInOnePlace(name, size)
  })
})

describe.runIf(isLinux)('a writer that died next to its swap', () => {
  const size = 4
  const ring = ringAt({ capacity: spec.capacity, payloadBytes: storm.payloadBytes }, size)

  // The values of { hand, intentChunk, intentPosition } just before and just after the compare-and-swap of publish.
  it.each([
    { when: 'before', words: (own: bigint, _: bigint, next: bigint, head: bigint) => [own, next, head + 1n] },
    { when: 'after', words: (own: bigint, newest: bigint, _: bigint, head: bigint) => [newest, own, head] },
  ])('leaves its own chunk to its successor when it died $when the swap', ({ words }) => {
    const name = fleetName('swap')
    using keeper = Fleet.joinShm(name, { size, node: 3 })
    const writer = Fleet.joinShm(name, { node: 1 })
    for (let i = 0; i < 40; i++) writer.publish(storm, new Uint8Array(recordBytes).fill(i))
    writer.close()

    const path = objectPath(name, storm.kind)
    const bytes = readFileSync(path)
    const chunkAt = (position: number) => bytes.readBigUInt64LE(ring.slot(position % spec.capacity)) & 0xfffffn
    const own = bytes.readBigUInt64LE(ring.entry(1))
    const entry = Buffer.alloc(24)
    words(own, chunkAt(39), chunkAt(40), 40n).forEach((word, i) => void entry.writeBigUInt64LE(word, i * 8))
    const fd = openSync(path, 'r+')
    writeSync(fd, entry, 0, 24, ring.entry(1))
    closeSync(fd)

    using successor = Fleet.joinShm(name, { node: 1 })
    expect(successor.head(storm)).toBe(40)
    expect(readFileSync(path).readBigUInt64LE(ring.entry(1))).toBe(own)
    expectChunksInOnePlace(name, size)
    successor.publish(storm, new Uint8Array(recordBytes).fill(40))
    const { frames, lost } = keeper.cursor(storm, 0).poll()
    expect(lost).toBe(41 - spec.capacity)
    expect(frames.map(({ payload }) => payload[0])).toEqual(frames.map(({ position }) => position))
  })
})
