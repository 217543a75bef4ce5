import { OrbitError } from '../base/errors.js'
import { Fleet } from '../core/fleet.js'
import { native, translated } from '../core/native.js'
import type { FleetObserver } from '../core/observer.js'
import { isLive } from './removal.js'

/**
 * Joins a fleet to write to it. A fleet that ends with its members is refused when it has none: joining would make it
 * anew.
 *
 * @param check looks at the fleet before the command joins; it throws if there is nothing to write to
 */
export function joinToWrite<T>(name: string, label: string, check: (fleet: FleetObserver) => T): [Fleet, T] {
  using observer = Fleet.observe(name)
  const { isPersistent } = translated(() => native.inspectFleet(observer.handle))
  if (!isPersistent && !isLive(name)) {
    const why = 'it ended with its last member, and joining would make it anew'
    throw new OrbitError('ERR_ORBIT_NOT_FOUND', `fleet ${name} must have a living member to be written to: ${why}`)
  }
  const checked = check(observer)
  return [Fleet.joinShm(name, { label: `orbit ${label}` }), checked]
}
