// Publishing to a ring and reading it: bytes, the newest value, events.

import { type EventCursor, Orbital, OrbitEventBus, orbitType, pod } from '../../src/index.js'
import { bytesOf } from './bytes.js'
import { batchCall, consumed, fleetCall } from './call.js'

const bytesType = (payloadBytes: number) => orbitType({ name: 'Bytes', kind: 1, payloadBytes })
const type64 = bytesType(64)
const payload64 = bytesOf(64)
const batch = 100
/** More than one batch, so that a poll finds other memory than the one before it. */
const polled = 10 * batch

const publish = (bytes: number) =>
  fleetCall(`publish ${bytes} B`, `fleet.publish(type, payload) of ${bytes} bytes, the id unused`, (fleet) => {
    const [type, payload] = [bytesType(bytes), bytesOf(bytes)]
    return () => fleet.publish(type, payload)
  })

const poll = (frames: number) =>
  batchCall(
    `poll ${frames} ${frames === 1 ? 'frame' : 'frames'}, 64 B`,
    `cursor.poll(${frames}), and a byte read of each payload; over ${polled} retained frames`,
    polled,
    (fleet) => {
      fleet.publishPacked(type64, bytesOf(polled * 64))
      return () => {
        const cursor = fleet.cursor(type64, 0)
        for (let i = 0; i < polled; i += frames) {
          for (const frame of cursor.poll(frames).frames) consumed.number += frame.payload[0] as number
        }
        if (cursor.position !== polled) throw new Error(`position=${cursor.position} after ${polled} frames`)
      }
    },
  )

/** Each of so many KINDs in turn. */
const publishAndPoll = (kinds: number) =>
  fleetCall(
    `publish and poll 1, ${kinds === 1 ? '1 KIND' : `${kinds} KINDs in turn`}`,
    'fleet.publish(type, payload) of 64 bytes, and cursor.poll() with a byte read of its frame',
    (fleet) => {
      const types = Array.from({ length: kinds }, (_, i) =>
        orbitType({ name: `Bytes ${i}`, kind: i, payloadBytes: 64 }),
      )
      const cursors = types.map((type) => fleet.cursor(type))
      return (i) => {
        fleet.publish(types[i % kinds] as (typeof types)[0], payload64)
        return cursors[i % kinds]?.poll().frames[0]?.payload[0]
      }
    },
  )

const readHead = (bytes: number) =>
  fleetCall(`readHead ${bytes} B`, 'fleet.readHead(type), its payload copied out', (fleet) => {
    const type = bytesType(bytes)
    fleet.publish(type, bytesOf(bytes))
    return () => fleet.readHead(type)
  })

const WorkerLoad = orbitType({ name: 'WorkerLoad', kind: 1, pod: pod({ busy: 'u32', idle: 'u32' }) })
const topic = 'worker.load'

const publishEvent = (name: string, event: string | Uint8Array) =>
  fleetCall(`event publish, ${name}`, `bus.publish('${topic}', event), the id unused`, (fleet) => {
    const bus = new OrbitEventBus(fleet)
    return () => bus.publish(topic, event)
  })

const pollEvents = (name: string, poll: (cursor: EventCursor) => ReturnType<EventCursor['poll']>) =>
  batchCall(
    `event poll, ${name}`,
    `a poll of ${batch}, and a byte read of each event's payload; over ${polled} retained events of 64 bytes`,
    polled,
    (fleet) => {
      const bus = new OrbitEventBus(fleet)
      for (let i = 0; i < polled; i++) bus.publish(topic, payload64)
      return () => {
        const cursor = bus.cursor(0)
        while (cursor.position < polled) {
          for (const event of poll(cursor).events) consumed.number += event.payload[0] as number
        }
      }
    },
  )

export default [
  ...[16, 64, 256, 1024, 4096, 16_384].map(publish),
  fleetCall(
    'publish 64 B, a new array',
    'new Uint8Array(64), and fleet.publish(type, payload) of it',
    (fleet) => () => fleet.publish(type64, new Uint8Array(64)),
  ),
  fleetCall(
    'publish 64 B, with options',
    'fleet.publish(type, payload, { frameKind, version })',
    (fleet) => (i) => fleet.publish(type64, payload64, { frameKind: 7, version: i }),
  ),
  batchCall('publishBatch, 100 x 64 B', 'fleet.publishBatch(type, payloads), the ids unused', polled, (fleet) => {
    const payloads = Array.from({ length: batch }, () => payload64)
    return () => {
      for (let i = 0; i < polled; i += batch) consumed.number += fleet.publishBatch(type64, payloads).length
    }
  }),
  batchCall('publishPacked, 100 x 64 B', 'fleet.publishPacked(type, records)', polled, (fleet) => {
    const records = bytesOf(batch * 64)
    return () => {
      for (let i = 0; i < polled; i += batch) consumed.number += fleet.publishPacked(type64, records)
    }
  }),
  poll(batch),
  poll(1),
  fleetCall('poll, nothing new', 'cursor.poll(100) at the head of the ring', (fleet) => {
    fleet.publish(type64, payload64)
    const cursor = fleet.cursor(type64, 'head')
    return () => cursor.poll(100).frames.length
  }),
  publishAndPoll(1),
  publishAndPoll(2),
  readHead(64),
  readHead(72),
  readHead(256),
  fleetCall('Orbital.store, 2 fields', 'orbital.store({ busy, idle }), the id unused', (fleet) => {
    const load = new Orbital(fleet, WorkerLoad)
    return (i) => load.store({ busy: i, idle: 1000 - i })
  }),
  fleetCall('Orbital.load, 2 fields', 'orbital.load(), both fields read', (fleet) => {
    const load = new Orbital(fleet, WorkerLoad)
    load.store({ busy: 3, idle: 5 })
    return () => {
      const value = load.load()
      return value === undefined ? 0 : value.busy + value.idle
    }
  }),
  publishEvent('64 B', payload64),
  publishEvent('text of 20', 'x'.repeat(20)),
  pollEvents('100 of every topic', (cursor) => cursor.poll(batch)),
  pollEvents('100 of one topic', (cursor) => cursor.pollTopic(topic, batch)),
  pollEvents('100 by wildcard', (cursor) => cursor.pollTopic('worker.*', batch)),
  pollEvents('none matching', (cursor) => cursor.pollTopic('worker.none', batch)),
]
