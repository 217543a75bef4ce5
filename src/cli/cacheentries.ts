import { monotonicMs } from '../base/clock.js'
import type { FleetObserver } from '../core/observer.js'
import { cacheKind } from '../inspect/kinds.js'
import { type Mutation, mutationOf } from './mutation.js'

/** An entry of the cache: the last put of its key. */
export interface CacheEntry extends Mutation {
  readonly position: number
  readonly node: number
}

/** The entries that result from the retained mutations, of all namespaces. Expired ones are left out. */
export function entriesOf(fleet: FleetObserver): CacheEntry[] {
  const entries = new Map<string, CacheEntry>()
  const { frames } = fleet.cursorOf(() => fleet.existingRing(cacheKind), 'start').poll()
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
