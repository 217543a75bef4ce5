import { type EventCursor, type EventPoll, type NetId64, OrbitEventBus } from '../../src/index.js'
import { bytesOf, type Call, consumed, onFleet } from './call.js'

const operations = 1000
const topic = 'worker.load'
const payload = bytesOf(64)

function publish(name: string, measures: string, event: string | Uint8Array): Call {
  return {
    name: `event publish, ${name}`,
    measures,
    unit: 'call',
    operations,
    arguments: 4,
    setup: onFleet((fleet) => {
      const bus = new OrbitEventBus(fleet)
      return () => {
        let id: NetId64 | undefined
        for (let i = 0; i < operations; i++) id = bus.publish(topic, event)
        consumed.value = id
      }
    }),
  }
}

const batch = 100
/** More than one batch, so that a poll finds other memory than the one before it. */
const polled = 10 * batch

function poll(name: string, measures: string, call: (cursor: EventCursor) => EventPoll): Call {
  return {
    name: `event poll, ${name}`,
    measures: `${measures}, and a byte read of each event's payload; over ${polled} retained events of 64 bytes`,
    unit: 'frame',
    operations: polled,
    setup: onFleet((fleet) => {
      const bus = new OrbitEventBus(fleet)
      for (let i = 0; i < polled; i++) bus.publish(topic, payload)
      return () => {
        const cursor = bus.cursor(0)
        let sum = 0
        while (cursor.position < polled) {
          for (const event of call(cursor).events) sum += event.payload[0] as number
        }
        consumed.number += sum
      }
    }),
  }
}

export default [
  publish('64 B', `bus.publish('${topic}', bytes) of 64 bytes, the id unused`, payload),
  publish('text of 20', `bus.publish('${topic}', text) of 20 ASCII characters, the id unused`, 'x'.repeat(20)),
  poll('100 of every topic', 'cursor.poll(100)', (cursor) => cursor.poll(batch)),
  poll('100 of one topic', `cursor.pollTopic('${topic}', 100)`, (cursor) => cursor.pollTopic(topic, batch)),
  poll('100 by wildcard', "cursor.pollTopic('worker.*', 100)", (cursor) => cursor.pollTopic('worker.*', batch)),
  poll('none matching', "cursor.pollTopic('worker.none', 100)", (cursor) => cursor.pollTopic('worker.none', batch)),
]
