import { inspect } from 'node:util'
import { describe, expect, it, vi } from 'vitest'
import { abi } from '../../src/core/native.js'
import { reservedType } from '../../src/core/type.js'
import {
  EventCursor,
  type EventPoll,
  Fleet,
  NetId64,
  OrbitError,
  type OrbitEvent,
  OrbitEventBus,
} from '../../src/index.js'
import { chunkAt, chunkIn, golden, objectFile, presetHead, ringAt } from '../help/bytes.js'
import { fleetName, hasObjectFiles, joinLocal, joinShm, memories, objectsOf, observe } from '../help/fleets.js'
import { numbered } from '../help/frames.js'
import { expectClosed, expectRangeError, expectRefusal, expectTypeError, untyped } from '../help/refusals.js'

const kind = 220
const small = { capacity: 8, payloadBytes: 64 }

/** The type of the ring under a bus with these options, to write into the ring directly. */
const ringOf = ({ capacity, payloadBytes } = small) =>
  reservedType({ name: 'orbit.events', kind, capacity, payloadBytes: payloadBytes + 2 })

const busOf = (fleet: Fleet, options: object = small) => new OrbitEventBus(fleet, options)
const topicsOf = ({ events }: EventPoll) => events.map(({ topic }) => topic)
const textsOf = ({ events }: EventPoll) => events.map((event) => event.text())
const only = ({ events }: EventPoll): OrbitEvent => {
  expect(events).toHaveLength(1)
  return events[0] as OrbitEvent
}

