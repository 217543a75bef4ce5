// npm run demo: runs the demo, prints the totals, and exits with 1 if a promise was broken.
import { constants } from 'node:os'
import { parseOptions, usage } from './options.js'
import { play } from './play.js'
import { openScreen } from './screen.js'
import { brokenPromises, describe } from './totals.js'

const options = parseOptions(process.argv.slice(2))
if ('refused' in options) {
  console.error(`${options.refused}\n\n${usage}`)
  process.exit(2)
}
if (options.help) {
  console.log(usage)
  process.exit(0)
}

// On Ctrl-C, SIGTERM or a closed terminal: end the children, remove the objects, then exit with the code of the signal.
const interrupt = new AbortController()
let interruptedBy = 0
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
  process.on(signal, () => {
    interruptedBy ||= constants.signals[signal]
    interrupt.abort()
  })
}
// If the reader of the output ends, the demo continues to its end.
process.stdout.on('error', () => {})

const screen = openScreen(options.json)
try {
  const totals = await play(options.seconds, screen, interrupt.signal)
  const broken = brokenPromises(totals)
  if (options.json) console.log(JSON.stringify({ ...totals, broken }, undefined, 2))
  screen.end([
    ...describe(totals).map((text) => ({ text })),
    { text: '' },
    ...broken.map((text) => ({ text: `broken promise: ${text}`, style: 'red' as const })),
    ...(broken.length === 0 ? [{ text: 'all promises kept', style: 'green' as const }] : []),
  ])
  process.exitCode = broken.length === 0 ? 0 : 1
} catch (error) {
  if (interruptedBy === 0) console.error(error)
  else screen.end([{ text: 'interrupted: the children have ended, and the objects are removed' }])
  process.exitCode = 1
}
process.exit(interruptedBy === 0 ? process.exitCode : 128 + interruptedBy)
