import { type Frame, orbitType } from '../../src/index.js'
import { bytesOf, type Call, consumed, onFleet } from './call.js'

const batch = 100
const payloadBytes = 64
const type = orbitType({ name: 'Bytes', kind: 1, payloadBytes })

/** More than one batch, so that a poll finds other memory than the one before it. */
const polled = 10 * batch

function poll(frames: number, bytes: number): Call {
  return {
    name: `poll ${frames} ${frames === 1 ? 'frame' : 'frames'}, ${bytes} B`,
    measures: `cursor.poll(${frames}), and a byte read of each payload; over ${polled} retained frames`,
    unit: 'frame',
    operations: polled,
    setup: onFleet((fleet) => {
      const type = orbitType({ name: 'Bytes', kind: 1, payloadBytes: bytes })
      fleet.publishPacked(type, bytesOf(polled * bytes))
      return () => {
        const cursor = fleet.cursor(type, 0)
        let sum = 0
        for (let i = 0; i < polled; i += frames) {
          for (const frame of cursor.poll(frames).frames) sum += frame.payload[0] as number
        }
        if (cursor.position !== polled) throw new Error(`position=${cursor.position} after ${polled} frames`)
        consumed.number += sum
      }
    }),
  }
}

const idle: Call = {
  name: 'poll, nothing new',
  measures: 'cursor.poll(100) at the head of the ring',
  unit: 'call',
  operations: 1000,
  setup: onFleet((fleet) => {
    fleet.publish(type, bytesOf(payloadBytes))
    const cursor = fleet.cursor(type, 'head')
    return () => {
      for (let i = 0; i < 1000; i++) consumed.number += cursor.poll(100).frames.length
    }
  }),
}

const head = (bytes: number): Call => ({
  name: `readHead ${bytes} B`,
  measures: 'fleet.readHead(type), its payload copied out',
  unit: 'call',
  operations: 1000,
  setup: onFleet((fleet) => {
    const type = orbitType({ name: 'Bytes', kind: 1, payloadBytes: bytes })
    fleet.publish(type, bytesOf(bytes))
    return () => {
      let frame: Frame | undefined
      for (let i = 0; i < 1000; i++) frame = fleet.readHead(type)
      consumed.value = frame
    }
  }),
})

export default [poll(batch, payloadBytes), poll(1, payloadBytes), idle, head(64), head(256)]
