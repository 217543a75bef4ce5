import { isUint8Array } from 'node:util/types'
import { printable } from '../base/check.js'
import { rangeError, typeError } from '../base/errors.js'

// A layout is a tree: leaves move one value each, arrays and pods place them. marshal.ts walks the tree.

/** One value at a known offset. */
export interface Leaf {
  readonly form: 'leaf'
  readonly schema: string
  readonly byteLength: number
  readonly alignment: number
  /** What a value must be, for error messages: `a u32 (0..4294967295)`. */
  readonly expects: string
  /** The JS type, apart from its range. */
  readonly isType: (value: unknown) => boolean
  /** Writes the value if it fits; false, with nothing written, if it does not. */
  readonly put: Put
  /** Reads the value; undefined if JavaScript has no value for the stored bytes. */
  readonly get: Get
}

type Put = (view: DataView, at: number, value: unknown) => boolean
type Get = (view: DataView, at: number) => unknown

/** `length` elements back to back. */
interface ArrayLayout {
  readonly form: 'array'
  readonly schema: string
  readonly byteLength: number
  readonly alignment: number
  readonly expects: string
  readonly element: Layout
  readonly length: number
}

/** Named fields at their offsets, and the padding between and after them. */
interface PodLayout {
  readonly form: 'pod'
  readonly schema: string
  readonly byteLength: number
  readonly alignment: number
  readonly expects: string
  readonly fields: readonly { readonly name: string; readonly offset: number; readonly layout: Layout }[]
  readonly gaps: readonly { readonly offset: number; readonly byteLength: number }[]
  /** The pods of the first field, the first two, and so on. */
  readonly prefixes: readonly PodPrefix[]
}

/** The pod of the first fields of another one: the length of its schema without the closing brace, and its own. */
export interface PodPrefix {
  readonly schemaBytes: number
  readonly byteLength: number
}

export type Layout = Leaf | ArrayLayout | PodLayout

/** Makes the leaf of a machine word from its label, `kind (range)`. */
function word(label: string, byteLength: number, put: Put, get: Get): Leaf {
  const schema = label.split(' ', 1)[0] as string
  const expects = `${/^[if]/.test(schema) ? 'an' : 'a'} ${label}`
  const jsType = schema.startsWith('big') ? 'bigint' : schema === 'bool' ? 'boolean' : 'number'
  const isType = (value: unknown): boolean => typeof value === jsType
  return { form: 'leaf', schema, byteLength, alignment: byteLength, expects, isType, put, get }
}

const maxSafe = Number.MAX_SAFE_INTEGER
const isInteger = (v: number, min: number): boolean => v >= min && v <= maxSafe && Math.floor(v) === v
const done = (_written: unknown): boolean => true

/** Writes 64 bits in two halves, without a BigInt; `v >>> 0` is the low half of any safe integer, negative or not. */
function setHalves(view: DataView, at: number, v: number): void {
  const low = v >>> 0
  view.setUint32(at, low, true)
  view.setInt32(at + 4, (v - low) / 2 ** 32, true)
}

/** The words that a pod can hold, by kind, all little-endian. A float that only loses digits is rounded. */
export const wordLeaves = {
  u8: word(
    'u8 (0..255)',
    1,
    (view, at, v) => typeof v === 'number' && (v & 0xff) === v && done(view.setUint8(at, v)),
    (view, at) => view.getUint8(at),
  ),
  u16: word(
    'u16 (0..65535)',
    2,
    (view, at, v) => typeof v === 'number' && (v & 0xffff) === v && done(view.setUint16(at, v, true)),
    (view, at) => view.getUint16(at, true),
  ),
  u32: word(
    'u32 (0..4294967295)',
    4,
    (view, at, v) => typeof v === 'number' && v >>> 0 === v && done(view.setUint32(at, v, true)),
    (view, at) => view.getUint32(at, true),
  ),
  u64: word(
    `u64 in a number (0..${maxSafe})`,
    8,
    (view, at, v) => typeof v === 'number' && isInteger(v, 0) && done(setHalves(view, at, v)),
    (view, at) => safe(view.getUint32(at + 4, true) * 2 ** 32 + view.getUint32(at, true)),
  ),
  i8: word(
    'i8 (-128..127)',
    1,
    (view, at, v) => typeof v === 'number' && (v << 24) >> 24 === v && done(view.setInt8(at, v)),
    (view, at) => view.getInt8(at),
  ),
  i16: word(
    'i16 (-32768..32767)',
    2,
    (view, at, v) => typeof v === 'number' && (v << 16) >> 16 === v && done(view.setInt16(at, v, true)),
    (view, at) => view.getInt16(at, true),
  ),
  i32: word(
    'i32 (-2147483648..2147483647)',
    4,
    (view, at, v) => typeof v === 'number' && (v | 0) === v && done(view.setInt32(at, v, true)),
    (view, at) => view.getInt32(at, true),
  ),
  i64: word(
    `i64 in a number (-${maxSafe}..${maxSafe})`,
    8,
    (view, at, v) => typeof v === 'number' && isInteger(v, -maxSafe) && done(setHalves(view, at, v)),
    (view, at) => safe(view.getInt32(at + 4, true) * 2 ** 32 + view.getUint32(at, true)),
  ),
  f32: word(
    'f32 (not above 3.4028235e38, or an infinity)',
    4,
    (view, at, v) => typeof v === 'number' && !overflows(v) && done(view.setFloat32(at, v, true)),
    (view, at) => view.getFloat32(at, true),
  ),
  f64: word(
    'f64',
    8,
    (view, at, v) => typeof v === 'number' && done(view.setFloat64(at, v, true)),
    (view, at) => view.getFloat64(at, true),
  ),
  bool: word(
    'bool',
    1,
    (view, at, v) => typeof v === 'boolean' && done(view.setUint8(at, v ? 1 : 0)),
    (view, at) => view.getUint8(at) !== 0,
  ),
  bigu64: word(
    'bigu64 (0n..18446744073709551615n)',
    8,
    (view, at, v) => typeof v === 'bigint' && BigInt.asUintN(64, v) === v && done(view.setBigUint64(at, v, true)),
    (view, at) => view.getBigUint64(at, true),
  ),
  bigi64: word(
    'bigi64 (-9223372036854775808n..9223372036854775807n)',
    8,
    (view, at, v) => typeof v === 'bigint' && BigInt.asIntN(64, v) === v && done(view.setBigInt64(at, v, true)),
    (view, at) => view.getBigInt64(at, true),
  ),
} as const

