import { isUint8Array } from 'node:util/types'
import { checkInteger, checkOptions, outOfRange, printable, wrongType } from '../base/check.js'
import { rangeError, typeError } from '../base/errors.js'
import { Interned } from '../base/interned.js'
import { bytesLeaf, type Layout, type PodPrefix, textLeaf, wordLeaves } from './leaf.js'
import { type Codec, compile } from './marshal.js'

/** The largest pod has the size of the largest payload of a ring. */
const maxByteLength = 2 ** 24

/** The JavaScript type of each kind of word. */
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

/** The kinds without a length. `u64` and `i64` are safe integers in numbers, `bigu64` and `bigi64` are bigints. */
export type PodKind = keyof PodWords

/** The type of a field or of an array element: the name of a kind, or what bytes, text, array or pod return. */
// biome-ignore lint/suspicious/noExplicitAny: any element, of any value type.
export type PodType = PodKind | PodElement<any>

/** The argument of `pod`: field names and types, in the order of their bytes. */
export type PodFields = { readonly [name: string]: PodType }

/** The value type of one PodType. */
export type PodTypeValue<E> = E extends PodKind ? PodWords[E] : E extends PodElement<infer T> ? T : never

/** The value type of a pod with these fields, or of a pod: `PodValue<typeof load>`. */
// biome-ignore lint/suspicious/noExplicitAny: any pod, of any value type.
export type PodValue<F extends PodFields | PodElement<any>> =
  F extends PodElement<infer T> ? T : { -readonly [K in keyof F]: PodTypeValue<F[K]> }

/** A type for use in `pod` and `array`, made by `bytes`, `text`, `array` or `pod`. */
export class PodElement<T> {
  /** Exists only for the type checker. */
  declare readonly valueType: T
  /** @internal */
  readonly layout: Layout

  /** @internal */
  constructor(layout: Layout) {
    this.layout = layout
  }

  /** Bytes of one value, as sizeof in C. */
  get byteLength(): number {
    return this.layout.byteLength
  }

  /** The canonical text of the layout: names, kinds, lengths and order. Equal texts mean equal bytes. */
  get schema(): string {
    return this.layout.schema
  }
}

/**
 * Makes a field of exactly `length` bytes. Its value is a Uint8Array of that length; reading returns a copy.
 *
 * @param length 1..2^24
 * @throws TypeError ERR_ORBIT_INVALID_ARGUMENT, RangeError ERR_ORBIT_OUT_OF_RANGE
 */
export function bytes(length: number): PodElement<Uint8Array> {
  checkInteger('length', length, 1, maxByteLength)
  return new PodElement(bytesLeaf(length))
}

/**
 * Makes a field of text: at most `byteLength` bytes in UTF-8, padded with NUL, as a C `char[byteLength]` that may lack
 * its final NUL. Longer text and text with a NUL throw. Lone surrogates are stored as U+FFFD, and bytes that are not
 * UTF-8 are read as U+FFFD.
 *
 * @param byteLength 1..2^24
 * @throws TypeError ERR_ORBIT_INVALID_ARGUMENT, RangeError ERR_ORBIT_OUT_OF_RANGE
 */
export function text(byteLength: number): PodElement<string> {
  checkInteger('byteLength', byteLength, 1, maxByteLength)
  return new PodElement(textLeaf(byteLength))
}

/**
 * Makes a field of exactly `length` elements. Its value is an array of that length.
 *
 * @param element the name of a kind, or what `bytes`, `text`, `array` or `pod` returned
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

/** Options of `pod`: room for fields that are added later. */
export interface PodOptions {
  /**
   * How many bytes the frames of a new ring have beyond this pod, 0..2^24; default 0. A later release can append fields
   * that fit into them while this one runs. It does not change the bytes of a value, nor the schema.
   */
  reserve?: number
}

/**
 * A fixed layout of named fields, made by `pod`. It is the layout of the same struct in C: each field at its natural
 * alignment, the whole rounded up to the largest alignment, little-endian; padding is always zero. Immutable.
 *
 * Values are checked when they are written. A missing field or a wrong JavaScript type throws a TypeError. A number
 * that is out of range or not an integer, and a wrong length, throw a RangeError. The message names the path of the
 * field and the value. Properties that are no field are ignored: finding them costs more than writing. After an error,
 * the bytes of the target are unspecified.
 *
 * Releases with different pods can share a ring if one pod has the fields of the other and more behind them. Bytes of
 * the shorter pod are decoded by the longer one with zero, false, "" and empty bytes in the fields that they lack; the
 * shorter pod ignores the fields that it does not know.
 */
