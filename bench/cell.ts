// The process that one trial has for itself: no other trial's types in its inline caches, no other's garbage in its heap.
// Started by cells.ts: `cell.ts <trial> <fleet>`. Each message is a Pace, each answer the samples. It ends when its
// parent does.

import { type Pace, sample } from './measure.js'
import { trials } from './trials/index.js'

const [name, fleet] = process.argv.slice(2) as [string, string]
const trial = trials.find((trial) => trial.name === name)
if (trial === undefined) throw new Error(`no trial ${name}`)
const { operations } = trial
const { run, teardown } = trial.setup(fleet)

process.on('SIGINT', () => {}) // The parent hears it too, and ends us.
process.on('exit', teardown)
process.on('disconnect', () => process.exit())
process.on('message', (pace: Pace) => {
  globalThis.gc?.()
  process.send?.(sample(run, operations, pace))
})
process.send?.('ready')
