import { describe, expect, it } from 'vitest'
import { Fleet, orbitType, pod } from '../../src/index.js'
import { fleetName, memories } from '../help/fleets.js'
import { expectTypeError, untyped } from '../help/refusals.js'

const Blob = orbitType({ name: 'Blob', kind: 1, capacity: 8, payloadBytes: 1000 })

describe.each(memories)('reading into an array of the caller, in $memory', ({ join }) => {
  it('writes the payloads of a poll back to back, and no byte beyond the last', () => {
    const fleet = join(fleetName())
    const cursor = fleet.cursor(Blob)
    fleet.publish(Blob, new Uint8Array(999).fill(1), { frameKind: 7, version: 8 })
    fleet.publish(Blob, new Uint8Array(5).fill(2))
    const memory = new Uint8Array(3000).fill(255)
    const target = memory.subarray(1, 2101) // not aligned
    const poll = cursor.pollInto(target)
    expect(poll).toMatchObject({ lost: 0, malformed: 0, from: 0, to: 2 })
    expect(poll.frames.map(({ payload }) => payload.byteOffset)).toEqual([1, 1001])
    expect(poll.frames.map(({ payload }) => payload.buffer === memory.buffer)).toEqual([true, true])
    expect(poll.frames[0]).toMatchObject({
      frameKind: 7,
      version: 8,
      position: 0,
      payload: new Uint8Array(999).fill(1),
    })
    expect(poll.frames[1]?.payload).toEqual(new Uint8Array(5).fill(2))
    expect(memory[0]).toBe(255)
    expect(memory.subarray(1006)).toEqual(new Uint8Array(1994).fill(255))
    expect(cursor.position).toBe(2)
    expect(cursor.pollInto(target).frames).toEqual([])
  })

  it('reads one frame at a time into an array of exactly payloadBytes', () => {
    const fleet = join(fleetName())
    const cursor = fleet.cursor(Blob)
    for (let i = 0; i < 3; i++) fleet.publish(Blob, new Uint8Array(997).fill(i))
    const target = new Uint8Array(1000)
    for (let i = 0; i < 3; i++) {
      const { frames } = cursor.pollInto(target)
      expect(frames.map(({ payload }) => payload)).toEqual([new Uint8Array(997).fill(i)])
    }
  })

  it('stops at max, and reports a loss as poll does', () => {
    const fleet = join(fleetName())
    const cursor = fleet.cursor(Blob)
    for (let i = 0; i < 10; i++) fleet.publish(Blob, new Uint8Array([i]))
    const { frames, lost } = cursor.pollInto(new Uint8Array(4000), 2)
    expect([lost, ...frames.map(({ payload }) => payload[0])]).toEqual([2, 2, 3])
    expect(frames[0]?.copy().payload.buffer.byteLength).toBe(1)
  })

  it('reads the newest frame, and undefined when there is none', () => {
    const fleet = join(fleetName())
    const target = new Uint8Array(1000)
    expect(fleet.readHeadInto(Blob, target)).toBeUndefined()
    fleet.publish(Blob, new Uint8Array(600).fill(3))
    const frame = fleet.readHeadInto(Blob, target)
    expect(frame?.payload).toEqual(new Uint8Array(600).fill(3))
    expect(frame?.payload.buffer).toBe(target.buffer)
  })

  it('refuses what is no Uint8Array, one that is too short, and one that was transferred', () => {
    const fleet = join(fleetName())
    const cursor = fleet.cursor(Blob)
    fleet.publish(Blob, new Uint8Array(1))
    for (const read of [
      (target: Uint8Array) => cursor.pollInto(target),
      (target: Uint8Array) => fleet.readHeadInto(Blob, target),
    ]) {
      expectTypeError(() => read(untyped('x')), 'target')
      expect(() => read(new Uint8Array(999))).toThrow('target.length=999 must be in payloadBytes=1000..4294967295')
      const target = new Uint8Array(1000)
      structuredClone(target, { transfer: [target.buffer] })
      expectTypeError(() => read(target), 'target')
    }
    expect(cursor.position).toBe(0)
  })

  it('decodes the values of a type with a pod', () => {
    const fleet = join(fleetName())
    const Point = orbitType({ name: 'Point', kind: 2, pod: pod({ x: 'f64', y: 'f64' }) })
    fleet.publish(Point, { x: 1, y: 2 })
    const target = new Uint8Array(Point.payloadBytes)
    expect(fleet.readHeadInto(Point, target)?.value.y).toBe(2)
    expect(fleet.cursor(Point).pollInto(target).frames[0]?.value).toEqual({ x: 1, y: 2 })
  })
})

it('finds nothing through an observer while no member has created the ring', () => {
  const name = fleetName()
  using _fleet = Fleet.joinShm(name)
  using observer = Fleet.observe(name)
  const target = new Uint8Array(1000)
  expect(observer.readHeadInto(Blob, target)).toBeUndefined()
  expect(observer.cursor(Blob).pollInto(target).frames).toEqual([])
})
