import { isUint8Array } from 'node:util/types'
import type { BlobPlace } from '../core/blobs.js'
import { abi } from '../core/native.js'
import { textForRequest } from './calltracing.js'
import { isJson } from './smalljson.js'

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
  /** What the tracer of the caller sent with it; '': nothing. */
  readonly tracing: string
  /** Encoded. */
  readonly value: Buffer
}

let loaded: typeof import('node:v8') | undefined
/** Not imported: it loads slowly. */
function v8(): typeof import('node:v8') {
  loaded ??= process.getBuiltinModule('node:v8')
  return loaded
}

/** The first byte of a value: how the others are to be read. */
const form = { cloned: 0, bytes: 1, text: 2, number: 3, undefined: 4, elsewhere: 5, traced: 6, json: 7 }

/** The most bytes that a request without its header, an answer, or a part of a stream has in its slot. */
export const maxCallBytes = 2008

/** The bytes before an item of a stream, with its length. */
export const lengthBytes = 4

/** Keeps bytes that do not fit into a slot. */
export type Spill = (bytes: Uint8Array) => BlobPlace
/** Returns the bytes that were kept at a place. */
export type Load = (place: BlobPlace) => Buffer

/** Of a value that is elsewhere: its own form, and the place. */
const placeBytes = 22

/**
 * Where requests and answers are encoded: the addon copies them at once. There is room for a text that fits into a
 * slot, which takes up to 3 bytes for each of its units until it is encoded.
 */
const wire = Buffer.allocUnsafeSlow(4 * maxCallBytes)

function putPlace(kind: number, { node, number, key, bytes }: BlobPlace, at: number): number {
  wire[at] = form.elsewhere
  wire[at + 1] = kind
  wire.writeUInt32LE(node, at + 2)
  wire.writeUInt32LE(number, at + 6)
  wire.writeUInt32LE(bytes, at + 10)
  return wire.writeDoubleLE(key, at + 14)
}

/** Where the bytes of a value are; undefined: in the value itself. */
export function placeOf(value: Buffer): BlobPlace | undefined {
  if (value[0] !== form.elsewhere || value.length !== placeBytes) return undefined
  const [node, number, bytes] = [value.readUInt32LE(2), value.readUInt32LE(6), value.readUInt32LE(10)]
  return { node, number, bytes, key: value.readDoubleLE(14) }
}

/** Writes a value behind the first `at` bytes of the wire, and returns its end. */
function putValue(value: unknown, at: number, spill: Spill): number {
  const room = maxCallBytes - at - 1
  if (typeof value === 'number') {
    wire[at] = form.number
    return wire.writeDoubleLE(value, at + 1)
  }
  if (value === undefined) {
    wire[at] = form.undefined
    return at + 1
  }
  const isText = typeof value === 'string' && value.isWellFormed()
  const text = isText ? value : isJson(value) ? JSON.stringify(value) : undefined
  if (text !== undefined && text.length <= room) {
    const length = wire.write(text, at + 1)
    wire[at] = isText ? form.text : form.json
    if (length <= room) return at + 1 + length
  }
  const kind = isText ? form.text : isUint8Array(value) ? form.bytes : form.cloned
  const bytes = isText ? Buffer.from(value) : isUint8Array(value) ? value : v8().serialize(value)
  if (bytes.length > room) return putPlace(kind, spill(bytes), at)
  wire[at] = kind
  wire.set(bytes, at + 1)
  return at + 1 + bytes.length
}

/**
 * Bytes and texts cross as they are, most other values by structured clone.
 *
 * @returns valid until the next value is encoded
 */
export const encodeValue = (value: unknown, spill: Spill): Uint8Array => wire.subarray(0, putValue(value, 0, spill))

/**
 * An item of a stream, behind its length.
 *
 * @returns valid until the next value is encoded
 */
export function encodeItem(value: unknown, spill: Spill): Uint8Array {
  const end = putValue(value, lengthBytes, spill)
  wire.writeUInt32LE(end - lengthBytes, 0)
  return wire.subarray(0, end)
}

