import { monotonicMs } from '../../base/clock.js'
import { OrbitError } from '../../base/errors.js'
import type { FleetObserver } from '../../core/observer.js'
import { cacheKind } from '../../inspect/report.js'
import { OrbitCache } from '../../layers/cache.js'
import type { Call, Command } from '../command.js'
import { decode, type Mutation, mutationOf } from '../decode.js'
import { noRing } from '../kinds.js'
import { within } from '../objects.js'
import { hexLines } from '../show.js'
import { printTable } from '../table.js'
import { bytesText, durationText, printable } from '../text.js'

interface Entry extends Mutation {
  readonly position: number
  readonly node: number
}

/** What the retained mutations leave, by namespace and key. */
function entriesOf(fleet: FleetObserver): Entry[] {
  const entries = new Map<string, Entry>()
  const { frames } = fleet.cursorOf(() => fleet.existing(cacheKind), 'start').poll()
  for (const frame of frames) {
    const mutation = mutationOf(frame)
    if (mutation === undefined) continue
    const { op, namespace, key } = mutation
    if (op === 'put') entries.set(`${namespace}\0${key}`, { ...mutation, position: frame.position, node: frame.node })
    else if (op === 'delete') entries.delete(`${namespace}\0${key}`)
    else for (const each of entries.keys()) if (each.startsWith(`${namespace}\0${key}`)) entries.delete(each)
  }
  const nowMs = monotonicMs()
  return [...entries.values()].filter(({ expiresAtMs }) => expiresAtMs === 0 || expiresAtMs > nowMs)
}

const expiresInMs = ({ expiresAtMs }: Mutation): number | null =>
  expiresAtMs === 0 ? null : Math.max(0, Math.round(expiresAtMs - monotonicMs()))

function preview(value: Uint8Array): string {
  const { format, payload } = decode(value)
  return format === 'json' ? JSON.stringify(payload) : String(payload)
}

function list(call: Call, fleet: FleetObserver) {
  const { output } = call
  const namespace = call.text('namespace')
  const entries = entriesOf(fleet).filter((entry) => namespace === undefined || entry.namespace === namespace)
  if (output.isJson) {
    const shown = entries.map((entry) => {
      const { namespace, key, position, node, value } = entry
      return { namespace, key, position, node, expiresInMs: expiresInMs(entry), bytes: value.length, ...decode(value) }
    })
    return output.json({ fleet: fleet.name, entries: shown })
  }
  if (entries.length === 0) return output.note('the cache holds nothing')
  printTable(
    output,
    [
      { title: 'NAMESPACE', text: ({ namespace }) => namespace, isFlexible: true },
      { title: 'KEY', text: ({ key }) => key, isFlexible: true },
      { title: 'BYTES', text: ({ value }) => bytesText(value.length), align: 'right' },
      {
        title: 'LEFT',
        text: (entry) => {
          const left = expiresInMs(entry)
          return left === null ? '-' : durationText(left)
        },
        align: 'right',
      },
      { title: 'NODE', text: ({ node }) => String(node), align: 'right' },
      { title: 'VALUE', text: ({ value }) => preview(value), isFlexible: true },
    ],
    entries,
  )
}

function show(call: Call, fleet: FleetObserver, key: string) {
  const { output } = call
  const namespace = call.text('namespace') ?? ''
  const entry = new OrbitCache(fleet, { namespace }).getEntry(key)
  if (!entry.hit) {
    const why =
      entry.position === undefined ? 'no retained put' : `deleted, reset or expired at position ${entry.position}`
    throw new OrbitError(
      'ERR_ORBIT_NOT_FOUND',
      `key ${JSON.stringify(key)} in namespace ${JSON.stringify(namespace)}: ${why}`,
    )
  }
  const { value, position } = entry
  const decoded = decode(value)
  if (output.isJson) {
    const rest = { position, expiresInMs: entry.expiresInMs ?? null, bytes: value.length }
    return output.json({ fleet: fleet.name, namespace, key, ...rest, ...decoded })
  }
  if (decoded.format === 'hex') for (const line of hexLines(value)) output.line(line)
  else output.line(printable(preview(value)))
}

async function run(call: Call): Promise<void> {
  await within(call.operand(0), (fleet) => {
    if (fleet.existing(cacheKind) === undefined) throw noRing(fleet, cacheKind)
    const key = call.optional(1)
    return key === undefined ? list(call, fleet) : show(call, fleet, key)
  })
}

export const cache: Command = {
  name: 'cache',
  summary: 'what the cache of a fleet holds',
  operands: ['FLEET', '[KEY]'],
  about: [
    'Without KEY every entry that is not expired, with its value as JSON or text where it is any; with KEY its value, or',
    'exit code 3 when a lookup would miss.',
  ],
  options: { namespace: { type: 'string', value: 'NAME', about: "of KEY; default ''. Without KEY: only this one" } },
  examples: [
    { line: 'orbit cache web', about: 'all entries of all namespaces' },
    { line: 'orbit cache web --namespace users user:17', about: 'the value of one key' },
  ],
  run,
}
