import { isUtf8 } from 'node:buffer'
import { podOfSchema } from '../pod/schema.js'
import { hexOf } from './hex.js'

/** A payload in the form that is easiest to read. */
export interface Decoded {
  readonly format: 'empty' | 'pod' | 'json' | 'text' | 'hex'
  readonly payload: unknown
}

// biome-ignore lint/suspicious/noControlCharactersInRegex: bytes with any of these are not text.
const controls = /[\u0000-\u0008\u000e-\u001f\u007f]/

/** JSON that is nested deeper is shown as text: any process of this user may have written it. */
const maxJsonDepth = 200

/** Would JSON.stringify give the value back, with every number unchanged? */
function isFaithful(value: unknown, depth: number): boolean {
  if (typeof value === 'number') return Number.isSafeInteger(value) || (Number.isFinite(value) && value % 1 !== 0)
  if (typeof value !== 'object' || value === null) return true
  return depth > 0 && Object.values(value).every((each) => isFaithful(each, depth - 1))
}

/** Decodes bytes of unknown type: as JSON, as text, or as hex. */
export function decode(bytes: Uint8Array): Decoded {
  if (bytes.length === 0) return { format: 'empty', payload: '' }
  const text = isUtf8(bytes) ? Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString() : ''
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

/**
 * A decoder for the frames of a ring: by the pod that its members stored there, if they did and if it fits. The
 * fingerprint is that of the pod with which the ring was made; fields may have been added to it.
 */
export function decoderOf(schema: string, fingerprint: bigint): (bytes: Uint8Array) => Decoded {
  const pod = schema === '' ? undefined : podOfSchema(schema)
  if (pod === undefined || !pod.beginsWith(fingerprint)) return decode
  return (bytes) => {
    try {
      return pod.accepts(bytes.length) ? { format: 'pod', payload: plain(pod.decode(bytes)) } : decode(bytes)
    } catch {
      return decode(bytes) // a stored u64 that is not a safe integer
    }
  }
}

/** A pod's value in JSON: bigints as strings, bytes as hex. */
function plain(value: unknown): unknown {
  if (typeof value === 'bigint') return String(value)
  if (value instanceof Uint8Array) return hexOf(value)
  if (Array.isArray(value)) return value.map(plain)
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(Object.entries(value).map(([name, each]) => [name, plain(each)]))
}
