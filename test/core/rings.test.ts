import { chmodSync, truncateSync, writeFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { reservedLayer } from '../../src/core/layer.js'
import { Ring } from '../../src/core/ring.js'
import { Fleet, NetId64, OrbitError, type OrbitType, orbitType, pod } from '../../src/index.js'
import {
  chunkAt,
  chunkIn,
  entryAt,
  fleetAt,
  golden,
  lapIn,
  objectAt,
  objectFile,
  presetHead,
  ringAt,
  slotWord,
} from '../help/bytes.js'
import {
  fleetName,
  hasObjectFiles,
  joinLocal,
  joinShm,
  memories,
  objectName,
  objectPath,
  objectsOf,
  observe,
} from '../help/fleets.js'
import { accountOf, numbered, numberIn, positionsOf } from '../help/frames.js'
import { expectClosed, expectRangeError, expectRefusal, expectTypeError, untyped } from '../help/refusals.js'

const Small = orbitType({ name: 'Small', kind: 7, capacity: 4, payloadBytes: 16 })
const Other = orbitType({ name: 'Other', kind: 9, capacity: 4, payloadBytes: 16 })
const Plain = orbitType({ name: 'Plain', kind: 10 })
const Empty = orbitType({ name: 'Empty', kind: 11, capacity: 4, payloadBytes: 0 })
const One = orbitType({ name: 'One', kind: 12, capacity: 1, payloadBytes: 16 })
const Two = orbitType({ name: 'Two', kind: 13, capacity: 2, payloadBytes: 16 })
const Large = orbitType({ name: 'Large', kind: 14, capacity: 2, payloadBytes: 300_001 })
const Load = orbitType({ name: 'Load', kind: 15, capacity: 8, pod: pod({ busy: 'u32', idle: 'u32' }) })

const expectTooLarge = (call: () => unknown, ...inMessage: string[]): void =>
  expectRefusal(call, RangeError, 'ERR_ORBIT_PAYLOAD_SIZE', ...inMessage)

describe.each(memories)('a ring in $memory', ({ join }) => {
  describe('publish', () => {
    it('returns an id of the KIND of the type, the node of the member and a counter that grows by one', () => {
      const name = fleetName()
      const fleet = join(name, { node: 5 })
      const ids = [1, 2, 3].map((value) => fleet.publish(Small, numbered(value)))
      expect(ids[0]).toBeInstanceOf(NetId64)
      expect(ids.map(String)).toEqual(['7:5:0', '7:5:1', '7:5:2'])
    })

    it('counts each KIND on its own, and keeps their frames apart', () => {
      const fleet = join(fleetName())
      fleet.publish(Small, numbered(1))
      fleet.publish(Small, numbered(2))
      expect(fleet.publish(Other, numbered(3)).toString()).toBe('9:0:0')
      expect([fleet.head(Small), fleet.head(Other), fleet.head(Plain)]).toEqual([2, 1, 0])
      expect(numberIn(fleet.readHead(Small))).toBe(2)
      expect(numberIn(fleet.readHead(Other))).toBe(3)
      expect(fleet.readHead(Plain)).toBeUndefined()
    })

    it('counts all members of the fleet together', () => {
      const name = fleetName()
      const [a, b] = [join(name), join(name)]
      const ids = [a, b, b, a].map((fleet, i) => fleet.publish(Small, numbered(i)))
      expect(ids.map(String)).toEqual(['7:0:0', '7:1:1', '7:1:2', '7:0:3'])
    })

    it('accepts any Uint8Array: a Buffer, a part of one, one over shared bytes, an empty one', () => {
      const fleet = join(fleetName())
      const shared = new Uint8Array(new SharedArrayBuffer(8))
      shared[3] = 9
      const payloads = [Buffer.from('buffer'), new Uint8Array([1, 2, 3, 4]).subarray(1, 3), shared, new Uint8Array(0)]
      for (const payload of payloads) {
        fleet.publish(Small, payload)
        expect([...(fleet.readHead(Small)?.payload ?? [0])]).toEqual([...payload])
      }
    })

    it.each([
      'text',
      undefined,
      null,
      7,
      [1, 2],
      {},
      { length: 8 },
      new ArrayBuffer(8),
      new DataView(new ArrayBuffer(8)),
      new Uint16Array(4),
      new Int8Array(8),
      new Uint8ClampedArray(8),
    ])('refuses a payload that is no Uint8Array and publishes nothing: %o', (payload) => {
      const fleet = join(fleetName())
      expectTypeError(() => fleet.publish(Small, untyped(payload)), 'payload')
      expectTypeError(() => fleet.publish(Load, untyped(payload)))
      expectTypeError(() => fleet.publishBatch(Small, [numbered(1), untyped(payload)]), 'payload')
      expectTypeError(() => fleet.publishPacked(Small, untyped(payload)), 'records')
      expect([fleet.head(Small), fleet.head(Load)]).toEqual([0, 0])
    })

    it.each([0, 1, 7, 8, 9, 15, 16])('keeps a payload of %i bytes unchanged', (length) => {
      const fleet = join(fleetName())
      const payload = new Uint8Array(length).map((_, i) => 255 - i)
      fleet.publish(Small, new Uint8Array(16).fill(0xaa))
      fleet.publish(Small, payload)
      expect(fleet.readHead(Small)?.payload).toEqual(payload)
      expect(fleet.cursor(Small).poll().frames[1]?.payload).toEqual(payload)
    })

    it('refuses a payload over the limit before anything is reserved, with both sizes', () => {
      const fleet = join(fleetName())
      fleet.publish(Small, numbered(1, 16))
      expectTooLarge(() => fleet.publish(Small, new Uint8Array(17)), 'KIND 7', '17', 'payloadBytes=16')
      expect(fleet.head(Small)).toBe(1)
      expect(fleet.publish(Small, numbered(2, 16)).counter).toBe(1)
    })

    it('accepts only the byteLength of a type with a pod', () => {
      const fleet = join(fleetName())
      expectTooLarge(() => fleet.publish(Load, new Uint8Array(7)), 'KIND 15', '7 bytes', 'byteLength=8')
      expectTooLarge(() => fleet.publish(Load, new Uint8Array(9)), '9 bytes', 'byteLength=8')
      expectTooLarge(() => fleet.publishBatch(Load, [new Uint8Array(8), new Uint8Array(4)]), '4 bytes')
      expect(fleet.head(Load)).toBe(0)
      fleet.publish(Load, new Uint8Array(8))
      expect(fleet.head(Load)).toBe(1)
    })

    it('has a limit of 256 bytes by default', () => {
      const fleet = join(fleetName())
      fleet.publish(Plain, numbered(3, 256))
      expect(numberIn(fleet.readHead(Plain))).toBe(3)
      expectTooLarge(() => fleet.publish(Plain, new Uint8Array(257)), '257', '256')
    })

    it('accepts payloads far larger than the scratch buffer, alone and in batches', () => {
      const fleet = join(fleetName())
      fleet.publish(Large, numbered(1, 300_001))
      expect(numberIn(fleet.readHead(Large))).toBe(1)
      const ids = fleet.publishBatch(
        Large,
        [2, 3, 4].map((value) => numbered(value, 300_001)),
      )
      expect(ids.map((id) => id.counter)).toEqual([1, 2, 3])
      expect(fleet.cursor(Large, 0).poll().frames.map(numberIn)).toEqual([3, 4])
      expect(fleet.publishPacked(Large, Buffer.concat([5, 6].map((value) => numbered(value, 300_001))))).toBe(2)
      expect(fleet.cursor(Large).poll().frames.map(numberIn)).toEqual([5, 6])
      expectTooLarge(() => fleet.publish(Large, new Uint8Array(300_002)), '300002')
      // Frames of the small ring still pass through the grown buffer.
      fleet.publish(Small, numbered(7))
      expect(numberIn(fleet.readHead(Small))).toBe(7)
    })

    it('accepts only empty payloads in a ring of zero-byte payloads', () => {
      const fleet = join(fleetName())
      fleet.publish(Empty, new Uint8Array(0), { frameKind: 4, version: 5 })
      expectTooLarge(() => fleet.publish(Empty, new Uint8Array(1)), '1 bytes', 'payloadBytes=0')
      expectTooLarge(() => fleet.publishBatch(Empty, [new Uint8Array(0), new Uint8Array(1)]), '1 bytes')
      expectTooLarge(() => fleet.publishPacked(Empty, new Uint8Array(1)), 'records.length=1')
      expect(fleet.publishPacked(Empty, new Uint8Array(0))).toBe(0)
      expect(fleet.publishBatch(Empty, [new Uint8Array(0), new Uint8Array(0)]).map(String)).toEqual([
        '11:0:1',
        '11:0:2',
      ])
      expect(fleet.readAt(Empty, 0)).toMatchObject({ frameKind: 4, version: 5, payload: new Uint8Array(0) })
      expect(
        fleet
          .cursor(Empty)
          .poll()
          .frames.map((frame) => frame.payload.length),
      ).toEqual([0, 0, 0])
    })

    it('has frame kind 0 and version 0 by default', () => {
      const fleet = join(fleetName())
      fleet.publish(Small, numbered(1))
      fleet.publish(Small, numbered(1), {})
      fleet.publishBatch(Small, [numbered(1)])
      fleet.publishPacked(Small, new Uint8Array(16))
      for (const frame of fleet.cursor(Small).poll().frames) expect(frame).toMatchObject({ frameKind: 0, version: 0 })
    })

    it.each([
      { frameKind: 255 },
      { version: Number.MAX_SAFE_INTEGER },
      { frameKind: 1, version: 2 ** 32 },
      { frameKind: 128, version: 2 ** 52 + 1 },
    ])('keeps frame kind and version: %o', (options) => {
      const fleet = join(fleetName())
      const expected = { frameKind: 0, version: 0, ...options }
      fleet.publish(Small, numbered(1), options)
      fleet.publishBatch(Small, [numbered(1)], options)
      fleet.publishPacked(Small, new Uint8Array(16), options)
      for (const frame of fleet.cursor(Small).poll().frames) expect(frame).toMatchObject(expected)
      for (const position of [0, 1, 2]) expect(fleet.readAt(Small, position)).toMatchObject(expected)
    })

    it.each([
      ['frameKind', -1],
      ['frameKind', 256],
      ['frameKind', 1.5],
      ['frameKind', Number.NaN],
      ['version', -1],
      ['version', 2 ** 53],
      ['version', 0.5],
      ['version', Number.POSITIVE_INFINITY],
    ])('refuses %s %d and publishes nothing', (option, value) => {
      const fleet = join(fleetName())
      const options = { [option]: value }
      expectRangeError(() => fleet.publish(Small, numbered(1), options), `${option}=${value}`)
      expectRangeError(() => fleet.publishBatch(Small, [numbered(1)], options), `${option}=${value}`)
      expectRangeError(() => fleet.publishPacked(Small, new Uint8Array(16), options), `${option}=${value}`)
      expect(fleet.head(Small)).toBe(0)
    })

    it.each([
      ['frameKind', '1'],
      ['version', 1n],
    ])('refuses a %s that is no number: %o', (option, value) => {
      const fleet = join(fleetName())
      expectTypeError(() => fleet.publish(Small, numbered(1), untyped({ [option]: value })), `${option}=`)
    })
  })

  describe('publishBatch', () => {
    it('returns consecutive ids when there is no other writer', () => {
      const name = fleetName()
      const fleet = join(name)
      join(name).publish(Plain, numbered(0))
      const ids = fleet.publishBatch(
        Plain,
        [1, 2, 3].map((value) => numbered(value)),
      )
      expect(ids.map(String)).toEqual(['10:0:1', '10:0:2', '10:0:3'])
      expect(fleet.publish(Plain, numbered(4)).counter).toBe(4)
    })

    it('publishes a batch of mixed lengths that is larger than the scratch buffer', () => {
      const fleet = join(fleetName())
      const payloads = Array.from({ length: 1000 }, (_, i) => numbered(i, 4 + ((i * 37) % 253)))
      expect(payloads.reduce((sum, payload) => sum + payload.length, 0)).toBeGreaterThan(64 * 1024)
      const ids = fleet.publishBatch(Plain, payloads)
      expect(ids.map((id) => id.counter)).toEqual(payloads.map((_, i) => i))
      const { frames } = fleet.cursor(Plain).poll()
      expect(frames.map(numberIn)).toEqual(payloads.map((_, i) => i))
      expect(frames.map((frame) => frame.payload.length)).toEqual(payloads.map((payload) => payload.length))
    })

    it('publishes a batch of more frames than the ring retains', () => {
      const fleet = join(fleetName())
      expect(
        fleet.publishBatch(
          Small,
          [0, 1, 2, 3, 4, 5].map((value) => numbered(value)),
        ).length,
      ).toBe(6)
      expect(fleet.cursor(Small).poll().frames.map(numberIn)).toEqual([2, 3, 4, 5])
    })

    it('refuses a batch with one payload that is too large before anything is published', () => {
      const fleet = join(fleetName())
      const payloads = Array.from({ length: 600 }, (_, i) => numbered(i, 200))
      expectTooLarge(() => fleet.publishBatch(Plain, [...payloads, new Uint8Array(257)]), '257', '256')
      expect(fleet.head(Plain)).toBe(0)
      expect(fleet.publish(Plain, numbered(1)).counter).toBe(0)
    })

    it('publishes nothing for an empty input', () => {
      const fleet = join(fleetName())
      expect(fleet.publishBatch(Small, [])).toEqual([])
      expect(fleet.head(Small)).toBe(0)
    })

    it.each([undefined, null, 'text', numbered(1), { length: 0 }])(
      'refuses a value that is not an array: %o',
      (payloads) => {
        const fleet = join(fleetName())
        expectTypeError(() => fleet.publishBatch(Small, untyped(payloads)), 'payloads=')
      },
    )

    it('refuses an array with a hole', () => {
      const fleet = join(fleetName())
      const payloads = [numbered(1)]
      payloads[2] = numbered(3)
      expectTypeError(() => fleet.publishBatch(Small, payloads), 'payload')
      expect(fleet.head(Small)).toBe(0)
    })
  })

  describe('publishPacked', () => {
    it('publishes adjacent records as one frame each, and returns their count', () => {
      const fleet = join(fleetName())
      const records = Buffer.concat([10, 11, 12].map((value) => numbered(value, 16)))
      expect(fleet.publishPacked(Small, records, { frameKind: 2, version: 3 })).toBe(3)
      const { frames } = fleet.cursor(Small).poll()
      expect(frames.map(numberIn)).toEqual([10, 11, 12])
      for (const frame of frames) expect(frame).toMatchObject({ frameKind: 2, version: 3 })
      expect(frames.map((frame) => frame.payload.length)).toEqual([16, 16, 16])
    })

    it("reads records of the pod's size, not of the ring's", () => {
      const fleet = join(fleetName())
      const Roomy = orbitType({ name: 'Roomy', kind: 16, payloadBytes: 64, pod: pod({ at: 'u64' }) })
      expect(fleet.publishPacked(Roomy, new Uint8Array(24))).toBe(3)
      expect(
        fleet
          .cursor(Roomy)
          .poll()
          .frames.map((frame) => frame.payload.length),
      ).toEqual([8, 8, 8])
    })

    it('publishes far more records than the scratch buffer holds', () => {
      const fleet = join(fleetName())
      const records = Buffer.concat(Array.from({ length: 1000 }, (_, i) => numbered(i, 256)))
      expect(fleet.publishPacked(Plain, records)).toBe(1000)
      expect(fleet.cursor(Plain).poll().frames.map(numberIn)).toEqual(Array.from({ length: 1000 }, (_, i) => i))
    })

    it('publishes nothing for an empty input', () => {
      const fleet = join(fleetName())
      expect(fleet.publishPacked(Small, new Uint8Array(0))).toBe(0)
      expect(fleet.head(Small)).toBe(0)
    })

    it('refuses a part of a record before anything is published', () => {
      const fleet = join(fleetName())
      expectTooLarge(() => fleet.publishPacked(Small, new Uint8Array(33)), '33', '16')
      expectTooLarge(() => fleet.publishPacked(Load, new Uint8Array(12)), '12', '8')
      expect([fleet.head(Small), fleet.head(Load)]).toEqual([0, 0])
    })
  })

  describe('reading', () => {
    it('finds a frame by id with everything that was published', () => {
      const fleet = join(fleetName(), { node: 3 })
      const id = fleet.publish(Small, numbered(42), { frameKind: 7, version: 99 })
      const frame = fleet.read(id)
      expect(frame).toMatchObject({ node: 3, position: 0, frameKind: 7, version: 99, payload: numbered(42) })
      expect(frame?.id.equals(id)).toBe(true)
    })

    it('retains positions 2 to 5 after six writes in four slots', () => {
      const fleet = join(fleetName())
      const ids = [0, 1, 2, 3, 4, 5].map((value) => fleet.publish(Small, numbered(value)))
      expect(ids.map((id) => numberIn(fleet.read(id)))).toEqual([undefined, undefined, 2, 3, 4, 5])
      expect([0, 1, 2, 3, 4, 5, 6].map((position) => numberIn(fleet.readAt(Small, position)))).toEqual([
        undefined,
        undefined,
        2,
        3,
        4,
        5,
        undefined,
      ])
      expect(fleet.stats(Small)).toMatchObject({ head: 6, oldest: 2 })
    })

    it.each([
      { type: One, kept: [4] },
      { type: Two, kept: [3, 4] },
    ])('keeps as many frames as there are slots: $type.name', ({ type, kept }) => {
      const fleet = join(fleetName())
      for (const value of [0, 1, 2, 3, 4]) {
        fleet.publish(type, numbered(value))
        expect(numberIn(fleet.readHead(type))).toBe(value)
      }
      expect(fleet.cursor(type).poll().frames.map(numberIn)).toEqual(kept)
    })

    it('finds nothing by an id that was never assigned', () => {
      const fleet = join(fleetName(), { size: 4 })
      expect(fleet.read(NetId64.make(7, 0, 0)), 'no ring yet').toBeUndefined()
      expect(fleet.read(NetId64.ZERO)).toBeUndefined()
      fleet.head(Small)
      expect(fleet.read(NetId64.make(7, 0, 0)), 'an empty ring').toBeUndefined()
      fleet.publish(Small, numbered(1))
      expect(fleet.read(NetId64.make(7, 0, 1)), 'the next one').toBeUndefined()
      expect(fleet.read(NetId64.make(7, 0, 2 ** 40 - 1)), 'the last counter').toBeUndefined()
      expect(fleet.read(NetId64.make(7, 65535, 0)), 'a node that cannot be').toBeUndefined()
      expect(fleet.read(NetId64.make(222, 0, 0)), 'another KIND').toBeUndefined()
    })

    it("finds nothing by an id with a frame's counter and another node", () => {
      const name = fleetName()
      const [a, b] = [join(name), join(name)]
      a.publish(Small, numbered(1))
      b.publish(Small, numbered(2))
      expect(a.read(NetId64.make(7, 1, 0))).toBeUndefined()
      expect(a.read(NetId64.make(7, 0, 1))).toBeUndefined()
      expect(numberIn(a.read(NetId64.make(7, 1, 1)))).toBe(2)
    })

    it('finds frames of KINDs that this handle never opened, for any type', () => {
      const name = fleetName()
      const [writer, reader] = [join(name), join(name)]
      const ids = [
        writer.publish(Small, numbered(1)),
        writer.publish(Load, numbered(2, 8)),
        writer.publish(Large, numbered(3, 200_000)),
      ]
      expect(ids.map((id) => numberIn(reader.read(id)))).toEqual([1, 2, 3])
      // It can open them with their type after that.
      expect(numberIn(reader.readHead(Small))).toBe(1)
      expectTooLarge(() => reader.publish(Load, new Uint8Array(4)), 'byteLength=8')
      expect(ids.map((id) => numberIn(reader.read(id)))).toEqual([1, 2, 3])
    })

    it('creates no ring when it looks for an id', () => {
      const name = fleetName()
      const fleet = join(name)
      expect(fleet.read(NetId64.make(7, 0, 0))).toBeUndefined()
      const Bigger = orbitType({ name: 'Bigger', kind: 7, capacity: 64 })
      expect(fleet.publish(Bigger, numbered(1)).counter).toBe(0)
    })

    it.each([undefined, null, 5n, '7:0:0', { kind: 7, node: 0, counter: 0 }])(
      'refuses a value that is not an id: %o',
      (id) => {
        const fleet = join(fleetName())
        expectTypeError(() => fleet.read(untyped(id)), 'id=')
      },
    )

    it.each([-1, 0.5, 2 ** 53 - 1, Number.NaN])('refuses position %d', (position) => {
      const fleet = join(fleetName())
      expectRangeError(() => fleet.readAt(Small, position), `position=${position}`)
      expectTypeError(() => fleet.readAt(Small, untyped('0')), 'position="0"')
    })

    it('finds nothing at the largest possible position', () => {
      const fleet = join(fleetName())
      fleet.publish(Small, numbered(1))
      expect(fleet.readAt(Small, golden.maxPosition)).toBeUndefined()
    })

    it('copies the payload on publish and on read', () => {
      const fleet = join(fleetName())
      const payload = numbered(5)
      const id = fleet.publish(Small, payload)
      payload.fill(0xff)
      const first = fleet.read(id)
      expect(numberIn(first)).toBe(5)
      expect(first?.payload).toBe(first?.payload)
      first?.payload.fill(0xee)
      const second = fleet.readHead(Small)
      expect(numberIn(second)).toBe(5)
      for (let value = 6; value < 16; value++) fleet.publish(Small, numbered(value))
      expect(numberIn(second)).toBe(5)
      expect(second?.position).toBe(0)
      expect(fleet.read(id)).toBeUndefined()
    })

    it('shows the newest frame immediately to another handle', () => {
      const name = fleetName()
      const [a, b] = [join(name), join(name)]
      expect(b.readHead(Small)).toBeUndefined()
      for (let value = 0; value < 10; value++) {
        ;[a, b][value % 2]?.publish(Small, numbered(value))
        expect([numberIn(a.readHead(Small)), numberIn(b.readHead(Small))]).toEqual([value, value])
        expect([a.head(Small), b.head(Small)]).toEqual([value + 1, value + 1])
        expect(b.readHead(Small)?.node).toBe(value % 2)
      }
    })
  })

  describe('resetRing', () => {
    it('makes all retained frames unreadable for every handle, and continues counting', () => {
      const name = fleetName()
      const [a, b] = [join(name), join(name)]
      const old = a.publishBatch(
        Small,
        [0, 1, 2].map((value) => numbered(value)),
      )
      b.resetRing(Small)
      for (const fleet of [a, b]) {
        expect(fleet.readHead(Small)).toBeUndefined()
        expect(old.map((id) => fleet.read(id))).toEqual([undefined, undefined, undefined])
        expect(fleet.readAt(Small, 2)).toBeUndefined()
        expect(fleet.head(Small)).toBe(3)
        expect(fleet.stats(Small)).toMatchObject({ head: 3, oldest: 3 })
        expect(accountOf(fleet.cursor(Small).poll())).toMatchObject({ count: 0, lost: 0, from: 3, to: 3 })
      }
      expect(a.publish(Small, numbered(3)).toString()).toBe('7:0:3')
      expect(numberIn(b.readHead(Small))).toBe(3)
      expect(b.cursor(Small).poll().frames.map(numberIn)).toEqual([3])
    })

    it('never assigns an id again', () => {
      const fleet = join(fleetName())
      const seen = new Set<string>()
      for (let round = 0; round < 10; round++) {
        for (let i = 0; i <= round; i++) seen.add(fleet.publish(Two, numbered(i)).toString())
        fleet.resetRing(Two)
        fleet.resetRing(Two)
      }
      expect(seen.size).toBe(55)
    })

    it('changes nothing in an empty ring', () => {
      const fleet = join(fleetName())
      fleet.resetRing(Small)
      expect(fleet.publish(Small, numbered(1)).counter).toBe(0)
      expect(numberIn(fleet.readHead(Small))).toBe(1)
    })

    it('does not affect other KINDs', () => {
      const fleet = join(fleetName())
      fleet.publish(Small, numbered(1))
      fleet.publish(Other, numbered(2))
      fleet.resetRing(Small)
      expect(numberIn(fleet.readHead(Other))).toBe(2)
    })
  })

  describe('one KIND', () => {
    const different = {
      name: orbitType({ name: 'Smell', kind: 7, capacity: 4, payloadBytes: 16 }),
      capacity: orbitType({ name: 'Small', kind: 7, capacity: 8, payloadBytes: 16 }),
      payloadBytes: orbitType({ name: 'Small', kind: 7, capacity: 4, payloadBytes: 17 }),
      pod: orbitType({ name: 'Small', kind: 7, capacity: 4, pod: pod({ a: 'u64', b: 'u64' }) }),
    }
    const shown = {
      name: ['Small', 'Smell'],
      capacity: ['4', '8'],
      payloadBytes: ['16', '17'],
      pod: [different.pod.pod?.schema ?? '', 'the existing ring has no pod'],
    }
    const aspects = Object.keys(different) as (keyof typeof different)[]

    it.each(aspects)('refuses a second type that differs in %s, within one handle', (aspect) => {
      const fleet = join(fleetName())
      fleet.publish(Small, numbered(1))
      const call = () => fleet.publish(different[aspect], numbered(2, 16))
      expectRefusal(call, OrbitError, 'ERR_ORBIT_TYPE_MISMATCH', `${aspect}=`, ...shown[aspect])
      expect(numberIn(fleet.readHead(Small))).toBe(1)
      expect(fleet.head(Small)).toBe(1)
    })

    it.each(aspects)('refuses a second type that differs in %s, across handles', (aspect) => {
      const name = fleetName()
      const [a, b] = [join(name), join(name)]
      a.publish(Small, numbered(1))
      const type = different[aspect]
      for (const call of [
        () => b.publish(type, numbered(2, 16)),
        () => b.publishBatch(type, [numbered(2, 16)]),
        () => b.publishPacked(type, new Uint8Array(0)),
        () => b.readHead(type),
        () => b.readAt(type, 0),
        () => b.head(type),
        () => b.cursor(type),
        () => b.stats(type),
        () => b.resetRing(type),
      ]) {
        expectRefusal(call, OrbitError, 'ERR_ORBIT_TYPE_MISMATCH', `${aspect}=`, ...shown[aspect])
      }
      expect(a.head(Small)).toBe(1)
      expect(b.publish(Small, numbered(2)).toString()).toBe('7:1:1')
    })

    it('refuses a second pod of the same size', () => {
      const name = fleetName()
      join(name).publish(Load, numbered(1, 8))
      const Same = orbitType({ name: 'Load', kind: 15, capacity: 8, pod: pod({ idle: 'u32', busy: 'u32' }) })
      const both = ['"idle":u32', '"busy":u32', '{"busy":u32,"idle":u32}', '{"idle":u32,"busy":u32}']
      expectRefusal(() => join(name).readHead(Same), OrbitError, 'ERR_ORBIT_TYPE_MISMATCH', ...both)
    })

    it.each([
      [
        pod({ at: 'u32', by: pod({ x: 'f32' }) }),
        'the pods differ at "by":{"x":f32}, where the existing ring has "by":{"x":f64}:',
      ],
      [
        pod({ at: 'u32', by: pod({ x: 'f64', y: 'u8' }) }),
        'the pods differ at "by":{"x":f64,"y":u8}, where the existing ring has "by":{"x":f64}:',
      ],
      [pod({ more: 'u8', at: 'u32' }), 'the pods differ at "more":u8, where the existing ring has "at":u32:'],
    ])('names the first field that differs: %#', (other, text) => {
      const name = fleetName()
      const type = orbitType({ name: 'Grown', kind: 16, capacity: 8, pod: pod({ at: 'u32', by: pod({ x: 'f64' }) }) })
      join(name).head(type)
      const Other = orbitType({ name: 'Grown', kind: 16, capacity: 8, pod: untyped(other) })
      expectRefusal(() => join(name).head(Other), OrbitError, 'ERR_ORBIT_TYPE_MISMATCH', text)
    })

    it('is shared by equal types that were created separately', () => {
      const fleet = join(fleetName())
      const Again = orbitType({ name: 'Load', kind: 15, capacity: 8, pod: pod({ busy: 'u32', idle: 'u32' }) })
      fleet.publish(Load, numbered(1, 8))
      fleet.publish(Again, numbered(2, 8))
      fleet.publish(Load, numbered(3, 8))
      expect(fleet.cursor(Again).poll().frames.map(numberIn)).toEqual([1, 2, 3])
    })
  })

  describe('a value that is not a type', () => {
    const wrong = [undefined, null, 7, 'Small', {}, { kind: 7 }]
    const calls: Record<string, (fleet: Fleet, type: OrbitType) => unknown> = {
      publish: (fleet, type) => fleet.publish(type, numbered(1)),
      publishBatch: (fleet, type) => fleet.publishBatch(type, [numbered(1)]),
      publishPacked: (fleet, type) => fleet.publishPacked(type, new Uint8Array(16)),
      readHead: (fleet, type) => fleet.readHead(type),
      readAt: (fleet, type) => fleet.readAt(type, 0),
      head: (fleet, type) => fleet.head(type),
      cursor: (fleet, type) => fleet.cursor(type),
      stats: (fleet, type) => fleet.stats(type),
      resetRing: (fleet, type) => fleet.resetRing(type),
    }
    it.each(Object.keys(calls))('is refused as a type by %s', (method) => {
      const fleet = join(fleetName())
      for (const type of wrong) expectTypeError(() => calls[method]?.(fleet, untyped(type)), 'type=')
    })
  })

  describe('after close', () => {
    const calls: Record<string, (fleet: Fleet) => unknown> = {
      publish: (fleet) => fleet.publish(Small, numbered(1)),
      'publish of another type': (fleet) => fleet.publish(Other, numbered(1)),
      publishBatch: (fleet) => fleet.publishBatch(Small, [numbered(1)]),
      'publishBatch of nothing': (fleet) => fleet.publishBatch(Small, []),
      publishPacked: (fleet) => fleet.publishPacked(Small, new Uint8Array(16)),
      'publishPacked of nothing': (fleet) => fleet.publishPacked(Small, new Uint8Array(0)),
      'publishPacked of nothing into a ring of empty payloads': (fleet) =>
        fleet.publishPacked(Empty, new Uint8Array(0)),
      read: (fleet) => fleet.read(NetId64.make(7, 0, 0)),
      'read of an unknown KIND': (fleet) => fleet.read(NetId64.make(99, 0, 0)),
      readHead: (fleet) => fleet.readHead(Small),
      'readHead of another type': (fleet) => fleet.readHead(Other),
      readAt: (fleet) => fleet.readAt(Small, 0),
      head: (fleet) => fleet.head(Small),
      "cursor from 'start'": (fleet) => fleet.cursor(Small, 'start'),
      "cursor from 'head'": (fleet) => fleet.cursor(Small, 'head'),
      'cursor from a position': (fleet) => fleet.cursor(Small, 3),
      stats: (fleet) => fleet.stats(Small),
      resetRing: (fleet) => fleet.resetRing(Small),
      nodes: (fleet) => fleet.nodes(),
      isDead: (fleet) => fleet.isDead(0),
    }
    it.each(Object.keys(calls))('throws ERR_ORBIT_CLOSED from %s', (method) => {
      const name = fleetName()
      const fleet = join(name)
      fleet.publish(Small, numbered(1))
      fleet.publish(Empty, new Uint8Array(0))
      fleet.close()
      expectClosed(() => calls[method]?.(fleet))
      // This holds even when the addon has reused the number of the handle.
      const next = join(name)
      next.publish(Small, numbered(2))
      next.publish(Empty, new Uint8Array(0))
      const head = next.head(Small)
      expectClosed(() => calls[method]?.(fleet))
      expect(next.head(Small)).toBe(head)
    })
  })
})

describe('the ring of a layer', () => {
  it('opens the ring of a layer once for all handles of the layer on a fleet handle', () => {
    const fleet = joinLocal(fleetName())
    const spec = { name: 'orbit.test', kind: 255, defaults: { capacity: 8, payloadBytes: 16 } }
    const open = (more: object = {}) => reservedLayer(fleet, Ring, { ...spec, ...more }).open()
    const ring = open()
    expect(ring).toMatchObject(spec.defaults)
    expect(open()).toBe(ring)
    expect(open({ capacity: 8, defaults: { capacity: 4, payloadBytes: 4 } })).toBe(ring)
    expect(open({ capacity: 16 })).toBe(ring)
    fleet.close()
    expect(() => open()).toThrow(expect.objectContaining({ code: 'ERR_ORBIT_CLOSED' }))
  })
})

describe('a payload limit', () => {
  it.each([0, 1, 16, 255])('applies equally in process-local and in shared memory: %i bytes', (payloadBytes) => {
    const type = orbitType({ name: 'Limited', kind: 20, capacity: 2, payloadBytes })
    const messages = [joinLocal(fleetName()), joinShm(fleetName())].map((fleet) => {
      fleet.publish(type, new Uint8Array(payloadBytes))
      expect(fleet.readHead(type)?.payload.length).toBe(payloadBytes)
      try {
        fleet.publish(type, new Uint8Array(payloadBytes + 1))
      } catch (error) {
        return `${(error as Error).constructor.name}: ${(error as Error).message}`
      }
      return 'published'
    })
    expect(messages[0]).toMatch(/^RangeError/)
    expect(messages[1]).toBe(messages[0])
  })
})

describe.skipIf(!hasObjectFiles)('an observer', () => {
  it('reads a ring that does not exist yet as empty, creates nothing, and sees it when it appears', () => {
    const name = fleetName()
    const fleet = joinShm(name)
    const observer = observe(name)
    const cursor = observer.cursor(Small)
    const fromHead = observer.cursor(Small, 'head')
    expect(observer.head(Small)).toBe(0)
    expect(observer.readHead(Small)).toBeUndefined()
    expect(observer.readAt(Small, 0)).toBeUndefined()
    expect(observer.stats(Small)).toBeUndefined()
    expect(observer.read(NetId64.make(7, 0, 0))).toBeUndefined()
    expect(accountOf(cursor.poll())).toEqual({ count: 0, lost: 0, malformed: 0, from: 0, to: 0 })
    expect(objectsOf(name)).toEqual([objectName(name, 'fleet')])

    const id = fleet.publish(Small, numbered(1))
    expect(numberIn(observer.read(id))).toBe(1)
    expect(numberIn(observer.readHead(Small))).toBe(1)
    expect(numberIn(observer.readAt(Small, 0))).toBe(1)
    expect(observer.head(Small)).toBe(1)
    expect(observer.stats(Small)).toMatchObject({ head: 1, capacity: 4 })
    expect(cursor.poll().frames.map(numberIn)).toEqual([1])
    expect(fromHead.poll().frames.map(numberIn)).toEqual([1])
  })

  it('cannot publish or reset, not even with the methods of a member', () => {
    const name = fleetName()
    const fleet = joinShm(name)
    fleet.publish(Small, numbered(1))
    const observer = observe(name)
    for (const method of ['publish', 'publishBatch', 'publishPacked', 'resetRing'])
      expect(method in observer).toBe(false)
    const { publish, publishBatch, publishPacked, resetRing } = Fleet.prototype
    const readOnly = (call: () => unknown) => expectRefusal(call, OrbitError, 'ERR_ORBIT_READ_ONLY', 'observer')
    readOnly(() => publish.call(untyped(observer), Small, numbered(2)))
    readOnly(() => publishBatch.call(untyped(observer), Small, [numbered(2)]))
    readOnly(() => publishPacked.call(untyped(observer), Small, new Uint8Array(16)))
    readOnly(() => resetRing.call(untyped(observer), Small))
    expect(fleet.head(Small)).toBe(1)
    expect(numberIn(observer.readHead(Small))).toBe(1)
  })

  it('changes no byte of what it reads', () => {
    const name = fleetName()
    const fleet = joinShm(name, { size: 4 })
    fleet.publishBatch(
      Small,
      [1, 2, 3, 4, 5].map((value) => numbered(value)),
    )
    const whole = () => [
      objectFile(name, 7).bytes(0, ringAt(Small, 4).end).toString('hex'),
      objectFile(name, 'fleet').bytes(0, fleetAt.end(4)).toString('hex'),
    ]
    const before = whole()
    const observer = observe(name)
    observer.cursor(Small).poll()
    observer.readHead(Small)
    observer.read(NetId64.make(7, 0, 4))
    observer.stats(Small)
    observer.nodes()
    observer.close()
    expect(whole()).toEqual(before)
  })

  it('refuses a ring of another type as a member does', () => {
    const name = fleetName()
    joinShm(name).publish(Small, numbered(1))
    const Smell = orbitType({ name: 'Smell', kind: 7, capacity: 4, payloadBytes: 16 })
    expectRefusal(() => observe(name).head(Smell), OrbitError, 'ERR_ORBIT_TYPE_MISMATCH', 'Small', 'Smell')
  })

  it('can still read after all members have left', () => {
    const name = fleetName()
    const fleet = joinShm(name)
    fleet.publish(Small, numbered(1))
    const observer = observe(name)
    fleet.close()
    expect(observer.nodes()).toEqual([])
    expect(observer.isDead(0)).toBe(true)
    expect(numberIn(observer.readHead(Small))).toBe(1)
  })
})

describe.skipIf(!hasObjectFiles)('a ring with words of another writer', () => {
  /** A fleet of 4 with this process as node 0, and the object of Small open as a file. */
  function arranged(published: number) {
    const name = fleetName()
    const fleet = joinShm(name, { size: 4 })
    for (let value = 0; value < published; value++) fleet.publish(Small, numbered(value))
    fleet.head(Small)
    return { name, fleet, file: objectFile(name, 7), at: ringAt(Small, 4) }
  }

  it('returns the newest frame, whole, while another writer is stopped inside publish', () => {
    const { fleet, file, at } = arranged(6)
    // Node 1 has filled half of its hand, written its intent for position 6, and is stopped before the swap.
    const slot = file.u64(at.slot(6 % 4))
    const entry = at.entry(1)
    const hand = Number(file.u64(entry + entryAt.hand))
    file.setBytes(at.chunk(hand) + chunkAt.payload, new Uint8Array(8).fill(0xdd))
    file.setU64(entry + entryAt.intentChunk, BigInt(chunkIn(slot)))
    file.setU64(entry + entryAt.intentPosition, 7n)
    expect(numberIn(fleet.readHead(Small))).toBe(5)
    expect(fleet.head(Small)).toBe(6)
    expect(fleet.cursor(Small).poll().frames.map(numberIn)).toEqual([2, 3, 4, 5])
    // It does not keep others from publishing at that position, or from lapping it.
    for (let value = 6; value < 20; value++) {
      expect(fleet.publish(Small, numbered(value)).counter).toBe(value)
      expect(numberIn(fleet.readHead(Small))).toBe(value)
    }
    expect(fleet.cursor(Small).poll().frames.map(numberIn)).toEqual([16, 17, 18, 19])
  })

  it('has no hole where a writer died before its swap: the next frame takes the position', () => {
    const { name, fleet, file, at } = arranged(3)
    const entry = at.entry(1)
    file.setU64(entry + entryAt.intentChunk, BigInt(chunkIn(file.u64(at.slot(3)))))
    file.setU64(entry + entryAt.intentPosition, 4n)
    const cursor = fleet.cursor(Small)
    expect(fleet.publish(Small, numbered(3)).counter).toBe(3)
    expect(accountOf(cursor.poll())).toEqual({ count: 4, lost: 0, malformed: 0, from: 0, to: 4 })
    expect(joinShm(name).publish(Small, numbered(4)).toString()).toBe('7:1:4')
    expect(cursor.poll().frames.map(numberIn)).toEqual([4])
  })

  it('keeps the frame of a writer that died just after its swap, and returns the received chunk to its node', () => {
    const { name, fleet, file, at } = arranged(3)
    const entry = at.entry(1)
    const hand = Number(file.u64(entry + entryAt.hand))
    const received = chunkIn(file.u64(at.slot(3)))
    file.setU64(at.chunk(hand) + chunkAt.id, (7n << 56n) | (1n << 40n) | 3n)
    file.setU32(at.chunk(hand) + chunkAt.length, 8)
    file.setBytes(at.chunk(hand) + chunkAt.payload, numbered(3))
    file.setU64(entry + entryAt.intentChunk, BigInt(received))
    file.setU64(entry + entryAt.intentPosition, 4n)
    file.setU64(at.slot(3), slotWord(1, hand))
    expect(fleet.readHead(Small)).toMatchObject({ node: 1, position: 3, payload: numbered(3) })
    const next = joinShm(name)
    expect(next.node).toBe(1)
    expect(next.publish(Small, numbered(4)).toString()).toBe('7:1:4')
    expect(chunkIn(file.u64(at.slot(0)))).toBe(received)
    expect(fleet.cursor(Small).poll().frames.map(numberIn)).toEqual([1, 2, 3, 4])
  })

  it.each([
    ['0', 0n],
    ['one behind', 9n],
    ['a lap behind', 6n],
    ['one ahead', 11n],
    ['a lap ahead', 14n],
    ['2^40', 2n ** 40n],
    ['the last position', 2n ** 53n - 2n],
    ['no position', 2n ** 53n],
    ['all ones', 2n ** 64n - 1n],
  ])('is read and written right with a hint that is %s', (_, hint) => {
    const { name, fleet, file, at } = arranged(10)
    const other = joinShm(name)
    file.setU64(at.hint, hint)
    expect(fleet.head(Small)).toBe(10)
    expect(numberIn(fleet.readHead(Small))).toBe(9)
    expect(fleet.cursor(Small).poll().frames.map(numberIn)).toEqual([6, 7, 8, 9])
    expect(numberIn(fleet.read(NetId64.make(7, 0, 7)))).toBe(7)
    expect(other.publish(Small, numbered(10)).toString()).toBe('7:1:10')
    file.setU64(at.hint, hint)
    expect(fleet.publish(Small, numbered(11)).counter).toBe(11)
    expect(other.cursor(Small).poll().frames.map(numberIn)).toEqual([8, 9, 10, 11])
  })

  it('reports a frame as malformed, not as empty, when its id does not match its position', () => {
    const { fleet, file, at } = arranged(4)
    file.setU64(at.chunk(chunkIn(file.u64(at.slot(2)))) + chunkAt.id, (7n << 56n) | 99n)
    expectRefusal(() => fleet.readAt(Small, 2), OrbitError, 'ERR_ORBIT_CORRUPT', 'KIND 7')
    const poll = fleet.cursor(Small).poll()
    expect(accountOf(poll)).toEqual({ count: 3, lost: 0, malformed: 1, from: 0, to: 4 })
    expect(positionsOf(poll)).toEqual([0, 1, 3])
    expect(numberIn(fleet.readHead(Small))).toBe(3)
  })

  it.each([
    ['a length over the limit', (file, at, chunk) => file.setU32(at.chunk(chunk) + chunkAt.length, 17)],
    ['a length of 4 GiB', (file, at, chunk) => file.setU32(at.chunk(chunk) + chunkAt.length, 0xffffffff)],
    ['the id of another KIND', (file, at, chunk) => file.setU64(at.chunk(chunk), (8n << 56n) | 3n)],
    ['a node beyond the fleet', (file, at, chunk) => file.setU64(at.chunk(chunk), (7n << 56n) | (4n << 40n) | 3n)],
    ['a chunk that does not exist', (file, at) => file.setU64(at.slot(3), slotWord(1, at.chunks))],
    ['the last chunk number', (file, at) => file.setU64(at.slot(3), slotWord(1, 2 ** 20 - 1))],
  ] as [string, (file: ReturnType<typeof objectFile>, at: ReturnType<typeof ringAt>, chunk: number) => void][])(
    'reports an unreadable newest frame with %s',
    (_, damage) => {
      const { fleet, file, at } = arranged(4)
      damage(file, at, chunkIn(file.u64(at.slot(3))))
      const corrupt = (call: () => unknown) => expectRefusal(call, OrbitError, 'ERR_ORBIT_CORRUPT', 'KIND 7')
      corrupt(() => fleet.readHead(Small))
      corrupt(() => fleet.readAt(Small, 3))
      corrupt(() => fleet.read(NetId64.make(7, 0, 3)))
      expect(accountOf(fleet.cursor(Small).poll())).toMatchObject({ count: 3, malformed: 1, to: 4 })
    },
  )

  it('refuses to publish into a slot that holds no chunk', () => {
    const { fleet, file, at } = arranged(4)
    file.setU64(at.slot(0), slotWord(1, at.chunks))
    expectRefusal(() => fleet.publish(Small, numbered(4)), OrbitError, 'ERR_ORBIT_CORRUPT', 'KIND 7')
    expect(fleet.stats(Small)?.refused).toBe(1)
    expect(fleet.head(Small)).toBe(4)
  })

  it.each([
    ['of another magic', 'ERR_ORBIT_LAYOUT_MISMATCH', (path: string) => writeFileSync(path, Buffer.alloc(4096, 7))],
    ['cut short', 'ERR_ORBIT_CORRUPT', (path: string) => truncateSync(path, 512)],
    ['open to others', 'ERR_ORBIT_PERMISSION', (path: string) => chmodSync(path, 0o644)],
  ] as const)('is refused, never taken for empty, when its object is %s', (_, code, damage) => {
    const { name, fleet } = arranged(3)
    fleet.close()
    damage(objectPath(name, 7))
    const [member, observer] = [joinShm(name), observe(name)]
    const refused = (call: () => unknown) => expectRefusal(call, OrbitError, code, objectName(name, 7))
    for (const reader of [member, observer]) {
      refused(() => reader.readHead(Small))
      refused(() => reader.head(Small))
      refused(() => reader.readAt(Small, 0))
      refused(() => reader.read(NetId64.make(7, 0, 0)))
      refused(() => reader.cursor(Small))
    }
    refused(() => member.publish(Small, numbered(1)))
    chmodSync(objectPath(name, 7), 0o600)
  })

  it('is refused when it belongs to a removed fleet of the same name, unless the reader is alone', () => {
    const { name, fleet, file } = arranged(3)
    fleet.close()
    joinShm(name)
    file.setU64(objectAt.fleetId, file.u64(objectAt.fleetId) ^ 1n)
    expectRefusal(() => joinShm(name).head(Small), OrbitError, 'ERR_ORBIT_TYPE_MISMATCH', 'fleetId=', 'remove it')
  })
})

describe.skipIf(!hasObjectFiles)('a ring with very high positions', () => {
  function preset(type: typeof Small, head: number) {
    const name = fleetName()
    const fleet = joinShm(name, { size: 4 })
    fleet.head(type)
    const file = objectFile(name, type.kind)
    presetHead(file, type, 4, head)
    return { name, fleet, file, at: ringAt(type, 4) }
  }

  it.each([One, Two, Small, Plain])(
    'continues past 2^40 frames, where its counters start again at 0: $name',
    (type) => {
      const head = golden.counters - 2
      const { name, fleet } = preset(type, head)
      expect(fleet.head(type)).toBe(head)
      const cursor = fleet.cursor(type, 'head')
      const ids = [0, 1, 2, 3].map((value) => fleet.publish(type, numbered(value)))
      expect(ids.map((id) => id.counter)).toEqual([head, head + 1, 0, 1])
      expect(fleet.head(type)).toBe(head + 4)
      const kept = [0, 1, 2, 3].slice(-type.capacity)
      expect(ids.map((id) => numberIn(fleet.read(id))).slice(-type.capacity)).toEqual(kept)
      expect(numberIn(fleet.readHead(type))).toBe(3)
      expect(fleet.readHead(type)?.position).toBe(golden.counters + 1)
      expect(fleet.readHead(type)?.id.counter).toBe(1)
      const poll = cursor.poll()
      expect(poll.frames.map(numberIn)).toEqual(kept)
      expect(accountOf(poll)).toEqual({
        count: kept.length,
        lost: 4 - kept.length,
        malformed: 0,
        from: head,
        to: head + 4,
      })
      expect(observe(name).cursor(type).poll().frames.slice(-kept.length).map(numberIn)).toEqual(kept)
      expect(joinShm(name).publish(type, numbered(4)).toString()).toBe(`${type.kind}:1:2`)
    },
  )

  it('finds no frame by an id with the same counter from 2^40 frames before', () => {
    const { fleet } = preset(Small, golden.counters + 8)
    expect(fleet.read(NetId64.make(7, 0, 3))).toBeUndefined()
    expect(fleet.read(NetId64.make(7, 0, 4))?.position).toBe(golden.counters + 4)
    expect(fleet.read(NetId64.make(7, 0, golden.counters - 1))).toBeUndefined()
  })

  it('can be reset beyond 2^40', () => {
    const { fleet } = preset(Small, golden.counters - 1)
    fleet.publish(Small, numbered(0))
    fleet.publish(Small, numbered(1))
    fleet.resetRing(Small)
    expect(fleet.readHead(Small)).toBeUndefined()
    expect(fleet.publish(Small, numbered(2)).counter).toBe(1)
    expect(fleet.cursor(Small).poll().frames.map(numberIn)).toEqual([2])
  })

  it('crosses 2^40 within one batch', () => {
    const { fleet } = preset(Plain, golden.counters - 2)
    const ids = fleet.publishBatch(
      Plain,
      [0, 1, 2, 3].map((value) => numbered(value)),
    )
    expect(ids.map((id) => id.counter)).toEqual([golden.counters - 2, golden.counters - 1, 0, 1])
    expect(ids.map((id) => numberIn(fleet.read(id)))).toEqual([0, 1, 2, 3])
  })

  it.each([
    ['positions', Plain, golden.maxPosition],
    ['laps', One, golden.maxLap - 1],
  ] as const)('is exhausted after the last of its %s, and keeps what it has', (_, type, last) => {
    const { name, fleet } = preset(type, last)
    fleet.publish(type, numbered(1), { version: 5 })
    const exhausted = (call: () => unknown) =>
      expectRefusal(call, OrbitError, 'ERR_ORBIT_EXHAUSTED', `KIND ${type.kind}`)
    exhausted(() => fleet.publish(type, numbered(2)))
    exhausted(() => fleet.publishBatch(type, [numbered(2)]))
    exhausted(() => fleet.publishPacked(type, new Uint8Array(type.payloadBytes)))
    exhausted(() => joinShm(name).publish(type, numbered(2)))
    expect(fleet.head(type)).toBe(last + 1)
    expect(fleet.readHead(type)).toMatchObject({ position: last, version: 5 })
    expect(fleet.readAt(type, last)?.version).toBe(5)
    expect(fleet.cursor(type).poll().to).toBe(last + 1)
    expect(accountOf(fleet.cursor(type, 'head').poll()).to).toBe(last + 1)
  })

  it('has the lap numbers of its positions in its slot words', () => {
    const { file, at } = preset(Small, 2 ** 32 + 2)
    expect(lapIn(file.u64(at.slot(0)))).toBe(2 ** 30 + 1)
    expect(lapIn(file.u64(at.slot(3)))).toBe(2 ** 30)
  })
})
