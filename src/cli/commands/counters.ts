import { setTimeout as sleep } from 'node:timers/promises'
import { Fleet } from '../../core/fleet.js'
import { type CounterEntry, Counters } from '../../layers/counters.js'
import type { Call, Command } from '../command.js'
import { type CounterRow, counterColumns, counterRateColumn, counterRows } from '../countercolumns.js'
import { interrupt } from '../interrupt.js'
import { layerObject } from '../kindoperand.js'
import { printTable } from '../table.js'
import { clockText } from '../text.js'

const entryJson = ({ name, kind, value, expiresInMs }: CounterEntry) => ({
  name,
  kind,
  value: Number.isFinite(value) ? value : String(value),
  expiresInMs: expiresInMs ?? null,
})

/** The counters of now, in the order of their names. */
function look(call: Call): { fleet: string; entries: CounterEntry[] } {
  using fleet = Fleet.observe(call.operand(0))
  const name = call.text('name')
  layerObject(fleet, 'counters', name)
  const prefix = call.optional(1)
  const counters = new Counters(fleet, name === undefined ? {} : { name })
  const entries = [...counters.entries(prefix ? { prefix } : {})]
  return { fleet: fleet.name, entries: entries.sort((a, b) => (a.name < b.name ? -1 : 1)) }
}

function show(call: Call, fleet: string, rows: readonly CounterRow[], isWatch: boolean): void {
  const { output } = call
  if (output.isJson) output.json({ fleet, counters: rows.map(entryJson) })
  else if (rows.length > 0) printTable(output, isWatch ? [...counterColumns, counterRateColumn] : counterColumns, rows)
  else output.none(`fleet ${fleet} has no counters`)
}

async function watch(call: Call): Promise<void> {
  const signal = interrupt()
  const intervalMs = call.integer('interval-ms', 10, 3_600_000) ?? 1000
  const limit = call.integer('limit', 1, Number.MAX_SAFE_INTEGER) ?? Number.POSITIVE_INFINITY
  let before = new Map<string, number>()
  let lookedAt = performance.now()
  for (let count = 0; count < limit && !signal.aborted; count++) {
    if (count > 0) await sleep(intervalMs, undefined, { signal }).catch(() => {})
    if (signal.aborted) return
    const { fleet, entries } = look(call)
    const now = performance.now()
    const rows = counterRows(entries, before, now - lookedAt)
    before = new Map(entries.map(({ name, value }) => [name, value]))
    lookedAt = now
    if (!call.output.isJson) call.output.line(call.output.paint('dim', clockText(Date.now()).slice(0, 8)))
    show(call, fleet, rows, true)
    await call.output.written()
  }
}

function run(call: Call): Promise<void> | void {
  if (call.flag('watch')) return watch(call)
  const { fleet, entries } = look(call)
  show(
    call,
    fleet,
    entries.map((entry) => ({ ...entry, perSecond: undefined })),
    false,
  )
}

export const counters: Command = {
  name: 'counters',
  summary: 'list counters and gauges',
  operands: ['FLEET', '[PREFIX]'],
  about: [
    'Lists the counters and gauges of a fleet that have a value, in the order of their names: the value, and how long',
    'until it expires. With PREFIX it lists only those with names that begin with it. A histogram has a counter for each',
    'bucket, NAME:END, and a gauge NAME:sum. With --watch it lists them again and again, with their changes a second.',
  ],
  options: {
    name: { type: 'string', value: 'NAME', about: 'the name of the table; default: the one without a name' },
    watch: { type: 'boolean', about: 'list again after each interval, until Ctrl-C' },
    'interval-ms': { type: 'string', value: 'MS', about: 'of --watch, 10..3600000; default: 1000' },
    limit: { type: 'string', value: 'COUNT', about: 'with --watch: end after COUNT lists; default: never' },
  },
  examples: [{ line: 'orbit counters web jobs --watch', about: 'how many jobs are done each second?' }],
  run,
}
