import { isNativeError, isUint8Array } from 'node:util/types'
import type { BlobPlace } from '../core/blobs.js'
import { textForRequest } from './calltracing.js'
import { isJson } from './smalljson.js'

let loaded: typeof import('node:v8') | undefined
/** Not imported: it loads slowly. */
function v8(): typeof import('node:v8') {
  loaded ??= process.getBuiltinModule('node:v8')
  return loaded
}

/** The first byte of a value: how the others are to be read. */
export const form = { cloned: 0, bytes: 1, text: 2, number: 3, undefined: 4, elsewhere: 5, traced: 6, json: 7 }

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
 * Where requests and answers are encoded, valid until the next one: the addon copies them at once. There is room for a
 * text that fits into a slot, which takes up to 3 bytes for each of its units until it is encoded.
 */
export const wire = Buffer.allocUnsafeSlow(4 * maxCallBytes)

function putPlace(kind: number, { node, number, key, bytes }: BlobPlace, at: number): number {
  wire[at] = form.elsewhere
  wire[at + 1] = kind
  wire.writeUInt32LE(node, at + 2)
  wire.writeUInt32LE(number, at + 6)
  wire.writeUInt32LE(bytes, at + 10)
  return wire.writeDoubleLE(key, at + 14)
}

/** Where the bytes of a value are that is from `at` to `end`; undefined: in the value itself. */
export function placeOf(value: Buffer, at: number, end: number): BlobPlace | undefined {
  if (value[at] !== form.elsewhere || end - at !== placeBytes) return undefined
  const [node, number, bytes] = [value.readUInt32LE(at + 2), value.readUInt32LE(at + 6), value.readUInt32LE(at + 10)]
  return { node, number, bytes, key: value.readDoubleLE(at + 14) }
}

/** Writes a value behind the first `at` bytes of the wire, and returns its end. */
function putValue(value: unknown, at: number, spill: Spill): number {
  const room = maxCallBytes - at - 1
  if (isUint8Array(value)) return putBytes(form.bytes, value, at, spill)
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
  return isText
    ? putBytes(form.text, Buffer.from(value), at, spill)
    : putBytes(form.cloned, v8().serialize(value), at, spill)
}

/** Writes the bytes of a value, or where they are. */
function putBytes(kind: number, bytes: Uint8Array, at: number, spill: Spill): number {
  if (bytes.length > maxCallBytes - at - 1) return putPlace(kind, spill(bytes), at)
  wire[at] = kind
  wire.set(bytes, at + 1)
  return at + 1 + bytes.length
}

/**
 * Writes a value into the wire, and returns its length. Bytes and texts cross as they are, most other values by
 * structured clone.
 */
export const encodeValue = (value: unknown, spill: Spill): number => putValue(value, 0, spill)

/** Writes an item of a stream into the wire, behind its length, and returns the length of both. */
export function encodeItem(value: unknown, spill: Spill): number {
  const end = putValue(value, lengthBytes, spill)
  wire.writeUInt32LE(end - lengthBytes, 0)
  return end
}

/** The value that `encodeValue` has written, from `at` to `end`. A Uint8Array among it is a view of these bytes. */
export function decodeValue(bytes: Buffer, at: number, end: number, load: Load): unknown {
  const place = placeOf(bytes, at, end)
  if (place === undefined) return decode(bytes[at], bytes, at + 1, end)
  const loaded = load(place)
  return decode(bytes[at + 1], loaded, 0, loaded.length)
}

/** So many bytes are copied in 40 ns: V8 keeps them where it keeps small objects. A buffer of their own takes 400. */
const fewBytes = 64

/** A copy of bytes that a value is, if they are few; undefined: it is another value. */
export function fewBytesOf(bytes: Uint8Array, at: number, end: number): Uint8Array | undefined {
  const length = end - at - 1
  return length >= 0 && length <= fewBytes && bytes[at] === form.bytes ? bytes.slice(at + 1, end) : undefined
}

