import { Fleet } from '../../core/fleet.js'
import type { FleetObserver } from '../../core/observer.js'
import { OrbitStore } from '../../layers/store.js'
import type { Call, Command } from '../command.js'
import { yesOption } from '../confirm.js'
import { hexLines } from '../hex.js'
import { decode } from '../payload.js'
import { measure } from '../ringstat.js'
import { makeStoreChange, storeChangeOf } from '../storechange.js'
import { entriesOfStore, groupsOf, type ListedEntry } from '../storekeys.js'
import { elsewhereInStore, missingKey, storeObject } from '../storeoperand.js'
import { groupColumns, keyColumns, storeJson, storePairs } from '../storetext.js'
import { printPairs, printTable } from '../table.js'
import { printable } from '../text.js'

const defaultLimit = 100

/** The entries of the namespace that is asked for, or of all. */
function* wantedEntries(call: Call, fleet: FleetObserver): Generator<ListedEntry> {
  const namespace = call.text('namespace')
  const prefix = call.text('prefix') ?? ''
  for (const entry of entriesOfStore(fleet, call.text('name'))) {
    if ((namespace === undefined || entry.namespace === namespace) && entry.key.startsWith(prefix)) yield entry
  }
}

async function report(call: Call, fleet: FleetObserver, kind: number): Promise<void> {
  const { output } = call
  const limit = call.integer('limit', 0, Number.MAX_SAFE_INTEGER) ?? defaultLimit
  const { stores } = await measure(fleet, [kind], call.integer('rate-ms', 0, 60_000) ?? 1000)
  const groups = groupsOf(wantedEntries(call, fleet))
  for (const store of stores) {
    if (output.isJson) return output.json({ fleet: fleet.name, store: storeJson(store), prefixes: groups })
    printPairs(output, storePairs(store, store.perSecond))
  }
  output.line()
  if (groups.length === 0) output.none('no keys')
  else printTable(output, groupColumns, groups.slice(0, limit))
  if (groups.length > limit) output.note(`${groups.length - limit} more prefixes: pass --limit, or --namespace`)
}

function list(call: Call, fleet: FleetObserver): void {
  const { output } = call
  const limit = call.integer('limit', 0, Number.MAX_SAFE_INTEGER) ?? defaultLimit
  const all = [...wantedEntries(call, fleet)].sort((a, b) => (a.key < b.key ? -1 : a.key > b.key ? 1 : 0))
  const keys = all.slice(0, limit)
  if (output.isJson) {
    const entries = keys.map(({ expiresInMs, ...rest }) => ({ ...rest, expiresInMs: expiresInMs ?? null }))
    output.json({ fleet: fleet.name, keys: all.length, entries })
  } else if (keys.length > 0) printTable(output, keyColumns, keys)
  else output.none('no keys')
  if (all.length > limit) output.note(`${all.length - limit} more keys: pass --limit`)
}

function show(call: Call, fleet: FleetObserver, key: string): void {
  const { output } = call
  const [name, namespace] = [call.text('name'), call.text('namespace') ?? '']
  const found = new OrbitStore(fleet, { namespace, ...(name !== undefined && { name }) }).getEntry(key)
  if (!found.hit) throw missingKey(fleet, name, key, namespace)
  const { value, id, stale, ageMs, expiresInMs = null } = found
  const decoded = decode(value)
  if (output.isJson) {
    const rest = { id, stale, ageMs, expiresInMs, bytes: value.length }
    output.json({ fleet: fleet.name, namespace, key, ...rest, ...decoded })
    return
  }
  if (decoded.format === 'hex') for (const line of hexLines(value)) output.line(line)
  else output.line(printable(decoded.format === 'json' ? JSON.stringify(decoded.payload) : String(decoded.payload)))
  if (call.text('namespace') !== undefined) return
  const others = elsewhereInStore(fleet, name, key, namespace)
  if (others !== undefined) output.note(`this is the entry of namespace ""; the key is in namespace ${others} too`)
}

async function run(call: Call): Promise<number> {
  const change = storeChangeOf(call)
  if (change !== undefined) return makeStoreChange(call, change)
  using fleet = Fleet.observe(call.operand(0))
  const { kind } = storeObject(fleet, call.text('name'))
  const key = call.optional(1)
  if (key !== undefined) show(call, fleet, key)
  else if (call.text('prefix') !== undefined) list(call, fleet)
  else await report(call, fleet, kind)
  return 0
}

export const store: Command = {
  name: 'store',
  summary: 'show how a store is used, its keys, or one value',
  operands: ['FLEET', '[KEY]'],
  about: [
    'Without KEY: the budget of the store and what is used of it, hits, puts and evictions of all processes, and its',
    'keys by namespace and by the part up to the first ":" or "/". The entries of a TypedCache are in a store too.',
    '',
    'With --prefix it lists keys: READ is how often a key was read since eviction last looked at it. With KEY it prints',
    'the value, which counts as no read. If the key has none, the exit code is 3.',
    '',
    'With --delete, --reset or --invalidate it asks, joins the fleet as a member, deletes, and leaves: the keys are then',
    'misses in every process.',
  ],
  options: {
    name: { type: 'string', value: 'NAME', about: 'the name of the store; default: the one without a name' },
    namespace: {
      type: 'string',
      value: 'NAME',
      about: "with KEY, --delete or --reset: its namespace, default ''; without: only this one",
    },
    prefix: { type: 'string', value: 'PREFIX', about: "list the keys that begin with PREFIX; '': all keys" },
    limit: { type: 'string', value: 'COUNT', about: `at most so many keys or prefixes; default: ${defaultLimit}` },
    'rate-ms': {
      type: 'string',
      value: 'MS',
      about: 'measure rates for MS milliseconds, 0..60000; 0: do not measure them; default: 1000',
    },
    delete: { type: 'string', value: 'KEY', about: 'delete this key' },
    reset: { type: 'string', value: 'PREFIX', about: "delete the keys that begin with PREFIX; '': all" },
    invalidate: { type: 'string', value: 'TAG', about: 'delete all entries that have this tag' },
    yes: yesOption,
  },
  writes: ['store --delete', 'store --reset', 'store --invalidate'],
  examples: [
    { line: 'orbit store web', about: 'is the store large enough, and what is in it?' },
    { line: "orbit store web --prefix 'user:'", about: 'which users are cached?' },
    { line: 'orbit store web --invalidate prices --yes', about: 'delete what depends on the prices' },
  ],
  run,
}
