// The process that one call has for itself: no other call's types in its inline caches, no other's garbage in its heap.
// Started by cells.ts: `cell.ts <call> <fleet> <folder>`. Each message is a Pace, each answer the samples. It ends
// when its parent does.

import { type Pace, sample, sampleAsync } from '../measure.js'
import { rivalTrials } from '../rivals/index.js'
import { calls } from './index.js'

const [name, fleet, folder] = process.argv.slice(2) as [string, string, string]
const call = [...calls, ...rivalTrials].find((call) => call.name === name)
if (call === undefined) throw new Error(`no call ${name}`)
const { operations } = call
const started = await call.setup(fleet, folder)

process.on('SIGINT', () => {}) // The parent hears it too, and ends us.
process.on('exit', () => started.teardown())
process.on('disconnect', () => process.exit())
process.on('message', async (pace: Pace) => {
  globalThis.gc?.()
  const samples =
    'run' in started ? sample(started.run, operations, pace) : await sampleAsync(started.runAsync, operations, pace)
  process.send?.(samples)
})
process.send?.('ready')
