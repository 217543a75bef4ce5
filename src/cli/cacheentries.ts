import { monotonicMs } from '../base/clock.js'
import { OrbitError } from '../base/errors.js'
import type { Frame } from '../core/frame.js'
import type { FleetObserver } from '../core/observer.js'
import { type Mutation, mutationOf } from '../layers/mutation.js'

/** An entry of the cache: the last put of its key. */
export interface CacheEntry extends Mutation {
  readonly position: number
  readonly node: number
}

/** The frames that the cache's ring retains, oldest first. A poll ends before a loss, so this may take several. */
function* retainedFrames(fleet: FleetObserver, kind: number): Generator<Frame> {
  const cursor = fleet.cursorOf(() => fleet.existingRing(kind), 'start')
  const head = fleet.existingRing(kind)?.head() ?? 0
  while (cursor.position < head) {
    const { frames, from, to } = cursor.poll()
    yield* frames
    if (to === from) return // foreign bytes
  }
}

/**
 * The entries that result from the retained mutations of the cache with this KIND, of all namespaces. Expired ones are
 * left out.
 */
export function entriesOf(fleet: FleetObserver, kind: number): CacheEntry[] {
  const entries = new Map<string, CacheEntry>()
  for (const frame of retainedFrames(fleet, kind)) {
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

/** The other namespaces in which the key has an entry, as a list for people; undefined: there are none. */
export function elsewhere(fleet: FleetObserver, kind: number, key: string, namespace: string): string | undefined {
  const others = entriesOf(fleet, kind).filter((entry) => entry.key === key && entry.namespace !== namespace)
  return others.length === 0 ? undefined : others.map((entry) => JSON.stringify(entry.namespace)).join(', ')
}

/** The error for a key without a value. `others`: the namespaces that have it. */
export function missing(
  others: string | undefined,
  key: string,
  namespace: string,
  position: number | undefined,
): OrbitError {
  const where = `key ${JSON.stringify(key)} in namespace ${JSON.stringify(namespace)}`
  const reason = position === undefined ? 'no entry' : `deleted, reset or expired at position ${position}`
  const hint = others === undefined ? '' : `; the key is in namespace ${others}: pass --namespace`
  return new OrbitError('ERR_ORBIT_NOT_FOUND', `${where}: ${reason}${hint}`)
}
