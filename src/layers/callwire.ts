import { isUint8Array } from 'node:util/types'
import { abi } from '../core/native.js'

/** A request as its server reads it. */
export interface Request {
  /** Undefined: the caller wants no answer. */
  readonly replyTo: { readonly slot: number; readonly stamp: number } | undefined
  readonly service: string
  readonly method: string
  readonly value: unknown
}

const v8 = () => process.getBuiltinModule('node:v8') // not imported: it loads slowly

/** Bytes cross as they are, all other values by structured clone. The first byte says which. */
export function encodeValue(value: unknown): Uint8Array {
  const bytes = isUint8Array(value) ? value : v8().serialize(value)
  return Buffer.concat([Uint8Array.of(isUint8Array(value) ? 1 : 0), bytes])
}

/** The value of bytes that `encodeValue` made. They are a private copy. */
export function decodeValue(bytes: Uint8Array): unknown {
  const body = bytes.subarray(1)
  return bytes[0] === 1 ? body : v8().deserialize(body)
}

/** A request without its header, which the addon adds. */
export function encodeRequest(service: string, method: string, value: unknown): Uint8Array {
  const [name, called] = [Buffer.from(service), Buffer.from(method)]
  return Buffer.concat([Uint8Array.of(name.length, called.length), name, called, encodeValue(value)])
}

/** Undefined: the bytes are no request. */
export function decodeRequest(payload: Uint8Array): Request | undefined {
  const header = abi.requestHeaderBytes
  if (payload.length < header + 3) return undefined
  const view = new DataView(payload.buffer, payload.byteOffset, payload.length)
  const body = Buffer.from(payload.buffer, payload.byteOffset + header, payload.length - header)
  const nameEnd = 2 + (body[0] as number)
  const methodEnd = nameEnd + (body[1] as number)
  if (methodEnd >= body.length) return undefined
  const stamp = Number(view.getBigUint64(8, true))
  try {
    return {
      replyTo: view.getUint32(0, true) === 0 ? undefined : { slot: view.getUint32(4, true), stamp },
      service: body.toString('utf8', 2, nameEnd),
      method: body.toString('utf8', nameEnd, methodEnd),
      value: decodeValue(body.subarray(methodEnd)),
    }
  } catch {
    return undefined // of another version of Node, or foreign bytes
  }
}

/** What a handler threw, so that it can cross: name, message, code, cause and own fields. */
export function encodeFailure(thrown: unknown): Uint8Array {
  const error = thrown instanceof Error ? thrown : new Error(String(thrown))
  const { name, message, cause } = error
  try {
    return encodeValue({ name, message, cause, fields: { ...error } })
  } catch {
    return encodeValue({ name, message, cause: undefined, fields: {} }) // a field that cannot be cloned
  }
}

/** The error that a handler threw in another process. */
export class RemoteError extends Error {
  /** The code of the error that the handler threw, if it had one. */
  declare readonly code?: unknown
}

/** The error of bytes that `encodeFailure` made. */
export function decodeFailure(bytes: Uint8Array): RemoteError {
  const { name, message, cause, fields } = decodeValue(bytes) as RemoteError & { fields: object }
  const error = new RemoteError(message, cause === undefined ? undefined : { cause })
  return Object.assign(error, fields, { name })
}
