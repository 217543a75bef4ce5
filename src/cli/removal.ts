import { Fleet } from '../core/fleet.js'
import { findObjects } from './objects.js'
import type { Output } from './output.js'

/** What stands under a fleet's names now, bells included. */
function objectsOf(fleet: string): string[] {
  return findObjects()
    .filter((object) => object.fleet === fleet)
    .map(({ file }) => file)
}

/** Removes, and tells what is gone: by a look before and one after, so bells too. */
export function remove(fleet: string, options: { kind?: number; force?: boolean }): string[] {
  const before = objectsOf(fleet)
  Fleet.remove(fleet, options)
  const after = new Set(objectsOf(fleet))
  return before.filter((file) => !after.has(file))
}

export function printRemoved(output: Output, removed: readonly string[], isDryRun: boolean): void {
  for (const file of removed) output.line(`${isDryRun ? 'would remove' : 'removed'} /dev/shm/${file}`)
}

/** Does anybody hold a node, by the kernel's word? */
export function isLive(fleet: string): boolean {
  using observer = Fleet.observe(fleet)
  return observer.nodes().some(({ alive }) => alive)
}
