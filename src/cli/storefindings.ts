import type { FleetObserver } from '../core/observer.js'
import { allKinds } from '../inspect/kinds.js'
import { hitRateOf, type StoreReport, storesOf } from '../inspect/stores.js'
import { type Finding, finding } from './finding.js'
import { percentText } from './storetext.js'
import { counted } from './text.js'

/** Of fewer reads, no hit rate says that a store is too small. */
const telling = 1000
const lowHitRate = 0.5
/** More index conflicts than this part of the puts cost entries that have room. */
const manyConflicts = 0.01

function findingsOf(fleet: string, store: StoreReport): Finding[] {
  const { kind, name, hits, misses, puts, evicted, conflicts, refused, burned } = store
  const what = `KIND ${kind} (${name})`
  const findings: Finding[] = []
  const note = (level: Finding['level'], check: string, found: string, meaning: string, fix: string | null) =>
    findings.push(finding(level, check, `${what}: ${found}`, { fleet, meaning, fix }))
  if (refused > 0) {
    const meaning = 'each stored nothing: the value was too large, or no segment was free'
    note('warning', 'store-refused', `${counted(refused, 'put')} refused`, meaning, 'open the store with more bytes')
  }
  if (conflicts > puts * manyConflicts) {
    const meaning = 'its index is full before its memory is, since entries are shorter than entryBytes says'
    const fix = 'open the store with a smaller entryBytes in all processes, then restart them'
    note(
      'warning',
      'store-conflicts',
      `${conflicts} of ${counted(puts, 'put')} evicted for want of index`,
      meaning,
      fix,
    )
  }
  const hitRate = hitRateOf(hits, misses)
  if (evicted + conflicts > 0 && hits + misses >= telling && hitRate !== null && hitRate < lowHitRate) {
    const meaning = 'it evicts, and most reads find nothing: it is too small, or its keys are seldom read twice'
    const found = `${percentText(hitRate)} of the reads found a value`
    note('note', 'store-misses', found, meaning, 'open the store with more bytes, and compare the hit rate')
  }
  if (burned > 0) {
    const meaning = 'processes died while they took a segment; its memory is used again when every member has left'
    note('note', 'store-burned', `${counted(burned, 'segment')} lost`, meaning, null)
  }
  return findings
}

/** What is wrong with the stores of a fleet. */
export const storeFindings = (fleet: FleetObserver): Finding[] =>
  storesOf(fleet, allKinds(fleet)).flatMap((store) => findingsOf(fleet.name, store))
