import { describe, expect, it } from 'vitest'
import { type Fleet, OrbitCache, orbitType } from '../../src/index.js'
import { fleetName, joinLocal as join } from '../help/fleets.js'
import { numbered, numberIn } from '../help/frames.js'

const Small = orbitType({ name: 'Small', kind: 1, capacity: 64, payloadBytes: 100 })
const Other = orbitType({ name: 'Other', kind: 2, capacity: 64, payloadBytes: 100 })
const Wide = orbitType({ name: 'Wide', kind: 3, capacity: 64, payloadBytes: 10_000 })

/** The number that was published, and the bytes that were handed out for it. */
type Kept = [number, Uint8Array]

const expectWhole = (kept: readonly Kept[]) => {
  for (const [value, bytes] of kept) expect(Buffer.compare(bytes, numbered(value, bytes.length)), `${value}`).toBe(0)
}

describe('a payload that was handed out', () => {
  const open = () => {
    const fleet = join(fleetName())
    return { fleet, cache: new OrbitCache(fleet, { capacity: 64, valueBytes: 200 }), cursor: fleet.cursor(Small) }
  }

  it('keeps its bytes while reads, polls and lookups of other KINDs fill many buffers', () => {
    const { fleet, cache, cursor } = open()
    const others = fleet.cursor(Other)
    const kept: Kept[] = []
    for (let i = 0; i < 3000; i++) {
      const length = 8 + (i % 90)
      fleet.publish(Small, numbered(i, length))
      fleet.publish(Other, numbered(i + 1, length))
      fleet.publish(Wide, numbered(i + 2, i % 300 === 0 ? 9000 : length))
      cache.put('key', numbered(i + 3, length))
      for (const frame of cursor.poll().frames) kept.push([i, frame.payload])
      for (const frame of others.poll().frames) kept.push([i + 1, frame.payload])
      kept.push([i + 2, fleet.readHead(Wide)?.payload as Uint8Array], [i + 3, cache.get('key') as Uint8Array])
      kept.push([i, fleet.readAt(Small, i)?.payload as Uint8Array])
    }
    expect(kept.length).toBe(15_000)
    expectWhole(kept)
    expect(new Set(kept.map(([, bytes]) => bytes.buffer)).size).toBeGreaterThan(50)
  })

  it('shares its buffer with those of other KINDs, so that polls of two in turn need no new buffers', () => {
    const { fleet, cursor } = open()
    const others = fleet.cursor(Other)
    const buffers = new Set<ArrayBufferLike>()
    for (let i = 0; i < 100; i++) {
      fleet.publish(Small, numbered(i))
      fleet.publish(Other, numbered(i))
      for (const { payload } of [...cursor.poll().frames, ...others.poll().frames]) buffers.add(payload.buffer)
    }
    expect(buffers.size).toBeLessThanOrEqual(2)
  })

  it('has a buffer of its own when it is long, and its exact length', () => {
    const { fleet } = open()
    fleet.publish(Wide, numbered(7, 9999))
    const read = fleet.readHead(Wide)
    expect(numberIn(read)).toBe(7)
    expect(read?.payload.buffer.byteLength).toBe(9999)
  })

  it('has a buffer of its own after copy(), and the other properties of the frame', () => {
    const { fleet } = open()
    fleet.publish(Small, numbered(7, 99), { frameKind: 3, version: 9 })
    const read = fleet.readHead(Small)
    const copy = read?.copy()
    expect(copy?.payload.buffer.byteLength).toBe(99)
    expect({ ...copy }).toEqual({ ...read })
    expect(copy?.id).toEqual(read?.id)
    expect(read?.payload.buffer.byteLength).toBeGreaterThan(99)
  })

  it('is whole for every length up to the limit of its ring, at the end of a buffer too', () => {
    const { fleet } = open()
    const kept: Kept[] = []
    for (let i = 0; i < 2000; i++) {
      const length = 4 + (i % 97)
      fleet.publish(Small, numbered(i, length))
      const { payload } = fleet.readHead(Small) as { payload: Uint8Array }
      expect(payload.length).toBe(length)
      kept.push([i, payload])
    }
    expectWhole(kept)
  })
})

describe('a buffer of payloads that a caller detaches', () => {
  /** Detaches the buffer if this version of Node can do it in spite of the mark. */
  const detach = ({ buffer }: Uint8Array): void => {
    const { transfer } = buffer as ArrayBuffer & { transfer?: () => ArrayBuffer }
    transfer?.call(buffer)
  }

  it.each<[string, (fleet: Fleet, cache: OrbitCache) => Uint8Array | undefined]>([
    ['readHead', (fleet) => fleet.readHead(Small)?.payload],
    ['poll', (fleet) => fleet.cursor(Small, fleet.head(Small) - 1).poll().frames[0]?.payload],
    ['cache.get', (_, cache) => cache.get('key')],
  ])('is not written to again by %s', (_, read) => {
    const fleet = join(fleetName())
    const cache = new OrbitCache(fleet, { capacity: 64, valueBytes: 200 })
    for (let i = 0; i < 10; i++) {
      fleet.publish(Small, numbered(i, 80))
      cache.put('key', numbered(i, 80))
      const bytes = read(fleet, cache) as Uint8Array
      expectWhole([[i, bytes]])
      detach(bytes)
    }
  })
})
