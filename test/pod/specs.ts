import { array, bytes, type PodFields, type PodType, pod, text } from '../../src/pod/pod.js'

// The layout of a pod by C's rules, implemented a second time and differently from src/pod/pod.ts.

export type Word =
  | 'u8'
  | 'u16'
  | 'u32'
  | 'u64'
  | 'i8'
  | 'i16'
  | 'i32'
  | 'i64'
  | 'f32'
  | 'f64'
  | 'bool'
  | 'bigu64'
  | 'bigi64'
export type Spec =
  | { is: 'word'; kind: Word }
  | { is: 'bytes'; length: number }
  | { is: 'text'; length: number }
  | { is: 'array'; of: Spec; length: number }
  | { is: 'pod'; fields: [string, Spec][] }
// biome-ignore lint/suspicious/noExplicitAny: the spec of the value is known at run time only.
export type Any = any
export type PodSpec = Extract<Spec, { is: 'pod' }>

const wordBytes: Record<Word, number> = {
  u8: 1,
  u16: 2,
  u32: 4,
  u64: 8,
  i8: 1,
  i16: 2,
  i32: 4,
  i64: 8,
  f32: 4,
  f64: 8,
  bool: 1,
  bigu64: 8,
  bigi64: 8,
}
const words = Object.keys(wordBytes) as Word[]

/** The results of C's sizeof, _Alignof and offsetof. */
export function measure(spec: Spec): { size: number; align: number; offsets: number[] } {
  if (spec.is === 'word') return { size: wordBytes[spec.kind], align: wordBytes[spec.kind], offsets: [] }
  if (spec.is === 'array') {
    const { size, align } = measure(spec.of)
    return { size: size * spec.length, align, offsets: [] }
  }
  if (spec.is !== 'pod') return { size: spec.length, align: 1, offsets: [] }
  let end = 0
  let largest = 1
  const offsets = spec.fields.map(([, field]) => {
    const { size, align } = measure(field)
    while (end % align !== 0) end++
    end += size
    largest = Math.max(largest, align)
    return end - size
  })
  while (end % largest !== 0) end++
  return { size: end, align: largest, offsets }
}

/** The expected bytes of a value, written over a buffer of zeroes. */
function store(spec: Spec, value: Any, to: Buffer, at: number): void {
  if (spec.is === 'bytes') to.set(value, at)
  else if (spec.is === 'text') to.write(value, at, 'utf8')
  else if (spec.is === 'array') {
    for (let i = 0; i < spec.length; i++) store(spec.of, value[i], to, at + i * measure(spec.of).size)
  } else if (spec.is === 'pod') {
    const { offsets } = measure(spec)
    for (const [i, [name, field]] of spec.fields.entries()) store(field, value[name], to, at + (offsets[i] as number))
  } else {
    const writers: Record<Word, () => number> = {
      u8: () => to.writeUInt8(value, at),
      u16: () => to.writeUInt16LE(value, at),
      u32: () => to.writeUInt32LE(value, at),
      u64: () => to.writeBigUInt64LE(BigInt(value), at),
      i8: () => to.writeInt8(value, at),
      i16: () => to.writeInt16LE(value, at),
      i32: () => to.writeInt32LE(value, at),
      i64: () => to.writeBigInt64LE(BigInt(value), at),
      f32: () => to.writeFloatLE(value, at),
      f64: () => to.writeDoubleLE(value, at),
      bool: () => to.writeUInt8(value ? 1 : 0, at),
      bigu64: () => to.writeBigUInt64LE(value, at),
      bigi64: () => to.writeBigInt64LE(value, at),
    }
    writers[spec.kind]()
  }
}

export function expectedBytes(spec: PodSpec, value: unknown): Buffer {
  const expected = Buffer.alloc(measure(spec).size)
  store(spec, value, expected, 0)
  return expected
}

/** The fields as pod() takes them. */
function typeOf(spec: Spec): PodType {
  if (spec.is === 'word') return spec.kind
  if (spec.is === 'bytes') return bytes(spec.length)
  if (spec.is === 'text') return text(spec.length)
  return spec.is === 'array' ? array(typeOf(spec.of), spec.length) : pod(fieldsOf(spec))
}

export function fieldsOf(spec: PodSpec): PodFields {
  return Object.fromEntries(spec.fields.map(([name, field]) => [name, typeOf(field)]))
}

