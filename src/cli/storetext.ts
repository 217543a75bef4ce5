import { hitRateOf, liveShareOf, type StoreRates, type StoreReport } from '../inspect/stores.js'
import type { KeyGroup, ListedEntry } from './storekeys.js'
import { type Column, numbers } from './table.js'
import { bytesText, counted, durationText, rateText } from './text.js'

export const percentText = (share: number | null): string => (share === null ? '-' : `${(share * 100).toFixed(1)} %`)

/** Every detail of a store: names and values. rates: null: they were not measured. */
export function storePairs(store: StoreReport, rates: StoreRates | null): [string, string][] {
  const { kind, name, objectBytes, usedBytes, segments, usedSegments, entries, hits, misses } = store
  const ofThem = rates === null || rates.hitRate === null ? '' : `, ${percentText(rates.hitRate)} of them hits`
  const since = rates === null ? '' : `; now ${rateText(rates.reads)} per second${ofThem}`
  const perSecond = (value: (rates: StoreRates) => number) =>
    rates === null ? '' : ` (${rateText(value(rates))} per second)`
  return [
    ['kind', `${kind}, a store`],
    ['name', name],
    ['budget', bytesText(objectBytes)],
    ['used', `${bytesText(usedBytes)}, ${usedSegments} of ${counted(segments, 'segment')}`],
    ['live share', `${percentText(liveShareOf(store))} of the records; the others are old versions`],
    ['entries', `about ${entries}`],
    ['hits', `${hits} of ${counted(hits + misses, 'read')}, ${percentText(hitRateOf(hits, misses))}${since}`],
    ['puts', `${store.puts}, ${bytesText(store.putBytes)}${perSecond(({ writes }) => writes)}`],
    ['deletes', String(store.deletes)],
    ['evicted', `${store.evicted}${perSecond(({ evicted }) => evicted)}, ${store.conflicts} for want of index space`],
    ['refused', counted(store.refused, 'put')],
    ['burned', `${counted(store.burned, 'segment')} lost`],
  ]
}

export interface MeasuredStore extends StoreReport {
  /** Null: they were not measured. */
  readonly perSecond: StoreRates | null
}

const rateOf = (value: (rates: StoreRates) => number) => (store: { perSecond: StoreRates | null }) =>
  store.perSecond === null ? '-' : rateText(value(store.perSecond))

/** How a list of stores is shown. */
export const storeColumns: Column<MeasuredStore>[] = [
  { title: 'KIND', text: ({ kind }) => String(kind), align: 'right', rank: 4 },
  { title: 'STORE', text: ({ name }) => name, isFlexible: true },
  { title: 'BUDGET', text: ({ objectBytes }) => bytesText(objectBytes), align: 'right', rank: 3 },
  numbers('USED', ({ usedBytes, objectBytes }) => percentText(usedBytes / objectBytes)),
  { title: 'ENTRIES', text: ({ entries }) => String(entries), align: 'right', rank: 2 },
  { title: 'LIVE', text: (store) => percentText(liveShareOf(store)), align: 'right', rank: 5 },
  numbers('HITS', ({ hits, misses }) => percentText(hitRateOf(hits, misses))),
  { title: 'READS/S', text: rateOf(({ reads }) => reads), align: 'right' },
  { title: 'WRITES/S', text: rateOf(({ writes }) => writes), align: 'right', rank: 1 },
  { title: 'EVICTED/S', text: rateOf(({ evicted }) => evicted), align: 'right', rank: 1 },
]

export const groupColumns: Column<KeyGroup>[] = [
  { title: 'NAMESPACE', text: ({ namespace }) => namespace, isFlexible: true, rank: 1 },
  { title: 'PREFIX', text: ({ prefix }) => prefix ?? '-', isFlexible: true },
  numbers('KEYS', ({ keys }) => keys),
  numbers('VALUES', ({ valueBytes }) => bytesText(valueBytes)),
  numbers('READ', ({ read }) => read),
]

const leftText = (ms: number | undefined): string => (ms === undefined ? '-' : durationText(ms))

export const keyColumns: Column<ListedEntry>[] = [
  { title: 'NAMESPACE', text: ({ namespace }) => namespace, isFlexible: true, rank: 1 },
  { title: 'KEY', text: ({ key }) => key, isFlexible: true },
  numbers('BYTES', ({ valueBytes }) => bytesText(valueBytes)),
  numbers('AGE', ({ ageMs }) => durationText(ageMs)),
  numbers('LEFT', ({ expiresInMs }) => leftText(expiresInMs)),
  { title: 'READ', text: ({ frequency }) => (frequency === 3 ? '3+' : String(frequency)), align: 'right', rank: 2 },
]

/** A store in JSON. */
export const storeJson = ({ moved: _, ...store }: MeasuredStore) => ({
  ...store,
  liveShare: liveShareOf(store as MeasuredStore),
  hitRate: hitRateOf(store.hits, store.misses),
})
