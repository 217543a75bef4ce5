import { expiresInMs } from '../layers/mutation.js'
import type { CacheEntry } from './cacheentries.js'
import { decode } from './payload.js'
import type { Column } from './table.js'
import { bytesText, durationText } from './text.js'

/** A value in one line. */
export function preview(value: Uint8Array): string {
  const { format, payload } = decode(value)
  return format === 'json' ? JSON.stringify(payload) : String(payload)
}

/** The time that an entry has left; null: it does not expire. */
export function leftOf(entry: CacheEntry): number | null {
  const left = expiresInMs(entry)
  return left === null ? null : Math.max(0, left)
}

function leftText(entry: CacheEntry): string {
  const left = leftOf(entry)
  return left === null ? '-' : durationText(left)
}

/** How a list of entries is shown. */
export const cacheColumns: Column<CacheEntry>[] = [
  { title: 'NAMESPACE', text: ({ namespace }) => namespace, isFlexible: true, rank: 1 },
  { title: 'KEY', text: ({ key }) => key, isFlexible: true },
  { title: 'BYTES', text: ({ value }) => bytesText(value.length), align: 'right', rank: 2 },
  { title: 'LEFT', text: leftText, align: 'right' },
  { title: 'NODE', text: ({ node }) => String(node), align: 'right', rank: 3 },
  { title: 'VALUE', text: ({ value }) => preview(value), isFlexible: true },
]
