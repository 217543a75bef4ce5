// The process that one call has for itself: no other call's types in its inline caches, no other's garbage in its heap.
// Started by cells.ts: `call.js <call> <fleet>`. Each message is a Pace, each answer the samples. It ends when its
// parent does.

import { type Pace, sample } from '../measure.js'
import { endWithParent, tellParent } from '../parent.js'
import { calls } from './index.js'

endWithParent()
const [name, fleet] = process.argv.slice(2) as [string, string]
const call = calls.find((call) => call.name === name)
if (call === undefined) throw new Error(`no call ${name}`)
const { operations } = call
const { run, teardown } = call.setup(fleet)

process.on('exit', () => teardown())
process.on('message', (pace: Pace) => {
  globalThis.gc?.()
  tellParent(sample(run, operations, pace))
})
tellParent('ready')
