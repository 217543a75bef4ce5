import type { FleetObserver } from '../core/observer.js'
import { hitRateOf, liveShareOf, ratesBetween, type StoreReport, storesOf } from './stores.js'

export interface StoreSample {
  readonly fleet: string
  readonly kind: number
  readonly name: string
  /** What it takes in shared memory, and what of it was written and is not reused yet. */
  readonly bytes: number
  readonly usedBytes: number
  readonly entries: number
  /** The part of the records that are entries, and no old versions of them, 0..1. */
  readonly liveShare: number
  /** The part of the reads that found a value, 0..1: since the last sample, or, where there were none, of all. */
  readonly hitRate: number | null
  readonly readsPerSecond: number
  readonly writesPerSecond: number
  readonly evictedPerSecond: number
  /** The reads a second of the last samples, oldest first. */
  readonly history: readonly number[]
}

const historyLength = 30

interface LastLook {
  readonly report: StoreReport
  readonly atMs: number
  readonly history: readonly number[]
}

/** Samples stores repeatedly, with what happens in between. */
export class StoreSampler {
  #last = new Map<string, LastLook>()
  #next = new Map<string, LastLook>()

  /** To be called between two samples of a fleet. */
  turn(): void {
    this.#last = this.#next
    this.#next = new Map()
  }

  sample(fleet: FleetObserver, kinds: readonly number[]): StoreSample[] {
    return storesOf(fleet, kinds).map((report) => {
      const { kind, name, objectBytes: bytes, usedBytes, entries, hits, misses } = report
      const key = `${fleet.id}/${kind}`
      const before = this.#last.get(key)
      const atMs = performance.now()
      const rates = before && ratesBetween(before.report, report, atMs - before.atMs)
      const { reads = 0, writes = 0, evicted = 0, hitRate = null } = rates ?? {}
      const history = before === undefined ? [] : [...before.history, reads].slice(-historyLength)
      this.#next.set(key, { report, atMs, history })
      return {
        fleet: fleet.name,
        kind,
        name,
        bytes,
        usedBytes,
        entries,
        liveShare: liveShareOf(report),
        hitRate: hitRate ?? hitRateOf(hits, misses),
        readsPerSecond: reads,
        writesPerSecond: writes,
        evictedPerSecond: evicted,
        history,
      }
    })
  }
}
