import { isUtf8 } from 'node:buffer'
import type { FleetObserver } from '../core/observer.js'
import { StoreHandle } from '../core/storehandle.js'
import { listAll, type StoreKey } from '../layers/storekeys.js'
import { hexOf } from './hex.js'

/** An entry of a store, without its value. */
export interface ListedEntry extends Omit<StoreKey, 'key'> {
  readonly namespace: string
  /** As text; the bytes in hex, after 0x, if they are not text. */
  readonly key: string
}

/** The keys of one namespace that begin alike. */
export interface KeyGroup {
  readonly namespace: string
  /** Up to the first ':' or '/'; null: the keys that have none. */
  readonly prefix: string | null
  readonly keys: number
  readonly valueBytes: number
  /** Keys that were read since eviction last looked at them. */
  readonly read: number
}

const textOf = (bytes: Uint8Array): string => (isUtf8(bytes) ? Buffer.from(bytes).toString() : `0x${hexOf(bytes)}`)

/** The entries of a store, of all namespaces, in no order. */
export function* entriesOfStore(fleet: FleetObserver, name: string | undefined): Generator<ListedEntry> {
  const store = StoreHandle.open(fleet, name, { bytes: undefined, entryBytes: undefined })
  if (store === undefined) return
  for (const { key, ...rest } of listAll(store)) {
    const keyAt = 1 + (key[0] ?? 0)
    yield { ...rest, namespace: textOf(key.subarray(1, keyAt)), key: textOf(key.subarray(keyAt)) }
  }
}

const prefixOf = (key: string): string | null => /^.*?[:/]/s.exec(key)?.[0] ?? null

/** The entries by namespace and prefix, the most bytes first. */
export function groupsOf(entries: Iterable<ListedEntry>): KeyGroup[] {
  const groups = new Map<string, KeyGroup>()
  for (const { namespace, key, valueBytes, frequency } of entries) {
    const prefix = prefixOf(key)
    const name = `${namespace}\0${prefix ?? ''}`
    const { keys = 0, valueBytes: bytes = 0, read = 0 } = groups.get(name) ?? {}
    groups.set(name, {
      namespace,
      prefix,
      keys: keys + 1,
      valueBytes: bytes + valueBytes,
      read: read + (frequency > 0 ? 1 : 0),
    })
  }
  return [...groups.values()].sort((a, b) => b.valueBytes - a.valueBytes || b.keys - a.keys)
}
