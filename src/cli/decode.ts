import { isUtf8 } from 'node:buffer'
import type { Frame } from '../core/frame.js'
import { abi } from '../core/native.js'
import { cacheKind } from '../inspect/report.js'
import type { OrbitEvent } from '../layers/event.js'
import { podOfSchema } from '../pod/schema.js'

/** A payload as it is best read. */
export interface Decoded {
  readonly format: 'empty' | 'pod' | 'json' | 'text' | 'hex'
  readonly payload: unknown
}

// biome-ignore lint/suspicious/noControlCharactersInRegex: bytes with any of these are no text.
const controls = /[\u0000-\u0008\u000e-\u001f\u007f]/

export const hexOf = (bytes: Uint8Array): string =>
  Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('hex')
const utf8Of = (bytes: Uint8Array): string => Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString()

/** A payload's JSON is a stranger's: nested deeper than this it is shown as text. */
const maxJsonDepth = 200

/** Would JSON.stringify give it back, with every number as it was? */
function isFaithful(value: unknown, depth: number): boolean {
  if (typeof value === 'number') return Number.isSafeInteger(value) || (Number.isFinite(value) && value % 1 !== 0)
  if (typeof value !== 'object' || value === null) return true
  return depth > 0 && Object.values(value).every((each) => isFaithful(each, depth - 1))
}

export function decode(bytes: Uint8Array): Decoded {
  if (bytes.length === 0) return { format: 'empty', payload: '' }
  const text = isUtf8(bytes) ? utf8Of(bytes) : ''
  if (text === '' || controls.test(text)) return { format: 'hex', payload: hexOf(bytes) }
  if (/^\s*[[{"]/.test(text)) {
    try {
      const payload = JSON.parse(text)
      if (isFaithful(payload, maxJsonDepth)) return { format: 'json', payload }
    } catch {
      // text that begins like JSON
    }
  }
  return { format: 'text', payload: text }
}

/** How the frames of a ring are read: by the layout that its creator left, if it did and if it fits; else as any bytes. */
export function decoderOf(schema: string, fingerprint: bigint): (bytes: Uint8Array) => Decoded {
  const pod = schema === '' ? undefined : podOfSchema(schema)
  if (pod === undefined || pod.fingerprint !== fingerprint) return decode
  return (bytes) => {
    try {
      return bytes.length === pod.byteLength ? { format: 'pod', payload: plain(pod.decode(bytes)) } : decode(bytes)
    } catch {
      return decode(bytes) // a stored u64 that is no safe integer
    }
  }
}

/** A pod's value as JSON can have it: bigints as strings, bytes as hex. */
function plain(value: unknown): unknown {
  if (typeof value === 'bigint') return String(value)
  if (value instanceof Uint8Array) return hexOf(value)
  if (Array.isArray(value)) return value.map(plain)
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(Object.entries(value).map(([name, each]) => [name, plain(each)]))
}

/** A mutation of the cache. */
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

/** What a frame of the cache does; undefined: its bytes are no mutation. */
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

/** What dump and tail show, one line each; as JSON, with these keys. */
export type Item =
  | { readonly item: 'event'; readonly event: OrbitEvent }
  | { readonly item: 'mutation'; readonly frame: Frame; readonly mutation: Mutation }
  | { readonly item: 'frame'; readonly frame: Frame; readonly decoded: Decoded }
  | {
      readonly item: 'loss'
      readonly from: number
      readonly to: number
      readonly lost: number
      readonly malformed: number
    }

export function itemOf(kind: number, frame: Frame, read: (bytes: Uint8Array) => Decoded): Item {
  const mutation = kind === cacheKind ? mutationOf(frame) : undefined
  if (mutation !== undefined) return { item: 'mutation', frame, mutation }
  return { item: 'frame', frame, decoded: read(frame.payload) }
}
