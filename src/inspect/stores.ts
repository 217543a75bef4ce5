import { native, translated } from '../core/native.js'
import type { FleetObserver } from '../core/observer.js'
import type { NativeStoreReport } from '../core/storecalls.js'

/** What the bytes of a store say about it: the counters of all its processes, and how it is used. */
export interface StoreReport extends NativeStoreReport {
  readonly kind: number
}

/** What happened in a store between two looks at it. */
export interface StoreRates {
  /** A second. */
  readonly reads: number
  readonly writes: number
  readonly evicted: number
  /** The part of the reads that found a value, 0..1; null: there were none. */
  readonly hitRate: number | null
}

/**
 * Inspects the store of a KIND.
 *
 * @returns undefined when the KIND has no object, or one of another sort
 * @throws ERR_ORBIT_CORRUPT, and every other error of opening it
 */
export function inspectStore(fleet: FleetObserver, kind: number): StoreReport | undefined {
  fleet.checkOpen()
  const found = translated(() => native.inspectStore(fleet.handle, kind))
  return found && { ...found, kind, name: found.name === '' ? 'orbit.store' : found.name }
}

/** The stores among some KINDs of a fleet that can be read; other reports name the damaged ones. */
export function storesOf(fleet: FleetObserver, kinds: readonly number[]): StoreReport[] {
  return kinds.flatMap((kind) => {
    try {
      // Any other object is open already, or opening it says that it is none.
      return fleet.existing(kind) === undefined ? (inspectStore(fleet, kind) ?? []) : []
    } catch {
      return []
    }
  })
}

/** The part of the reads that found a value, 0..1; null: there were none. */
export const hitRateOf = (hits: number, misses: number): number | null =>
  hits + misses === 0 ? null : hits / (hits + misses)

/** The part of the records that are entries, and no old versions of them, 0..1. Its processes count only about. */
export const liveShareOf = ({ records, entries }: StoreReport): number =>
  records === 0 ? 1 : Math.min(1, entries / records)

/** The rates between two reports of one store. */
export function ratesBetween(before: StoreReport, after: StoreReport, elapsedMs: number): StoreRates {
  const change = (value: (report: StoreReport) => number) => Math.max(0, value(after) - value(before))
  const perSecond = (count: number) => (count * 1000) / Math.max(elapsedMs, 1)
  const [hits, misses] = [change((each) => each.hits), change((each) => each.misses)]
  return {
    reads: perSecond(hits + misses),
    writes: perSecond(change(({ puts, deletes }) => puts + deletes)),
    evicted: perSecond(change(({ evicted }) => evicted)),
    hitRate: hitRateOf(hits, misses),
  }
}
