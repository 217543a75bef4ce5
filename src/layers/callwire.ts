import { isUint8Array } from 'node:util/types'
import { abi } from '../core/native.js'

/** Where an answer goes. */
export interface ReplyTo {
  readonly slot: number
  readonly stamp: number
}

/** A request as its server reads it. */
export interface Request {
  /** How many calls wait for it, each made by the handler of the one before. */
  readonly depth: number
  /** Undefined: the caller wants no answer. */
  readonly replyTo: ReplyTo | undefined
  /** The answer is wanted item by item. */
  readonly wantsStream: boolean
  readonly service: string
  readonly method: string
  readonly value: unknown
}

let loaded: typeof import('node:v8') | undefined
/** Not imported: it loads slowly. */
function v8(): typeof import('node:v8') {
  loaded ??= process.getBuiltinModule('node:v8')
  return loaded
}

/** The first byte of a value: how the others are to be read. */
const form = { cloned: 0, bytes: 1, text: 2, number: 3, undefined: 4 }

/** Where requests and answers are encoded: the addon copies them at once. */
let wire = Buffer.allocUnsafeSlow(4096)

function reserve(bytes: number): void {
  if (wire.length < bytes) wire = Buffer.allocUnsafeSlow(2 * bytes)
}

/** Writes a value behind the first `at` bytes of the wire, and returns its end. */
function putValue(value: unknown, at: number): number {
  if (typeof value === 'string' && value.isWellFormed()) {
    reserve(at + 1 + value.length * 3)
    wire[at] = form.text
    return at + 1 + wire.write(value, at + 1)
  }
  if (typeof value === 'number') {
    reserve(at + 9)
    wire[at] = form.number
    return wire.writeDoubleLE(value, at + 1)
  }
  if (value === undefined) {
    reserve(at + 1)
    wire[at] = form.undefined
    return at + 1
  }
  const isBytes = isUint8Array(value)
  const bytes = isBytes ? value : v8().serialize(value)
  reserve(at + 1 + bytes.length)
  wire[at] = isBytes ? form.bytes : form.cloned
  wire.set(bytes, at + 1)
  return at + 1 + bytes.length
}

/**
 * Bytes and texts cross as they are, most other values by structured clone.
 *
 * @returns valid until the next value is encoded
 */
export function encodeValue(value: unknown): Uint8Array {
  const end = putValue(value, 0) // it may replace the wire
  return wire.subarray(0, end)
}

/** The value of bytes that `encodeValue` made. A Uint8Array among it is a view of these bytes. */
export function decodeValue(bytes: Buffer): unknown {
  switch (bytes[0]) {
    case form.text:
      return bytes.toString('utf8', 1, bytes.length)
    case form.number:
      return bytes.readDoubleLE(1)
    case form.undefined:
      return undefined
    case form.bytes:
      return new Uint8Array(bytes.buffer, bytes.byteOffset + 1, bytes.length - 1)
    default:
      return v8().deserialize(bytes.subarray(1))
  }
}

/** The beginning of the requests to a method: the lengths of both names, and the names. */
export function prefixOf(service: string, method: string): Buffer {
  const [name, called] = [Buffer.from(service), Buffer.from(method)]
  return Buffer.concat([Uint8Array.of(name.length, called.length), name, called])
}

/** A request without its header, which the addon adds; valid until the next value is encoded. */
export function encodeRequest(prefix: Buffer, value: unknown): Uint8Array {
  reserve(prefix.length)
  const end = putValue(value, prefix.length)
  wire.set(prefix, 0)
  return wire.subarray(0, end)
}

interface Names {
  readonly service: string
  readonly method: string
}

/** The names in prefixes that were read, by the bytes of the prefix as latin1. */
const names = new Map<string, Names>()
const mostNames = 1024

function namesIn(body: Buffer, nameEnd: number, methodEnd: number): Names {
  const key = body.toString('latin1', 0, methodEnd)
  let found = names.get(key)
  if (found === undefined) {
    found = { service: body.toString('utf8', 2, nameEnd), method: body.toString('utf8', nameEnd, methodEnd) }
    if (names.size < mostNames) names.set(key, found)
  }
  return found
}

/** How many calls wait for this request, each made by the handler of the one before. */
export const depthOf = (payload: Uint8Array): number => (payload[2] ?? 0) | ((payload[3] ?? 0) << 8)

/** Flags of a request: it wants an answer, or an answer item by item. */
const [wantsReply, wantsStream] = [1, 2]

/** The bytes before an item of a stream, with its length. */
export const lengthBytes = 4

/** What a server throws when a value does not fit. */
export const tooLarge = (what: string, bytes: Uint8Array, most: number): RangeError =>
  new RangeError(`${what} has ${bytes.length} bytes, over ${most}`)

/** Undefined: the bytes are no request. */
export function decodeRequest(payload: Uint8Array): Request | undefined {
  const header = abi.requestHeaderBytes
  if (payload.length < header + 3) return undefined
  const whole = Buffer.from(payload.buffer, payload.byteOffset, payload.length)
  const body = whole.subarray(header)
  const nameEnd = 2 + (body[0] as number)
  const methodEnd = nameEnd + (body[1] as number)
  if (methodEnd >= body.length) return undefined
  const stamp = whole.readUInt32LE(8) + whole.readUInt32LE(12) * 2 ** 32
  const { service, method } = namesIn(body, nameEnd, methodEnd)
  try {
    return {
      depth: whole.readUInt16LE(2),
      wantsStream: (whole.readUInt16LE(0) & wantsStream) !== 0,
      replyTo: (whole.readUInt16LE(0) & wantsReply) === 0 ? undefined : { slot: whole.readUInt32LE(4), stamp },
      service,
      method,
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
export function decodeFailure(bytes: Buffer): RemoteError {
  const { name, message, cause, fields } = decodeValue(bytes) as RemoteError & { fields: object }
  const error = new RemoteError(message, cause === undefined ? undefined : { cause })
  return Object.assign(error, fields, { name })
}
