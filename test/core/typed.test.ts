import { describe, expect, it } from 'vitest'
import { Fleet, Orbital, OrbitEventBus, orbitType, pod, text } from '../../src/index.js'
import { fleetName, joinLocal, joinShm, memories, observe } from '../help/fleets.js'
import { expectClosed, expectRangeError, expectTypeError, untyped } from '../help/refusals.js'

const order = pod({ id: 'u32', name: text(8) })
const Order = orbitType({ name: 'Order', kind: 7, pod: order, capacity: 8 })
const Bytes = orbitType({ name: 'Bytes', kind: 8, capacity: 8 })

describe.each(memories)('a typed ring in $memory', ({ join }) => {
  it('publishes values, and gives them back in frames that are read and polled', async () => {
    const fleet = join(fleetName())
    const id = fleet.publish(Order, { id: 1, name: 'one' }, { version: 5 })
    fleet.publish(Order, order.encode({ id: 2, name: 'two' }))
    fleet.publishBatch(Order, [{ id: 3, name: 'three' }, order.encode({ id: 4, name: 'four' })])
    const values = [1, 2, 3, 4].map((id) => ({ id, name: ['', 'one', 'two', 'three', 'four'][id] }))
    expect(fleet.readHead(Order)?.value).toEqual(values[3])
    expect(fleet.readAt(Order, 0)).toMatchObject({
      value: values[0],
      version: 5,
      payload: order.encode(values[0] as never),
    })
    expect(fleet.read(id)?.value).toEqual(values[0])
    expect(
      fleet
        .cursor(Order)
        .poll()
        .frames.map(({ value }) => value),
    ).toEqual(values)
    for await (const { frames } of fleet.cursor(Order)) {
      expect(frames.map(({ value }) => value)).toEqual(values)
      break
    }
  })

  it('gives the payload as the value of a type without a pod', () => {
    const fleet = join(fleetName())
    fleet.publish(Bytes, Uint8Array.of(1, 2))
    const frame = fleet.readHead(Bytes)
    expect(frame?.value).toBe(frame?.payload)
  })

  it('refuses values that do not fit the pod, and publishes nothing then', () => {
    const fleet = join(fleetName())
    expectTypeError(() => fleet.publish(Order, untyped({ id: 1 })), 'name=undefined')
    expectTypeError(() => fleet.publish(Order, untyped('text')), 'an object')
    expectTypeError(() => fleet.publish(Bytes, untyped({ id: 1 })), 'a Uint8Array')
    expectRangeError(
      () =>
        fleet.publishBatch(Order, [
          { id: 1, name: 'x' },
          { id: -1, name: 'y' },
        ]),
      'id=-1',
    )
    expect(fleet.head(Order)).toBe(0)
  })
})

describe('a frame and an event', () => {
  const kinds = [
    {
      what: 'a frame that was read',
      make: (fleet: Fleet) => {
        for (let i = 0; i < 5; i++) fleet.publish(Bytes, new Uint8Array(40).fill(i))
        return fleet.readAt(Bytes, 2)
      },
    },
    {
      what: 'a frame that was polled',
      make: (fleet: Fleet) => {
        for (let i = 0; i < 5; i++) fleet.publish(Bytes, new Uint8Array(40).fill(i))
        return fleet.cursor(Bytes).poll().frames[2]
      },
    },
    {
      what: 'an event',
      make: (fleet: Fleet) => {
        const bus = new OrbitEventBus(fleet)
        for (let i = 0; i < 5; i++) bus.publish('topic', new Uint8Array(40).fill(i))
        return bus.cursor().poll().events[2]
      },
    },
  ]

  it.each(kinds)('can be spread, cloned, posted, printed as JSON and copied: $what', async ({ make }) => {
    const frame = make(joinLocal(fleetName()))
    if (frame === undefined) throw new Error('there is no frame')
    const data = { ...frame }
    expect(data).toMatchObject({ node: 0, position: 2, payload: new Uint8Array(40).fill(2) })
    expect(structuredClone(frame)).toEqual(data)
    const { port1, port2 } = new MessageChannel()
    const posted = new Promise((resolve) =>
      port2.addEventListener('message', (event) => resolve((event as MessageEvent).data), { once: true }),
    )
    port2.start()
    const copy = frame.copy()
    port1.postMessage(copy, [copy.payload.buffer as ArrayBuffer])
    expect(await posted).toEqual(data)
    port1.close()
    expect(copy.payload.byteLength).toBe(0)
    expect(frame.payload).toEqual(new Uint8Array(40).fill(2)) // what was transferred was the copy's own
    expect(frame.copy()).toEqual(frame)
    expect([frame.copy().payload.buffer.byteLength, `${frame.copy().id}`]).toEqual([40, `${frame.id}`])
    expect(JSON.parse(JSON.stringify(frame))).toMatchObject({
      position: 2,
      payload: Buffer.alloc(40, 2).toString('base64'),
    })
  })

  it('has the same properties whether it was read or polled', () => {
    const fleet = joinLocal(fleetName())
    fleet.publish(Bytes, Uint8Array.of(7))
    expect(fleet.readHead(Bytes)).toEqual(fleet.cursor(Bytes).poll().frames[0])
    expect(Object.keys(fleet.readHead(Bytes) ?? {})).toEqual(Object.keys(fleet.cursor(Bytes).poll().frames[0] ?? {}))
  })
})

describe('types and pods that are made again', () => {
  const make = () => orbitType({ name: 'Again', kind: 9, pod: pod({ a: 'u32', b: 'f64' }) })

  it('are the same objects, so that a ring is opened once', () => {
    const fleet = joinShm(fleetName())
    expect(make()).toBe(make())
    expect(make().pod).toBe(make().pod)
    const opened = new Set(Array.from({ length: 1000 }, () => fleet.ring(make())))
    expect(opened.size).toBe(1)
    const orbital = new Orbital(fleet, make())
    orbital.store({ a: 1, b: 2 })
    expect(new Orbital(fleet, make()).load()).toEqual({ a: 1, b: 2 })
  })

  it('are others if anything in them differs', () => {
    const spec = { name: 'Again', kind: 9, pod: pod({ a: 'u32', b: 'f64' }) }
    const others = [
      make(),
      orbitType({ ...spec, name: 'Other' }),
      orbitType({ ...spec, kind: 10 }),
      orbitType({ ...spec, capacity: 8 }),
      orbitType({ ...spec, payloadBytes: 512 }),
      orbitType({ ...spec, pod: pod({ b: 'u32', a: 'f64' }) }),
      orbitType({ ...spec, pod: pod({ a: 'u32', b: 'f64' }, { reserve: 8 }) }),
      orbitType({ name: 'Again', kind: 9, payloadBytes: make().payloadBytes }),
    ]
    expect(new Set(others).size).toBe(others.length)
  })
})

describe('a shared observer', () => {
  it('is opened once for all that ask, and closed by the last of them', () => {
    const name = fleetName()
    joinShm(name).publish(Bytes, Uint8Array.of(1))
    const first = Fleet.observe(name, { shared: true })
    const second = Fleet.observe(name, { shared: true })
    expect(second).toBe(first)
    expect(observe(name)).not.toBe(first)
    first.close()
    expect(second.readHead(Bytes)?.payload).toEqual(Uint8Array.of(1))
    second.close()
    expect(second.closed).toBe(true)
    const third = Fleet.observe(name, { shared: true })
    expect(third).not.toBe(first)
    third.close()
    expectTypeError(() => Fleet.observe(name, untyped({ shared: 1 })), 'shared=1')
    expectClosed(() => third.nodes())
  })
})