export class Pod<T> extends PodElement<T> {
  /** A hash of `schema` (64-bit FNV-1a of its UTF-8), by which processes compare their pods; never 0n. */
  readonly fingerprint: bigint

  /**
   * Writes a value at an offset of a view.
   *
   * @throws TypeError ERR_ORBIT_INVALID_ARGUMENT, RangeError ERR_ORBIT_OUT_OF_RANGE; a RangeError of the view if the
   *   value does not fit into it
   */
  readonly write: (view: DataView, offset: number, value: T) => void

  /**
   * Reads the value at an offset of a view.
   *
   * @throws RangeError ERR_ORBIT_OUT_OF_RANGE for a stored `u64` or `i64` that is no safe integer; a RangeError of the
   *   view if a field is not within it
   */
  readonly read: (view: DataView, offset: number) => T

  /** How many bytes the frames of a new ring have beyond `byteLength`, for fields that are added later. */
  readonly reserve: number

  /** The pods of its first field, its first two, and so on; the last one is this pod. @internal */
  readonly prefixes: readonly PodPrefix[]

  private constructor(layout: PodLayout, codec: Codec<T>, reserve: number) {
    super(layout)
    this.prefixes = layout.prefixes
    this.reserve = reserve
    this.fingerprint = fnv1a(layout.schema) || 1n
    this.write = codec.write
    this.read = codec.read
  }

  /**
   * Encodes a value.
   *
   * @param target where to put the bytes, from its start: `byteLength` bytes or more; default a new array
   * @returns exactly `byteLength` bytes: `target`, or its beginning
   * @throws TypeError ERR_ORBIT_INVALID_ARGUMENT, RangeError ERR_ORBIT_OUT_OF_RANGE
   */
  encode(value: T, target: Uint8Array = new Uint8Array(this.byteLength)): Uint8Array {
    const { byteLength } = this
    const view = viewOf('target', target)
    if (target.length < byteLength) {
      throw outOfRange('target.length', target.length, `at least byteLength=${byteLength}`)
    }
    this.write(view, 0, value)
    return target.length === byteLength ? target : target.subarray(0, byteLength)
  }

  /**
   * Decodes a value, which shares no memory with the bytes.
   *
   * @param bytes `byteLength` bytes; fewer if they are of a pod with the first fields of this one: the others are then
   *   zero; more if they are of a pod with added fields, which are ignored
   * @throws TypeError ERR_ORBIT_INVALID_ARGUMENT, RangeError ERR_ORBIT_OUT_OF_RANGE
   */
  decode(bytes: Uint8Array): T {
    const view = viewOf('bytes', bytes)
    const { byteLength } = this
    if (!this.accepts(bytes.length)) {
      const others = 'or that of a pod with its first fields, or with fields added behind its last one'
      throw outOfRange('bytes.length', bytes.length, `byteLength=${byteLength}, ${others}`)
    }
    if (bytes.length >= byteLength) return this.read(view, 0)
    const whole = new Uint8Array(byteLength)
    whole.set(bytes)
    return this.read(new DataView(whole.buffer), 0)
  }

  /** Whether bytes of this length can be of this pod, of its first fields, or of a longer pod. @internal */
  accepts(length: number): boolean {
    if (length >= this.byteLength) return length % this.layout.alignment === 0
    return this.prefixes.some(({ byteLength }) => byteLength === length)
  }

  /** Whether a fingerprint is that of this pod, or of a pod with its first fields. @internal */
  beginsWith(fingerprint: bigint): boolean {
    const bytes = Buffer.from(this.schema)
    const brace = bytes.subarray(-1)
    let hash = fnv1a('')
    let from = 0
    return this.prefixes.some(({ schemaBytes }) => {
      hash = hashOn(hash, bytes.subarray(from, schemaBytes))
      from = schemaBytes
      return (hashOn(hash, brace) || 1n) === fingerprint
    })
  }

  /** Makes a pod, or returns the one with the same layout and reserve. @internal */
  static of<F extends PodFields>(fields: F, { reserve = 0 }: PodOptions): Pod<PodValue<F>> {
    const layout = layoutOfFields(fields)
    checkInteger('reserve', reserve, 0, maxByteLength - layout.byteLength)
    const made = pods.get(`${reserve} ${layout.schema}`, () => new Pod<unknown>(layout, compile(layout), reserve))
    return made as Pod<PodValue<F>>
  }

  /** Makes a pod with another codec, for text from shared memory and for tests. @internal */
  static define<F extends PodFields>(fields: F, codecOf: (layout: Layout) => Codec<PodValue<F>>) {
    const layout = layoutOfFields(fields)
    return new Pod<PodValue<F>>(layout, codecOf(layout), 0)
  }
}

