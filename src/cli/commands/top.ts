import { setTimeout as sleep } from 'node:timers/promises'
import { Sampler } from '../../inspect/sampler.js'
import { applyKey, boardLines, type View } from '../board.js'
import { type Call, type Command, UsageError } from '../command.js'
import { interrupt } from '../interrupt.js'
import { Screen } from '../screen.js'

interface Pace {
  readonly intervalMs: number
  readonly limit: number
  readonly signal: AbortSignal
}

/** Resolves early, without an error, when the signal is aborted. */
const pause = (ms: number, signal: AbortSignal): Promise<void> => sleep(ms, undefined, { signal }).catch(() => {})

async function print(call: Call, sampler: Sampler, { intervalMs, limit, signal }: Pace): Promise<void> {
  for (let count = 0; count < limit && !signal.aborted; count++) {
    if (count > 0) await pause(intervalMs, signal)
    if (!signal.aborted) call.output.json(sampler.sample())
    await call.output.written()
  }
}

async function show(call: Call, sampler: Sampler, { intervalMs, limit, signal }: Pace): Promise<void> {
  const view: View = { sort: 'rate', isReversed: false, filter: '', isTyping: false }
  const quit = new AbortController()
  signal.addEventListener('abort', () => quit.abort())
  let sample = sampler.sample() // before the screen opens: an error belongs on the normal screen
  const draw = () => screen.draw(boardLines(call.output, sample, view, screen.columns, screen.rows))
  const onKeys = (keys: string) => {
    if (keys.length > 1 && keys.startsWith('\x1b')) return // an arrow or another key with a sequence, not Esc
    for (const key of keys) if (applyKey(view, key)) quit.abort()
    if (!quit.signal.aborted) draw()
  }
  using screen = new Screen(onKeys, () => draw())
  for (let count = 1; !quit.signal.aborted; count++) {
    draw()
    if (count >= limit) break
    await pause(intervalMs, quit.signal)
    if (!quit.signal.aborted) sample = sampler.sample()
  }
}

async function run(call: Call): Promise<void> {
  const sampler = new Sampler(call.optional(0))
  const intervalMs = call.integer('interval-ms', 10, 3_600_000) ?? 1000
  const limit = call.integer('limit', 1, Number.MAX_SAFE_INTEGER) ?? Number.POSITIVE_INFINITY
  const { output } = call
  if (!output.isJson && !(process.stdout.isTTY && process.stdin.isTTY)) {
    throw new UsageError('top needs a terminal: pass --json to use it without one')
  }
  const pace = { intervalMs, limit, signal: interrupt() }
  await (output.isJson ? print : show)(call, sampler, pace)
}

export const top: Command = {
  name: 'top',
  summary: 'show a live table of fleets and rings',
  operands: ['[FLEET]'],
  about: [
    'Shows each fleet (nodes alive, dead and stale, claims, the oldest heartbeat, the longest event loop delay) and',
    'each ring (frames per second with a chart of 30 samples, head, retained frames), and updates every second. The',
    'row of the contest shows drawn tokens and valid claims. With --json it prints a line for each sample.',
    '',
    'Keys: r, n, k, h sort by rate, name, KIND, head; R reverses the order; / filters, and Esc clears the filter; q',
    'or Ctrl-C quits.',
  ],
  options: {
    'interval-ms': { type: 'string', value: 'MS', about: 'the time between two samples, 10..3600000; default: 1000' },
    limit: { type: 'string', value: 'COUNT', about: 'end after COUNT samples; default: never' },
  },
  examples: [{ line: 'orbit top web', about: 'which ring is busy, and which event loop is blocked?' }],
  run,
}
