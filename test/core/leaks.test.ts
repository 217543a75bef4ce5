import { statSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { Fleet, orbitType } from '../../src/index.js'
import { fleetAt, ringAt } from '../help/bytes.js'
import { fleetName, objectPath, objectsOf } from '../help/fleets.js'
import { start } from '../help/processes.js'
import { isLinux, isSanitized } from '../help/system.js'

interface Census {
  descriptors: number
  locks: number
  orbitMaps: number
  objects: number
  maps: number
  private: number
}

const MiB = 2 ** 20

async function said<T>(scene: string, options: object): Promise<T> {
  const child = start('leaks.mjs', [scene, options], { nodeOptions: ['--expose-gc', '--max-semi-space-size=1'] })
  const heard = await child.heard<T>()
  expect({ ...(await child.ended), stderr: child.stderr }).toEqual({ code: 0, signal: null, stderr: '' })
  return heard as T
}

function expectSame({ before, after }: { before: Census; after: Census }): void {
  const { locks, orbitMaps, objects } = after
  expect(before).toMatchObject({ locks, orbitMaps, objects })
  expect(after.descriptors).toBeLessThanOrEqual(before.descriptors) // Node itself may have closed one
  // The heap adds and drops a few maps; one leaked map a cycle would be thousands, one leaked page a cycle 40 MB.
  expect(after.maps - before.maps).toBeLessThan(200)
  if (!isSanitized) expect(after.private - before.private).toBeLessThan(8 * MiB)
}

describe.runIf(isLinux)('leaks', () => {
  it('10,000 joins and closes leak no byte, descriptor, lock or object', async () => {
    const name = fleetName('leak')
    Fleet.joinShm(name, { lifetime: 'persistent', size: 4 }).close()
    const census = await said<{ before: Census; after: Census }>('churn', {
      name,
      cycles: 10_000,
      path: objectPath(name, 'fleet'),
    })
    expectSame(census)
    expect(census.after).toMatchObject({ locks: 0, orbitMaps: 0, objects: 3 })
  })

  it('leaks nothing in 10,000 process-local joins and closes', async () => {
    const census = await said<{ before: Census; after: Census }>('churnLocal', {
      name: fleetName('leak'),
      cycles: 10_000,
    })
    expectSame(census)
    expect(census.after).toMatchObject({ orbitMaps: 0, objects: 0 })
  })

  it('leaks nothing in 1,000 removals and creations', async () => {
    const name = fleetName('leak')
    const census = await said<{ before: Census; after: Census }>('renew', { name, cycles: 1000 })
    expectSame(census)
    expect(census.after).toMatchObject({ orbitMaps: 0, objects: 0 })
  })

  it('leaks no descriptor in worker threads, ES modules, that end', async () => {
    const { before, after } = await said<Record<'before' | 'after', number>>('threads', {
      name: fleetName(),
      cycles: 10,
    })
    expect(after).toBe(before)
  })

  it('attaches to a ring of 64 MB without copying it', async () => {
    const name = fleetName('leak')
    const big = orbitType({ name: 'big', kind: 9, capacity: 1024, payloadBytes: 64 * 1024 - 24 })
    using fleet = Fleet.joinShm(name, { lifetime: 'persistent', size: 4 })
    for (let i = 0; i < 1024; i++) fleet.publish(big, new Uint8Array(big.payloadBytes).fill(i))
    const { newest, grown } = await said<{ newest: number; grown: number }>('attach', { name })
    expect(newest).toBe(255)
    expect(statSync(objectPath(name, 9)).size).toBeGreaterThan(64 * MiB)
    if (!isSanitized) expect(grown).toBeLessThan(8 * MiB)
  })

  it.each([
    { capacity: 1, payloadBytes: 0, size: 1 },
    { capacity: 64, payloadBytes: 40, size: 4 },
    { capacity: 1024, payloadBytes: 41, size: 64 },
    { capacity: 256, payloadBytes: 1000, size: 100 },
  ])('an object is as large as its capacity, nodes and spares: %o', ({ capacity, payloadBytes, size }) => {
    const name = fleetName('leak')
    using fleet = Fleet.joinShm(name, { lifetime: 'persistent', size })
    const type = orbitType({ name: 'facts', kind: 7, capacity, payloadBytes })
    fleet.publish(type, new Uint8Array(payloadBytes))
    const { end } = ringAt({ capacity, payloadBytes }, size)
    const { size: bytes, blocks, mode } = statSync(objectPath(name, 7))
    expect({ bytes, objectBytes: fleet.stats(type)?.objectBytes, mode: mode & 0o777 }).toEqual({
      bytes: end,
      objectBytes: end,
      mode: 0o600,
    })
    // All of it is reserved: no later write can fail for lack of memory.
    expect(blocks * 512).toBeGreaterThanOrEqual(end)
    expect(statSync(objectPath(name, 'fleet')).size).toBe(fleetAt.records + size * fleetAt.recordBytes)
    expect(objectsOf(name)).toHaveLength(2)
  })
})
