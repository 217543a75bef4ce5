import { describe, expect, it } from 'vitest'
import { array, bytes, pod, text } from '../../src/index.js'
import { podOfSchema } from '../../src/pod/schema.js'

const words = ['u8', 'u16', 'u32', 'u64', 'i8', 'i16', 'i32', 'i64', 'f32', 'f64', 'bool', 'bigu64', 'bigi64'] as const

describe('podOfSchema', () => {
  const pods = {
    'every word': pod(Object.fromEntries(words.map((word) => [word, word]))),
    'bytes and text': pod({ a: bytes(3), b: text(7), c: array(text(2), 2), d: array(bytes(4), 1) }),
    'pods in arrays in pods': pod({ a: pod({ b: array(pod({ c: array(array('u16', 2), 3) }), 4) }), z: 'u8' }),
    'names that need quoting': pod({ '"': 'u8', '\\': 'u8', 'a":u8,"b': 'u8', 'é\n': 'u8', '}': 'u8', bytes: 'u8' }),
  }

  it.each(Object.entries(pods))('reads back a pod of %s', (_, original) => {
    const found = podOfSchema(original.schema)
    expect(found?.schema).toBe(original.schema)
    expect(found?.fingerprint).toBe(original.fingerprint)
    expect(found?.byteLength).toBe(original.byteLength)
    const stored = new Uint8Array(original.byteLength).map((_byte, i) => (i % 8 === 0 ? 1 : 0))
    expect(found?.decode(stored)).toEqual(original.decode(stored))
  })

  it.each([
    '',
    'u8',
    'u8[3]',
    '{}',
    '{"a"}',
    '{"a":}',
    '{"a":u9}',
    '{"a":u8',
    '{"a":u8}}',
    '{"a":u8,}',
    '{a:u8}',
    '{"a":u8 }',
    '{"a":bytes(0)}',
    '{"a":bytes(99999999)}',
    '{"a":text()}',
    '{"a":u8[0]}',
    '{"a":u64[4194304]}',
    '{"a":u8,"a":u8}',
    '{"__proto__":u8}',
    '{"__proto__":u8}',
    '{"\\q":u8}',
    '{"a":constructor}',
    `${'{"a":'.repeat(100)}u8${'}'.repeat(100)}`,
    '{"a":u8}\0',
  ])('takes %j for no schema', (wrong) => expect(podOfSchema(wrong)).toBeUndefined())

  it('rejects a long invalid text quickly', () => {
    for (const part of ['{"a":', '[9]', '"\\"', '{"a":u8[1]', 'u8', '(']) {
      expect(podOfSchema(part.repeat(65536 / part.length))).toBeUndefined()
      expect(podOfSchema(`{"a":u8${part.repeat(60000 / part.length)}`)).toBeUndefined()
    }
  })
})
