import { describe, expect, it } from 'vitest'
import { array, bytes, Fleet, NetId64, Orbital, OrbitError, orbitType, pod, text } from '../../src/index.js'
import { chunkAt, chunkIn, golden, objectFile, presetHead, ringAt } from '../help/bytes.js'
import { fleetName, hasObjectFiles, joinShm, memories, observe } from '../help/fleets.js'
import { expectClosed, expectRefusal, expectTypeError, untyped } from '../help/refusals.js'

const load = pod({ busy: 'u32', idle: 'u32' })
const Load = orbitType({ name: 'Load', kind: 12, capacity: 4, pod: load })
const Other = orbitType({ name: 'Other', kind: 13, capacity: 4, pod: pod({ temperature: 'f64', at: 'u64' }) })
const Rich = orbitType({
  name: 'Rich',
  kind: 14,
  capacity: 2,
  payloadBytes: 200_000,
  pod: pod({
    name: text(24),
    on: 'bool',
    key: bytes(3),
    points: array(pod({ x: 'i16', y: 'i16' }), 2),
    large: bytes(100_000),
    big: 'bigu64',
  }),
})

describe.each(memories)('a watched Orbital in $memory', ({ join }) => {
  it('yields the newest value first, then each newer one', async () => {
    const fleet = join(fleetName())
    const orbital = new Orbital(fleet, Load)
    orbital.store({ busy: 1, idle: 0 })
    orbital.store({ busy: 2, idle: 0 })
    const seen: number[] = []
    for await (const { busy } of orbital.watch()) {
      seen.push(busy)
      if (busy === 5) break
      orbital.store({ busy: busy + 1, idle: 0 })
    }
    expect(seen).toEqual([2, 3, 4, 5])
  })

  it('waits for the first value, and skips values that a slow body missed, even more than a lap', async () => {
    const fleet = join(fleetName())
    const orbital = new Orbital(fleet, Load)
    const values = orbital.watch()
    const first = values.next()
    orbital.store({ busy: 1, idle: 0 })
    expect(await first).toEqual({ done: false, value: { busy: 1, idle: 0 } })
    for (let busy = 2; busy < 20; busy++) orbital.store({ busy, idle: 0 })
    expect((await values.next()).value).toEqual({ busy: 19, idle: 0 })
    fleet.resetRing(Load)
    const next = values.next()
    orbital.store({ busy: 20, idle: 0 })
    expect((await next).value).toEqual({ busy: 20, idle: 0 })
    await values.return()
  })

  it('ends when it is aborted and when its fleet is closed', async () => {
    const fleet = join(fleetName())
    const orbital = new Orbital(fleet, Load)
    const abort = new AbortController()
    const aborted = orbital.watch({ signal: abort.signal }).next()
    const closed = orbital.watch().next()
    abort.abort()
    expect(await aborted).toEqual({ done: true, value: undefined })
    fleet.close()
    expect(await closed).toEqual({ done: true, value: undefined })
    expectClosed(() => orbital.watch())
  })

  it('refuses unknown options', () => {
    const orbital = new Orbital(join(fleetName()), Load)
    expectTypeError(() => orbital.watch(untyped({ max: 1 })), 'options.max')
    expectTypeError(() => orbital.watch({ spin: untyped(1) }), 'spin=1')
    expectTypeError(() => orbital.watch({ signal: untyped({}) }), 'signal=an object')
  })
})

