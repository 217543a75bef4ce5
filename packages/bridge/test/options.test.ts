import { Fleet } from 'orbit-node'
import { describe, expect, it } from 'vitest'
import { fleetName, keep } from '../../../test/help/fleets.js'
import { decodeBatch, encodeBatch } from '../src/events/batch.js'
import { matcherOf } from '../src/events/pattern.js'
import { bridge } from '../src/index.js'
import { specOf } from '../src/options.js'

describe('bridge', () => {
  it('refuses wrong options, and says what it expects', () => {
    const servers = 'localhost'
    const wrong: [object, RegExp][] = [
      [{}, /servers=undefined must be/],
      [{ servers: [] }, /servers=/],
      [{ servers: '' }, /servers="" must be/],
      [{ servers: ['a:1', 'b c'] }, /servers="b c" must be/],
      [{ servers, nats: null }, /nats=null must be/],
      [{ servers, more: 1 }, /options\.more is unknown/],
      [{ servers, host: 'a b' }, /host="a b" must be/],
      [{ servers, cluster: 'a.b' }, /cluster="a\.b" must be/],
      [{ servers, staleMs: 99 }, /staleMs=99 must be/],
      [{ servers, offer: 1 }, /offer=1 must be a boolean/],
      [{ servers, replicas: 6 }, /replicas=6 must be/],
      [{ servers, retain: { maxAgeMs: 1 } }, /retain\.maxAgeMs=1 must be/],
      [{ servers, events: [{ topics: [] }] }, /events\[0\]\.topics=/],
      [{ servers, events: [{ topics: ['a.>.b'] }] }, /must be levels in which/],
      [{ servers, events: [{ topics: ['a'], delivery: 'later' }] }, /delivery="later" must be/],
      [{ servers, events: [{ topics: ['a'] }, { topics: ['b'] }] }, /one route for each bus and delivery/],
    ]
    for (const [options, message] of wrong) expect(() => specOf(options as never), `${message}`).toThrow(message)
    const local = keep(Fleet.join(fleetName()))
    expect(() => bridge(local as never, { servers })).toThrow(/must be a Fleet of Fleet\.joinShm/)
  })
})

describe('a matcher', () => {
  it('matches as a bus does', () => {
    const matches = matcherOf(['a.*', 'b.>', 'c'])
    expect(['a.x', 'b.x', 'b.x.y', 'c', 'a.'].filter(matches)).toEqual(['a.x', 'b.x', 'b.x.y', 'c', 'a.'])
    expect(['a', 'a.x.y', 'b', 'c.x', ''].filter(matches)).toEqual([])
    expect(['', 'x'].filter(matcherOf(['>']))).toEqual(['', 'x'])
  })
})

describe('a batch', () => {
  const events = [
    { topic: 'ä.b', payload: Uint8Array.of(1, 2), timestampMs: 5 },
    { topic: '', payload: new Uint8Array(0), timestampMs: 1_765_000_000_123 },
  ]
  const bytes = encodeBatch({ epoch: 2 ** 53 - 1, first: 7, events })

  it('comes back as it was', () => {
    const batch = decodeBatch(bytes)
    expect(batch).toMatchObject({ epoch: 2 ** 53 - 1, first: 7 })
    expect(batch?.events.map((event) => ({ ...event, payload: Uint8Array.from(event.payload) }))).toEqual(events)
    expect(decodeBatch(encodeBatch({ epoch: 1, first: 2, events: [] }))).toEqual({ epoch: 1, first: 2, events: [] })
  })

  it('is refused when it is cut, too long or of another version', () => {
    for (let i = 0; i < bytes.length; i++) expect(decodeBatch(bytes.subarray(0, i))).toBeUndefined()
    expect(decodeBatch(Buffer.concat([bytes, Buffer.of(0)]))).toBeUndefined()
    expect(decodeBatch(Buffer.concat([Buffer.of(2), bytes.subarray(1)]))).toBeUndefined()
    const wild = Buffer.from(bytes)
    wild.writeUInt32LE(0xffffffff, 29)
    expect(decodeBatch(wild)).toBeUndefined()
  })
})