/** The value of bytes that `encodeValue` made. A Uint8Array among it is a view of these bytes. */
export function decodeValue(bytes: Buffer, load: Load): unknown {
  const place = placeOf(bytes)
  return place === undefined ? decode(bytes[0], bytes.subarray(1)) : decode(bytes[1], load(place))
}

function decode(kind: number | undefined, bytes: Buffer): unknown {
  switch (kind) {
    case form.text:
      return bytes.toString('utf8')
    case form.json:
      return JSON.parse(bytes.toString('utf8'))
    case form.number:
      return bytes.readDoubleLE(0)
    case form.undefined:
      return undefined
    case form.bytes:
      return new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.length)
    default:
      return v8().deserialize(bytes)
  }
}

/** The beginning of the requests to a method: the lengths of both names, and the names. */
export function prefixOf(service: string, method: string): Buffer {
  const [name, called] = [Buffer.from(service), Buffer.from(method)]
  return Buffer.concat([Uint8Array.of(name.length, called.length), name, called])
}

/** The most bytes that a tracer sends with a request. */
const maxTracingBytes = 512

/** Writes what a tracer sends, in front of the value, and returns its end. */
function putTracing(text: string, at: number): number {
  if (text === '' || Buffer.byteLength(text) > maxTracingBytes) return at
  wire[at] = form.traced
  const length = wire.write(text, at + 3)
  wire.writeUInt16LE(length, at + 1)
  return at + 3 + length
}

/** A request without its header, which the addon adds; valid until the next value is encoded. */
export function encodeRequest(prefix: Buffer, value: unknown, spill: Spill): Uint8Array {
  const end = putValue(value, putTracing(textForRequest(), prefix.length), spill)
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

/** Undefined: the bytes are no request. */
export function decodeRequest(payload: Uint8Array): Request | undefined {
  const header = abi.requestHeaderBytes
  if (payload.length < header + 3) return undefined
  const whole = Buffer.from(payload.buffer, payload.byteOffset, payload.length)
  const body = whole.subarray(header)
  const nameEnd = 2 + (body[0] as number)
  const methodEnd = nameEnd + (body[1] as number)
  const isTraced = body[methodEnd] === form.traced && methodEnd + 3 <= body.length
  const valueAt = isTraced ? methodEnd + 3 + body.readUInt16LE(methodEnd + 1) : methodEnd
  if (valueAt >= body.length) return undefined
  const stamp = whole.readUInt32LE(8) + whole.readUInt32LE(12) * 2 ** 32
  const { service, method } = namesIn(body, nameEnd, methodEnd)
  const flags = whole.readUInt16LE(0)
  return {
    depth: whole.readUInt16LE(2),
    wantsStream: (flags & wantsStream) !== 0,
    replyTo: (flags & wantsReply) === 0 ? undefined : { slot: whole.readUInt32LE(4), stamp },
    service,
    method,
    tracing: isTraced ? body.toString('utf8', methodEnd + 3, valueAt) : '',
    value: body.subarray(valueAt),
  }
}

/** What a handler threw, so that it can cross: name, message, code, cause and own fields. */
export function encodeFailure(thrown: unknown, spill: Spill): Uint8Array {
  const error = thrown instanceof Error ? thrown : new Error(String(thrown))
  const { name, message, cause } = error
  try {
    return encodeValue({ name, message, cause, fields: { ...error } }, spill)
  } catch {
    // A field cannot be cloned, or they are too large.
    return encodeValue({ name, message: message.slice(0, 500), cause: undefined, fields: {} }, spill)
  }
}

/** The error that a handler threw in another process. */
export class RemoteError extends Error {
  /** The code of the error that the handler threw, if it had one. */
  declare readonly code?: unknown
}

/** The error of bytes that `encodeFailure` made. */
export function decodeFailure(bytes: Buffer, load: Load): RemoteError {
  const { name, message, cause, fields } = decodeValue(bytes, load) as RemoteError & { fields: object }
  const error = new RemoteError(message, cause === undefined ? undefined : { cause })
  return Object.assign(error, fields, { name })
}
