import { inspect } from 'node:util'
import { describe, expect, it } from 'vitest'
import { NetId64, Orbital, orbitType, pod } from '../../src/index.js'
import { fleetName, joinShm, memories } from '../help/fleets.js'
import { numbered } from '../help/frames.js'
import { expectRefusal, expectTypeError, untyped } from '../help/refusals.js'

const Load = orbitType({ name: 'Load', kind: 12, capacity: 8, pod: pod({ busy: 'u32', idle: 'u32' }) })
const Plain = orbitType({ name: 'Plain', kind: 10, capacity: 64, payloadBytes: 64 })

const transferred = (bytes: Uint8Array): void =>
  void structuredClone(bytes.buffer, { transfer: [bytes.buffer as ArrayBuffer] })

const expectSize = (call: () => unknown, ...inMessage: string[]): void =>
  expectRefusal(call, RangeError, 'ERR_ORBIT_PAYLOAD_SIZE', ...inMessage)

/** A Uint8Array that reports a wrong length. */
class Liar extends Uint8Array {
  constructor(
    bytes: number,
    readonly said: number,
  ) {
    super(bytes)
  }
  override get length() {
    return this.said
  }
}

describe.each(memories)('a payload that changes during the call, in $memory', ({ join }) => {
  it('cannot put a frame of another length into a typed ring when an option transfers its buffer', () => {
    const fleet = join(fleetName())
    const load = new Orbital(fleet, Load)
    load.store({ busy: 1, idle: 2 })
    const payload = new Uint8Array(8)
    const options = {
      get frameKind() {
        transferred(payload)
        return 1
      },
    }
    expect(() => fleet.publish(Load, payload, options)).toThrow('must be a Uint8Array with its buffer')
    expect(load.load()).toEqual({ busy: 1, idle: 2 })
  })

  it('cannot put a frame of another length into a typed ring by a subclass with a wrong length', () => {
    const fleet = join(fleetName())
    expectSize(() => fleet.publish(Load, new Liar(3, 8)), 'byteLength=8')
    expectSize(() => fleet.publishBatch(Load, [new Liar(3, 8)]), 'payloads[0]', '3 bytes')
    expect(fleet.head(Load)).toBe(0)
  })

  it('publishes only the real bytes of a subclass with a wrong length, none left in the scratch buffer', () => {
    const fleet = join(fleetName())
    fleet.publishBatch(Plain, [new Uint8Array(64).fill(83)])
    fleet.publishBatch(Plain, [new Liar(3, 60)])
    expect(fleet.readHead(Plain)?.payload).toEqual(new Uint8Array(3))
  })

  it('is refused in a batch when reading a later element transfers its buffer', () => {
    const fleet = join(fleetName())
    const bytes = new Uint8Array(32)
    const payloads = [bytes, numbered(1)]
    Object.defineProperty(payloads, 1, {
      get() {
        transferred(bytes)
        return numbered(1)
      },
    })
    expectTypeError(() => fleet.publishBatch(Plain, payloads), 'payloads[0]', 'transferred')
    expect(fleet.head(Plain)).toBe(0)
  })

  it('counts packed records by their real length, not by that of a subclass', () => {
    const fleet = join(fleetName())
    expectSize(() => fleet.publishPacked(Load, new Liar(9, 16)), 'records.length=9')
    expect(fleet.publishPacked(Load, new Liar(24, 32))).toBe(3)
  })

  it('is read once from an array with changing elements', () => {
    const fleet = join(fleetName())
    let reads = 0
    const payloads = [numbered(1)]
    Object.defineProperty(payloads, 0, { get: () => (++reads === 1 ? numbered(1) : new Uint8Array(1 << 20)) })
    expect(fleet.publishBatch(Plain, payloads)).toHaveLength(1)
    expect(reads).toBe(1)
  })

  it('is refused when its buffer was made smaller', () => {
    const fleet = join(fleetName())
    const Resizable = ArrayBuffer as unknown as new (
      bytes: number,
      options: { maxByteLength: number },
    ) => ArrayBuffer & { resize(bytes: number): void }
    const buffer = new Resizable(64, { maxByteLength: 64 })
    const payload = new Uint8Array(buffer, 32)
    buffer.resize(16)
    expectTypeError(() => fleet.publish(Plain, payload), 'payload', 'made smaller')
  })

  it('is refused when its buffer was transferred', () => {
    const fleet = join(fleetName())
    const payload = new Uint8Array(8)
    transferred(payload)
    expectTypeError(() => fleet.publish(Plain, payload), 'transferred')
    expectTypeError(() => fleet.publishBatch(Plain, [numbered(1), payload]), 'payloads[1]', 'transferred')
    expect(fleet.head(Plain)).toBe(0)
  })
})

