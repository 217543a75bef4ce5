import { rangeError } from '../base/errors.js'
import { type Layout, type Leaf, refuse } from './leaf.js'

// Turns values into bytes and back. A layout is a tree: leaves move one value each, arrays and pods place them. Two
// codecs walk it. `generate` walks once and compiles straight-line code. `interpret` walks on each call, for processes
// that may not make code from strings. Both move values with the `put` and `get` of the leaves and refuse them with the
// same two functions, so they differ only in speed.

/** Moves values of one layout to and from a DataView. */
export interface Codec<T> {
  write(view: DataView, offset: number, value: T): void
  read(view: DataView, offset: number): T
}

/** Throws for a stored word that a JavaScript number cannot hold. */
function refuseStored(path: string, leaf: Leaf, view: DataView, at: number): never {
  const word = leaf.schema === 'i64' ? view.getBigInt64(at, true) : view.getBigUint64(at, true)
  throw rangeError('ERR_ORBIT_OUT_OF_RANGE', `stored ${path}=${word} must be ${leaf.expects}`)
}

const isObject = (value: unknown): value is Record<string, unknown> => typeof value === 'object' && value !== null
const isArrayOf = (value: unknown, length: number): value is unknown[] =>
  Array.isArray(value) && value.length === length

/** Makes a codec that walks the layout on each call. */
export function interpret<T>(layout: Layout): Codec<T> {
  return {
    write: (view, offset, value) => writeAny(layout, view, offset, value, ''),
    read: (view, offset) => readAny(layout, view, offset, '') as T,
  }
}

function writeAny(layout: Layout, view: DataView, at: number, value: unknown, path: string): void {
  if (layout.form === 'leaf') {
    if (!layout.put(view, at, value)) refuse(path, layout, value)
  } else if (layout.form === 'array') {
    if (!isArrayOf(value, layout.length)) refuse(path, layout, value)
    const { element, length } = layout
    for (let i = 0; i < length; i++) writeAny(element, view, at + i * element.byteLength, value[i], `${path}[${i}]`)
  } else {
    if (!isObject(value)) refuse(path, layout, value)
    for (const gap of layout.gaps) for (let i = 0; i < gap.byteLength; i++) view.setUint8(at + gap.offset + i, 0)
    for (const { name, offset, layout: field } of layout.fields) {
      writeAny(field, view, at + offset, value[name], path === '' ? name : `${path}.${name}`)
    }
  }
}

function readAny(layout: Layout, view: DataView, at: number, path: string): unknown {
  if (layout.form === 'leaf') return layout.get(view, at) ?? refuseStored(path, layout, view, at)
  if (layout.form === 'array') {
    const { element, length } = layout
    const values = new Array<unknown>(length)
    for (let i = 0; i < length; i++) values[i] = readAny(element, view, at + i * element.byteLength, `${path}[${i}]`)
    return values
  }
  const value: Record<string, unknown> = {}
  for (const { name, offset, layout: field } of layout.fields) {
    value[name] = readAny(field, view, at + offset, path === '' ? name : `${path}.${name}`)
  }
  return value
}

/** Above this many nodes the generated functions are too long for V8 to optimize. */
const maxGeneratedNodes = 1000

const canGenerate = (() => {
  try {
    new Function('')
    return true
  } catch {
    return false
  }
})()

/** Makes the fastest codec: generated code, unless the process may not generate code or the code is too long. */
export function compile<T>(layout: Layout): Codec<T> {
  return canGenerate && countNodes(layout) <= maxGeneratedNodes ? generate(layout) : interpret(layout)
}

function countNodes(layout: Layout, counted = 0): number {
  if (counted > maxGeneratedNodes || layout.form === 'leaf') return counted + 1
  if (layout.form === 'array') return countNodes(layout.element, counted + 1)
  return layout.fields.reduce((count, field) => countNodes(field.layout, count), counted + 1)
}

/**
 * Makes a codec by generating code for one layout. Names enter the code as JSON strings, numbers as checked integers.
 */
