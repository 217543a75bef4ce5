import type { Counter, Gauge } from '../../layers/counter.js'
import { Counters } from '../../layers/counters.js'
import { type Call, type Command, type Option, UsageError } from '../command.js'
import { layerObject } from '../kindoperand.js'
import { joinToWrite } from '../member.js'
import { printable } from '../text.js'

/** Changes a counter, and returns its value before and after; before is null for a gauge without a value. */
type Apply = (counter: Counter | Gauge, value: number) => { before: number | null; after: number }

/** Of which sort a counter is; undefined: it has no value. */
function sortOf(counters: Counters, name: string): 'counter' | 'gauge' | undefined {
  for (const entry of counters.entries({ prefix: name })) if (entry.name === name) return entry.kind
  return undefined
}

const jsonNumber = (value: number | null) => (value === null || Number.isFinite(value) ? value : String(value))

function change(call: Call, op: 'set' | 'add', text: string, apply: Apply): void {
  const { output } = call
  const [name, table] = [call.operand(1), call.text('name')]
  const value = text.trim() === '' ? Number.NaN : Number(text)
  if (Number.isNaN(value)) throw new UsageError(`N=${text} must be a number`)
  const [member] = joinToWrite(call.operand(0), op, (fleet) => layerObject(fleet, 'counters', table))
  using fleet = member
  const counters = new Counters(fleet, table === undefined ? {} : { name: table })
  const kind = sortOf(counters, name) ?? (call.flag('gauge') ? 'gauge' : 'counter')
  const { before, after } = apply(kind === 'gauge' ? counters.gauge(name) : counters.counter(name), value)
  if (output.isJson) {
    output.json({ fleet: fleet.name, name, kind, before: jsonNumber(before), value: jsonNumber(after) })
  } else output.line(`${printable(name)}  ${after}, before ${before ?? 'without a value'}`)
}

const options: Readonly<Record<string, Option>> = {
  name: { type: 'string', value: 'NAME', about: 'the name of the table; default: the one without a name' },
  gauge: { type: 'boolean', about: 'without a value yet, it is a gauge, which takes any number; default: a counter' },
}

const about = (what: string): string[] => [
  `Joins the fleet as a member, ${what}, prints the values after and before, and leaves. A counter takes`,
  'integers, and a gauge any number. A name without a value gets one. The table of counters must exist.',
]

export const set: Command = {
  name: 'set',
  summary: 'set a counter or a gauge',
  operands: ['FLEET', 'COUNTER', 'N'],
  about: about('sets a counter or a gauge to N'),
  options,
  writes: ['set'],
  examples: [{ line: 'orbit set web jobs.limit 20', about: 'the workers read it at their next job' }],
  run: (call) =>
    change(call, 'set', call.operand(2), (counter, value) => ({
      before: counter.exchange(value) ?? null,
      after: value,
    })),
}

export const add: Command = {
  name: 'add',
  summary: 'add to a counter or a gauge',
  operands: ['FLEET', 'COUNTER', '[N]'],
  about: [...about('adds N to a counter or a gauge'), 'N may be negative; default: 1.'],
  options,
  writes: ['add'],
  examples: [{ line: 'orbit add web jobs.open -1', about: 'a job that ended without counting itself' }],
  run: (call) =>
    change(call, 'add', call.optional(2) ?? '1', (counter, value) => {
      const after = counter.add(value)
      return { before: after - value, after }
    }),
}