describe.each(memories)('a bus in $memory', ({ join }) => {
  it('delivers an event with id, topic, payload and time', () => {
    const name = fleetName()
    const [a, b] = [join(name), join(name)]
    const cursor = busOf(b).cursor()
    const before = Date.now()
    const id = busOf(a).publish('deploy.web', 'v7')
    const event = only(cursor.poll())
    expect(id).toBeInstanceOf(NetId64)
    expect(id.toString()).toBe(`220:${a.node}:0`)
    expect(event.id.equals(id)).toBe(true)
    expect(event).toMatchObject({ topic: 'deploy.web', node: a.node, position: 0 })
    expect(Buffer.from(event.payload).toString()).toBe('v7')
    expect(event.text()).toBe('v7')
    expect(event.timestampMs).toBeGreaterThanOrEqual(before)
    expect(event.timestampMs).toBeLessThanOrEqual(Date.now())
  })

  it('uses one ring for all topics, and every cursor moves past all of them', () => {
    const bus = busOf(join(fleetName()))
    const [all, one] = [bus.cursor(), bus.cursor()]
    const ids = ['a', 'b', 'a', 'c'].map((topic) => bus.publish(topic))
    expect(ids.map(({ counter }) => counter)).toEqual([0, 1, 2, 3])
    expect(topicsOf(all.poll())).toEqual(['a', 'b', 'a', 'c'])
    const filtered = one.pollTopic('b')
    expect(filtered).toMatchObject({ lost: 0, malformed: 0, from: 0, to: 4 })
    expect(filtered.events.map(({ position }) => position)).toEqual([1])
    expect([all.position, one.position]).toEqual([4, 4])
    expect(one.poll()).toEqual({ events: [], lost: 0, malformed: 0, from: 4, to: 4 })
  })

  it('counts 1 lost event after 3 events in a ring of 2', () => {
    const bus = busOf(join(fleetName()), { capacity: 2 })
    const [all, one] = [bus.cursor(), bus.cursor()]
    for (const text of ['1', '2', '3']) bus.publish('n', text)
    const poll = all.poll()
    expect(poll).toMatchObject({ lost: 1, from: 0, to: 3 })
    expect(textsOf(poll)).toEqual(['2', '3'])
    expect(one.pollTopic('other')).toEqual({ events: [], lost: 1, malformed: 0, from: 0, to: 3 })
  })

  it('accepts every topic and payload, even empty ones', () => {
    const bus = busOf(join(fleetName()), { capacity: 64, payloadBytes: 400 })
    const topics = [
      '',
      'a',
      '.',
      'ä.ß',
      '日本.語',
      '👩‍🚀',
      'x'.repeat(47),
      'x'.repeat(48),
      'x'.repeat(49),
      'é'.repeat(90),
      'a\0b',
    ]
    const payloads = ['', 'text', 'größer', '🦀', 'y'.repeat(200), '\uFEFFwith a mark']
    for (const topic of topics) {
      for (const payload of payloads) {
        const cursor = bus.cursor('head')
        bus.publish(topic, payload)
        bus.publish(topic, Buffer.from(payload))
        const { events } = cursor.poll()
        expect(events.map((event) => [event.topic, event.text()])).toEqual([
          [topic, payload],
          [topic, payload],
        ])
        expect(cursor.poll().events).toEqual([])
      }
    }
    const cursor = bus.cursor('head')
    bus.publish('none')
    bus.publish('half a payload', '\udc00')
    expect(cursor.poll().events.map((event) => [event.topic, event.text(), event.payload.length])).toEqual([
      ['none', '', 0],
      ['half a payload', '\ufffd', 3],
    ])
  })

  it('copies only the given part of a larger buffer', () => {
    const bus = busOf(join(fleetName()))
    const cursor = bus.cursor()
    bus.publish('part', new Uint8Array([1, 2, 3, 4, 5]).subarray(1, 4))
    expect([...only(cursor.poll()).payload]).toEqual([2, 3, 4])
  })

  it('publishes and parses JSON', () => {
    const bus = busOf(join(fleetName()))
    const cursor = bus.cursor()
    const values = [{ a: [1, null, 'ü'] }, 0, null, 'text', true]
    for (const value of values) bus.publishJson('j', value)
    expect(cursor.poll().events.map((event) => event.json())).toEqual(values)
    for (const value of [undefined, () => 1, Symbol('s')]) expectTypeError(() => bus.publishJson('j', value), 'JSON')
    const circle: { self?: unknown } = {}
    circle.self = circle
    expect(() => bus.publishJson('j', circle)).toThrow(TypeError)
    expect(cursor.poll().events).toEqual([])
    bus.publish('j', '{"half":')
    expect(() => only(cursor.poll()).json()).toThrow(SyntaxError)
    bus.publish('j')
    expect(() => only(cursor.poll()).json()).toThrow(SyntaxError)
  })

  it('publishes an event from within toJSON of another', () => {
    const bus = busOf(join(fleetName()))
    const cursor = bus.cursor()
    bus.publishJson('outer', { toJSON: () => `${bus.publish('inner', 'x'.repeat(50))}` })
    expect(cursor.poll().events.map((event) => [event.topic, event.text()])).toEqual([
      ['inner', 'x'.repeat(50)],
      ['outer', '"220:0:0"'],
    ])
  })

  it('gives events that are plain to print, spread, clone and write as JSON', () => {
    const bus = busOf(join(fleetName()))
    const cursor = bus.cursor()
    bus.publish('shown', '7')
    const event = only(cursor.poll())
    const { id, timestampMs, payload, json, text } = event
    const data = { node: 0, position: 0, topic: 'shown', payload: new Uint8Array([55]), timestampMs }
    expect(JSON.parse(JSON.stringify(event))).toEqual({ ...data, id: '220:0:0', payload: 'Nw==' })
    expect({ ...event }).toEqual(data)
    expect(structuredClone(event)).toEqual(data)
    expect([id, json(), text()]).toEqual([NetId64.make(220, 0, 0), 7, '7'])
    expect(inspect(event)).toMatch(/topic: 'shown'.*payload: Uint8Array\(1\) \[ 55 \].*timestampMs: \d+/s)
    expect(payload).toEqual(data.payload)
  })

  it('gives payloads that are copies, the same at each access', () => {
    const bus = busOf(join(fleetName()))
    const cursor = bus.cursor()
    bus.publish('a', 'kept')
    const event = only(cursor.poll())
    for (let i = 0; i < 20; i++) bus.publish('b', 'other')
    cursor.poll()
    expect(event.payload).toBe(event.payload)
    expect([event.topic, event.text()]).toEqual(['a', 'kept'])
    expect(structuredClone(event.payload)).toEqual(event.payload)
  })

  it('refuses an event that is too large, names all sizes, and publishes nothing', () => {
    const fleet = join(fleetName())
    const bus = busOf(fleet, { capacity: 8, payloadBytes: 60 })
    const cursor = bus.cursor()
    bus.publish('t'.repeat(20), 'p'.repeat(40))
    bus.publish('t'.repeat(60))
    bus.publish('', new Uint8Array(60))
    expect(cursor.poll().events.map(({ topic, payload }) => topic.length + payload.length)).toEqual([60, 60, 60])
    const tooLarge: [string, string | Uint8Array, string, string][] = [
      ['t'.repeat(20), 'p'.repeat(41), '20 bytes', '41'],
      ['t'.repeat(20), new Uint8Array(41), '20 bytes', '41'],
      ['t'.repeat(61), '', '61 bytes', ' 0'],
      ['é'.repeat(10), '🦀'.repeat(11), '20 bytes', '44'],
      ['é'.repeat(31), 'x', '62 bytes', ' 1'],
      ['', 'p'.repeat(1000), ' 0 bytes', '1000'],
    ]
    for (const [topic, payload, ...sizes] of tooLarge) {
      const publish = () => bus.publish(topic, payload)
      expectRefusal(publish, RangeError, 'ERR_ORBIT_PAYLOAD_SIZE', ...sizes, 'payloadBytes=60')
    }
    expect(cursor.poll()).toMatchObject({ events: [], from: 3, to: 3 })
  })

  it('accepts topics of up to 65535 bytes', () => {
    const bus = busOf(join(fleetName()), { capacity: 2, payloadBytes: 70_000 })
    const cursor = bus.cursor()
    const longest = `${'ab'.repeat(32767)}c`
    bus.publish(longest, 'tail')
    expectRefusal(() => bus.publish(`${longest}d`, 'tail'), RangeError, 'ERR_ORBIT_PAYLOAD_SIZE', '65536', '65535')
    const event = only(cursor.pollTopic(longest))
    expect([event.topic, event.text()]).toEqual([longest, 'tail'])
  })

  it('accepts empty events in a ring without room for topic and payload', () => {
    const bus = busOf(join(fleetName()), { capacity: 1, payloadBytes: 0 })
    const cursor = bus.cursor()
    bus.publish('')
    expect(only(cursor.poll())).toMatchObject({ topic: '', position: 0 })
    expectRefusal(() => bus.publish('a'), RangeError, 'ERR_ORBIT_PAYLOAD_SIZE', 'payloadBytes=0')
  })

  it('shares one ring between all buses of a fleet', () => {
    const fleet = join(fleetName())
    const cursor = busOf(fleet).cursor()
    for (let i = 0; i < 100; i++) busOf(fleet).publish(`t${i % 2}`, `${i}`)
    expect(cursor.pollTopic('t1')).toMatchObject({ lost: 92, to: 100 })
    expect(new OrbitEventBus(join(fleetName())).cursor().poll().events).toEqual([])
  })

  it('begins at the given position', () => {
    const bus = busOf(join(fleetName()))
    for (let i = 0; i < 10; i++) bus.publish('n', `${i}`)
    expect(bus.cursor().position).toBe(2)
    expect(textsOf(bus.cursor('start').poll())).toEqual(['2', '3', '4', '5', '6', '7', '8', '9'])
    expect(bus.cursor('head').poll().events).toEqual([])
    expect(textsOf(bus.cursor(7).poll())).toEqual(['7', '8', '9'])
    expect(bus.cursor(0).poll()).toMatchObject({ lost: 2, from: 0, to: 10 })
  })

  it('returns at most max events in a poll, without counting other topics', () => {
    const bus = busOf(join(fleetName()))
    const cursor = bus.cursor()
    for (let i = 0; i < 8; i++) bus.publish(i % 3 === 0 ? 'a' : 'b', `${i}`)
    expect(textsOf(cursor.pollTopic('a', 2))).toEqual(['0', '3'])
    expect(cursor.position).toBe(4)
    expect(textsOf(cursor.poll(1))).toEqual(['4'])
    expect(textsOf(cursor.pollTopic('a', 5))).toEqual(['6'])
    expect(cursor.position).toBe(8)
  })

  it('counts a reset as loss', () => {
    const fleet = join(fleetName())
    const bus = busOf(fleet)
    const cursor = bus.cursor()
    for (let i = 0; i < 3; i++) bus.publish('n')
    fleet.resetRing(ringOf())
    bus.publish('n', 'after')
    const poll = cursor.pollTopic('n')
    expect(poll).toMatchObject({ lost: 3, to: 4 })
    expect(textsOf(poll)).toEqual(['after'])
  })

  it('reads more events in one poll than the scratch buffer holds', () => {
    const bus = busOf(join(fleetName()), { capacity: 128, payloadBytes: 2000 })
    const cursor = bus.cursor()
    for (let i = 0; i < 128; i++) bus.publish(i % 2 ? 'odd' : 'even', new Uint8Array(1990).fill(i))
    const { events, to } = cursor.pollTopic('odd')
    expect(to).toBe(128)
    expect(events.map(({ payload }) => payload[1989])).toEqual(Array.from({ length: 64 }, (_, i) => 2 * i + 1))
  })

  const topics = [
    '',
    'a',
    'b',
    'a.b',
    'a.c',
    'a.b.c',
    'a.x.c',
    'a.b.c.d',
    'ab',
    'a.',
    '.a',
    'a..c',
    'é.b',
    'b.a',
    '*',
    'a.*',
  ]
  const matched: [string, string[]][] = [
    ['', ['']],
    ['a', ['a']],
    ['a.b', ['a.b']],
    ['é.b', ['é.b']],
    ['a.', ['a.']],
    ['*', ['', 'a', 'b', 'ab', '*']],
    ['a.*', ['a.b', 'a.c', 'a.', 'a.*']],
    ['*.b', ['a.b', 'é.b']],
    ['a.*.c', ['a.b.c', 'a.x.c', 'a..c']],
    ['*.*', ['a.b', 'a.c', 'a.', '.a', 'é.b', 'b.a', 'a.*']],
    ['a.>', ['a.b', 'a.c', 'a.b.c', 'a.x.c', 'a.b.c.d', 'a.', 'a..c', 'a.*']],
    ['*.b.>', ['a.b.c', 'a.b.c.d']],
    ['*.>', topics.filter((topic) => topic.includes('.'))],
    ['>', topics],
    ['é.*', ['é.b']],
    ['z.>', []],
    ['z'.repeat(5000), []],
  ]
  it.each(matched)('matches with pattern %j the topics %j', (pattern, expected) => {
    const bus = busOf(join(fleetName()), { capacity: 32, payloadBytes: 64 })
    for (const topic of topics) bus.publish(topic)
    expect(topicsOf(bus.cursor().pollTopic(pattern))).toEqual(expected)
    expect(topicsOf(bus.cursor().poll())).toEqual(topics)
  })

  it('accepts another pattern at each poll', () => {
    const bus = busOf(join(fleetName()))
    const cursor = bus.cursor()
    const asked = ['a', 'b', 'b', '>', 'a.*']
    const got = asked.map((pattern) => {
      for (const topic of ['a', 'b', 'a.b']) bus.publish(topic)
      return topicsOf(cursor.pollTopic(pattern))
    })
    expect(got).toEqual([['a'], ['b'], ['b'], ['a', 'b', 'a.b'], ['a.b']])
  })

  it('refuses patterns with a wildcard that is not a whole level, or with > before the end', () => {
    const bus = busOf(join(fleetName()))
    bus.publish('a*')
    const cursor = bus.cursor()
    for (const pattern of ['a*', '*a', 'a>b', 'a.>.b', '>.a', '**', 'a.b*', 'a.>>', 'x.*>', '>.']) {
      expectRangeError(() => cursor.pollTopic(pattern), `pattern=${JSON.stringify(pattern)}`)
      expectRangeError(() => bus.subscribe(pattern), `pattern=${JSON.stringify(pattern)}`)
    }
    expect(cursor.position, 'nothing was passed').toBe(0)
    expect(topicsOf(cursor.pollTopic('*')), 'a topic may hold what a pattern may not').toEqual(['a*'])
  })

  it('refuses wrong arguments', () => {
    const fleet = join(fleetName())
    const bus = busOf(fleet)
    for (const wrong of [undefined, null, 5, {}, Buffer.from('a')]) {
      expectTypeError(() => bus.publish(untyped(wrong)), 'topic=')
      if (wrong !== undefined) expectTypeError(() => bus.cursor().pollTopic(untyped(wrong)), 'pattern=')
      if (wrong !== undefined) expectTypeError(() => bus.subscribe(untyped(wrong)), 'pattern=')
    }
    for (const wrong of [null, 5, {}, [1], new Uint16Array(2), new ArrayBuffer(2)]) {
      expectTypeError(
        () => bus.publish('a', untyped(wrong)),
        'payload=',
        'must be a string or a Uint8Array; publishJson takes other values',
      )
    }
    const gone = new Uint8Array(4)
    structuredClone(gone.buffer, { transfer: [gone.buffer] })
    expectTypeError(() => bus.publish('a', gone), 'transferred')
    for (const wrong of [undefined, null, {}, 'web']) {
      expectTypeError(() => new OrbitEventBus(untyped(wrong)), 'fleet=')
    }
    expectTypeError(() => busOf(fleet, untyped(null)), 'options=')
    expectTypeError(() => busOf(fleet, { size: 4 }), 'options.size')
    expectRangeError(() => busOf(fleet, { capacity: 1000 }), 'capacity=1000 must be a power of two')
    expectTypeError(() => busOf(fleet, { capacity: '8' }), 'capacity="8"')
    for (const payloadBytes of [-1, 1.5, 2 ** 24 - 1, Number.NaN]) {
      expectRangeError(() => busOf(fleet, { payloadBytes }), `payloadBytes=${payloadBytes}`, '16777214')
    }
    expectTypeError(() => bus.cursor(untyped('middle')), 'from=')
    expectRangeError(() => bus.cursor(-1), 'from=-1')
    expectRangeError(() => bus.cursor().poll(0), 'max=0')
    expectRangeError(() => bus.cursor().pollTopic('a', 1.5), 'max=1.5')
    expect(bus.cursor().poll().events).toEqual([])
  })

  it('has one geometry in a fleet, that of the first member', () => {
    const name = fleetName()
    const first = busOf(join(name))
    const others = [{ capacity: 16 }, { ...small, capacity: 16 }, { ...small, payloadBytes: 65 }]
    for (const options of [...others, {}, { capacity: small.capacity }, { payloadBytes: small.payloadBytes }]) {
      const cursor = busOf(join(name), options).cursor('head')
      first.publish('a', 'seen')
      expect(textsOf(cursor.poll())).toEqual(['seen'])
    }
  })

  it('counts frames that are not events as malformed, without an exception', () => {
    const fleet = join(fleetName())
    const bus = busOf(fleet)
    const [all, one] = [bus.cursor(), bus.cursor()]
    const frames = [[], [1], [3, 0, 97, 98], [255, 255, 97], [0, 1], [0, 128, 1]]
    bus.publish('a', 'first')
    for (const frame of frames) fleet.publish(ringOf(), Uint8Array.from(frame))
    bus.publish('a', 'last')
    for (const poll of [all.poll(), one.pollTopic('a')]) {
      expect(poll).toMatchObject({ malformed: frames.length, lost: 0, from: 0, to: 8 })
      expect(textsOf(poll)).toEqual(['first', 'last'])
    }
  })

  it('matches a topic of invalid UTF-8 by its bytes, and shows it with U+FFFD', () => {
    const fleet = join(fleetName())
    const bus = busOf(fleet)
    fleet.publish(ringOf(), Uint8Array.from([4, 0, 97, 46, 0xff, 0xfe, 120]), { frameKind: 9, version: 5 })
    expect(bus.cursor().pollTopic('a.\ufffd\ufffd').events).toEqual([])
    const event = only(bus.cursor().pollTopic('a.*'))
    expect([event.topic, event.text(), event.timestampMs]).toEqual(['a.\ufffd\ufffd', 'x', 5])
  })

  it('gives an event of another host its origin and its time, and other events none', () => {
    const bus = busOf(join(fleetName()))
    const origin = { host: 'höst', epoch: 2 ** 53 - 1, index: 7 }
    bus.publish('a', 'here')
    bus.publishForeign(origin, 'a', 'there', 1_765_000_000_123)
    bus.publishForeign(origin, 'a', new Uint8Array(0), 0)
    const [here, there, empty] = bus.cursor().pollTopic('a').events
    expect(here).not.toHaveProperty('origin')
    expect(there).toMatchObject({ topic: 'a', origin, timestampMs: 1_765_000_000_123 })
    expect([there?.text(), empty?.text()]).toEqual(['there', ''])
    expect(there?.copy().origin).toEqual(origin)
    expect(JSON.parse(JSON.stringify(there))).toMatchObject({ origin })
    expectRefusal(() => bus.publishForeign({ ...origin, host: '' }, 'a', '', 0), RangeError, 'ERR_ORBIT_OUT_OF_RANGE')
    const [room] = [bus.payloadBytes - 1 - 17 - 5]
    bus.publishForeign(origin, 'a', new Uint8Array(room), 0)
    const tooLong = () => bus.publishForeign(origin, 'a', new Uint8Array(room + 1), 0)
    expectRefusal(tooLong, RangeError, 'ERR_ORBIT_PAYLOAD_SIZE')
  })

  it('takes an origin that does not fit its event for a part of the payload', () => {
    const fleet = join(fleetName())
    const bus = busOf(fleet)
    const frames = [
      [1, 0, 97],
      [1, 0, 97, 0],
      [1, 0, 97, 255],
      [1, 0, 97, ...new Array(16).fill(0), 1],
    ]
    for (const frame of frames) fleet.publish(ringOf(), Uint8Array.from(frame), { frameKind: 1 })
    const { events, malformed } = bus.cursor().poll()
    expect(malformed).toBe(0)
    expect(events.map(({ payload, origin }) => [payload.length, origin])).toEqual(
      [0, 1, 1, 17].map((length) => [length, undefined]),
    )
  })

  it('closes with its fleet, and a cursor on its own', () => {
    const fleet = join(fleetName())
    const bus = busOf(fleet)
    const [cursor, other] = [bus.cursor(), bus.cursor()]
    expect(cursor).toBeInstanceOf(EventCursor)
    cursor.close()
    cursor[Symbol.dispose]()
    for (const call of [() => cursor.poll(), () => cursor.pollTopic('a')]) expectClosed(call)
    bus.publish('a')
    expect(topicsOf(other.poll())).toEqual(['a'])
    fleet.close()
    const calls = [() => other.poll(), () => bus.publish('a'), () => bus.publishJson('a', 1)]
    for (const call of [...calls, () => bus.cursor(), () => bus.subscribe(), () => busOf(fleet)]) expectClosed(call)
  })

  it('wakes a waiting cursor', async () => {
    const name = fleetName()
    const [bus, cursor] = [busOf(join(name)), busOf(join(name)).cursor('head')]
    expect(await cursor.wait({ timeoutMs: 0 })).toBe(false)
    const waiting = cursor.wait()
    bus.publish('a')
    expect(await waiting).toBe(true)
    expect(topicsOf(cursor.pollTopic('b'))).toEqual([])
    const reason = new Error('enough')
    await expect(cursor.wait({ signal: AbortSignal.abort(reason) })).rejects.toBe(reason)
    const closed = cursor.wait()
    cursor.close()
    expect(await closed).toBe(false)
  })
})

