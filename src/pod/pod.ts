import { Struct, type StructConstructor } from 'typed-struct'
import { checkInteger, shown } from '../base/check.js'
import { rangeError, typeError } from '../base/errors.js'
import { bytesLeaf, type Layout, type Leaf, refuse, textLeaf, wordLeaves } from './leaf.js'
import { type Codec, compile } from './marshal.js'

/** The largest pod: a ring's largest payload. */
const maxByteLength = 2 ** 24

/** What each kind of word is in JS. */
interface PodWords {
  u8: number
  u16: number
  u32: number
  u64: number
  i8: number
  i16: number
  i32: number
  i64: number
  f32: number
  f64: number
  bool: boolean
  bigu64: bigint
  bigi64: bigint
}

/** The kinds that need no length. `u64` and `i64` are safe integers in JS numbers, `bigu64` and `bigi64` are bigints. */
export type PodKind = keyof PodWords

/** What may stand for a field or an array's element: a kind's name, or what bytes, text, array and pod return. */
// biome-ignore lint/suspicious/noExplicitAny: any element, whatever its values are.
export type PodType = PodKind | PodElement<any>

/** The argument of `pod`: names and types in the order of their bytes. */
export type PodFields = { readonly [name: string]: PodType }

/** The values of one PodType. */
export type PodTypeValue<E> = E extends PodKind ? PodWords[E] : E extends PodElement<infer T> ? T : never

/** The values of a pod with these fields, or of a layout: `PodValue<typeof layout>`. */
// biome-ignore lint/suspicious/noExplicitAny: any layout, whatever its values are.
export type PodValue<F extends PodFields | PodElement<any>> =
  F extends PodElement<infer T> ? T : { -readonly [K in keyof F]: PodTypeValue<F[K]> }

/** A type that needed an argument, for use in `pod` and `array`. Made by `bytes`, `text`, `array` and `pod` only. */
export class PodElement<T> {
  /** Only for the compiler. */
  declare readonly valueType: T
  /** @internal */
  readonly layout: Layout

  /** @internal */
  constructor(layout: Layout) {
    this.layout = layout
  }

  /** Bytes of one value, as C's sizeof. */
  get byteLength(): number {
    return this.layout.byteLength
  }

  /** The canonical text of the layout: names, kinds, lengths and order. Equal texts, equal bytes. */
  get schema(): string {
    return this.layout.schema
  }
}

/**
 * A field of exactly `length` bytes. Its value is a Uint8Array: another length is refused, and what is read is a copy.
 *
 * @param length 1..2^24
 * @throws TypeError ERR_ORBIT_INVALID_ARGUMENT, RangeError ERR_ORBIT_OUT_OF_RANGE
 */
export function bytes(length: number): PodElement<Uint8Array> {
  checkInteger('length', length, 1, maxByteLength)
  return new PodElement(bytesLeaf(length))
}

/**
 * A field of text, at most `byteLength` bytes in UTF-8 and padded with NUL: a C `char[byteLength]` that may lack its
 * final NUL. Longer text and text with a NUL are refused. Lone surrogates are stored, and bytes that are not UTF-8 are
 * read, as U+FFFD.
 *
 * @param byteLength 1..2^24
 * @throws TypeError ERR_ORBIT_INVALID_ARGUMENT, RangeError ERR_ORBIT_OUT_OF_RANGE
 */
export function text(byteLength: number): PodElement<string> {
  checkInteger('byteLength', byteLength, 1, maxByteLength)
  return new PodElement(textLeaf(byteLength))
}

/**
 * A field of exactly `length` elements. Its value is an array: another length is refused.
 *
 * @param element a kind's name, or what `bytes`, `text`, `array` or `pod` returned
 * @param length 1..2^24
 * @throws TypeError ERR_ORBIT_INVALID_ARGUMENT, RangeError ERR_ORBIT_OUT_OF_RANGE
 */
export function array<E extends PodType>(element: E, length: number): PodElement<PodTypeValue<E>[]> {
  checkInteger('length', length, 1, maxByteLength)
  const layout = layoutOf('element', element)
  const byteLength = layout.byteLength * length
  checkInteger('byteLength', byteLength, 1, maxByteLength)
  const schema = `${layout.schema}[${length}]`
  const expects = `an array of ${length}`
  return new PodElement({
    form: 'array',
    schema,
    byteLength,
    alignment: layout.alignment,
    expects,
    element: layout,
    length,
  })
}

/**
 * A fixed layout of named fields, the same as a C compiler's for the same struct (each field at its natural alignment,
 * the whole rounded up to the largest), little-endian, with its padding always zero. Immutable. Made by `pod`.
 *
 * Values are checked when they are written: a missing field or a wrong JS type is a TypeError, a number out of range or
 * not an integer, and a wrong length, a RangeError; the message has the field's path and the value. Properties that are
 * no field are ignored: looking for them would cost more than writing. After a throw the target's bytes are unspecified.
 */
