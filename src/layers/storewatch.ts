import { checkFlag, checkOptions, checkSignal, wrongType } from '../base/check.js'
import { typeError } from '../base/errors.js'
import type { Cursor } from '../core/cursor.js'
import type { Frame } from '../core/frame.js'
import { readOnlyError } from '../core/handle.js'
import { type Layer, reservedLayer } from '../core/layer.js'
import { Ring } from '../core/ring.js'
import { scratch } from '../core/scratch.js'
import { maxStoreKeyBytes, storeKeyAt } from '../core/storehandle.js'
import type { CacheBytes } from './cache.js'
import { checkKey, type Keyspace } from './keyspace.js'

/** Options of `watch` of an `OrbitStore`: which changes, and how it ends. */
export interface StoreWatchOptions {
  /** Only changes of this key, and resets of its prefixes. It excludes `prefix`. */
  key?: CacheBytes
  /** Only changes of keys that begin with it, and resets of these; default ''. */
  prefix?: CacheBytes
  /** Aborting it ends the iteration. */
  signal?: AbortSignal
  /** Called with the number of lost changes, before those that follow. An error that it throws ends the iteration. */
  onLoss?: (lost: number) => void
  /** Keeps the process alive while the iteration waits; default true. */
  keepAlive?: boolean
}

/** One change of an `OrbitStore`. */
export type StoreChange =
  | {
      /** What happened: the key was put or deleted, or all keys that begin with it were reset. */
      readonly op: 'put' | 'delete' | 'reset'
      /** The bytes of the key or prefix, without the namespace. */
      readonly key: Uint8Array
    }
  | {
      /** All entries with the tag were removed, in all namespaces. */
      readonly op: 'invalidate'
      /** The tag. */
      readonly tag: string
    }

/** The kinds of frames, from 1 on. */
const ops = ['put', 'delete', 'reset', 'invalidate'] as const
type Op = (typeof ops)[number]

/** The changes of a store, in a ring beside it. */
export class ChangeLog {
  readonly #keys: Keyspace
  #layer: Layer<Ring> | undefined

  constructor(keys: Keyspace) {
    this.#keys = keys
  }

  /** Undefined for an observer while there is none. */
  ring(): Ring | undefined {
    const { fleet, name } = this.#keys
    this.#layer ??= reservedLayer(fleet, Ring, {
      name: 'orbit.changes',
      kind: undefined,
      ownName: name,
      defaults: { capacity: 1024, payloadBytes: maxStoreKeyBytes },
    })
    return this.#layer.open()
  }

  /** Notes a change. Its key, namespace, prefix or tag is in the scratch, where the store has read it. */
  note(op: Op, keyBytes: number): void {
    const kept = scratch.bytes.slice(storeKeyAt, storeKeyAt + keyBytes)
    const ring = this.ring()
    scratch.bytes.set(kept, storeKeyAt)
    ring?.publishScratch(keyBytes, 0, ops.indexOf(op) + 1, storeKeyAt)
  }
}

/**
 * The changes of a store, one at a time, for one `for await` loop: what `OrbitStore.watch` returns. A slow loop slows
 * no process down: it falls behind, and loses changes, which `lost` and `onLoss` count exactly. It ends when the loop
 * is left, the signal is aborted, or the watch or its fleet is closed.
 */
export class StoreWatch implements AsyncIterable<StoreChange>, Disposable {
  readonly #keys: Keyspace
  readonly #cursor: Cursor
  readonly #options: StoreWatchOptions
  /** The key or the prefix. */
  readonly #wanted: Uint8Array
  #lost = 0
  #malformed = 0

  /** @internal */
  constructor(keys: Keyspace, log: ChangeLog, options: StoreWatchOptions) {
    this.#wanted = checkWatch(options)
    this.#options = options
    this.#keys = keys
    if (!keys.fleet.isMember) throw readOnlyError(keys.what)
    log.ring()
    this.#cursor = keys.fleet.cursorOf(() => log.ring(), 'head')
    keys.writable().watch()
  }

  /** How many changes of any key were lost so far; 0 or more, exact. */
  get lost(): number {
    return this.#lost
  }

  /** How many frames were skipped so far because their bytes are no change; 0 unless another program wrote them. */
  get malformed(): number {
    return this.#malformed
  }

  /** Iterates over the changes since `watch` was called. Call it once. */
  async *[Symbol.asyncIterator](): AsyncGenerator<StoreChange, void, undefined> {
    const { signal, keepAlive = true, onLoss } = this.#options
    for await (const { frames, lost, malformed } of this.#cursor.iterate({ keepAlive, ...(signal && { signal }) })) {
      this.#lost += lost
      this.#malformed += malformed
      if (lost > 0) onLoss?.(lost)
      for (const frame of frames) {
        if (this.#cursor.closed || signal?.aborted) return
        const change = this.#changeIn(frame)
        if (change !== undefined && this.#isWanted(change)) yield change
      }
    }
  }

  /** Undefined: it is of another namespace, or no change. */
  #changeIn({ frameKind, payload }: Frame): StoreChange | undefined {
    const op = ops[frameKind - 1]
    if (op === 'invalidate') return { op, tag: Buffer.from(payload).toString() }
    if (op === undefined || payload.length <= (payload[0] ?? Number.POSITIVE_INFINITY)) this.#malformed++
    const key = this.#keys.ownKey(payload)
    return op === undefined || key === undefined ? undefined : { op, key }
  }

  #isWanted(change: StoreChange): boolean {
    if (change.op === 'invalidate') return true
    const { key } = change
    const isUnder = change.op === 'reset' && begins(this.#wanted, key)
    if (this.#options.key === undefined) return isUnder || begins(key, this.#wanted)
    return isUnder || (change.op !== 'reset' && Buffer.compare(key, this.#wanted) === 0)
  }

  /** Ends the iteration; allowed inside its loop. Idempotent. */
  close(): void {
    this.#cursor.close()
  }

  /** Calls `close()`, for `using`. */
  [Symbol.dispose](): void {
    this.close()
  }
}

const begins = (key: Uint8Array, prefix: Uint8Array): boolean => prefix.every((byte, i) => key[i] === byte)

/** The bytes of the key or prefix. */
function checkWatch(options: StoreWatchOptions): Uint8Array {
  checkOptions('options', options, ['key', 'prefix', 'signal', 'onLoss', 'keepAlive'])
  const { key, prefix, signal, onLoss, keepAlive } = options
  checkSignal(signal)
  checkFlag('keepAlive', keepAlive)
  if (onLoss !== undefined && typeof onLoss !== 'function') throw wrongType('onLoss', onLoss, 'a function')
  if (key !== undefined && prefix !== undefined) {
    throw typeError('ERR_ORBIT_INVALID_ARGUMENT', 'key and prefix exclude each other: pass one of them')
  }
  const wanted = key ?? prefix ?? ''
  checkKey(wanted)
  return Uint8Array.from(Buffer.from(wanted as string))
}
