import { describe, expect, it } from 'vitest'
import { bytes, Fleet, Orbital, orbitType, pod } from '../../src/index.js'
import { fleetName } from '../help/fleets.js'

const Wide = orbitType({ name: 'Wide', kind: 1, pod: pod({ a: 'f64', b: 'f64' }) })
/** Seven bytes of padding between its fields. */
const Padded = orbitType({ name: 'Padded', kind: 2, pod: pod({ flag: 'u8', count: 'f64' }) })
const Large = orbitType({ name: 'Large', kind: 3, pod: pod({ count: 'u32', rest: bytes(5000) }) })

describe('publishing a value', () => {
  it('leaves no byte of another value in the padding', () => {
    using fleet = Fleet.join(fleetName())
    fleet.publish(Wide, { a: -1 / 3, b: -1 / 3 })
    fleet.publish(Padded, { flag: 1, count: 0 })
    expect([...(fleet.readHead(Padded)?.payload ?? [])]).toEqual([1, ...new Array(15).fill(0)])
  })

  it('keeps a value whole when a getter of it publishes another one', () => {
    using fleet = Fleet.join(fleetName())
    const inner = { a: 3, b: 4 }
    const outer = {
      a: 1,
      get b() {
        fleet.publish(Wide, inner)
        return 2
      },
    }
    fleet.publish(Wide, outer)
    expect(fleet.readAt(Wide, 0)?.value).toEqual(inner)
    expect(fleet.readAt(Wide, 1)?.value).toEqual({ a: 1, b: 2 })
  })

  it('keeps a value whole when a getter of it opens a ring of larger frames than any before', () => {
    using fleet = Fleet.join(fleetName())
    const Huge = orbitType({ name: 'Huge', kind: 4, payloadBytes: 2 ** 20, capacity: 1 })
    const value = {
      a: 1,
      get b() {
        fleet.publish(Huge, new Uint8Array(1))
        return 2
      },
    }
    new Orbital(fleet, Wide).store(value)
    expect(fleet.readHead(Wide)?.value).toEqual({ a: 1, b: 2 })
  })

  it('publishes nothing when a getter of it throws, and the next value is whole', () => {
    using fleet = Fleet.join(fleetName())
    const broken = {
      a: 1,
      get b(): number {
        throw new Error('no value')
      },
    }
    expect(() => fleet.publish(Wide, broken)).toThrow('no value')
    expect(fleet.head(Wide)).toBe(0)
    fleet.publish(Wide, { a: 5, b: 6 })
    expect(fleet.readHead(Wide)?.value).toEqual({ a: 5, b: 6 })
  })

  it('publishes a value of more than 4 KiB', () => {
    using fleet = Fleet.join(fleetName())
    const value = { count: 7, rest: new Uint8Array(5000).fill(9) }
    fleet.publish(Large, value)
    expect(fleet.readHead(Large)?.value).toEqual(value)
  })

  it('publishes a value with options', () => {
    using fleet = Fleet.join(fleetName())
    fleet.publish(Wide, { a: 1, b: 2 }, { frameKind: 3, version: 4 })
    expect(fleet.readHead(Wide)).toMatchObject({ frameKind: 3, version: 4, value: { a: 1, b: 2 } })
  })
})