describe.each(memories)('an Orbital in $memory', ({ join }) => {
  it('loads nothing before the first store', () => {
    const orbital = new Orbital(join(fleetName()), Load)
    expect(orbital.load()).toBeUndefined()
    expect(orbital.loadById(NetId64.make(12, 0, 0))).toBeUndefined()
    expect(orbital.loadPerNode()).toEqual(new Map())
  })

  it('loads the latest value', () => {
    const orbital = new Orbital(join(fleetName()), Load)
    for (let busy = 0; busy < 10; busy++) {
      const id = orbital.store({ busy, idle: 100 - busy })
      expect(id).toBeInstanceOf(NetId64)
      expect(id.toString()).toBe(`12:0:${busy}`)
      expect(orbital.load()).toEqual({ busy, idle: 100 - busy })
    }
  })

  it('loads each retained value by its id', () => {
    const orbital = new Orbital(join(fleetName()), Load)
    const ids = [0, 1, 2, 3, 4, 5].map((busy) => orbital.store({ busy, idle: 0 }))
    expect(ids.map((id) => orbital.loadById(id)?.busy)).toEqual([undefined, undefined, 2, 3, 4, 5])
  })

  it('loads nothing by an id of another type or another node', () => {
    const name = fleetName()
    const [a, b] = [join(name), join(name)]
    const orbital = new Orbital(a, Load)
    orbital.store({ busy: 1, idle: 2 })
    const other = new Orbital(a, Other).store({ temperature: 1, at: 2 })
    expect(orbital.loadById(other)).toBeUndefined()
    expect(orbital.loadById(NetId64.make(12, b.node, 0))).toBeUndefined()
    expect(orbital.loadById(NetId64.make(12, a.node, 1))).toBeUndefined()
    expect(orbital.loadById(NetId64.ZERO)).toBeUndefined()
  })

  it('shares its ring with every Orbital of the type, through any handle of the fleet', () => {
    const name = fleetName()
    const [a, b] = [join(name), join(name)]
    const orbitals = [new Orbital(a, Load), new Orbital(a, Load), new Orbital(b, Load)]
    orbitals.forEach((writer, busy) => {
      const id = writer.store({ busy, idle: 7 })
      for (const reader of orbitals) {
        expect(reader.load()).toEqual({ busy, idle: 7 })
        expect(reader.loadById(id)).toEqual({ busy, idle: 7 })
      }
    })
  })

  it('is independent of other types', () => {
    const fleet = join(fleetName())
    const [loads, others] = [new Orbital(fleet, Load), new Orbital(fleet, Other)]
    loads.store({ busy: 1, idle: 2 })
    expect(others.load()).toBeUndefined()
    others.store({ temperature: 36.6, at: 5 })
    expect(loads.load()).toEqual({ busy: 1, idle: 2 })
    expect(others.load()).toEqual({ temperature: 36.6, at: 5 })
  })

  it('refuses another pod of the same size under its KIND, which would misread the bytes', () => {
    const name = fleetName()
    new Orbital(join(name), Load).store({ busy: 1, idle: 2 })
    for (const layout of [pod({ idle: 'u32', busy: 'u32' }), pod({ busy: 'i32', idle: 'i32' }), pod({ at: 'u64' })]) {
      const Same = orbitType({ name: 'Load', kind: 12, capacity: 4, pod: untyped(layout) })
      expect(Same.payloadBytes).toBe(Load.payloadBytes)
      expectRefusal(() => new Orbital(join(name), Same), OrbitError, 'ERR_ORBIT_TYPE_MISMATCH', 'the pods differ at')
    }
  })

  it('keeps the newest value of each node', () => {
    const name = fleetName()
    const orbitals = [0, 1, 2].map(() => new Orbital(join(name), Load))
    expect(orbitals[2]?.loadPerNode()).toEqual(new Map())
    orbitals[2]?.store({ busy: 20, idle: 0 })
    orbitals[0]?.store({ busy: 1, idle: 0 })
    orbitals[0]?.store({ busy: 2, idle: 0 })
    const expected = new Map([
      [0, { busy: 2, idle: 0 }],
      [2, { busy: 20, idle: 0 }],
    ])
    for (const orbital of orbitals) expect(orbital.loadPerNode()).toEqual(expected)
    expect([...(orbitals[1]?.loadPerNode().keys() ?? [])], 'in order of node').toEqual([0, 2])
  })

  it('has the newest value of a quiet node after others have overwritten its frames', () => {
    const name = fleetName()
    const [a, b] = [new Orbital(join(name), Load), new Orbital(join(name), Load)]
    const id = a.store({ busy: 1, idle: 0 })
    for (let busy = 10; busy < 100; busy++) b.store({ busy, idle: 0 })
    const expected = new Map([
      [0, { busy: 1, idle: 0 }],
      [1, { busy: 99, idle: 0 }],
    ])
    expect(a.loadById(id)).toBeUndefined()
    for (const orbital of [a, b]) expect(orbital.loadPerNode()).toEqual(expected)
  })

  it('has no value of a member that has left, and none of it for the next one on its node', () => {
    const name = fleetName()
    const [left, stays] = [join(name), join(name)]
    new Orbital(left, Load).store({ busy: 1, idle: 0 })
    const orbital = new Orbital(stays, Load)
    orbital.store({ busy: 2, idle: 0 })
    left.close()
    const only = new Map([[1, { busy: 2, idle: 0 }]])
    expect(orbital.loadPerNode()).toEqual(only)
    const next = join(name)
    expect(next.node).toBe(0)
    expect(orbital.loadPerNode()).toEqual(only)
    new Orbital(next, Load).store({ busy: 3, idle: 0 })
    expect(orbital.loadPerNode()).toEqual(new Map([[0, { busy: 3, idle: 0 }], ...only]))
  })

  it('has the last value that a member published in any way', () => {
    const fleet = join(fleetName())
    const orbital = new Orbital(fleet, Load)
    const value = (busy: number) => ({ busy, idle: 0 })
    const newest = () => orbital.loadPerNode().get(fleet.node)
    const ways: Record<string, () => void> = {
      publish: () => fleet.publish(Load, value(1)),
      'publish with options': () => fleet.publish(Load, value(1), { version: 5 }),
      publishBatch: () => fleet.publishBatch(Load, [value(3), value(2), value(1)]),
      publishPacked: () =>
        fleet.publishPacked(Load, Buffer.concat([value(2), value(1)].map((each) => load.encode(each)))),
    }
    for (const [name, publish] of Object.entries(ways)) {
      orbital.store(value(0))
      publish()
      expect(newest(), name).toEqual(value(1))
    }
  })

  it('loads nothing after a reset, and then the next stored value', () => {
    const fleet = join(fleetName())
    const orbital = new Orbital(fleet, Load)
    const id = orbital.store({ busy: 1, idle: 0 })
    fleet.resetRing(Load)
    expect(orbital.load()).toBeUndefined()
    expect(orbital.loadById(id)).toBeUndefined()
    expect(orbital.loadPerNode()).toEqual(new Map())
    expect(orbital.store({ busy: 2, idle: 0 }).counter).toBe(1)
    expect(orbital.load()).toEqual({ busy: 2, idle: 0 })
  })

  it('stores and loads nested values that are larger than the initial scratch buffer', () => {
    const orbital = new Orbital(join(fleetName()), Rich)
    const value = (seed: number) => ({
      name: `värde ${seed}`,
      on: seed % 2 === 1,
      key: new Uint8Array([seed, 2, 3]),
      points: [
        { x: -seed, y: seed },
        { x: 32767, y: -32768 },
      ],
      large: new Uint8Array(100_000).fill(seed),
      big: 2n ** 64n - BigInt(seed),
    })
    for (const seed of [1, 2, 3]) {
      const id = orbital.store(value(seed))
      expect(orbital.load()).toEqual(value(seed))
      expect(orbital.loadById(id)).toEqual(value(seed))
      expect(orbital.loadPerNode()).toEqual(new Map([[0, value(seed)]]))
    }
  })

  it('returns a new object for each load', () => {
    const orbital = new Orbital(join(fleetName()), Load)
    const value = { busy: 1, idle: 2 }
    orbital.store(value)
    value.busy = 99
    const loaded = orbital.load()
    expect(loaded).toEqual({ busy: 1, idle: 2 })
    if (loaded !== undefined) loaded.busy = 98
    expect(orbital.load()).toEqual({ busy: 1, idle: 2 })
  })

  it('stores the bytes of encode, and loads a frame that was published as bytes', () => {
    const fleet = join(fleetName())
    const orbital = new Orbital(fleet, Load)
    orbital.store({ busy: 3, idle: 4 })
    expect(fleet.readHead(Load)).toMatchObject({ frameKind: 0, version: 0, payload: load.encode({ busy: 3, idle: 4 }) })
    fleet.publish(Load, load.encode({ busy: 5, idle: 6 }), { frameKind: 9 })
    expect(orbital.load()).toEqual({ busy: 5, idle: 6 })
  })

  it.each([
    ['a missing field', { busy: 1 }, TypeError],
    ['a field of another type', { busy: '1', idle: 2 }, TypeError],
    ['no value', undefined, TypeError],
    ['null', null, TypeError],
    ['a number', 7, TypeError],
    ['a field out of range', { busy: 2 ** 32, idle: 2 }, RangeError],
    ['a field below its range', { busy: 1, idle: -1 }, RangeError],
    ['a fraction', { busy: 1.5, idle: 2 }, RangeError],
  ] as const)('refuses %s and stores nothing', (_, value, errorClass) => {
    const fleet = join(fleetName())
    const orbital = new Orbital(fleet, Load)
    orbital.store({ busy: 1, idle: 2 })
    const code = errorClass === TypeError ? 'ERR_ORBIT_INVALID_ARGUMENT' : 'ERR_ORBIT_OUT_OF_RANGE'
    expectRefusal(() => orbital.store(untyped(value)), errorClass, code)
    expect(fleet.head(Load)).toBe(1)
    expect(orbital.load()).toEqual({ busy: 1, idle: 2 })
  })

  it('stores the right value even when reading one of its fields calls this package', () => {
    const fleet = join(fleetName())
    const [loads, others] = [new Orbital(fleet, Load), new Orbital(fleet, Other)]
    others.store({ temperature: -1, at: 77 })
    loads.store({
      busy: 11,
      get idle() {
        return others.load()?.at as number
      },
    })
    expect(loads.load()).toEqual({ busy: 11, idle: 77 })
  })

  it('needs a fleet and a type with a pod', () => {
    const fleet = join(fleetName())
    for (const wrong of [undefined, null, {}, 'web']) {
      expectTypeError(() => new Orbital(untyped(wrong), Load), 'fleet=')
      expectTypeError(() => new Orbital(fleet, untyped(wrong)), 'type=')
    }
    expectTypeError(
      () => new Orbital(fleet, untyped(orbitType({ name: 'Bytes', kind: 5 }))),
      '"Bytes" must be a type with a pod',
    )
  })

  it.each([undefined, null, '12:0:0', 5n])('refuses a value that is not an id: %o', (id) => {
    const orbital = new Orbital(join(fleetName()), Load)
    expectTypeError(() => orbital.loadById(untyped(id)), 'id=')
  })

  const calls: Record<string, (orbital: Orbital<{ busy: number; idle: number }>, fleet: Fleet) => unknown> = {
    store: (orbital) => orbital.store({ busy: 1, idle: 2 }),
    load: (orbital) => orbital.load(),
    loadById: (orbital) => orbital.loadById(NetId64.make(12, 0, 0)),
    'loadById of another type': (orbital) => orbital.loadById(NetId64.make(13, 0, 0)),
    loadPerNode: (orbital) => orbital.loadPerNode(),
    'the constructor': (_, fleet) => new Orbital(fleet, Load),
    'the constructor with another type': (_, fleet) => new Orbital(fleet, Other),
  }
  it.each(Object.keys(calls))('throws ERR_ORBIT_CLOSED from %s after the fleet is closed', (method) => {
    const name = fleetName()
    const fleet = join(name)
    const orbital = new Orbital(fleet, Load)
    orbital.store({ busy: 1, idle: 2 })
    fleet.close()
    const next = new Orbital(join(name), Load)
    next.store({ busy: 3, idle: 4 })
    expectClosed(() => calls[method]?.(orbital, fleet))
    expect(next.load()).toEqual({ busy: 3, idle: 4 })
  })
})

