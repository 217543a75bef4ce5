// The least that a call into an addon costs. Their addon is bench/native, which scripts/bench.mjs builds.

import { createRequire } from 'node:module'
import { bytesOf } from './bytes.js'
import { plainCall } from './call.js'

interface Baseline {
  empty(handle: number, payload: Uint8Array): undefined
  decode(handle: number, payload: Uint8Array): number
}

const load = (): Baseline => createRequire(import.meta.url)(process.env['ORBIT_BENCH_ADDON'] as string)
const payload = bytesOf(64)

export default [
  plainCall('empty call, 2 arguments', 'a Node-API call that fetches its arguments and does nothing else', () => {
    const { empty } = load()
    return () => empty(0, payload)
  }),
  plainCall('decoding call, 2 arguments', 'a Node-API call that decodes what publish decodes, and returns 0', () => {
    const { decode } = load()
    return () => decode(0, payload)
  }),
]
