import { setTimeout as sleep } from 'node:timers/promises'
import { boardLines, obey, type View } from '../board.js'
import { type Call, type Command, UsageError } from '../command.js'
import { interrupt } from '../interrupt.js'
import { Sampler } from '../sampler.js'
import { Screen } from '../screen.js'

interface Pace {
  readonly intervalMs: number
  readonly limit: number
  readonly signal: AbortSignal
}

/** Resolves early, and in silence, when it is to end. */
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
  let sample = sampler.sample() // before the screen is ours: a fleet that is not there is told on the usual one
  const draw = () => screen.draw(boardLines(call.output, sample, view, screen.columns, screen.rows))
  const onKeys = (keys: string) => {
    if (keys.length > 1 && keys.startsWith('\x1b')) return // an arrow or the like, not Esc
    for (const key of keys) if (obey(view, key)) quit.abort()
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
    throw new UsageError('top needs a terminal; without one: --json')
  }
  const pace = { intervalMs, limit, signal: interrupt() }
  await (output.isJson ? print : show)(call, sampler, pace)
}

export const top: Command = {
  name: 'top',
  summary: 'a live table of fleets and their rings',
  operands: ['[FLEET]'],
  about: [
    'Shows each fleet (nodes alive, dead and stale, claims held, the oldest heartbeat, the longest delay of an event loop)',
    'and each ring (frames a second with a history of thirty samples, head, what it retains), and looks again every',
    'second. Of the contest it shows tokens drawn and living claims. With --json a line for each look.',
    '',
    'Keys: r, n, k, h sort by rate, name, KIND, head; R reverses; / filters, Esc clears the filter; q or Ctrl-C quits.',
  ],
  options: {
    'interval-ms': { type: 'string', value: 'MS', about: 'from one look to the next, 10..3600000; default 1000' },
    limit: { type: 'string', value: 'COUNT', about: 'end after so many looks; default never' },
  },
  examples: [{ line: 'orbit top web', about: 'which ring is busy, and whose event loop is blocked?' }],
  run,
}
