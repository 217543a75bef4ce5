import { setTimeout as sleep } from 'node:timers/promises'
import { Sampler } from '../../inspect/sampler.js'
import { type Call, type Command, UsageError } from '../command.js'
import { interrupt } from '../interrupt.js'
import type { Pace } from '../topscreen.js'

async function print(call: Call, { intervalMs, limit, signal }: Pace): Promise<void> {
  const sampler = new Sampler(call.optional(0))
  for (let count = 0; count < limit && !signal.aborted; count++) {
    if (count > 0) await sleep(intervalMs, undefined, { signal }).catch(() => {})
    if (!signal.aborted) call.output.json(sampler.sample())
    await call.output.written()
  }
}

async function run(call: Call): Promise<void> {
  const intervalMs = call.integer('interval-ms', 10, 3_600_000) ?? 1000
  const limit = call.integer('limit', 1, Number.MAX_SAFE_INTEGER) ?? Number.POSITIVE_INFINITY
  const { output } = call
  if (!output.isJson && !(process.stdout.isTTY && process.stdin.isTTY)) {
    throw new UsageError('top needs a terminal: pass --json to use it without one')
  }
  const pace = { intervalMs, limit, signal: interrupt() }
  if (output.isJson) return print(call, pace)
  // Loaded for this command only: the others start sooner without it.
  const { showTop } = await import('../topscreen.js')
  await showTop(output, call.optional(0), pace)
}

export const top: Command = {
  name: 'top',
  summary: 'browse fleets, members and rings live',
  operands: ['[FLEET]'],
  about: [
    'Shows each fleet, its members (state, event loop delay, CPU, memory, heartbeat) and its rings (frames per second',
    'with a chart of 30 samples, head, retained frames), and updates every second. What is wrong is in a line at the',
    'top. The row of a contest shows drawn tokens and valid claims. CALLS counts the calls that wait for a member, or',
    'that it runs. Stores are a list of their own: HITS is that of the last second. So are processes that run actors.',
    'With --json it prints a line for each sample.',
    '',
    'Enter opens what the cursor is on: a fleet, a member with its claims, the newest frames of a ring, the entries of',
    'a cache, the keys of a store, counters, the claims of a contest. Esc goes back. Space pauses, / shows only rows with a text, r, n, k and h sort',
    'rings by rate, name, KIND and head, R reverses the order, ? shows all keys, and q quits. If rows do not fit, the',
    'last line says how many are hidden.',
  ],
  options: {
    'interval-ms': { type: 'string', value: 'MS', about: 'the time between two samples, 10..3600000; default: 1000' },
    limit: { type: 'string', value: 'COUNT', about: 'end after COUNT samples; default: never' },
  },
  examples: [{ line: 'orbit top web', about: 'which ring is busy, and which event loop is blocked?' }],
  run,
}