describe('a polled payload', () => {
  it.each([8, 64])('does not affect later polls when its buffer of %i bytes is transferred', (bytes) => {
    const fleet = joinShm(fleetName())
    const cursor = fleet.cursor(Plain)
    fleet.publish(Plain, numbered(7, bytes))
    const payload = cursor.poll().frames[0]?.payload as Uint8Array
    try {
      transferred(payload)
    } catch {
      // Newer versions of Node refuse to transfer a buffer with this mark.
    }
    for (let value = 0; value < 30; value++) fleet.publish(Plain, numbered(value, bytes))
    const { frames, lost } = cursor.poll()
    expect(lost).toBe(0)
    expect(frames.map((frame) => frame.payload.length)).toEqual(new Array(30).fill(bytes))
    expect(frames.map((frame) => frame.position)).toEqual(Array.from({ length: 30 }, (_, i) => i + 1))
  })

  it('belongs to a frame that can be printed, spread, cloned and written as JSON, polled or read', () => {
    const fleet = joinShm(fleetName())
    fleet.publish(Plain, new Uint8Array([1, 2]), { frameKind: 3, version: 4 })
    const polled = fleet.cursor(Plain).poll().frames[0]
    for (const frame of [polled, fleet.readHead(Plain)]) {
      expect(inspect(frame)).toContain('frameKind: 3')
      const data = { node: 0, position: 0, frameKind: 3, version: 4, payload: new Uint8Array([1, 2]) }
      expect(JSON.parse(JSON.stringify(frame))).toEqual({ ...data, id: '10:0:0', payload: 'AQI=' })
      expect({ ...frame }).toEqual({ ...data, kind: 10 })
      expect(structuredClone(frame)).toEqual({ ...data, kind: 10 })
      expect(frame?.id).toEqual(NetId64.make(10, 0, 0))
      expect(frame).toStrictEqual(polled)
    }
  })
})

describe('foreign values', () => {
  it.each([100_000, 300, -1, 4_294_967_295, Number.NaN])('finds nothing by an id with kind %d', (kind) => {
    const fleet = joinShm(fleetName())
    const id = NetId64.make(1, 0, 0)
    untyped(id).kind = kind
    expect(fleet.read(id)).toBeUndefined()
  })

  it.each([
    { kind: Number.NaN },
    { kind: 1.5 },
    { kind: 'x' },
    { capacity: '8' },
    { capacity: 3 },
    { name: 5 },
    { payloadBytes: -1 },
  ])('refuses a type with %o by a code', (change) => {
    const fleet = joinShm(fleetName())
    const type = Object.freeze({ ...Plain, ...change })
    expect(() => fleet.publish(untyped(type), numbered(1))).toThrow(
      expect.objectContaining({ code: expect.stringMatching(/^ERR_ORBIT_(INVALID_ARGUMENT|OUT_OF_RANGE)$/) }),
    )
  })

  it('refuses an unknown option of publish', () => {
    const fleet = joinShm(fleetName())
    expectTypeError(() => fleet.publish(Plain, numbered(1), untyped({ framekind: 3 })), 'framekind')
  })
})
