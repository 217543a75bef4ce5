// A store between processes, some of which are killed while they write.
import { describe, expect, it } from 'vitest'
import { Fleet, OrbitStore } from '../../src/index.js'
import { faultAddon } from '../help/addons.js'
import { fleetName, objectsOf } from '../help/fleets.js'
import { orbit } from '../help/orbit.js'
import { start } from '../help/processes.js'
import { isLinux } from '../help/system.js'

const options = { bytes: 2 * 2 ** 20, entryBytes: 4096 }
const keys = Array.from({ length: 40 }, (_, i) => `key-${i}`)

/** Throws unless the value is whole, and was put under this key: see the fixture that writes it. */
function checkValue(key: string, value: Uint8Array): void {
  const text = Buffer.from(value).toString()
  const unit = text.slice(0, text.indexOf(';') + 1)
  const [put, sequence] = unit.slice(0, -1).split('|')
  if (put !== key || text !== unit.repeat(1 + ((Number(sequence) * 7919) % 3000))) {
    throw new Error(`${key} has ${JSON.stringify(text.slice(0, 100))} and ${text.length} bytes`)
  }
}

describe.runIf(isLinux)('a store that several processes write', () => {
  const writerOf = async (name: string, seed: number) => {
    const child = start('actor.mjs', ['store', 'writer', name, options, keys, seed])
    expect(await child.next()).toBe('ready')
    return child
  }

  it('gives each process what the others have put', { timeout: 60_000 }, async () => {
    const name = fleetName('store')
    using fleet = Fleet.joinShm(name, { size: 8 })
    const store = new OrbitStore(fleet, options)
    const child = await writerOf(name, 1)
    expect(store.put('ours', 'x'.repeat(100_000))).toBe(true)
    expect(await child.ask('get', 'ours')).toBe('x'.repeat(100_000))
    expect(await child.ask('put', 'theirs', 'y'.repeat(50_000))).toBe(true)
    expect(store.get('theirs')).toEqual(new TextEncoder().encode('y'.repeat(50_000)))
    child.process.kill('SIGKILL')
    await child.ended
    expect(store.get('theirs')).toEqual(new TextEncoder().encode('y'.repeat(50_000)))
  })

  it('returns only whole values while writers are killed, and goes on', { timeout: 120_000 }, async () => {
    const name = fleetName('storekills')
    using fleet = Fleet.joinShm(name, { size: 8 })
    const store = new OrbitStore(fleet, options)
    let hits = 0
    let writers = await Promise.all([1, 2, 3].map((seed) => writerOf(name, seed)))
    for (let round = 0; round < 2; round++) {
      for (const writer of writers) expect(await writer.ask('flood')).toBe('flooding')
      const next = Promise.all([1, 2, 3].map((seed) => writerOf(name, 100 * (round + 1) + seed)))
      // As long as the next writers take to start, which join while these write.
      let isOver = false
      const end = () => {
        isOver = true
      }
      next.then(end, end)
      while (!isOver) {
        for (const key of keys) {
          const value = store.get(key)
          if (value === undefined) continue
          checkValue(key, value)
          hits++
        }
        await new Promise((resolve) => setImmediate(resolve))
      }
      for (const writer of writers) writer.process.kill('SIGKILL')
      await Promise.all(writers.map(({ ended }) => ended))
      for (const key of keys) {
        const value = store.get(key)
        if (value !== undefined) checkValue(key, value)
      }
      writers = await next
    }
    expect(hits).toBeGreaterThan(100)
    store.reset()
    expect([...store.keys()]).toEqual([])
    for (const key of keys) store.put(key, `${key}|7;`)
    for (const writer of writers) for (const key of keys) expect(await writer.ask('get', key)).toBe(`${key}|7;`)
  })

  const createSteps = ['create:opened', 'create:locked', 'create:reserved', 'create:formatted']
  it.each(createSteps)('leaves nothing that gc does not take if its creator is killed at %s', async (point) => {
    const name = fleetName('storedead')
    const first = start('steps.mjs', [name, [['join', { lifetime: 'fleet', size: 8 }], ['stay']]])
    await first.heard()
    const env = { ORBIT_NATIVE_PATH: faultAddon(), ORBIT_FAULT: point }
    const creator = start('actor.mjs', ['store', 'writer', name, options, keys, 1], { env })
    expect(await creator.ended).toEqual({ code: null, signal: 'SIGKILL' })
    await first.kill()
    expect(objectsOf(name)).not.toEqual([])
    expect(await orbit(['gc', name])).toMatchObject({ code: 0, stderr: '' })
    expect(objectsOf(name)).toEqual([])
  })

  it('leaves nothing that gc does not take if all members are killed in the middle of puts', async () => {
    const name = fleetName('storedead')
    const writers = await Promise.all([1, 2, 3].map((seed) => writerOf(name, seed)))
    for (const writer of writers) expect(await writer.ask('flood')).toBe('flooding')
    for (const writer of writers) writer.process.kill('SIGKILL')
    await Promise.all(writers.map(({ ended }) => ended))
    expect(objectsOf(name).length).toBeGreaterThan(1)
    expect(await orbit(['gc', name])).toMatchObject({ code: 0, stderr: '' })
    expect(objectsOf(name)).toEqual([])
  })
})
