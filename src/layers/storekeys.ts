import { checkInteger, checkOptions } from '../base/check.js'
import { abi } from '../core/native.js'
import { firstRecord, scratch } from '../core/scratch.js'
import type { StoreHandle } from '../core/storehandle.js'
import type { CacheBytes } from './cache.js'
import { checkKey, type Keyspace } from './keyspace.js'

/** Options of `keys` of an `OrbitStore`: which keys, and how many. */
export interface KeysOptions {
  /** Only keys that begin with it; default ''. */
  prefix?: CacheBytes
  /** At most so many keys, 0..2^53-1; default all. */
  limit?: number
}

/** One entry of an `OrbitStore`, without its value. */
export interface StoreKey {
  /** The bytes of the key, without the namespace. */
  readonly key: Uint8Array
  /** The id of the put, as in `getEntry`. */
  readonly id: number
  /** How long the value is. */
  readonly valueBytes: number
  /** How often it was read since it was last looked at for eviction, 0..3; 3 means 3 or more. */
  readonly frequency: number
  /** Milliseconds since the put. */
  readonly ageMs: number
  /** Milliseconds until the entry expires; undefined: never. */
  readonly expiresInMs?: number
}

/** One entry of any namespace. In front of the key there are the length of the namespace, one byte, and it. */
type ListedKey = StoreKey

/** Lists the keys of a namespace. */
export function keysOf(space: Keyspace, options: KeysOptions): Generator<StoreKey, void, undefined> {
  checkOptions('options', options, ['prefix', 'limit'])
  const { prefix = '', limit = Number.MAX_SAFE_INTEGER } = options
  checkKey(prefix)
  checkInteger('limit', limit, 0, Number.MAX_SAFE_INTEGER)
  const start = Buffer.from(prefix as string)
  return ownKeys(space, start, limit)
}

function* ownKeys(space: Keyspace, prefix: Uint8Array, limit: number): Generator<StoreKey, void, undefined> {
  const store = space.open()
  let left = limit
  if (store === undefined || left === 0) return
  for (const listed of listAll(store)) {
    const key = space.ownKey(listed.key)
    if (key === undefined || !begins(key, prefix)) continue
    yield { ...listed, key }
    if (--left === 0) return
  }
}

/** Lists the entries of all namespaces. */
export function* listAll(store: StoreHandle): Generator<ListedKey, void, undefined> {
  for (let bucket = 0; ; ) {
    const { count, next, buckets } = store.list(bucket)
    yield* readList(count) // a copy: the caller may use the scratch in between
    if (next >= buckets) return
    bucket = next
  }
}

function readList(count: number): ListedKey[] {
  const listed: ListedKey[] = []
  const { view, bytes } = scratch
  let at = firstRecord
  for (let i = 0; i < count; i++) {
    const number = (offset: number) => view.getFloat64(at + offset, true)
    const keyBytes = view.getUint32(at + abi.listedEntryKeyBytes, true)
    const keyAt = at + abi.listedEntryBytes
    const expiresInMs = number(abi.listedEntryExpiresInMs)
    listed.push({
      key: bytes.slice(keyAt, keyAt + keyBytes),
      id: number(abi.listedEntryId),
      valueBytes: number(abi.listedEntryValueBytes),
      frequency: view.getUint32(at + abi.listedEntryFrequency, true),
      ageMs: number(abi.listedEntryAgeMs),
      ...(expiresInMs >= 0 && { expiresInMs }),
    })
    at = keyAt + ((keyBytes + 7) & ~7)
  }
  return listed
}

const begins = (key: Uint8Array, prefix: Uint8Array): boolean =>
  key.length >= prefix.length && prefix.every((byte, i) => key[i] === byte)