describe.skipIf(!hasObjectFiles)('an Orbital of a shared fleet', () => {
  it('keeps its value over a restart', () => {
    const name = fleetName()
    const fleet = joinShm(name)
    new Orbital(fleet, Load).store({ busy: 1, idle: 2 })
    fleet.close()
    expect(new Orbital(joinShm(name), Load).load()).toEqual({ busy: 1, idle: 2 })
  })

  it('can be read but not stored to by an observer', () => {
    const name = fleetName()
    const fleet = joinShm(name)
    const observed = new Orbital(observe(name), Load)
    const readOnly = () =>
      expectRefusal(() => observed.store({ busy: 9, idle: 9 }), OrbitError, 'ERR_ORBIT_READ_ONLY', 'Load', 'observer')
    expect(observed.load()).toBeUndefined()
    expect(observed.loadPerNode()).toEqual(new Map())
    readOnly()
    const id = new Orbital(fleet, Load).store({ busy: 1, idle: 2 })
    expect(observed.load()).toEqual({ busy: 1, idle: 2 })
    expect(observed.loadById(id)).toEqual({ busy: 1, idle: 2 })
    expect(observed.loadPerNode()).toEqual(new Map([[0, { busy: 1, idle: 2 }]]))
    readOnly()
    expect(fleet.head(Load)).toBe(1)
  })

  it('throws ERR_ORBIT_RETIRED after its fleet was removed', () => {
    const name = fleetName()
    const orbital = new Orbital(joinShm(name), Load)
    orbital.store({ busy: 1, idle: 2 })
    Fleet.remove(name, { force: true })
    const retired = (call: () => unknown) => expectRefusal(call, OrbitError, 'ERR_ORBIT_RETIRED', 'KIND 12')
    retired(() => orbital.store({ busy: 2, idle: 2 }))
    retired(() => orbital.load())
    retired(() => orbital.loadPerNode())
  })

  it('refuses a frame of another length than its pod', () => {
    const name = fleetName()
    const orbital = new Orbital(joinShm(name, { size: 4 }), Load)
    const id = orbital.store({ busy: 1, idle: 2 })
    const at = ringAt(Load, 4)
    const file = objectFile(name, 12)
    file.setU32(at.chunk(chunkIn(file.u64(at.slot(0)))) + chunkAt.length, 5)
    const corrupt = (call: () => unknown) =>
      expectRefusal(call, OrbitError, 'ERR_ORBIT_CORRUPT', 'Load', '5 bytes', 'byteLength=8')
    corrupt(() => orbital.load())
    corrupt(() => orbital.loadById(id))
    expect(orbital.loadPerNode().size).toBe(1)
    file.setU64(at.latest(0, 1) + 16, 5n)
    corrupt(() => orbital.loadPerNode())
    file.setU64(at.latest(0, 1) + 16, 2n ** 40n)
    expectRefusal(() => orbital.loadPerNode(), OrbitError, 'ERR_ORBIT_CORRUPT', 'Load')
  })

  it('continues past 2^40 stores', () => {
    const name = fleetName()
    const fleet = joinShm(name, { size: 4 })
    const orbital = new Orbital(fleet, Load)
    presetHead(objectFile(name, 12), Load, 4, golden.counters - 1)
    const ids = [1, 2, 3, 4].map((busy) => orbital.store({ busy, idle: 0 }))
    expect(ids.map((id) => id.counter)).toEqual([golden.counters - 1, 0, 1, 2])
    expect(ids.map((id) => orbital.loadById(id)?.busy)).toEqual([1, 2, 3, 4])
    expect(orbital.load()?.busy).toBe(4)
    expect(orbital.loadPerNode()).toEqual(new Map([[0, { busy: 4, idle: 0 }]]))
  })
})