export function generate<T>(layout: Layout): Codec<T> {
  const source = new Source()
  const write = source.writing(layout, { base: 'offset', plus: 0 }, 'value', '')
  const read = source.reading(layout, { base: 'offset', plus: 0 }, 'value', '')
  const code = `'use strict'
${source.parts.map((_, i) => `const part${i} = parts[${i}], put${i} = part${i}.put, get${i} = part${i}.get`).join('\n')}
return {
  write(view, offset, value) {
${write}
  },
  read(view, offset) {
${read}
    return value
  },
}`
  return new Function('parts', 'refuse', 'refuseStored', code)(source.parts, refuse, refuseStored)
}

/** A place in the view: an expression plus a constant. They are separate so that constants are summed at generation. */
interface Place {
  readonly base: string
  readonly plus: number
}

const moved = (at: Place, by: number): Place => ({ base: at.base, plus: at.plus + by })
const placed = (at: Place): string => (at.plus === 0 ? at.base : `${at.base} + ${at.plus}`)

/** Writes the text of a codec. A path is an expression as well, evaluated only to refuse a value. */
class Source {
  /** The layouts to which the code refers by number. */
  readonly parts: Layout[] = []
  #names = 0

  writing(layout: Layout, at: Place, value: string, path: string): string {
    const part = this.#part(layout)
    const refusal = `refuse(${path || '""'}, part${part}, ${value})`
    if (layout.form === 'leaf') return `if (!put${part}(view, ${placed(at)}, ${value})) ${refusal}`
    if (layout.form === 'array') {
      const [i, place, item] = [this.#name('i'), this.#name('at'), this.#name('v')]
      return `if (!Array.isArray(${value}) || ${value}.length !== ${layout.length}) ${refusal}
for (let ${i} = 0; ${i} < ${layout.length}; ${i}++) {
const ${place} = ${placed(at)} + ${i} * ${layout.element.byteLength}, ${item} = ${value}[${i}]
${this.writing(layout.element, { base: place, plus: 0 }, item, indexed(path, i))}
}`
    }
    const lines = [`if (typeof ${value} !== 'object' || ${value} === null) ${refusal}`]
    for (const gap of layout.gaps) {
      for (let i = 0; i < gap.byteLength; i++) lines.push(`view.setUint8(${placed(moved(at, gap.offset + i))}, 0)`)
    }
    for (const { name, offset, layout: field } of layout.fields) {
      const item = this.#name('v')
      lines.push(`const ${item} = ${value}[${JSON.stringify(name)}]`)
      lines.push(this.writing(field, moved(at, offset), item, dotted(path, name)))
    }
    return lines.join('\n')
  }

  reading(layout: Layout, at: Place, into: string, path: string): string {
    const part = this.#part(layout)
    if (layout.form === 'leaf') {
      const stored = `refuseStored(${path || '""'}, part${part}, view, ${placed(at)})`
      return `const ${into} = get${part}(view, ${placed(at)}) ?? ${stored}`
    }
    if (layout.form === 'array') {
      const [i, place, item] = [this.#name('i'), this.#name('at'), this.#name('v')]
      return `const ${into} = new Array(${layout.length})
for (let ${i} = 0; ${i} < ${layout.length}; ${i}++) {
const ${place} = ${placed(at)} + ${i} * ${layout.element.byteLength}
${this.reading(layout.element, { base: place, plus: 0 }, item, indexed(path, i))}
${into}[${i}] = ${item}
}`
    }
    const fields = layout.fields.map((field) => ({ ...field, item: this.#name('v') }))
    const lines = fields.map((f) => this.reading(f.layout, moved(at, f.offset), f.item, dotted(path, f.name)))
    const entries = fields.map((f) => `${JSON.stringify(f.name)}: ${f.item}`)
    return `${lines.join('\n')}\nconst ${into} = { ${entries.join(', ')} }`
  }

  #part(layout: Layout): number {
    const known = this.parts.indexOf(layout)
    return known >= 0 ? known : this.parts.push(layout) - 1
  }

  #name(prefix: string): string {
    return `${prefix}${this.#names++}`
  }
}

const dotted = (path: string, name: string): string =>
  path === '' ? JSON.stringify(name) : `${path} + ${JSON.stringify(`.${name}`)}`
const indexed = (path: string, i: string): string => `${path} + "[" + ${i} + "]"`