/** Whether a value is read without a view of its bytes, and none of them are elsewhere. */
export const isReadWhole = (kind: number | undefined): boolean =>
  kind === form.text || kind === form.json || kind === form.number || kind === form.undefined

function decode(kind: number | undefined, bytes: Buffer, at: number, end: number): unknown {
  switch (kind) {
    case form.text:
      return bytes.toString('utf8', at, end)
    case form.json:
      return JSON.parse(bytes.toString('utf8', at, end))
    case form.number:
      if (end - at !== 8) break // foreign; behind them are the bytes of another value
      return bytes.readDoubleLE(at)
    case form.undefined:
      return undefined
    case form.bytes:
      return new Uint8Array(bytes.buffer, bytes.byteOffset + at, end - at)
  }
  return v8().deserialize(bytes.subarray(at, end))
}

/** The beginning of the requests to a method: the lengths of both names, and the names. */
export function prefixOf(service: string, method: string): Buffer {
  const [name, called] = [Buffer.from(service), Buffer.from(method)]
  return Buffer.concat([Uint8Array.of(name.length, called.length), name, called])
}

/** The most bytes that a tracer sends with a request. */
const maxTracingBytes = 512

/** Writes what a tracer sends, which has this many bytes, in front of the value. */
function putTracing(text: string, length: number, at: number): void {
  wire[at] = form.traced
  wire.writeUInt16LE(length, at + 1)
  wire.write(text, at + 3)
}

/** Writes a request without its header, which the addon adds, into the wire, and returns its length. */
export function encodeRequest(prefix: Buffer, value: unknown, spill: Spill): number {
  const text = textForRequest()
  const length = text === '' ? 0 : Buffer.byteLength(text)
  const isTraced = length > 0 && length <= maxTracingBytes
  const end = putValue(value, prefix.length + (isTraced ? 3 + length : 0), spill)
  // After the value: a getter in it may make a call, which uses the wire.
  if (isTraced) putTracing(text, length, prefix.length)
  wire.set(prefix, 0)
  return end
}

/** Writes what a handler threw into the wire: name, message, code, cause and own fields. Returns the length. */
export function encodeFailure(thrown: unknown, spill: Spill): number {
  try {
    const error = isError(thrown) ? thrown : new Error(textOf(thrown))
    const { name, message, cause } = error
    return encodeValue({ name, message, cause, fields: { ...error } }, spill)
  } catch {
    // A field cannot be read or cloned, or they are too large.
    return encodeValue({ ...summaryOf(thrown), cause: undefined, fields: {} }, spill)
  }
}

/** An error of another realm is none of this one's class. */
const isError = (thrown: unknown): thrown is Error => thrown instanceof Error || isNativeError(thrown)

const mostMessage = 500

/** What a handler threw that is no error. */
function textOf(thrown: unknown): string {
  if (typeof thrown === 'string') return thrown
  const { inspect } = process.getBuiltinModule('node:util')
  return inspect(thrown, { breakLength: Number.POSITIVE_INFINITY }).slice(0, mostMessage)
}

/** What fits into a slot of anything that a handler threw. */
function summaryOf(thrown: unknown): { name: string; message: string } {
  try {
    const { name, message } = thrown as Error
    const said = typeof message === 'string' ? message : textOf(thrown)
    return { name: typeof name === 'string' ? name.slice(0, 100) : 'Error', message: said.slice(0, mostMessage) }
  } catch {
    return { name: 'Error', message: 'the handler threw a value that cannot be read' }
  }
}

/** The error that a handler threw in another process. */
export class RemoteError extends Error {
  /** The code of the error that the handler threw, if it had one. */
  declare readonly code?: unknown
}

/** The error that `encodeFailure` has written. */
export function decodeFailure(bytes: Buffer, load: Load): RemoteError {
  const { name, message, cause, fields } = decodeValue(bytes, 0, bytes.length, load) as RemoteError & { fields: object }
  const error = new RemoteError(message, cause === undefined ? undefined : { cause })
  // Not by assignment: a field of the name __proto__ would take the class from the error.
  return Object.defineProperties(error, Object.getOwnPropertyDescriptors({ ...fields, name }))
}
