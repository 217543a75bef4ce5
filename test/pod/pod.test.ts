import { execFileSync, spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { serialize } from 'node:v8'
import ts from 'typescript'
import { describe, expect, expectTypeOf, it } from 'vitest'
import { generate, interpret } from '../../src/pod/marshal.js'
import { array, bytes, Pod, type PodFields, type PodValue, pod, text } from '../../src/pod/pod.js'
import {
  type Any,
  expectedBytes,
  fieldsOf,
  measure,
  type PodSpec,
  Random,
  type Spec,
  sourceOf,
  type Word,
} from './specs.js'

/** Bad values: the field, the value and the expected message. */
const refusals: [fields: PodSpec, value: unknown, kind: 'RangeError' | 'TypeError', message: string][] = []
{
  const word = (kind: Word): PodSpec => ({ is: 'pod', fields: [['busy', { is: 'word', kind }]] })
  const range = (spec: PodSpec, busy: unknown, message: string) =>
    refusals.push([spec, { busy }, 'RangeError', message])
  const type = (spec: PodSpec, busy: unknown, message: string) => refusals.push([spec, { busy }, 'TypeError', message])
  const one = (spec: Spec): PodSpec => ({ is: 'pod', fields: [['busy', spec]] })
  range(word('u8'), 256, 'busy=256 must be a u8 (0..255)')
  range(word('u8'), -1, 'busy=-1 must be a u8 (0..255)')
  range(word('u16'), 65536, 'busy=65536 must be a u16 (0..65535)')
  range(word('u32'), -1, 'busy=-1 must be a u32 (0..4294967295)')
  range(word('u32'), 2 ** 32, 'busy=4294967296 must be a u32 (0..4294967295)')
  range(word('u32'), 1.5, 'busy=1.5 must be a u32 (0..4294967295)')
  range(word('u32'), Number.NaN, 'busy=NaN must be a u32 (0..4294967295)')
  range(word('u32'), Infinity, 'busy=Infinity must be a u32 (0..4294967295)')
  range(word('i8'), 128, 'busy=128 must be an i8 (-128..127)')
  range(word('i16'), -32769, 'busy=-32769 must be an i16 (-32768..32767)')
  range(word('i32'), 2 ** 31, 'busy=2147483648 must be an i32 (-2147483648..2147483647)')
  range(word('u64'), -1, 'busy=-1 must be a u64 in a number (0..9007199254740991)')
  range(word('u64'), 2 ** 53, 'busy=9007199254740992 must be a u64 in a number (0..9007199254740991)')
  range(word('u64'), 0.5, 'busy=0.5 must be a u64 in a number (0..9007199254740991)')
  range(word('u64'), Number.NaN, 'busy=NaN must be a u64 in a number (0..9007199254740991)')
  range(
    word('i64'),
    -(2 ** 53),
    'busy=-9007199254740992 must be an i64 in a number (-9007199254740991..9007199254740991)',
  )
  range(word('f32'), 1e39, 'busy=1e+39 must be an f32 (not above 3.4028235e38, or an infinity)')
  range(word('bigu64'), -1n, 'busy=-1n must be a bigu64 (0n..18446744073709551615n)')
  range(word('bigu64'), 2n ** 64n, 'busy=18446744073709551616n must be a bigu64 (0n..18446744073709551615n)')
  range(word('bigi64'), 2n ** 63n, `busy=9223372036854775808n must be a bigi64 (${-(2n ** 63n)}n..${2n ** 63n - 1n}n)`)
  type(word('u32'), undefined, 'busy=undefined must be a u32 (0..4294967295)')
  type(word('u32'), '5', 'busy="5" must be a u32 (0..4294967295)')
  type(word('u32'), 5n, 'busy=5n must be a u32 (0..4294967295)')
  type(word('u32'), null, 'busy=null must be a u32 (0..4294967295)')
  type(word('u64'), 5n, 'busy=5n must be a u64 in a number (0..9007199254740991)')
  type(word('f64'), '1', 'busy="1" must be an f64')
  type(word('bool'), 1, 'busy=1 must be a bool')
  type(word('bigu64'), 1, 'busy=1 must be a bigu64 (0n..18446744073709551615n)')
  type(one({ is: 'bytes', length: 4 }), [1, 2, 3, 4], 'busy=an array of 4 must be 4 bytes (a Uint8Array)')
  range(one({ is: 'bytes', length: 4 }), new Uint8Array(3), 'busy=3 bytes must be 4 bytes (a Uint8Array)')
  range(one({ is: 'bytes', length: 40 }), new Uint8Array(41), 'busy=41 bytes must be 40 bytes (a Uint8Array)')
  const aText = 'must be text of at most 4 bytes in UTF-8 without NUL'
  type(one({ is: 'text', length: 4 }), 4, `busy=4 ${aText}`)
  range(one({ is: 'text', length: 4 }), 'abcde', `busy="abcde" ${aText}`)
  range(one({ is: 'text', length: 4 }), '€€', `busy="€€" ${aText}`)
  range(one({ is: 'text', length: 4 }), 'a\0b', `busy="a\\u0000b" ${aText}`)
  range(one({ is: 'text', length: 4 }), 'é\0', `busy="é\\u0000" ${aText}`)
  const threeBytes: Spec = { is: 'array', of: { is: 'word', kind: 'u8' }, length: 3 }
  type(one(threeBytes), 7, 'busy=7 must be an array of 3')
  range(one(threeBytes), [1, 2], 'busy=an array of 2 must be an array of 3')
  range(one(threeBytes), [1, 2, 256], 'busy[2]=256 must be a u8 (0..255)')
  type(one(threeBytes), [1, undefined, 3], 'busy[1]=undefined must be a u8 (0..255)')
  type(one(threeBytes), new Uint8Array(3), 'busy=3 bytes must be an array of 3')
  const inner = one({ is: 'array', of: one(threeBytes), length: 2 })
  range(inner, [{ busy: [1, 2, 3] }, { busy: [1, -2, 3] }], 'busy[1].busy[1]=-2 must be a u8 (0..255)')
  type(inner, [{ busy: [1, 2, 3] }, 5], 'busy[1]=5 must be an object')
  type(one(word('u8')), null, 'busy=null must be an object')
  type(one(word('u8')), { busy: '' }, 'busy.busy="" must be a u8 (0..255)')
  refusals.push([word('u8'), undefined, 'TypeError', 'value=undefined must be an object'])
  refusals.push([word('u8'), 'text', 'TypeError', 'value="text" must be an object'])
}

const codeOf = { RangeError: 'ERR_ORBIT_OUT_OF_RANGE', TypeError: 'ERR_ORBIT_INVALID_ARGUMENT' }

describe.each([
  ['generated', generate],
  ['interpreted', interpret],
])('a pod with %s code', (_name, codecOf) => {
  const define = <F extends PodFields>(fields: F) => Pod.define(fields, codecOf)

  it('lays out, stores and returns random values of random layouts as C would', () => {
    for (let seed = 1; seed <= 300; seed++) {
      const random = new Random(seed)
      const spec = random.podSpec(3)
      const layout = define(fieldsOf(spec))
      expect(layout.byteLength, `seed ${seed}`).toBe(measure(spec).size)
      for (let i = 0; i < 4; i++) {
        const value = random.value(spec)
        const expected = expectedBytes(spec, value)
        const dirty = new Uint8Array(layout.byteLength).fill(0xa5)
        expect(Buffer.from(layout.encode(value as never, dirty)).equals(expected), `seed ${seed}`).toBe(true)
        expect(layout.decode(expected), `seed ${seed}`).toEqual(value)
      }
    }
  })

  it('writes and reads anywhere in a view, and nothing beside it', () => {
    const layout = define({ a: 'u8', b: 'f64', c: array('i16', 3) })
    const memory = new Uint8Array(100).fill(0xee)
    const view = new DataView(memory.buffer, 7, 80)
    const value = { a: 1, b: -2.5, c: [3, -4, 5] }
    layout.write(view, 5, value)
    expect(layout.read(view, 5)).toEqual(value)
    const outside = [...memory.subarray(0, 12), ...memory.subarray(12 + layout.byteLength)]
    expect(outside.every((byte) => byte === 0xee)).toBe(true)
    expect(() => layout.write(view, 80 - layout.byteLength + 1, value)).toThrow(RangeError)
    expect(() => layout.read(view, 80 - layout.byteLength + 3)).toThrow(RangeError)
  })

  it('works over shared memory', () => {
    const layout = define({ name: text(50), long: bytes(40), short: bytes(2), tags: array('u16', 2) })
    const view = new DataView(new SharedArrayBuffer(layout.byteLength))
    const value = { name: 'né'.repeat(10), long: new Uint8Array(40).fill(3), short: Uint8Array.of(1, 2), tags: [5, 6] }
    layout.write(view, 0, value)
    expect(layout.read(view, 0)).toEqual(value)
  })

  it('writes zero into its padding, so that no old memory leaks', () => {
    const layout = define({ a: 'u8', b: 'u32', c: pod({ d: 'u16', e: 'u8' }), f: 'u8', g: 'u64', h: 'bool' })
    const encoded = layout.encode(
      { a: 0xff, b: 0xffffffff, c: { d: 0xffff, e: 0xff }, f: 0xff, g: Number.MAX_SAFE_INTEGER, h: true },
      new Uint8Array(32).fill(0xa5),
    )
    expect(Buffer.from(encoded).toString('hex')).toBe(
      'ff000000ffffffffffffff00ff000000ffffffffffff1f000100000000000000',
    )
  })

  it.each(refusals)('refuses %#: %j', (spec, value, kind, message) => {
    const expected = expect.objectContaining({ name: kind, code: codeOf[kind], message })
    expect(() => define(fieldsOf(spec)).encode(value as never)).toThrow(expected)
  })

  it('refuses a stored u64 or i64 that a number cannot hold, and says which', () => {
    const layout = define({ pad: 'u8', in: array(pod({ at: 'u64' }), 2) })
    const stored = Buffer.alloc(24)
    stored.writeBigUInt64LE(2n ** 53n, 16)
    expect(() => layout.decode(stored)).toThrow(
      expect.objectContaining({
        name: 'RangeError',
        code: 'ERR_ORBIT_OUT_OF_RANGE',
        message: 'stored in[1].at=9007199254740992 must be a u64 in a number (0..9007199254740991)',
      }),
    )
    const signed = define({ at: 'i64' })
    const cases = [-(2n ** 53n), 2n ** 53n, -(2n ** 63n), 2n ** 63n - 1n, 2n ** 53n + 1n, -(2n ** 53n) - 1n]
    for (const word of cases) {
      stored.writeBigInt64LE(word, 0)
      expect(() => signed.decode(stored.subarray(0, 8))).toThrow(`stored at=${word} must be an i64`)
    }
    for (const word of [2n ** 53n - 1n, -(2n ** 53n) + 1n]) {
      stored.writeBigInt64LE(word, 0)
      expect(signed.decode(stored.subarray(0, 8))).toEqual({ at: Number(word) })
    }
  })

  it('reads any nonzero byte as true', () => {
    expect(define({ ok: 'bool' }).decode(Uint8Array.of(255))).toEqual({ ok: true })
  })

  it('rounds a number that an f32 can only approach', () => {
    const layout = define({ x: 'f32' })
    expect(layout.decode(layout.encode({ x: 0.1 }))).toEqual({ x: Math.fround(0.1) })
    expect(layout.decode(layout.encode({ x: 3.4028234663852886e38 })).x).toBe(3.4028234663852886e38)
  })

  it('stops reading text at the first NUL and reads invalid UTF-8 as replacement characters', () => {
    const layout = define({ name: text(4) })
    expect(layout.decode(Buffer.from('ab\0d'))).toEqual({ name: 'ab' })
    expect(layout.decode(Buffer.from('abcd'))).toEqual({ name: 'abcd' })
    expect(layout.decode(Uint8Array.of(0x61, 0xff, 0x62, 0))).toEqual({ name: 'a\ufffdb' })
    expect(layout.decode(Uint8Array.of(0x61, 0xe2, 0x82, 0))).toEqual({ name: 'a\ufffd' })
    expect(define({ name: text(40) }).decode(Buffer.alloc(40, 'x')).name).toBe('x'.repeat(40))
  })

  it('stores a lone surrogate as a replacement character', () => {
    const layout = define({ name: text(4) })
    expect(layout.decode(layout.encode({ name: '\ud800a' }))).toEqual({ name: '\ufffda' })
  })

  it('returns bytes that share no memory with what they were read from', () => {
    const layout = define({ short: bytes(4), long: bytes(64) })
    const stored = new Uint8Array(68)
    const { short, long } = layout.decode(stored)
    stored.fill(9)
    expect([...short, ...long].every((byte) => byte === 0)).toBe(true)
    expect([short.length, long.length, short.buffer.byteLength]).toEqual([4, 64, 4])
  })

  it('treats a field name as a name and never as code', () => {
    // biome-ignore lint/suspicious/noTemplateCurlyInString: a name that would be code in a template.
    const names = ['"]; globalThis.injected = 1; //', "'+'", '`${globalThis.injected = 1}`', '\\', '\n', '\u2028']
    names.push('*/', 'constructor', 'hasOwnProperty', 'valueOf', 'parts', 'put0', 'refuse', 'v0', 'i0', '\ud800', ' 1')
    const layout = define(Object.fromEntries(names.map((name) => [name, array('u32', 2)])))
    const value = Object.fromEntries(names.map((name, i) => [name, [i, i + 1]]))
    expect(layout.decode(layout.encode(value))).toEqual(value)
    expect(Object.keys(layout.decode(layout.encode(value)))).toEqual(names)
    for (const name of names) {
      expect(() => layout.encode({ ...value, [name]: [0, -1] })).toThrow(`${name}[1]=-1 must be a u32`)
    }
    expect('injected' in globalThis).toBe(false)
  })

  it('reads each field of the value once', () => {
    let reads = 0
    const value = {
      get busy() {
        return reads++ === 0 ? 5 : -1
      },
    }
    expect([...define({ busy: 'u8' }).encode(value)]).toEqual([5])
    expect(reads).toBe(1)
  })

  it('ignores properties that are not fields', () => {
    expect([...define({ busy: 'u8' }).encode({ busy: 1, idle: 2 } as { busy: number })]).toEqual([1])
  })
})

describe('pod', () => {
  it('infers the type of its values', () => {
    const layout = pod({
      busy: 'u32',
      name: text(8),
      tags: array('u8', 3),
      big: 'bigu64',
      ok: 'bool',
      id: bytes(4),
      in: pod({ x: 'f64' }),
      rows: array(array(pod({ y: 'i64' }), 2), 3),
    })
    interface Value {
      busy: number
      name: string
      tags: number[]
      big: bigint
      ok: boolean
      id: Uint8Array
      in: { x: number }
      rows: { y: number }[][]
    }
    expectTypeOf(layout.decode).returns.toEqualTypeOf<Value>()
    expectTypeOf(layout.encode).parameter(0).toEqualTypeOf<Value>()
    expectTypeOf(layout).toExtend<Pod<Value>>()
    expectTypeOf<PodValue<typeof layout>>().toEqualTypeOf<Value>()
    // @ts-expect-error a kind that does not exist
    expect(() => pod({ busy: 'u33' })).toThrow('busy="u33" must be a kind')
    // @ts-expect-error a string is not a u32
    expect(() => pod({ busy: 'u32' }).encode({ busy: '1' })).toThrow(TypeError)
    // @ts-expect-error a field is missing
    expect(() => pod({ busy: 'u32' }).encode({})).toThrow(TypeError)
  })

  it('puts its fields where a C compiler puts them', ({ skip }) => {
    const compiler = spawnSync('gcc', ['--version']).status === 0
    if (!compiler) skip('no gcc here')
    const cNames: Record<Word, string> = {
      u8: 'uint8_t',
      u16: 'uint16_t',
      u32: 'uint32_t',
      u64: 'uint64_t',
      i8: 'int8_t',
      i16: 'int16_t',
      i32: 'int32_t',
      i64: 'int64_t',
      f32: 'float',
      f64: 'double',
      bool: 'bool',
      bigu64: 'uint64_t',
      bigi64: 'int64_t',
    }
    const declared = (spec: Spec, name: string): string => {
      if (spec.is === 'word') return `${cNames[spec.kind]} ${name}`
      if (spec.is === 'array') return declared(spec.of, `${name}[${spec.length}]`)
      if (spec.is !== 'pod') return `char ${name}[${spec.length}]`
      return `struct { ${spec.fields.map(([, field], i) => `${declared(field, `f${i}`)};`).join(' ')} } ${name}`
    }
    const specs = Array.from({ length: 60 }, (_, i) => new Random(5000 + i).podSpec(3))
    const source = `#include <stddef.h>\n#include <stdint.h>\n#include <stdbool.h>\n#include <stdio.h>
${specs.map((spec, i) => `typedef ${declared(spec, `s${i}`)};`).join('\n')}
int main(void) {
${specs.map((s, i) => `printf("%zu${s.fields.map(() => ' %zu').join('')}\\n", sizeof(s${i})${s.fields.map((_, f) => `, offsetof(s${i}, f${f})`).join('')});`).join('\n')}
}`
    const folder = mkdtempSync(join(tmpdir(), 'orbit-pod-'))
    try {
      writeFileSync(join(folder, 'layouts.c'), source)
      execFileSync('gcc', ['-o', join(folder, 'layouts'), join(folder, 'layouts.c')])
      const lines = execFileSync(join(folder, 'layouts'), { encoding: 'utf8' }).trim().split('\n')
      const ours = specs.map((spec) => {
        const { byteLength, layout } = pod(fieldsOf(spec))
        return [byteLength, ...(layout.form === 'pod' ? layout.fields : []).map(({ offset }) => offset)].join(' ')
      })
      expect(ours).toEqual(lines)
    } finally {
      rmSync(folder, { recursive: true })
    }
  })

  it('does the same where code generation from strings is forbidden', () => {
    const folder = mkdtempSync(join(tmpdir(), 'orbit-pod-'))
    try {
      for (const file of ['base/errors', 'base/check', 'base/interned', 'pod/leaf', 'pod/marshal', 'pod/pod']) {
        const options = { target: ts.ScriptTarget.ES2022, module: ts.ModuleKind.ESNext }
        const source = readFileSync(new URL(`../../src/${file}.ts`, import.meta.url), 'utf8')
        mkdirSync(dirname(join(folder, file)), { recursive: true })
        writeFileSync(join(folder, `${file}.js`), ts.transpileModule(source, { compilerOptions: options }).outputText)
      }
      const specs = Array.from({ length: 60 }, (_, i) => new Random(9000 + i).podSpec(3))
      const values = specs.map((spec, i) => new Random(i).value(spec))
      const encoded = specs.map((spec, i) => expectedBytes(spec, values[i]).toString('hex'))
      writeFileSync(join(folder, 'cases'), serialize({ values, encoded, refusals: refusals.map((r) => r.slice(1)) }))
      writeFileSync(join(folder, 'package.json'), '{ "type": "module" }')
      writeFileSync(
        join(folder, 'child.js'),
        `import assert from 'node:assert'
import { readFileSync } from 'node:fs'
import { deserialize } from 'node:v8'
import { array, bytes, pod, text } from './pod/pod.js'
assert.throws(() => new Function(''), EvalError)
const pods = [${specs.map(sourceOf).join(',\n')}]
const refusing = [${refusals.map(([spec]) => sourceOf(spec)).join(',\n')}]
const { values, encoded, refusals } = deserialize(readFileSync(new URL('cases', import.meta.url)))
for (const [i, pod] of pods.entries()) {
  const dirty = new Uint8Array(pod.byteLength).fill(0xa5)
  assert.equal(Buffer.from(pod.encode(values[i], dirty)).toString('hex'), encoded[i])
  assert.deepStrictEqual(pod.decode(dirty), values[i])
}
for (const [i, [value, name, message]] of refusals.entries()) {
  assert.throws(() => refusing[i].encode(value), { name, message })
}
console.log(pods.length + ' pods, ' + refusals.length + ' refusals')
`,
      )
      const flag = '--disallow-code-generation-from-strings'
      const child = spawnSync(process.execPath, [flag, join(folder, 'child.js')], { encoding: 'utf8' })
      expect(child.stderr).toBe('')
      expect(child.stdout).toBe(`60 pods, ${refusals.length} refusals\n`)
    } finally {
      rmSync(folder, { recursive: true })
    }
  })

  it('encodes into a new array, or to the start of a given one', () => {
    const layout = pod({ busy: 'u16' })
    expect(layout.encode({ busy: 258 })).toEqual(Uint8Array.of(2, 1))
    const exact = new Uint8Array(2)
    expect(layout.encode({ busy: 1 }, exact)).toBe(exact)
    const large = new Uint8Array(5).fill(7)
    const part = layout.encode({ busy: 1 }, large.subarray(1))
    expect([part.length, [...large]]).toEqual([2, [7, 1, 0, 7, 7]])
    expect(() => layout.encode({ busy: 1 }, new Uint8Array(1))).toThrow(
      expect.objectContaining({
        code: 'ERR_ORBIT_OUT_OF_RANGE',
        message: 'target.length=1 must be at least byteLength=2',
      }),
    )
    expect(() => layout.encode({ busy: 1 }, [] as never)).toThrow(
      expect.objectContaining({ code: 'ERR_ORBIT_INVALID_ARGUMENT', message: 'target=an array must be a Uint8Array' }),
    )
  })

  it('refuses bytes of a length that no pod with its first fields or with added ones has', () => {
    const layout = pod({ busy: 'u16' })
    expect(layout.decode(Buffer.from('xx0102', 'latin1').subarray(2, 4))).toEqual({ busy: 0x3130 })
    for (const length of [0, 1, 3]) {
      expect(() => layout.decode(new Uint8Array(length))).toThrow(
        expect.objectContaining({
          code: 'ERR_ORBIT_OUT_OF_RANGE',
          message: expect.stringContaining(`bytes.length=${length} must be byteLength=2`),
        }),
      )
    }
    expect(() => layout.decode('ab' as never)).toThrow(
      expect.objectContaining({ name: 'TypeError', code: 'ERR_ORBIT_INVALID_ARGUMENT' }),
    )
  })

  it('describes itself in a canonical text', () => {
    const layout = pod({
      busy: 'u32',
      'a"b': text(8),
      tags: array(array('u8', 3), 2),
      in: pod({ x: 'f64' }),
      id: bytes(2),
    })
    expect(layout.schema).toBe('{"busy":u32,"a\\"b":text(8),"tags":u8[3][2],"in":{"x":f64},"id":bytes(2)}')
  })

  it('has a fingerprint that only an equal layout has', () => {
    const layouts = [
      pod({ a: 'u32', b: 'u32' }),
      pod({ b: 'u32', a: 'u32' }),
      pod({ a: 'u32', b: 'i32' }),
      pod({ a: 'u32' }),
      pod({ a: array('u32', 2) }),
      pod({ a: array('u32', 3) }),
      pod({ a: pod({ b: 'u32' }) }),
      pod({ a: 'u64' }),
      pod({ a: 'bigu64' }),
      pod({ a: text(8) }),
      pod({ a: bytes(8) }),
      pod({ a: array(array('u8', 2), 4) }),
      pod({ a: array(array('u8', 4), 2) }),
      pod({ 'a":u32,"b': 'u32' }),
    ]
    expect(new Set(layouts.map((layout) => layout.fingerprint)).size).toBe(layouts.length)
    expect(pod({ a: 'u32', b: 'u32' }).fingerprint).toBe(layouts[0]?.fingerprint)
    for (const { fingerprint } of layouts) expect(fingerprint > 0n && fingerprint < 2n ** 64n).toBe(true)
  })

  it('keeps its fingerprints from release to release', () => {
    expect(pod({ busy: 'u32', idle: 'u32' }).fingerprint).toBe(3753130778197305956n)
  })

  it.each(['', '__proto__', '0', '7', '4294967295', '12345678901234567890'])('refuses the name %j', (name) => {
    expect(() => pod(Object.fromEntries([[name, 'u8']]))).toThrow(
      expect.objectContaining({
        name: 'TypeError',
        message: `field=${JSON.stringify(name)} must be a string other than "", "__proto__" and decimal integers`,
      }),
    )
  })

  it('refuses invalid fields', () => {
    const invalid = (message: string) =>
      expect.objectContaining({ name: 'TypeError', code: 'ERR_ORBIT_INVALID_ARGUMENT', message })
    expect(() => pod({})).toThrow(invalid('fields={} must have at least one field'))
    expect(() => pod(null as never)).toThrow(invalid('fields=null must be an object'))
    expect(() => pod({ [Symbol('s')]: 'u8' } as never)).toThrow(
      invalid('field=Symbol(s) must be a string other than "", "__proto__" and decimal integers'),
    )
    for (const type of [undefined, 5, {}, 'u128', 'constructor', () => 'u8']) {
      expect(() => pod({ busy: type as never })).toThrow(
        expect.objectContaining({ code: 'ERR_ORBIT_INVALID_ARGUMENT' }),
      )
    }
    expect(() => array('nothing' as never, 1)).toThrow(
      invalid('element="nothing" must be a kind such as "u32", or what bytes, text, array or pod return'),
    )
  })

  it.each([0, -1, 1.5, Number.NaN, 2 ** 24 + 1, Infinity])('refuses the length %d', (length) => {
    const outOfRange = expect.objectContaining({ name: 'RangeError', code: 'ERR_ORBIT_OUT_OF_RANGE' })
    expect(() => bytes(length)).toThrow(outOfRange)
    expect(() => text(length)).toThrow(outOfRange)
    expect(() => array('u8', length)).toThrow(outOfRange)
  })

  it('is at most 16 MiB', () => {
    const max = 2 ** 24
    expect(pod({ all: bytes(max) }).byteLength).toBe(max)
    const tooLarge = expect.objectContaining({ name: 'RangeError', code: 'ERR_ORBIT_OUT_OF_RANGE' })
    expect(() => pod({ all: bytes(max), more: 'u8' })).toThrow(tooLarge)
    expect(() => pod({ a: 'u64', b: bytes(max - 15), c: 'u64' })).toThrow(tooLarge)
    expect(() => array('u16', max / 2 + 1)).toThrow(tooLarge)
    expect(() => array(array('u64', max / 8), max)).toThrow(tooLarge)
  })

  it('works with more fields than generated code is made for', () => {
    const wide = Object.fromEntries(Array.from({ length: 1500 }, (_, i) => [`f${i}`, 'u16' as const]))
    const value = Object.fromEntries(Object.keys(wide).map((name, i) => [name, i]))
    expect(pod(wide).decode(pod(wide).encode(value))).toEqual(value)
    let deep: Pod<Any> = pod({ x: 'u8' })
    for (let i = 0; i < 12; i++) deep = pod({ l: deep, r: deep })
    const stored = Uint8Array.from({ length: 4096 }, (_, i) => i & 255)
    expect(deep.encode(deep.decode(stored))).toEqual(stored)
  })
})