function safe(v: number): number | undefined {
  return v >= -maxSafe && v <= maxSafe ? v : undefined
}

/** Whether a finite number becomes an infinity when it is stored. */
function overflows(v: number): boolean {
  return Math.abs(Math.fround(v)) === Infinity && Math.abs(v) !== Infinity
}

/** Up to this many bytes, a loop over the view is faster than making an array over it. */
const loopBytes = 32

/** Makes a leaf of exactly `length` bytes. */
export function bytesLeaf(length: number): Leaf {
  const put: Put = (view, at, v) => {
    if (!isUint8Array(v) || v.length !== length) return false
    if (length <= loopBytes) for (let i = 0; i < length; i++) view.setUint8(at + i, v[i] as number)
    else bytesAt(view, at, length).set(v)
    return true
  }
  const get: Get = (view, at) => {
    const copy = new Uint8Array(length)
    if (length <= loopBytes) for (let i = 0; i < length; i++) copy[i] = view.getUint8(at + i)
    else copy.set(bytesAt(view, at, length))
    return copy
  }
  const expects = `${length} bytes (a Uint8Array)`
  const schema = `bytes(${length})`
  return { form: 'leaf', schema, byteLength: length, alignment: 1, expects, isType: isUint8Array, put, get }
}

/** Makes a leaf of at most `length` bytes of UTF-8, padded with NUL. */
export function textLeaf(length: number): Leaf {
  const put: Put = (view, at, v) => {
    if (typeof v !== 'string' || !fits(v, length)) return false
    let end = 0
    const looped = v.length <= loopBytes ? v.length : 0
    for (; end < looped && v.charCodeAt(end) < 0x80; end++) view.setUint8(at + end, v.charCodeAt(end))
    if (end < v.length) end += bytesAt(view, at + end, length - end).write(v.slice(end))
    if (length - end > loopBytes) bytesAt(view, at + end, length - end).fill(0)
    else for (; end < length; end++) view.setUint8(at + end, 0)
    return true
  }
  const get: Get = (view, at) => {
    let end = 0
    let seen = 0
    for (; end < length && view.getUint8(at + end) !== 0; end++) seen |= view.getUint8(at + end)
    if (seen >= 0x80 || end > loopBytes) return bytesAt(view, at, end).toString()
    let ascii = ''
    for (let i = 0; i < end; i++) ascii += String.fromCharCode(view.getUint8(at + i))
    return ascii
  }
  const expects = `text of at most ${length} bytes in UTF-8 without NUL`
  const isType = (v: unknown): boolean => typeof v === 'string'
  return { form: 'leaf', schema: `text(${length})`, byteLength: length, alignment: 1, expects, isType, put, get }
}

function fits(text: string, length: number): boolean {
  if (text.length > length) return false
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i)
    if (unit === 0) return false
    if (unit >= 0x80) return !text.includes('\0') && Buffer.byteLength(text) <= length
  }
  return true
}

const bytesAt = (view: DataView, at: number, length: number): Buffer =>
  Buffer.from(view.buffer as ArrayBuffer, view.byteOffset + at, length)

/** Throws for a value that the layout cannot hold: a RangeError if only its range, length or content is wrong. */
export function refuse(path: string, layout: Layout, value: unknown): never {
  const isType = layout.form === 'leaf' ? layout.isType(value) : layout.form === 'array' && Array.isArray(value)
  const given = Array.isArray(value)
    ? `an array of ${value.length}`
    : isUint8Array(value)
      ? `${value.length} bytes`
      : printable(value)
  const message = `${path || 'value'}=${given} must be ${layout.expects}`
  throw isType ? rangeError('ERR_ORBIT_OUT_OF_RANGE', message) : typeError('ERR_ORBIT_INVALID_ARGUMENT', message)
}
