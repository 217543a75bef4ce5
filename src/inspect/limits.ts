import { native, translated } from '../core/native.js'
import type { FleetObserver } from '../core/observer.js'
import { limitsKind } from './kinds.js'

/** What the bytes of a table of limits say about it. */
export interface LimitsReport {
  /** Places for keys. Four for each key that is alive at once is enough. */
  readonly entries: number
  /** Keys that have taken something within their windows. */
  readonly keys: number
  /** Keys that a process has begun to enter; after a second they are free. */
  readonly tentative: number
  /** Decisions that found no place for a key, since the table was made. */
  readonly full: number
  readonly objectBytes: number
}

/** Inspects the table of limits of a fleet; undefined: there is none, or it is damaged, which other reports say. */
export function readableLimits(fleet: FleetObserver): LimitsReport | undefined {
  try {
    return inspectLimits(fleet)
  } catch {
    return undefined
  }
}

/**
 * Inspects the table of limits of a fleet.
 *
 * @returns undefined if the fleet has none
 * @throws ERR_ORBIT_CORRUPT, and every other error of opening it
 */
export function inspectLimits(fleet: FleetObserver): LimitsReport | undefined {
  const found = translated(() => native.inspectLimits(fleet.handle, limitsKind))
  if (found === undefined) return undefined
  const { entries, present: keys, tentative, full, objectBytes } = found
  return { entries, keys, tentative, full, objectBytes }
}
