import { OrbitError } from '../base/errors.js'
import type { FleetObserver } from '../core/observer.js'
import { layerKindOf } from '../inspect/kinds.js'
import { inspectStore, type StoreReport } from '../inspect/stores.js'
import { entriesOfStore } from './storekeys.js'

/** The store that a command is about. Throws if there is none. */
export function storeObject(fleet: FleetObserver, name: string | undefined): StoreReport {
  const kind = layerKindOf(fleet, 'store', name)
  const report = kind === undefined ? undefined : inspectStore(fleet, kind)
  if (report !== undefined) return report
  if (kind !== undefined) fleet.existing(kind) // throws if it is damaged
  const which = name === undefined ? 'store' : `store named ${JSON.stringify(name)}`
  throw new OrbitError('ERR_ORBIT_NOT_FOUND', `fleet ${fleet.name} has no ${which}`)
}

/** The other namespaces in which the store has a key, as a list for people; undefined: there are none. */
export function elsewhereInStore(
  fleet: FleetObserver,
  name: string | undefined,
  key: string,
  namespace: string,
): string | undefined {
  const found = new Set<string>()
  for (const entry of entriesOfStore(fleet, name)) {
    if (entry.key === key && entry.namespace !== namespace) found.add(JSON.stringify(entry.namespace))
  }
  return found.size === 0 ? undefined : [...found].sort().join(', ')
}

/** The error for a key without a value. */
export function missingKey(fleet: FleetObserver, name: string | undefined, key: string, namespace: string): OrbitError {
  const others = elsewhereInStore(fleet, name, key, namespace)
  const hint = others === undefined ? '' : `; the key is in namespace ${others}: pass --namespace`
  const where = `key ${JSON.stringify(key)} in namespace ${JSON.stringify(namespace)}`
  return new OrbitError('ERR_ORBIT_NOT_FOUND', `${where}: no value${hint}`)
}
