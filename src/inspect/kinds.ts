import { abi, native, translated } from '../core/native.js'
import type { FleetObserver } from '../core/observer.js'
import { findObjects } from './objects.js'

export const { cacheKind, eventKind, contestKind } = abi

/** The KINDs that have a ring, as the fleet object records them. */
export function kindsOf(fleet: FleetObserver): number[] {
  fleet.checkOpen()
  return translated(() => native.inspectFleet(fleet.handle)).kinds
}

/**
 * The KINDs that have a ring, in order, as the fleet object records them and as the names in shared memory show them:
 * either may be damaged.
 */
export function allKinds(fleet: FleetObserver): number[] {
  const named = findObjects().filter((object) => object.fleet === fleet.name && object.form === 'ring')
  const numbers = named.map(({ number }) => number).filter((kind) => kind <= abi.maxKind)
  const recorded = kindsOf(fleet).filter((kind) => numbers.includes(kind) || numbers.length === 0)
  return [...new Set([...numbers, ...recorded])].sort((a, b) => a - b)
}
