import { NetId64 } from '../../src/index.js'
import { type Call, consumed } from './call.js'

const operations = 1000

function call(name: string, measures: string, call: (i: number) => unknown): Call {
  return {
    name: `NetId64 ${name}`,
    measures,
    unit: 'call',
    operations,
    setup: () => ({
      run() {
        let last: unknown
        for (let i = 0; i < operations; i++) last = call(i)
        consumed.value = last
      },
      teardown() {},
    }),
  }
}

const id = NetId64.make(12, 34, 567890)
const text = id.toString()
const raw = id.raw
const wire = id.toBytes()

export default [
  call(
    'make, parts',
    'NetId64.make(kind, node, counter), and its counter read',
    (i) => NetId64.make(12, 34, i).counter,
  ),
  call('make, raw', 'NetId64.make(kind, node, counter), and its raw bigint read', (i) => NetId64.make(12, 34, i).raw),
  call('fromRaw', 'NetId64.fromRaw(raw), and its counter read', () => NetId64.fromRaw(raw).counter),
  call('toString', 'NetId64.make(kind, node, counter).toString()', (i) => NetId64.make(12, 34, i).toString()),
  call('parse', 'NetId64.parse("kind:node:counter")', () => NetId64.parse(text)),
  call('toBytes', 'id.toBytes()', () => id.toBytes()),
  call('fromBytes', 'NetId64.fromBytes(bytes)', () => NetId64.fromBytes(wire)),
]
