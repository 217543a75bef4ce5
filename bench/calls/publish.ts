import { native } from '../../src/core/native.js'
import { type NetId64, orbitType } from '../../src/index.js'
import { bytesOf, type Call, consumed, onFleet } from './call.js'

const operations = 1000

const bySize: Call[] = [16, 64, 256, 1024, 4096].map((payloadBytes) => ({
  name: `publish ${payloadBytes} B`,
  measures: `fleet.publish(type, payload) of ${payloadBytes} bytes, the id unused`,
  unit: 'call',
  operations,
  arguments: 2,
  setup: onFleet((fleet) => {
    const type = orbitType({ name: 'Bytes', kind: 1, payloadBytes })
    const payload = bytesOf(payloadBytes)
    return () => {
      let id: NetId64 | undefined
      for (let i = 0; i < operations; i++) id = fleet.publish(type, payload)
      consumed.value = id
    }
  }),
}))

const withOptions: Call = {
  name: 'publish 64 B, with options',
  measures: 'fleet.publish(type, payload, { frameKind, version })',
  unit: 'call',
  operations,
  arguments: 4,
  setup: onFleet((fleet) => {
    const type = orbitType({ name: 'Bytes', kind: 1, payloadBytes: 64 })
    const payload = bytesOf(64)
    return () => {
      let id: NetId64 | undefined
      for (let i = 0; i < operations; i++) id = fleet.publish(type, payload, { frameKind: 7, version: i })
      consumed.value = id
    }
  }),
}

/** What fleet.publish costs without its TypeScript. */
const raw: Call = {
  name: 'raw publish 64 B',
  measures: 'native.publish(ring, payload) and no id',
  unit: 'call',
  operations,
  arguments: 2,
  setup: (name) => {
    const member = { name, isShared: true, size: 8, node: -1, label: 'bench', startedAtMs: 0, removeWhenLast: true }
    const { handle } = native.join(member)
    const type = {
      name: 'Bytes',
      kind: 1,
      capacity: 1024,
      payloadBytes: 64,
      exactBytes: -1,
      fingerprint: 0n,
      schema: '',
    }
    const ring = native.openRing(handle, type) as number
    const payload = bytesOf(64)
    return {
      run() {
        let sum = 0
        for (let i = 0; i < operations; i++) sum += native.publish(ring, payload) ?? 1
        consumed.number = sum
      },
      teardown: () => native.close(handle),
    }
  },
}

export default [raw, ...bySize, withOptions]
