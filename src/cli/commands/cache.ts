import { Fleet } from '../../core/fleet.js'
import type { FleetObserver } from '../../core/observer.js'
import { OrbitCache } from '../../layers/cache.js'
import { changeOf, makeChange } from '../cachechange.js'
import { cacheColumns, leftOf, preview } from '../cachecolumns.js'
import { type CacheEntry, elsewhere, entriesOf, missing } from '../cacheentries.js'
import type { Call, Command } from '../command.js'
import { yesOption } from '../confirm.js'
import { hexLines } from '../hex.js'
import { layerObject } from '../kindoperand.js'
import { decode } from '../payload.js'
import { printTable } from '../table.js'
import { printable } from '../text.js'

function entryJson(entry: CacheEntry) {
  const { namespace, key, position, node, value } = entry
  return { namespace, key, position, node, expiresInMs: leftOf(entry), bytes: value.length, ...decode(value) }
}

function list({ output }: Call, fleet: FleetObserver, kind: number, only: string | undefined): void {
  const entries = entriesOf(fleet, kind).filter(({ namespace }) => only === undefined || namespace === only)
  if (output.isJson) output.json({ fleet: fleet.name, entries: entries.map(entryJson) })
  else if (entries.length > 0) printTable(output, cacheColumns, entries)
  else
    output.none(`the cache of fleet ${fleet.name} has no entries${only === undefined ? '' : ` in namespace ${only}`}`)
}

function show(call: Call, fleet: FleetObserver, kind: number, key: string): void {
  const { output } = call
  const namespace = call.text('namespace') ?? ''
  const name = call.text('name')
  const entry = new OrbitCache(fleet, { namespace, ...(name !== undefined && { name }) }).getEntry(key)
  if (!entry.hit) throw missing(elsewhere(fleet, kind, key, namespace), key, namespace, entry.position)
  const { value, position } = entry
  const decoded = decode(value)
  if (output.isJson) {
    const rest = { position, expiresInMs: entry.expiresInMs ?? null, bytes: value.length }
    output.json({ fleet: fleet.name, namespace, key, ...rest, ...decoded })
    return
  }
  if (decoded.format === 'hex') for (const line of hexLines(value)) output.line(line)
  else output.line(printable(preview(value)))
  const others = call.text('namespace') === undefined ? elsewhere(fleet, kind, key, namespace) : undefined
  if (others !== undefined) output.note(`this is the entry of namespace ""; the key is in namespace ${others} too`)
}

async function run(call: Call): Promise<number> {
  const change = changeOf(call)
  if (change !== undefined) return makeChange(call, change)
  using fleet = Fleet.observe(call.operand(0))
  const kind = layerObject(fleet, 'cache', call.text('name'))
  const key = call.optional(1)
  if (key === undefined) list(call, fleet, kind, call.text('namespace'))
  else show(call, fleet, kind, key)
  return 0
}

export const cache: Command = {
  name: 'cache',
  summary: 'list the entries of the cache, or print one value',
  operands: ['FLEET', '[KEY]'],
  about: [
    'Without KEY: lists the entries that have not expired, with their values as JSON or text where possible.',
    '',
    'With KEY: prints the value of that key. If a lookup of the key would miss, the exit code is 3, and the message',
    'names the namespaces that have the key.',
    '',
    'With --delete or --reset it asks, joins the fleet as a member, deletes, and leaves: every process of the fleet then',
    'misses these keys.',
  ],
  options: {
    name: { type: 'string', value: 'NAME', about: 'the name of the cache; default: the one without a name' },
    namespace: {
      type: 'string',
      value: 'NAME',
      about: "with KEY, --delete or --reset: its namespace, default ''; without: list only this one",
    },
    delete: { type: 'string', value: 'KEY', about: 'delete this key' },
    reset: {
      type: 'string',
      value: 'PREFIX',
      about: "delete all keys that begin with PREFIX; '': all of the namespace",
    },
    yes: yesOption,
  },
  writes: ['cache --delete', 'cache --reset'],
  examples: [
    { line: 'orbit cache web', about: 'all entries of all namespaces' },
    { line: 'orbit cache web --namespace users user:17', about: 'the value of one key' },
    { line: "orbit cache web --namespace users --reset 'user:' --yes", about: 'delete the keys that begin with user:' },
  ],
  run,
}
