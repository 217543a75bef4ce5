import { describe, expect, it } from 'vitest'
import { feedOf } from '../../src/cli/itemfeed.js'
import { array, bytes, Fleet, Orbital, OrbitError, orbitType, type Pod, pod, text } from '../../src/index.js'
import { inspectRing } from '../../src/inspect/report.js'
import { faultAddon } from '../help/addons.js'
import { objectFile, ringAt } from '../help/bytes.js'
import { fleetName, hasObjectFiles, joinShm, keep, memories, observe } from '../help/fleets.js'
import { start } from '../help/processes.js'
import { expectRangeError, expectRefusal, expectTypeError, untyped } from '../help/refusals.js'
import { isLinux } from '../help/system.js'

const oldFields = { id: 'u32', busy: 'bool' } as const
const newFields = {
  ...oldFields,
  count: 'u64',
  ratio: 'f64',
  big: 'bigi64',
  tags: array('u16', 2),
  inner: pod({ x: 'i8', on: 'bool' }),
} as const
const oldPod = pod(oldFields, { reserve: 40 })
const newPod = pod(newFields)
const typeOf = <T>(of: Pod<T>, capacity = 8) => orbitType({ name: 'task', kind: 30, capacity, pod: of })
const oldType = typeOf(oldPod)
const newType = typeOf(newPod)
const newValue = { id: 2, busy: true, count: 7, ratio: 0.5, big: -9n, tags: [1, 2], inner: { x: -1, on: true } }
const zeros = { count: 0, ratio: 0, big: 0n, tags: [0, 0], inner: { x: 0, on: false } }

const refusal = (call: () => unknown, ...inMessage: string[]): void =>
  expectRefusal(call, OrbitError, 'ERR_ORBIT_TYPE_MISMATCH', ...inMessage)

