import { OrbitCache } from '../layers/cache.js'
import { askedChange } from './askedchange.js'
import { elsewhere, entriesOf, missing } from './cacheentries.js'
import type { Call } from './command.js'
import { isConfirmed } from './confirm.js'
import { layerObject } from './kindoperand.js'
import { joinToWrite } from './member.js'
import { printable } from './text.js'

/** A key or a prefix to delete. */
export interface Change {
  readonly op: 'delete' | 'reset'
  readonly key: string
  readonly namespace: string
  /** The name of the cache; undefined: the one without a name. */
  readonly name: string | undefined
}

/** The change that the options ask for; undefined: none, the command only looks. */
export function changeOf(call: Call): Change | undefined {
  const asked = askedChange(call, ['delete', 'reset'])
  const where = { namespace: call.text('namespace') ?? '', name: call.text('name') }
  return asked && { op: asked.op, key: asked.value, ...where }
}

/** Deletes what the change names, after a confirmation. Gives the exit code. */
export async function makeChange(call: Call, { op, key, namespace, name }: Change): Promise<number> {
  const { output } = call
  const [member, kind] = joinToWrite(call.operand(0), 'cache', (each) => layerObject(each, 'cache', name))
  using fleet = member
  const isMeant = (found: string) => (op === 'delete' ? found === key : found.startsWith(key))
  const entries = entriesOf(fleet, kind).filter((each) => each.namespace === namespace && isMeant(each.key)).length
  if (op === 'delete' && entries === 0) throw missing(elsewhere(fleet, kind, key, namespace), key, namespace, undefined)
  const what = op === 'delete' ? `key ${JSON.stringify(key)}` : `all keys that begin with ${JSON.stringify(key)}`
  const where = `namespace ${JSON.stringify(namespace)}`
  if (!(await isConfirmed(call, `delete ${what} of ${where}, ${countOf(entries)} now`))) return 1
  const cache = new OrbitCache(fleet, { namespace, ...(name !== undefined && { name }) })
  const { counter: position } = op === 'delete' ? cache.delete(key) : cache.reset(key)
  if (output.isJson) output.json({ fleet: fleet.name, namespace, op, key, position, entries })
  else output.line(printable(`deleted ${what} of ${where}: ${countOf(entries)}`))
  return 0
}

const countOf = (entries: number): string => (entries === 1 ? '1 entry' : `${entries} entries`)
