import cluster from 'node:cluster'
import type { Call, Command } from '../command.js'

async function run(call: Call): Promise<number> {
  const seconds = call.integer('seconds', 3, 18) ?? 9
  // Loaded for this command only: the others start sooner without it.
  const demo = await import('../demo/show.js')
  if (cluster.isWorker) return demo.actAsTold()
  return demo.show(call.output, seconds)
}

export const demo: Command = {
  name: 'demo',
  summary: 'show a fleet of four cluster workers under load',
  operands: [],
  about: [
    'Four cluster workers serve HTTP on loopback and publish a frame for each step of their work. The one that is',
    'elected for a job is killed. Another one is elected, and a new worker takes over the node, and finds what the dead',
    'one left in shared memory. If a frame is lost or torn, or something is left behind, the exit code is 1.',
    '',
    'On a terminal it shows orbit top of its fleet, with the same keys. Ctrl-C and q end it early.',
  ],
  options: {
    seconds: { type: 'string', value: 'N', about: 'how long it takes, about, 3..18; default: 9' },
  },
  writes: ['demo'],
  examples: [{ line: 'orbit demo', about: 'what does a fleet look like?' }],
  run,
}