describe.each(memories)('a pod with added fields in $memory', ({ join }) => {
  const orders = [
    { first: 'old', types: [oldType, newType] },
    { first: 'new', types: [newType, oldType] },
  ]

  it.each(orders)('shares a ring that the $first release has made', ({ types }) => {
    const name = fleetName()
    const [oldFleet, newFleet] = [join(name), join(name)]
    for (const type of types) (type === oldType ? oldFleet : newFleet).head(type)
    const older = new Orbital(oldFleet, oldType)
    const newer = new Orbital(newFleet, newType)
    const oldId = older.store({ id: 1, busy: true })
    expect(newer.load()).toEqual({ id: 1, busy: true, ...zeros })
    const newId = newer.store(newValue)
    expect(older.load()).toEqual({ id: 2, busy: true })
    expect(newer.load()).toEqual(newValue)
    expect(newer.loadById(oldId)).toEqual({ id: 1, busy: true, ...zeros })
    expect(older.loadById(newId)).toEqual({ id: 2, busy: true })
    const perNode = [
      [oldFleet.node, { id: 1, busy: true, ...zeros }],
      [newFleet.node, newValue],
    ]
    expect([...newer.loadPerNode()]).toEqual(perNode)
    const payloads = oldFleet
      .cursor(oldType)
      .poll()
      .frames.map(({ payload }) => payload)
    expect(payloads.map(({ length }) => length)).toEqual([oldPod.byteLength, newPod.byteLength])
    expect(payloads.map((payload) => oldPod.decode(payload).id)).toEqual([1, 2])
    expect(payloads.map((payload) => newPod.decode(payload).count)).toEqual([0, 7])
  })

  it('is watched by both releases', async () => {
    const name = fleetName()
    const older = new Orbital(join(name), oldType)
    const newer = new Orbital(join(name), newType)
    older.store({ id: 1, busy: false })
    const oldValues = older.watch()
    const newValues = newer.watch()
    expect((await newValues.next()).value).toEqual({ id: 1, busy: false, ...zeros })
    newer.store(newValue)
    expect((await oldValues.next()).value).toEqual({ id: 2, busy: true })
    await oldValues.return()
    await newValues.return()
  })

  it('takes payloads of its own length only, also when one process has both types', () => {
    const fleet = join(fleetName())
    const sizes = (type: typeof oldType | typeof newType) =>
      [oldPod.byteLength, newPod.byteLength].map((size) => {
        try {
          fleet.publish(type, new Uint8Array(size))
          fleet.publishBatch(type, [new Uint8Array(size)])
          return fleet.publishPacked(type, new Uint8Array(size))
        } catch (error) {
          return (error as OrbitError).code
        }
      })
    fleet.head(oldType)
    fleet.head(newType)
    expect(sizes(oldType)).toEqual([1, 'ERR_ORBIT_PAYLOAD_SIZE'])
    expect(sizes(newType)).toEqual(['ERR_ORBIT_PAYLOAD_SIZE', 1])
    expect(fleet.head(oldType)).toBe(6)
  })

  it('is refused with payloadBytes that leave no room for its reserve', () => {
    const type = (payloadBytes: number) => orbitType({ name: 'small', pod: oldPod, payloadBytes })
    const room = oldPod.byteLength + oldPod.reserve
    expect(type(room).payloadBytes).toBe(room)
    const text = `payloadBytes=${room - 1} must be left out, or at least byteLength=${oldPod.byteLength} and reserve=40`
    expectRangeError(() => type(room - 1), text)
  })

  it('fits without a reserve into the bytes that a frame has left', () => {
    const name = fleetName()
    const small = orbitType({ name: 'small', kind: 31, pod: pod({ a: 'u64', b: 'u8' }) })
    const padded = orbitType({ name: 'small', kind: 31, pod: pod({ a: 'u64', b: 'u8', c: 'u8' }) })
    const larger = orbitType({ name: 'small', kind: 31, pod: pod({ a: 'u64', b: 'u8', c: 'u8', d: bytes(30) }) })
    expect([small, padded, larger].map((type) => type.pod?.byteLength)).toEqual([16, 16, 40])
    expect([small, padded, larger].map((type) => type.payloadBytes)).toEqual([40, 40, 40])
    const [first, second, third] = [join(name), join(name), join(name)]
    new Orbital(first, small).store({ a: 1, b: 2 })
    expect(new Orbital(second, padded).load()).toEqual({ a: 1, b: 2, c: 0 })
    new Orbital(second, padded).store({ a: 1, b: 2, c: 3 })
    expect(new Orbital(first, small).load()).toEqual({ a: 1, b: 2 })
    expect(new Orbital(third, larger).load()).toEqual({ a: 1, b: 2, c: 3, d: new Uint8Array(30) })
  })

  it('is refused with the reserve that would have helped if a frame has no room for it', () => {
    const name = fleetName()
    const [first, second] = [join(name), join(name)]
    const without = typeOf(pod(oldFields))
    const large = typeOf(pod({ ...oldFields, name: text(36) }))
    first.publish(without, new Uint8Array(8))
    refusal(
      () => second.head(large),
      '44 bytes',
      'room for 40',
      '{ reserve: 36 }',
      'another type name',
      'remove the ring',
    )
    const other = fleetName()
    join(other).publish(typeOf(pod(oldFields, { reserve: 36 })), new Uint8Array(8))
    expect(new Orbital(join(other), large).load()).toEqual({ id: 0, busy: false, name: '' })
  })

  it('is refused if a field in the middle or inside a field was added, with that field and both pods', () => {
    const name = fleetName()
    const [first, second] = [join(name), join(name)]
    const base = typeOf(pod({ a: 'u8', inner: pod({ x: 'u8' }), z: 'u8' }, { reserve: 40 }))
    first.head(base)
    // biome-ignore lint/suspicious/noExplicitAny: pods of several value types.
    const wrong: [Pod<any>, string][] = [
      [pod({ a: 'u8', b: 'u8', inner: pod({ x: 'u8' }), z: 'u8' }), 'differ at "b":u8'],
      [pod({ a: 'u8', inner: pod({ x: 'u8', y: 'u8' }), z: 'u8' }), 'differ at "inner":{"x":u8,"y":u8}'],
      [pod({ a: 'u8', inner: pod({ x: 'u8' }), z: 'u16' }), 'differ at "z":u16'],
      [pod({ a: 'u8', inner: pod({ x: 'u8' }), z: array('u8', 2) }), 'differ at "z":u8[2]'],
    ]
    for (const [other, inMessage] of wrong) {
      refusal(() => second.head(typeOf(other)), inMessage, '{"a":u8,"inner":{"x":u8},"z":u8}', 'behind the last one')
    }
    expect(inspectRing(second, 30, [])?.schema).toBe(base.pod?.schema)
  })

  it('is refused if another member has added another field', () => {
    const name = fleetName()
    const [first, second, third] = [join(name), join(name), join(name)]
    first.head(oldType)
    second.head(typeOf(pod({ ...oldFields, left: 'u8' })))
    refusal(() => third.head(typeOf(pod({ ...oldFields, right: 'u8' }))), 'differ at "right":u8', '"left":u8')
    third.head(typeOf(pod({ ...oldFields, left: 'u8', right: 'u8' })))
    expect(inspectRing(first, 30, [])?.schema).toBe('{"id":u32,"busy":bool,"left":u8,"right":u8}')
  })

  it('is refused if the names of its fields do not fit into the ring', () => {
    const name = fleetName()
    join(name).head(oldType)
    const long = Object.fromEntries(Array.from({ length: 30 }, (_, i) => [`f${i}`.padEnd(40, '_'), 'bool' as const]))
    refusal(() => join(name).head(typeOf(pod({ ...oldFields, ...long }))), 'their names take', 'room for 1088')
  })
})

describe('the reserve of a pod', () => {
  it('changes neither its bytes nor its schema, but the payloadBytes of a type', () => {
    const plain = pod(oldFields)
    expect(plain.reserve).toBe(0)
    expect(oldPod.reserve).toBe(40)
    expect([oldPod.byteLength, oldPod.schema, oldPod.fingerprint]).toEqual([8, plain.schema, plain.fingerprint])
    expect(typeOf(plain).payloadBytes).toBe(40)
    expect(oldType.payloadBytes).toBe(104)
    expect(orbitType({ name: 'most', kind: 1, pod: pod({ a: bytes(2 ** 24) }) }).payloadBytes).toBe(2 ** 24)
  })

  it('is refused if it is no integer, or if no payload has so many bytes', () => {
    expectTypeError(() => pod(oldFields, { reserve: untyped('8') }), 'reserve="8"')
    expectTypeError(() => pod(oldFields, untyped({ room: 8 })), 'options.room')
    for (const reserve of [-1, 0.5, 2 ** 24 - 7]) {
      expectRangeError(() => pod(oldFields, { reserve }), `reserve=${reserve}`, `0..${2 ** 24 - 8}`)
    }
  })
})