/**
 * Lays out named fields like a C struct and makes the code that moves their values. Equal fields and options give the
 * same pod.
 *
 * @param fields 1 or more, in the order of their bytes. A value is the name of a kind (`'u8' 'u16' 'u32' 'u64' 'i8'
 *   'i16' 'i32' 'i64' 'f32' 'f64' 'bool' 'bigu64' 'bigi64'`), `bytes(n)`, `text(n)`, `array(element, n)` or another
 *   pod. A name is any string but the empty one, `__proto__` and decimal integers (which JavaScript moves to the
 *   front).
 * @param options.reserve how many bytes later releases may append in fields, 0..2^24; default 0. It matters for the
 *   rings of types with this pod, not for a pod that is a field
 * @returns a pod of at most 2^24 bytes; its TypeScript type follows from `fields`
 * @throws TypeError ERR_ORBIT_INVALID_ARGUMENT, RangeError ERR_ORBIT_OUT_OF_RANGE
 */
export function pod<F extends PodFields>(fields: F, options: PodOptions = {}): Pod<PodValue<F>> {
  checkOptions('options', options, ['reserve'])
  return Pod.of(fields, options)
}

/** The pods of this thread: making the code of one costs as much as hundreds of values. */
const pods = new Interned<Pod<unknown>>()

function viewOf(name: string, bytes: Uint8Array): DataView {
  if (!isUint8Array(bytes)) throw wrongType(name, bytes, 'a Uint8Array')
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
}

function layoutOf(name: string, type: PodType): Layout {
  if (type instanceof PodElement) return type.layout
  if (typeof type === 'string' && Object.hasOwn(wordLeaves, type)) return wordLeaves[type]
  throw wrongType(name, type, 'a kind such as "u32", or what bytes, text, array or pod return')
}

const fieldNames = (fields: PodFields): string[] => {
  if (typeof fields !== 'object' || fields === null) throw wrongType('fields', fields, 'an object')
  const names = Reflect.ownKeys(fields)
  if (names.length === 0) throw typeError('ERR_ORBIT_INVALID_ARGUMENT', 'fields={} must have at least one field')
  return names.map((name) => {
    if (typeof name === 'string' && !/^(|0|[1-9]\d*|__proto__)$/.test(name)) return name
    throw typeError(
      'ERR_ORBIT_INVALID_ARGUMENT',
      `field=${printable(name)} must be a string other than "", "__proto__" and decimal integers`,
    )
  })
}

type PodLayout = Extract<Layout, { form: 'pod' }>

const roundUp = (length: number, alignment: number): number => Math.ceil(length / alignment) * alignment

/** Places each field at the next multiple of its alignment, and rounds the whole up to the largest alignment. */
function layoutOfFields(fields: PodFields): PodLayout {
  const prefixes: PodPrefix[] = []
  const texts: string[] = []
  let schemaBytes = 0
  const placed: { name: string; offset: number; layout: Layout }[] = []
  const gaps: { offset: number; byteLength: number }[] = []
  let end = 0
  let alignment = 1
  const align = (to: number): void => {
    const byteLength = (to - (end % to)) % to
    if (byteLength > 0) gaps.push({ offset: end, byteLength })
    end += byteLength
    if (end > maxByteLength) {
      throw rangeError('ERR_ORBIT_OUT_OF_RANGE', `byteLength=${end} must be at most ${maxByteLength}`)
    }
  }
  for (const name of fieldNames(fields)) {
    const layout = layoutOf(name, fields[name] as PodType)
    alignment = Math.max(alignment, layout.alignment)
    align(layout.alignment)
    placed.push({ name, offset: end, layout })
    end += layout.byteLength
    const text = `${JSON.stringify(name)}:${layout.schema}`
    texts.push(text)
    schemaBytes += 1 + Buffer.byteLength(text) // with the brace or the comma before it
    prefixes.push({ schemaBytes, byteLength: roundUp(end, alignment) })
  }
  align(alignment)
  const schema = `{${texts.join(',')}}`
  return { form: 'pod', schema, byteLength: end, alignment, expects: 'an object', fields: placed, gaps, prefixes }
}

function fnv1a(text: string): bigint {
  return hashOn(0xcbf29ce484222325n, Buffer.from(text))
}

function hashOn(hash: bigint, bytes: Uint8Array): bigint {
  for (const byte of bytes) hash = BigInt.asUintN(64, (hash ^ BigInt(byte)) * 0x100000001b3n)
  return hash
}
