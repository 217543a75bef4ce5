import type { NativeStoreReport } from '../core/storecalls.js'

/** The counters of an `OrbitStore`, of all processes since it was made, and how full it is. */
export interface StoreStats {
  /** Reads that found a value. */
  readonly hits: number
  /** Reads that found none. */
  readonly misses: number
  /** Values that were stored. */
  readonly puts: number
  /** Keys with a value that were deleted. */
  readonly deletes: number
  /** Entries that were evicted. */
  readonly evicted: number
  /** Puts that evicted an entry because their place in the index was full: many mean that `entryBytes` is too large. */
  readonly conflicts: number
  /** Puts that stored nothing because the value was too large, or no segment was free. */
  readonly refused: number
  /** The bytes of all values that were stored. */
  readonly putBytes: number
  /** The bytes of entries that were moved, to keep them while their neighbors were evicted. */
  readonly movedBytes: number
  /** What the store takes in shared memory. */
  readonly bytes: number
  /** The bytes of what was written and is not reused yet: entries, and old versions of them. */
  readonly usedBytes: number
  /** About how many entries it has. */
  readonly entries: number
  /** The parts that space is reused in. */
  readonly segments: number
  /** How many of them have entries or are being written; 0..segments. */
  readonly usedSegments: number
  /** Segments that are lost until every member has left, because processes died in the middle of an exchange. */
  readonly burned: number
}

export function statsOf(report: NativeStoreReport): StoreStats {
  const { objectBytes: bytes, moved: _, records: _records, name: _name, ...rest } = report
  return { ...rest, bytes }
}
