import { type NetId64, orbitType } from '../../src/index.js'
import { bytesOf, type Call, consumed, onFleet } from './call.js'

const batch = 100
const payloadBytes = 64
const type = orbitType({ name: 'Bytes', kind: 1, payloadBytes })

const list: Call = {
  name: 'publishBatch, 100 x 64 B',
  measures: 'fleet.publishBatch(type, payloads) of 100 arrays of 64 bytes, the ids unused',
  unit: 'frame',
  operations: 10 * batch,
  setup: onFleet((fleet) => {
    const payloads = Array.from({ length: batch }, () => bytesOf(payloadBytes))
    return () => {
      let ids: NetId64[] = []
      for (let i = 0; i < 10; i++) ids = fleet.publishBatch(type, payloads)
      consumed.number += ids.length
    }
  }),
}

const packed: Call = {
  name: 'publishPacked, 100 x 64 B',
  measures: 'fleet.publishPacked(type, records) of 100 records of 64 bytes',
  unit: 'frame',
  operations: 10 * batch,
  setup: onFleet((fleet) => {
    const records = bytesOf(batch * payloadBytes)
    return () => {
      for (let i = 0; i < 10; i++) consumed.number += fleet.publishPacked(type, records)
    }
  }),
}

export default [list, packed]