export function sourceOf(spec: Spec): string {
  if (spec.is === 'word') return `'${spec.kind}'`
  if (spec.is === 'array') return `array(${sourceOf(spec.of)}, ${spec.length})`
  if (spec.is !== 'pod') return `${spec.is}(${spec.length})`
  return `pod({ ${spec.fields.map(([name, field]) => `${JSON.stringify(name)}: ${sourceOf(field)}`).join(', ')} })`
}

/** Random specs and values of them: the same seed gives the same sequence. */
export class Random {
  #state: number

  constructor(seed: number) {
    this.#state = seed
  }

  next(): number {
    this.#state = (this.#state + 0x6d2b79f5) | 0
    let t = Math.imul(this.#state ^ (this.#state >>> 15), 1 | this.#state)
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32
  }

  below(n: number): number {
    return Math.floor(this.next() * n)
  }

  pick<T>(items: readonly T[]): T {
    return items[this.below(items.length)] as T
  }

  spec(depth: number): Spec {
    const dice = this.below(10)
    if (dice < 6) return { is: 'word', kind: this.pick(words) }
    if (dice === 6) return { is: 'bytes', length: this.pick([1, 3, 8, 16, 33, 100]) }
    if (dice === 7) return { is: 'text', length: this.pick([1, 5, 8, 32, 33, 90]) }
    if (depth === 0) return { is: 'word', kind: this.pick(words) }
    return dice === 8 ? { is: 'array', of: this.spec(depth - 1), length: 1 + this.below(5) } : this.podSpec(depth - 1)
  }

  podSpec(depth: number): PodSpec {
    const names = ['a', 'b', 'c d', 'e"f', "g'h", 'offset', 'view', 'value', 'constructor', 'ü', 'length'] as const
    const used = names.filter(() => this.next() < 0.5)
    return { is: 'pod', fields: (used.length > 0 ? used : ['only']).map((name) => [name, this.spec(depth)]) }
  }

  bigint(bits: number): bigint {
    let value = 0n
    for (let i = 0; i < bits; i += 32) value = (value << 32n) | BigInt(this.below(2 ** 32))
    return BigInt.asUintN(this.pick([bits, bits, 1 + this.below(bits)]), value)
  }

  value(spec: Spec): Any {
    if (spec.is === 'bytes') return Uint8Array.from({ length: spec.length }, () => this.below(256))
    if (spec.is === 'text') return this.text(spec.length)
    if (spec.is === 'array') return Array.from({ length: spec.length }, () => this.value(spec.of))
    if (spec.is === 'pod') return Object.fromEntries(spec.fields.map(([name, field]) => [name, this.value(field)]))
    const { kind } = spec
    if (kind === 'bool') return this.next() < 0.5
    const bits = wordBytes[kind] * 8
    if (kind === 'bigu64') return this.pick([0n, 2n ** 64n - 1n, this.bigint(64)])
    if (kind === 'bigi64') return this.pick([-(2n ** 63n), 2n ** 63n - 1n, BigInt.asIntN(64, this.bigint(64))])
    const anyFloat = (this.next() - 0.5) * 10 ** this.pick([-30, 0, 30])
    if (kind === 'f32') return Math.fround(this.pick([0, -0, Number.NaN, -Infinity, anyFloat]))
    if (kind === 'f64') return this.pick([0, -0, Number.NaN, Infinity, Number.MIN_VALUE, Number.MAX_VALUE, anyFloat])
    const max = Number.MAX_SAFE_INTEGER
    if (kind === 'u64') return this.pick([0, max, 2 ** 32, 2 ** 32 - 1, Number(this.bigint(53))])
    if (kind === 'i64') return this.pick([-max, max, -1, -(2 ** 32), -(2 ** 31), Number(this.bigint(53)) * -1 + 0, 0])
    const span = 2 ** bits
    const low = kind[0] === 'i' ? -span / 2 : 0
    return this.pick([low, low + span - 1, low + this.below(span)])
  }

  text(length: number): string {
    const letters = this.next() < 0.5 ? ['a', 'b', '~', '\x01'] : ['a', 'é', '€', '𝄞', '\ufeff', '\x7f']
    let result = ''
    for (let i = this.below(length + 1); i > 0; i--) {
      const longer = result + this.pick(letters)
      if (Buffer.byteLength(longer) <= length) result = longer
    }
    return result
  }
}