describe('decode', () => {
  it('accepts the lengths of its first fields and longer ones, and no others', () => {
    const grown = pod({ a: 'u32', b: 'u64', c: text(4) })
    const whole = grown.encode({ a: 1, b: 2, c: 'abc' })
    expect(grown.decode(whole.subarray(0, 4))).toEqual({ a: 1, b: 0, c: '' })
    expect(grown.decode(whole.subarray(0, 16))).toEqual({ a: 1, b: 2, c: '' })
    expect(grown.decode(Buffer.concat([whole, Buffer.alloc(8, 0xff)]))).toEqual({ a: 1, b: 2, c: 'abc' })
    for (const length of [0, 1, 3, 5, 8, 12, 15, 17, 20, 23, 25, 28]) {
      expectRangeError(() => grown.decode(new Uint8Array(length)), `bytes.length=${length}`, 'byteLength=24')
    }
  })
})

describe.skipIf(!hasObjectFiles)('an observer of a ring with added fields', () => {
  it('reads with the pod of either release, and cannot add fields itself', () => {
    const name = fleetName('grow')
    const fleet = joinShm(name)
    new Orbital(fleet, oldType).store({ id: 1, busy: true })
    using before = Fleet.observe(name)
    expect(new Orbital(before, oldType).load()).toEqual({ id: 1, busy: true })
    refusal(() => new Orbital(before, newType), 'an observer cannot add them', 'start a member')
    new Orbital(fleet, newType).store(newValue)
    expect(new Orbital(before, newType).load()).toEqual(newValue)
    expect(new Orbital(before, oldType).load()).toEqual({ id: 2, busy: true })
  })

  it('decodes the frames of both releases, from the moment at which fields are added', () => {
    const name = fleetName('grow')
    const fleet = joinShm(name)
    const feed = feedOf(observe(name), 30, { from: 'start' })
    const payloads = () => feed.poll(10).items.map((item) => item.item === 'frame' && item.decoded.payload)
    new Orbital(fleet, oldType).store({ id: 1, busy: true })
    expect(payloads()).toEqual([{ id: 1, busy: true }])
    new Orbital(fleet, newType).store({ ...newValue, big: 0n })
    new Orbital(fleet, oldType).store({ id: 3, busy: false })
    expect(payloads()).toEqual([
      { ...newValue, big: '0' },
      { id: 3, busy: false, ...zeros, big: '0' },
    ])
  })
})

describe.skipIf(!hasObjectFiles)('the text of a pod in shared memory', () => {
  it('is not trusted: neither its length nor its bytes', () => {
    const name = fleetName('grow')
    const fleet = joinShm(name)
    fleet.head(oldType)
    const file = objectFile(name, 30)
    const at = ringAt(oldType, fleet.size)
    const fields = typeOf(pod({ ...oldFields, left: 'u8' }))
    for (const length of [0n, 7n, 1089n, 2n ** 63n]) {
      file.setU64(at.schemaBytes, length)
      refusal(() => fleet.head(typeOf(pod({ ...oldFields, left: 'u8' }))), 'the pods differ')
      expect(inspectRing(fleet, 30, [])?.head).toBe(0)
    }
    file.setU64(at.schemaBytes, 10n)
    file.setBytes(at.schema, Buffer.from([0, 255, 10, 34, 44, 44, 44, 44, 44, 44]))
    refusal(() => fleet.head(fields), 'the existing ring has ???",,,,,,')
    expect(inspectRing(fleet, 30, [])?.schema.length).toBeGreaterThan(0)
  })
})

describe.runIf(isLinux)('members that add fields at the same time', () => {
  it('wait for each other, and one that dies leaves the ring as it was', async () => {
    const name = fleetName('grow')
    const fleet = keep(Fleet.joinShm(name, { joinTimeoutMs: 0 }))
    new Orbital(fleet, oldType).store({ id: 1, busy: true })
    const env = { ORBIT_NATIVE_PATH: faultAddon() }
    const adder = start('actor.mjs', ['frames', 'grower'], { env })
    await adder.next()
    adder.tell('fault', 'open:adding', 19)
    adder.tell('add', name, 'theirs')
    await adder.stopped()
    const mine = typeOf(pod({ ...oldFields, mine: 'u8' }))
    expectRefusal(() => fleet.head(mine), OrbitError, 'ERR_ORBIT_BUSY')
    expect(new Orbital(fleet, oldType).load()).toEqual({ id: 1, busy: true })
    await adder.kill()
    expect(new Orbital(fleet, mine).load()).toEqual({ id: 1, busy: true, mine: 0 })
  })
})
