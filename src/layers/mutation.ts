import { clockMs } from '../core/clock.js'
import type { Frame } from '../core/frame.js'
import { abi } from '../core/native.js'

/** What a frame of the cache's ring changes. */
export interface Mutation {
  readonly op: 'put' | 'delete' | 'reset'
  readonly namespace: string
  readonly key: string
  readonly value: Uint8Array
  /** CLOCK_MONOTONIC; 0: never. */
  readonly expiresAtMs: number
}

const ops: Record<number, Mutation['op']> = {
  [abi.cachePut]: 'put',
  [abi.cacheDelete]: 'delete',
  [abi.cacheReset]: 'reset',
}

const utf8Of = (bytes: Uint8Array): string => Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString()

/** Reads the mutation in a frame of the cache's ring; undefined: its bytes are not a mutation. */
export function mutationOf({ payload, version }: Frame): Mutation | undefined {
  if (payload.length < abi.cacheHeaderBytes) return undefined
  const view = new DataView(payload.buffer, payload.byteOffset, payload.length)
  const op = ops[view.getUint8(abi.cacheOp)]
  const namespaceBytes = view.getUint8(abi.cacheNamespaceBytes)
  const keyBytes = view.getUint16(abi.cacheKeyBytes, true)
  const valueBytes = view.getUint32(abi.cacheValueBytes, true)
  const keyAt = abi.cacheHeaderBytes + namespaceBytes
  const valueAt = abi.cacheHeaderBytes + ((namespaceBytes + keyBytes + 7) & ~7)
  if (op === undefined || valueAt + valueBytes > payload.length) return undefined
  return {
    op,
    namespace: utf8Of(payload.subarray(abi.cacheHeaderBytes, keyAt)),
    key: utf8Of(payload.subarray(keyAt, keyAt + keyBytes)),
    value: payload.subarray(valueAt, valueAt + valueBytes),
    expiresAtMs: version,
  }
}

/** The time until the value expires, negative after that; null: there is no value, or it never expires. */
export const expiresInMs = ({ op, expiresAtMs }: Mutation): number | null =>
  op === 'put' && expiresAtMs > 0 ? Math.round(expiresAtMs - clockMs()) : null
