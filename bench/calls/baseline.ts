import { native } from '../../src/core/native.js'
import { bytesOf, type Call, consumed, type Run } from './call.js'

const operations = 1000
const repeat = (call: () => unknown) => (): Run => {
  return {
    run() {
      let last: unknown
      for (let i = 0; i < operations; i++) last = call()
      consumed.value = last
    },
    teardown() {},
  }
}

const payload = bytesOf(64)
/** No such handle: the decoding call looks it up, as publish does, and finds nothing. */
const ring = 0

const emptyMeasures = 'a raw Node-API call that fetches its arguments and does nothing else'
const decodeMeasures = 'a raw Node-API call that decodes what publish decodes, and returns a number'

/** The calls that every ratio is against. */
export const empty: Call[] = [
  { count: 0, call: () => native.empty() },
  { count: 2, call: () => native.empty(ring, payload) },
  { count: 4, call: () => native.empty(ring, payload, 1, 2) },
].map(({ count, call }) => ({
  name: `empty call, ${count} arguments`,
  measures: emptyMeasures,
  unit: 'call',
  operations,
  arguments: count as 0 | 2 | 4,
  setup: repeat(call),
}))

export const decode: Call[] = [
  { count: 0, call: () => native.decode() },
  { count: 2, call: () => native.decode(ring, payload) },
  { count: 4, call: () => native.decode(ring, payload, 1, 2) },
].map(({ count, call }) => ({
  name: `decoding call, ${count} arguments`,
  measures: decodeMeasures,
  unit: 'call',
  operations,
  arguments: count as 0 | 2 | 4,
  setup: repeat(call),
}))
