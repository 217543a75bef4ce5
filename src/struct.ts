import { Struct } from 'typed-struct'
import { printable } from './base/check.js'
import { typeError } from './base/errors.js'
import { type Layout, type Leaf, refuse } from './pod/leaf.js'
import type { Pod } from './pod/pod.js'

/** A live view over the bytes of a pod: its properties read and write the buffer. */
export type PodView<T> = { [K in keyof T & string]: unknown }

/** A class of typed-struct with the layout of a pod. */
export interface PodStruct<T> {
  /** Bytes of one value: the pod's byteLength. */
  readonly baseSize: number
  /**
   * A view over a buffer that begins at a multiple of 8.
   *
   * @param buffer `baseSize` bytes or more
   */
  new (buffer: Uint8Array): PodView<T>
  /** Where a field begins, in bytes from the start of the pod. */
  getOffsetOf(name: keyof T & string): number
}

/** What this file uses of a typed-struct class under construction: a method for each kind of field. */
type Builder = Record<string, (name: string, ...rest: unknown[]) => unknown>
type PodLayout = Extract<Layout, { form: 'pod' }>

/** A pod inside another is built once. */
const structs = new WeakMap<Layout, unknown>()

/** typed-struct's method for each kind; for an array of the kind, `Array` takes the place of `LE`. */
const methods: Record<string, string> = {
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

/**
 * Makes the typed-struct class that has the layout of a pod: `new Class(buffer)` is a live view over a buffer. In the
 * view, `u64` and `i64` are bigints, arrays of words are typed arrays (arrays of bool: a Buffer), and arrays of arrays
 * are one flat array. A view is for looking and debugging: it checks less than the pod and is slower. This is the only
 * part of the package that loads typed-struct.
 *
 * @param pod what `pod()` returned
 * @throws TypeError ERR_ORBIT_INVALID_ARGUMENT for another value, and for a field named `$raw` or `toString`, which
 *   every view has
 */
export function structOf<T>(pod: Pod<T>): PodStruct<T> {
  const layout: Layout | undefined = (pod as Pod<T> | undefined)?.layout
  if (layout?.form !== 'pod') {
    throw typeError('ERR_ORBIT_INVALID_ARGUMENT', `pod=${printable(pod)} must be what pod() returned`)
  }
  return classOf(layout) as PodStruct<T>
}

function classOf(layout: PodLayout): unknown {
  const known = structs.get(layout)
  if (known !== undefined) return known
  const builder = new Struct('Pod')
  let end = 0
  const skipTo = (offset: number): void => {
    if (offset > end) builder.seek(offset - end)
  }
  for (const { name, offset, layout: field } of layout.fields) {
    if (name === '$raw' || name === 'toString') {
      throw typeError(
        'ERR_ORBIT_INVALID_ARGUMENT',
        `field=${printable(name)} must have another name: every view has this one`,
      )
    }
    skipTo(offset)
    add(builder as unknown as Builder, name, field)
    end = offset + field.byteLength
  }
  skipTo(layout.byteLength)
  const made = builder.compile()
  structs.set(layout, made)
  return made
}

function add(builder: Builder, name: string, layout: Layout, count = 0): void {
  if (layout.form === 'array') add(builder, name, layout.element, layout.length * (count || 1))
  else if (layout.form === 'pod') addPod(builder, name, layout, count)
  else if (layout.schema in methods) addWord(builder, name, layout, count)
  else if (layout.schema.startsWith('bytes')) builder['Buffer']?.(name, layout.byteLength * (count || 1))
  else addText(builder, name, layout, count)
}

function addPod(builder: Builder, name: string, layout: PodLayout, count: number): void {
  if (count === 0) builder['Struct']?.(name, classOf(layout))
  else builder['StructArray']?.(name, classOf(layout), count)
}

function addWord(builder: Builder, name: string, leaf: Leaf, count: number): void {
  const method = count > 0 && leaf.schema === 'bool' ? 'UInt8' : (methods[leaf.schema] as string)
  if (count === 0) builder[method]?.(name)
  else builder[`${method.replace('LE', '')}Array`]?.(name, count)
}

/** Text by the pod's own leaf: typed-struct reads strings only some ticks after its import, and with other packages. */
function addText(builder: Builder, name: string, leaf: Leaf, count: number): void {
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
