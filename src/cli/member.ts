import { OrbitError } from '../base/errors.js'
import { Fleet } from '../core/fleet.js'
import type { FleetObserver } from '../core/observer.js'
import { isLive, isPersistent } from './removal.js'

/** Refuses a fleet that ends with its members and has none: joining would make it anew. */
export function checkJoinable(name: string): void {
  using observer = Fleet.observe(name)
  if (isPersistent(observer) || isLive(name)) return
  const why = 'it ended with its last member, and joining would make it anew'
  throw new OrbitError('ERR_ORBIT_NOT_FOUND', `fleet ${name} must have a living member to be written to: ${why}`)
}

/**
 * Joins a fleet to write to it, unless it is one that joining would make anew.
 *
 * @param check looks at the fleet before the command joins; it throws if there is nothing to write to
 */
export function joinToWrite<T>(name: string, label: string, check: (fleet: FleetObserver) => T): [Fleet, T] {
  checkJoinable(name)
  using observer = Fleet.observe(name)
  const checked = check(observer)
  return [Fleet.joinShm(name, { label: `orbit ${label}` }), checked]
}