export class Pod<T> extends PodElement<T> {
  /** A hash of `schema` (64-bit FNV-1a of its UTF-8) by which two processes know that they mean the same; never 0n. */
  readonly fingerprint: bigint

  /**
   * The `typed-struct` class of this layout, which computed its offsets: `new Struct(buffer)` is a live view over a
   * Buffer that begins at a multiple of 8. There `u64` and `i64` are bigints, arrays of words are typed arrays (of bool:
   * a Uint8Array), and arrays of arrays are one flat array. For looking and debugging; it checks less and is slower.
   */
  readonly Struct: StructConstructor<{ readonly [K in keyof T & string]: unknown }, 'Pod'>

  /**
   * Writes a value at an offset of a view.
   *
   * @throws TypeError ERR_ORBIT_INVALID_ARGUMENT, RangeError ERR_ORBIT_OUT_OF_RANGE; RangeError of the view's own where
   *   a byte of the value would not lie within it
   */
  readonly write: (view: DataView, offset: number, value: T) => void

  /**
   * Reads the value at an offset of a view.
   *
   * @throws RangeError ERR_ORBIT_OUT_OF_RANGE for a stored `u64` or `i64` that is no safe integer; RangeError of the
   *   view's own where a field does not lie within it
   */
  readonly read: (view: DataView, offset: number) => T

  private constructor(layout: Layout, View: unknown, codec: Codec<T>) {
    super(layout)
    this.fingerprint = fnv1a(layout.schema) || 1n
    this.Struct = View as typeof this.Struct
    this.write = codec.write
    this.read = codec.read
  }

  /**
   * The bytes of a value.
   *
   * @param target where to put them, from its start: `byteLength` bytes or more; default a new array
   * @returns exactly `byteLength` bytes: `target`, or its beginning
   * @throws TypeError ERR_ORBIT_INVALID_ARGUMENT, RangeError ERR_ORBIT_OUT_OF_RANGE
   */
  encode(value: T, target: Uint8Array = new Uint8Array(this.byteLength)): Uint8Array {
    const { byteLength } = this
    const view = viewOf('target', target)
    if (target.length < byteLength) {
      throw rangeError('ERR_ORBIT_OUT_OF_RANGE', `target.length=${target.length} is below byteLength=${byteLength}`)
    }
    this.write(view, 0, value)
    return target.length === byteLength ? target : target.subarray(0, byteLength)
  }

  /**
   * The value in these bytes; it shares no memory with them.
   *
   * @param bytes exactly `byteLength`
   * @throws TypeError ERR_ORBIT_INVALID_ARGUMENT, RangeError ERR_ORBIT_OUT_OF_RANGE
   */
  decode(bytes: Uint8Array): T {
    const view = viewOf('bytes', bytes)
    if (bytes.length !== this.byteLength) {
      throw rangeError('ERR_ORBIT_OUT_OF_RANGE', `bytes.length=${bytes.length} is not byteLength=${this.byteLength}`)
    }
    return this.read(view, 0)
  }

  /** @internal `pod`, with a codec of the test's choice. */
  static define<F extends PodFields>(fields: F, codecOf: (layout: Layout) => Codec<PodValue<F>> = compile) {
    const [layout, View] = layoutOfFields(fields)
    const defined = new Pod<PodValue<F>>(layout, View, codecOf(layout))
    structs.set(layout, View)
    return defined
  }
}

/**
 * Lays out named fields like a C struct and makes the code that moves their values.
 *
 * @param fields 1 or more, in the order of their bytes. A value is a kind's name (`'u8' 'u16' 'u32' 'u64' 'i8' 'i16'
 *   'i32' 'i64' 'f32' 'f64' 'bool' 'bigu64' 'bigi64'`), `bytes(n)`, `text(n)`, `array(element, n)` or another pod. A
 *   name is any string but the empty one, `__proto__`, `$raw` and `toString` (the view's own), and decimal integers
 *   (which JS would move to the front).
 * @returns a layout of at most 2^24 bytes, whose TypeScript type follows from `fields`
 * @throws TypeError ERR_ORBIT_INVALID_ARGUMENT, RangeError ERR_ORBIT_OUT_OF_RANGE
 */
export function pod<F extends PodFields>(fields: F): Pod<PodValue<F>> {
  return Pod.define(fields)
}

function viewOf(name: string, bytes: Uint8Array): DataView {
  if (!(bytes instanceof Uint8Array)) {
    throw typeError('ERR_ORBIT_INVALID_ARGUMENT', `${name}=${shown(bytes)} is not a Uint8Array`)
  }
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
}

function layoutOf(name: string, type: PodType): Layout {
  if (type instanceof PodElement) return type.layout
  if (typeof type === 'string' && Object.hasOwn(wordLeaves, type)) return wordLeaves[type]
  throw typeError('ERR_ORBIT_INVALID_ARGUMENT', `${name}=${shown(type)} is not a pod's field type`)
}