describe('a bus in shared memory', () => {
  it('takes the memory that its options say', () => {
    const name = fleetName()
    const fleet = joinShm(name)
    new OrbitEventBus(fleet)
    expect(objectsOf(name).some((object) => object.includes(`-${kind}-`))).toBe(hasObjectFiles)
    const bytes = fleet.stats(ringOf({ capacity: 1024, payloadBytes: 1024 }))?.objectBytes as number
    expect(Math.round(bytes / 1e5) / 10).toBe(1.5)
  })

  it('is empty for an observer until it exists, and cannot be written by it', () => {
    const name = fleetName()
    const member = joinShm(name)
    const bus = new OrbitEventBus(observe(name), small)
    const cursor = bus.cursor()
    const none = { events: [], lost: 0, malformed: 0, from: 0, to: 0 }
    expect([cursor.poll(), cursor.pollTopic('a')]).toEqual([none, none])
    const refused = () => expectRefusal(() => bus.publish('a'), OrbitError, 'ERR_ORBIT_READ_ONLY', 'observer')
    refused()
    busOf(member).publish('a', 'seen')
    refused()
    expect(textsOf(cursor.pollTopic('a'))).toEqual(['seen'])
    expect(textsOf(new OrbitEventBus(observe(name)).cursor().poll())).toEqual(['seen'])
  })

  it('throws ERR_ORBIT_RETIRED after it was removed', () => {
    const name = fleetName()
    const bus = busOf(joinShm(name))
    const cursor = bus.cursor()
    bus.publish('a')
    Fleet.remove(name, { force: true })
    for (const call of [() => bus.publish('a'), () => cursor.poll(), () => cursor.pollTopic('a')]) {
      expectRefusal(call, OrbitError, 'ERR_ORBIT_RETIRED')
    }
  })

  it.skipIf(!hasObjectFiles)('writes an event as the layout says', () => {
    const name = fleetName()
    const fleet = joinShm(name, { size: 4 })
    vi.spyOn(Date, 'now').mockReturnValue(1_765_000_000_123)
    busOf(fleet).publish('ä.b', 'xyz')
    vi.restoreAllMocks()
    expect(abi).toMatchObject({ eventKind: kind, eventHeaderBytes: 2, maxTopicBytes: 65535 })
    const type = ringOf()
    const [ring, at] = [objectFile(name, kind), ringAt(type, 4)]
    const chunk = at.chunk(chunkIn(ring.u64(at.slot(0))))
    expect(ring.u64(chunk + chunkAt.version)).toBe(1_765_000_000_123n)
    expect(ring.u32(chunk + chunkAt.length)).toBe(9)
    expect(ring.bytes(chunk + chunkAt.frameKind, 1)[0]).toBe(0)
    expect(ring.bytes(chunk + chunkAt.payload, 9).toString('latin1')).toBe('\x04\x00\xc3\xa4.bxyz')
  })

  it.skipIf(!hasObjectFiles)('counts an event with a damaged length as malformed', () => {
    const name = fleetName()
    const fleet = joinShm(name, { size: 4 })
    const bus = busOf(fleet)
    bus.publish('a', 'whole')
    bus.publish('a', 'hurt')
    const [ring, at] = [objectFile(name, kind), ringAt(ringOf(), 4)]
    ring.setBytes(at.chunk(chunkIn(ring.u64(at.slot(1)))) + chunkAt.payload, Uint8Array.from([6, 0]))
    const poll = bus.cursor().pollTopic('>')
    expect(poll).toMatchObject({ malformed: 1, to: 2 })
    expect(textsOf(poll)).toEqual(['whole'])
    // A frame without a valid id.
    ring.setU32(at.chunk(chunkIn(ring.u64(at.slot(0)))) + chunkAt.length, 10_000)
    expect(bus.cursor().poll()).toMatchObject({ events: [], malformed: 2, lost: 0, to: 2 })
  })

  it.skipIf(!hasObjectFiles)('continues past 2^40 events', () => {
    const name = fleetName()
    const fleet = joinShm(name, { size: 4 })
    const bus = busOf(fleet)
    presetHead(objectFile(name, kind), { ...ringOf(), kind }, 4, golden.counters)
    const cursor = bus.cursor()
    expect(cursor.poll(), 'what presetHead leaves is empty').toMatchObject({ events: [], malformed: 8 })
    const id = bus.publish('late', numbered(1))
    const event = only(cursor.pollTopic('late'))
    expect(event.position).toBe(golden.counters)
    expect(event.id.equals(id)).toBe(true)
    expect(id.counter).toBe(0)
  })

  it('is separate from a bus of a process-local fleet with the same name', () => {
    const name = fleetName()
    const [shared, local] = [busOf(joinShm(name)), busOf(joinLocal(name))]
    shared.publish('a')
    expect(local.cursor().poll().events).toEqual([])
  })
})
