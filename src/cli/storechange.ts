import { OrbitStore } from '../layers/store.js'
import { type AskedChange, askedChange } from './askedchange.js'
import type { Call } from './command.js'
import { isConfirmed } from './confirm.js'
import { joinToWrite } from './member.js'
import { missingKey, storeObject } from './storeoperand.js'
import { printable } from './text.js'

const ops = ['delete', 'reset', 'invalidate'] as const
type Op = (typeof ops)[number]

/** A key, a prefix or a tag; its entries go. */
export type StoreChange = AskedChange<Op>

/** The change that the options ask for; undefined: none, the command only looks. */
export const storeChangeOf = (call: Call): StoreChange | undefined => askedChange(call, ops)

const targets: Record<Op, string> = {
  delete: 'key',
  reset: 'all keys that begin with',
  invalidate: 'all entries, of every namespace, with tag',
}

/** The entries that a change of a namespace is about; null: of a tag, no list says them. */
function countOf(store: OrbitStore, { op, value }: StoreChange): number | null {
  if (op === 'invalidate') return null
  if (op === 'delete') return store.has(value) ? 1 : 0
  let count = 0
  for (const _ of store.keys({ prefix: value })) count++
  return count
}

const entriesText = (entries: number | null): string =>
  entries === null ? '' : `, ${entries === 1 ? '1 entry' : `${entries} entries`}`

/** Deletes what the change names, after a confirmation. Gives the exit code. */
export async function makeStoreChange(call: Call, change: StoreChange): Promise<number> {
  const { output } = call
  const [name, namespace] = [call.text('name'), call.text('namespace') ?? '']
  const { op, value } = change
  const [member] = joinToWrite(call.operand(0), 'store', (fleet) => storeObject(fleet, name))
  using fleet = member
  const store = new OrbitStore(fleet, { namespace, ...(name !== undefined && { name }) })
  const entries = countOf(store, change)
  if (op === 'delete' && entries === 0) throw missingKey(fleet, name, value, namespace)
  const where = op === 'invalidate' ? '' : ` of namespace ${JSON.stringify(namespace)}`
  const what = `${targets[op]} ${JSON.stringify(value)}${where}${entriesText(entries)}`
  if (!(await isConfirmed(call, `delete ${what}`))) return 1
  if (op === 'delete') store.delete(value)
  else if (op === 'reset') store.reset(value)
  else store.invalidate(value)
  if (output.isJson) output.json({ fleet: fleet.name, namespace, op, value, entries })
  else output.line(printable(`deleted ${what}`))
  return 0
}
