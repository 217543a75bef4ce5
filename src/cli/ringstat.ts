import { setTimeout as sleep } from 'node:timers/promises'
import type { NodeRecord } from '../core/node.js'
import type { FleetObserver } from '../core/observer.js'
import { inspectRing, type RingReport } from '../inspect/report.js'
import { inspectStore, ratesBetween, storesOf } from '../inspect/stores.js'
import { type Problem, problemOf } from './problem.js'
import type { MeasuredStore } from './storetext.js'
import { fingerprintText } from './text.js'

/** What `orbit stat` shows of a ring. */
export interface RingStat extends RingReport {
  readonly retained: number
  /** Frames per second, or tokens of a table; null: no rate was measured. */
  readonly perSecond: number | null
}

export interface Measurement {
  readonly nodes: readonly NodeRecord[]
  readonly rings: readonly RingStat[]
  readonly stores: readonly MeasuredStore[]
  readonly problems: readonly { readonly problem: Problem; readonly error: unknown }[]
}

const progress = (report: RingReport): number => report.table?.tokensDrawn ?? report.head

/** Inspects rings and stores twice, `rateMs` apart, and computes their rates. With 0 it inspects them once. */
export async function measure(fleet: FleetObserver, kinds: readonly number[], rateMs: number): Promise<Measurement> {
  const nodes = fleet.nodes()
  const problems: { problem: Problem; error: unknown }[] = []
  const look = (kind: number): RingReport | undefined => {
    try {
      return inspectRing(fleet, kind, nodes)
    } catch (error) {
      problems.push({ problem: problemOf(`KIND ${kind}`, error), error })
      return undefined
    }
  }
  const first = kinds.flatMap((kind) => look(kind) ?? [])
  const firstStores = storesOf(fleet, kinds)
  const begun = performance.now()
  if (rateMs > 0 && first.length + firstStores.length > 0) await sleep(rateMs)
  const seconds = (performance.now() - begun) / 1000
  const rings = first.flatMap((before): RingStat[] => {
    const after = rateMs > 0 ? look(before.kind) : before
    if (after === undefined) return []
    const perSecond = rateMs > 0 ? Math.max(0, progress(after) - progress(before)) / seconds : null
    return [{ ...after, retained: after.head - after.oldest, perSecond }]
  })
  const stores = firstStores.map((before): MeasuredStore => {
    const after = rateMs > 0 ? (inspectStore(fleet, before.kind) ?? before) : before
    return { ...after, perSecond: rateMs > 0 ? ratesBetween(before, after, performance.now() - begun) : null }
  })
  return { nodes, rings, stores, problems }
}

export const ringStatJson = ({ fingerprint, ...rest }: RingStat) => ({
  ...rest,
  fingerprint: fingerprintText(fingerprint),
  table: rest.table ?? null,
  inboxes: rest.inboxes ?? null,
  lookups: rest.lookups ?? null,
})