const fieldNames = (fields: PodFields): string[] => {
  if (typeof fields !== 'object' || fields === null) {
    throw typeError('ERR_ORBIT_INVALID_ARGUMENT', `fields=${shown(fields)} is not an object`)
  }
  const names = Reflect.ownKeys(fields)
  if (names.length === 0) throw typeError('ERR_ORBIT_INVALID_ARGUMENT', 'fields={} has no field')
  return names.map((name) => {
    if (typeof name === 'string' && !/^(|0|[1-9]\d*|__proto__|\$raw|toString)$/.test(name)) return name
    throw typeError('ERR_ORBIT_INVALID_ARGUMENT', `field=${shown(name)} cannot be a field's name`)
  })
}

/** Computes a pod's layout. The offsets are typed-struct's; the padding between fields is ours to give. */
function layoutOfFields(fields: PodFields): [Layout, StructView] {
  const builder = new Struct('Pod')
  const gaps: { offset: number; byteLength: number }[] = []
  let alignment = 1
  const align = (to: number): void => {
    const offset = builder.getSize()
    const byteLength = (to - (offset % to)) % to
    if (byteLength > 0) gaps.push({ offset, byteLength })
    if (byteLength > 0) builder.seek(byteLength)
    if (builder.getSize() > maxByteLength) {
      throw rangeError('ERR_ORBIT_OUT_OF_RANGE', `byteLength=${builder.getSize()} is above ${maxByteLength}`)
    }
  }
  const named = fieldNames(fields).map((name) => {
    const layout = layoutOf(name, fields[name] as PodType)
    alignment = Math.max(alignment, layout.alignment)
    align(layout.alignment)
    addToStruct(builder as unknown as StructBuilder, name, layout)
    return { name, layout }
  })
  align(alignment)
  const View = builder.compile() as unknown as StructView
  const placed = named.map(({ name, layout }) => ({ name, layout, offset: View.getOffsetOf(name) }))
  const schema = `{${named.map(({ name, layout }) => `${JSON.stringify(name)}:${layout.schema}`).join(',')}}`
  const byteLength = View.baseSize
  return [{ form: 'pod', schema, byteLength, alignment, expects: 'an object', fields: placed, gaps }, View]
}

type StructView = StructConstructor<Record<string, unknown>, string>
type StructBuilder = Record<string, (name: string, ...rest: unknown[]) => unknown>

/** The view of each pod's layout, for the pods that hold it. */
const structs = new WeakMap<Layout, StructView>()

/** typed-struct's method for each kind; the one for an array of it has `Array` in place of `LE`. */
const structMethods: Record<string, string> = {
  u8: 'UInt8',
  u16: 'UInt16LE',
  u32: 'UInt32LE',
  u64: 'BigUInt64LE',
  i8: 'Int8',
  i16: 'Int16LE',
  i32: 'Int32LE',
  i64: 'BigInt64LE',
  f32: 'Float32LE',
  f64: 'Float64LE',
  bool: 'Boolean8',
  bigu64: 'BigUInt64LE',
  bigi64: 'BigInt64LE',
}

function addToStruct(builder: StructBuilder, name: string, layout: Layout, count = 0): void {
  if (layout.form === 'array') {
    addToStruct(builder, name, layout.element, layout.length * (count || 1))
  } else if (layout.form === 'pod') {
    if (count === 0) builder['Struct']?.(name, structs.get(layout))
    else builder['StructArray']?.(name, structs.get(layout), count)
  } else if (layout.schema in structMethods) {
    const method = count > 0 && layout === wordLeaves.bool ? 'UInt8' : (structMethods[layout.schema] as string)
    if (count === 0) builder[method]?.(name)
    else builder[`${method.replace('LE', '')}Array`]?.(name, count)
  } else if (layout.schema.startsWith('bytes')) {
    builder['Buffer']?.(name, layout.byteLength * (count || 1))
  } else addTextToStruct(builder, name, layout, count)
}

/** Text by our own leaf: typed-struct's strings work only some ticks after its import, and by what else is installed. */
function addTextToStruct(builder: StructBuilder, name: string, leaf: Leaf, count: number): void {
  const view = (buffer: Buffer) => new DataView(buffer.buffer, buffer.byteOffset, buffer.byteLength)
  const item = (buffer: Buffer, i: number) => leaf.get(view(buffer), i * leaf.byteLength)
  if (count > 0) {
    const items = (_: string, buffer: Buffer) => Array.from({ length: count }, (_item, i) => item(buffer, i))
    builder['Custom']?.(name, leaf.byteLength * count, items)
  } else {
    const put = (_: string, buffer: Buffer, value: unknown) =>
      leaf.put(view(buffer), 0, value) || refuse(name, leaf, value)
    builder['Custom']?.(name, leaf.byteLength, (_: string, buffer: Buffer) => item(buffer, 0), put)
  }
}

function fnv1a(text: string): bigint {
  let hash = 0xcbf29ce484222325n
  for (const byte of Buffer.from(text)) hash = BigInt.asUintN(64, (hash ^ BigInt(byte)) * 0x100000001b3n)
  return hash
}
