// The process that one trial has for itself: no other trial's types in its inline caches, no other's garbage in its heap.
// Started by cells.ts: `cell.ts <trial> <fleet> <folder>`. Each message is a Pace, each answer the samples. It ends
// when its parent does.

import { type Pace, sample, sampleAsync } from './measure.js'
import { rivalTrials } from './rivals/index.js'
import { trials } from './trials/index.js'

const [name, fleet, folder] = process.argv.slice(2) as [string, string, string]
const trial = [...trials, ...rivalTrials].find((trial) => trial.name === name)
if (trial === undefined) throw new Error(`no trial ${name}`)
const { operations } = trial
const started = await trial.setup(fleet, folder)

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
