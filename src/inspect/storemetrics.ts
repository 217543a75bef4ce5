import type { FleetObserver } from '../core/observer.js'
import { kindsOf, ownNameOf } from './kinds.js'
import { type StoreReport, storesOf } from './stores.js'

interface Family {
  readonly name: string
  readonly help: string
  readonly type: 'counter' | 'gauge'
  readonly value: (store: StoreReport) => number
}

const gauge = (name: string, help: string, value: Family['value']): Family => ({ name, help, type: 'gauge', value })
const counter = (name: string, help: string, value: Family['value']): Family => ({ name, help, type: 'counter', value })

const families: readonly Family[] = [
  gauge('orbit_store_bytes', 'Size of the store object.', ({ objectBytes }) => objectBytes),
  gauge('orbit_store_used_bytes', 'Bytes of entries and of old versions of them.', ({ usedBytes }) => usedBytes),
  gauge('orbit_store_entries', 'Entries of the store, about.', ({ entries }) => entries),
  counter('orbit_store_hits_total', 'Reads that found a value.', ({ hits }) => hits),
  counter('orbit_store_misses_total', 'Reads that found no value.', ({ misses }) => misses),
  counter('orbit_store_puts_total', 'Values that were stored.', ({ puts }) => puts),
  counter('orbit_store_deletes_total', 'Keys with a value that were deleted.', ({ deletes }) => deletes),
  counter('orbit_store_evicted_total', 'Entries that were evicted.', ({ evicted }) => evicted),
  counter('orbit_store_conflicts_total', 'Entries evicted for want of index space.', ({ conflicts }) => conflicts),
  counter('orbit_store_refused_total', 'Puts that stored nothing.', ({ refused }) => refused),
]

/** The metrics of all stores of a fleet. */
export function storeMetrics(fleet: FleetObserver) {
  const stores = storesOf(fleet, kindsOf(fleet))
  return families.map(({ value, ...family }) => ({
    ...family,
    samples: stores.map((store) => ({
      labels: { fleet: fleet.name, store: ownNameOf('store', store.name) ?? '' },
      value: value(store),
    })),
  }))
}
