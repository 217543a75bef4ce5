import type { FleetObserver } from '../core/observer.js'

/** What was warned of already. */
const warned = new Set<string>()

/** Warns once per fleet and process. */
function warnOnce({ isShared, name }: FleetObserver, code: string, text: string): void {
  const subject = `${code} ${isShared}/${name}`
  if (warned.has(subject)) return
  warned.add(subject)
  process.emitWarning(text, { type: 'OrbitWarning', code })
}

/** Warns of a loaded value that was too large to store. */
export function warnNotStored(fleet: FleetObserver, { message }: Error): void {
  const text = `a value that getOrSet loaded was returned but not stored in fleet ${fleet.name}: ${message}`
  warnOnce(fleet, 'ORBIT_NOT_STORED', text)
}

/** Warns of a stale value that could not be loaded anew. */
export function warnNotReloaded(fleet: FleetObserver, error: unknown): void {
  const reason = error instanceof Error ? error.message : String(error)
  const text = `a stale value of fleet ${fleet.name} could not be loaded anew, and is returned until it expires: ${reason}`
  warnOnce(fleet, 'ORBIT_NOT_RELOADED', text)
}
