import { Fleet } from '../core/fleet.js'
import { native, translated } from '../core/native.js'
import type { FleetObserver } from '../core/observer.js'
import { findObjects, objectsFolder } from '../inspect/objects.js'
import type { Output } from './output.js'

/** The files that a fleet has in shared memory now, bells included. */
function filesOf(fleet: string): string[] {
  return findObjects()
    .filter((object) => object.fleet === fleet)
    .map(({ file }) => file)
}

/** Removes a fleet or one ring, and returns the files that are gone, bells included. */
export function remove(fleet: string, options: { kind?: number; force?: boolean }): string[] {
  const before = filesOf(fleet)
  Fleet.remove(fleet, options)
  const after = new Set(filesOf(fleet))
  return before.filter((file) => !after.has(file))
}

export function printRemoved(output: Output, removed: readonly string[], isDryRun: boolean): void {
  for (const file of removed) output.line(`${isDryRun ? 'would remove' : 'removed'} ${objectsFolder()}/${file}`)
}

/** Whether the fleet outlives its members. */
export function isPersistent({ handle }: FleetObserver): boolean {
  return translated(() => native.inspectFleet(handle)).isPersistent
}

/** Whether the fleet has a living member; its layout version may be another. The kernel's locks decide. */
export function isLive(fleet: string): boolean {
  return translated(() => native.hasLivingMembers(fleet))
}
