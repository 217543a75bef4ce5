// The process of one scenario, parent of its readers: `waker.ts <scenario> <fleet>`. Started by wakes.ts. Each message is
// a WakePace, each answer the samples. It ends when its parent does.

import { endWithParent, tellParent } from '../parent.js'
import { scenarios } from './scenarios.js'
import type { WakePace } from './wake.js'

const [name, fleet] = process.argv.slice(2) as [string, string]
const scenario = scenarios.find((scenario) => scenario.name === name)
if (scenario === undefined) throw new Error(`no scenario ${name}`)
endWithParent()

const visit = await scenario.start(fleet)
process.on('message', async (pace: WakePace) => {
  globalThis.gc?.()
  tellParent(await visit(pace))
})
tellParent('ready')
