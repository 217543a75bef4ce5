import type { CounterEntry } from '../layers/counters.js'
import type { Column } from './table.js'
import { durationText, rateText } from './text.js'

export interface CounterRow extends CounterEntry {
  /** The change a second since the last look; undefined: there was none. */
  readonly perSecond: number | undefined
}

/** How a list of counters is shown. */
export const counterColumns: Column<CounterRow>[] = [
  { title: 'NAME', text: ({ name }) => name, isFlexible: true },
  { title: 'KIND', text: ({ kind }) => kind },
  { title: 'VALUE', text: ({ value }) => String(value), align: 'right' },
  {
    title: 'LEFT',
    text: ({ expiresInMs }) => (expiresInMs === undefined ? '-' : durationText(expiresInMs)),
    align: 'right',
  },
]

export const counterRateColumn: Column<CounterRow> = {
  title: 'PER S',
  text: ({ perSecond }) => (perSecond === undefined ? '-' : rateText(perSecond)),
  align: 'right',
}

/** The rows of the counters of now, with their changes since an earlier look. */
export function counterRows(
  entries: readonly CounterEntry[],
  before: ReadonlyMap<string, number>,
  elapsedMs: number,
): CounterRow[] {
  return entries.map((entry) => {
    const last = before.get(entry.name)
    return { ...entry, perSecond: last === undefined ? undefined : ((entry.value - last) * 1000) / elapsedMs }
  })
}
