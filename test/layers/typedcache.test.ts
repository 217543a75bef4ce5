import { describe, expect, it } from 'vitest'
import { array, bytes, type Codec, codecs, OrbitStore, pod, TypedCache, text } from '../../src/index.js'
import { fleetName, joinLocal, joinShm, memories, observe } from '../help/fleets.js'
import { expectClosed, expectRangeError, expectRefusal, expectTypeError, untyped } from '../help/refusals.js'

interface User {
  name: string
  tags: string[]
}

/** A JSON codec that counts its calls. */
function counting() {
  const counts = { encoded: 0, decoded: 0 }
  const json = codecs.json<User>()
  const codec: Codec<User> = {
    encode(value) {
      counts.encoded++
      return json.encode(value)
    },
    decode(encoded) {
      counts.decoded++
      return json.decode(encoded)
    },
  }
  return { counts, codec }
}

const ada = { name: 'Ada', tags: ['x', 'y'] }
const grace = { name: 'Grace', tags: [] }
const layout = pod({ n: 'u32', big: 'bigu64', name: text(8), key: bytes(3), points: array('f64', 2) })

describe('a codec', () => {
  const cyclic: { self?: unknown; when: Date } = { when: new Date(5) }
  cyclic.self = cyclic
  it.each([
    { name: 'json', codec: codecs.json(), values: [ada, [], 'text', '\ufeff', 0, null, true, { é: '🔑' }] },
    { name: 'text', codec: codecs.text(), values: ['', 'plain', 'é🔑', '\0', '\ufeffmarked', '\ufeff'] },
    { name: 'bytes', codec: codecs.bytes(), values: [new Uint8Array(), new Uint8Array([0, 255])] },
    {
      name: 'pod',
      codec: codecs.pod(layout),
      values: [{ n: 7, big: 2n ** 63n, name: 'né', key: new Uint8Array([1, 2, 3]), points: [0.5, -0] }],
    },
    {
      name: 'clone',
      codec: codecs.clone(),
      values: [new Map([[{ a: 1 }, new Set([2n])]]), new Date(7), cyclic, undefined, new Uint8Array([1]), /r/g],
    },
  ])('$name brings back what it was given', ({ codec, values }) => {
    const cache = new TypedCache<unknown>(joinLocal(fleetName()), { codec: codec as Codec<unknown> })
    values.forEach((value, i) => {
      cache.put(`${i}`, value)
      expect(cache.get(`${i}`)).toEqual(value)
      expect(codec.decode(codec.encode(value as never) as never)).toEqual(value)
    })
  })

  it('refuses values and bytes that do not fit it', () => {
    const fleet = joinLocal(fleetName())
    const make = <T>(codec: Codec<T>) => new TypedCache(fleet, { codec })
    const raw = new OrbitStore(fleet)
    expectTypeError(() => make(codecs.json()).put('a', undefined), 'value=undefined')
    expectTypeError(() => make(codecs.json()).put('a', () => 1), 'value=a function')
    expectTypeError(() => make(codecs.json()).put('a', 1n), 'value', 'JSON.stringify', 'BigInt')
    expectTypeError(() => make(codecs.text()).put('a', untyped(5)), 'value=5')
    expectTypeError(() => make(codecs.bytes()).put('a', untyped([1])), 'value=an array')
    expect(() => make(codecs.pod(layout)).put('a', untyped({ n: -1 }))).toThrow()
    expect(() => make(codecs.clone()).put('a', () => 1)).toThrow()
    expect(raw.stats()?.puts).toBe(0)
    raw.put('a', 'no {json')
    expect(() => make(codecs.json()).get('a')).toThrow(SyntaxError)
    expect(() => make(codecs.pod(layout)).get('a')).toThrow()
    expect(() => make(codecs.clone()).get('a')).toThrow()
    expect(make(codecs.text()).get('a')).toBe('no {json')
  })
})

describe.each(memories)('a typed cache in $memory', ({ join }) => {
  it('decodes an entry once, and returns the same object while the entry is the newest', () => {
    const { counts, codec } = counting()
    const cache = new TypedCache(join(fleetName()), { codec })
    expect(cache.get('a')).toBeUndefined()
    cache.put('a', ada)
    const first = cache.get('a')
    expect(first).toEqual(ada)
    expect(first).not.toBe(ada)
    cache.put('b', grace)
    expect(cache.get('b')).toEqual(grace)
    for (let i = 0; i < 100; i++) expect(cache.get('a')).toBe(first)
    expect(counts).toEqual({ encoded: 2, decoded: 2 })
    cache.put('a', ada)
    expect(cache.get('a')).not.toBe(first)
    expect(counts.decoded).toBe(3)
  })

  it('sees immediately what another handle puts, deletes and resets', () => {
    const name = fleetName()
    const { counts, codec } = counting()
    const [mine, theirs] = [join(name), join(name)].map((fleet) => new TypedCache(fleet, { codec })) as [
      TypedCache<User>,
      TypedCache<User>,
    ]
    for (const value of [ada, grace, ada]) {
      theirs.put('a', value)
      expect(mine.get('a')).toEqual(value)
      expect(mine.get('a')).toEqual(value)
    }
    expect(counts.decoded).toBe(3)
    theirs.delete('a')
    expect(mine.get('a')).toBeUndefined()
    theirs.put('a', grace)
    expect(mine.get('a')).toEqual(grace)
    theirs.reset()
    expect(mine.get('a')).toBeUndefined()
    theirs.put('a', ada, { ttlMs: 1 })
    const until = process.hrtime.bigint() + 2_000_000n
    while (process.hrtime.bigint() < until);
    expect(mine.get('a')).toBeUndefined()
    theirs.put('a', ada, { tags: ['team'] })
    expect(mine.get('a')).toEqual(ada)
    mine.invalidate('team')
    expect(theirs.get('a')).toBeUndefined()
  })

  it('keeps its namespace, and expires an entry even while it is remembered', () => {
    const fleet = join(fleetName())
    const make = (namespace: string) => new TypedCache(fleet, { codec: codecs.text(), namespace })
    const [a, b] = [make('a'), make('b')]
    a.put('k', 'in a', { ttlMs: 20 })
    const until = process.hrtime.bigint() + 21_000_000n
    b.put('k', 'in b')
    a.get('k')
    expect(b.get('k')).toBe('in b')
    a.reset('z')
    while (process.hrtime.bigint() < until);
    expect(a.get('k')).toBeUndefined()
    expect(b.get('k')).toBe('in b')
    b.reset()
    expect(b.get('k')).toBeUndefined()
  })
})

describe('what a typed cache hands out', () => {
  it("returns a new object each time with values: 'own'", () => {
    const { counts, codec } = counting()
    const cache = new TypedCache(joinLocal(fleetName()), { codec, values: 'own' })
    cache.put('a', ada)
    const first = cache.get('a') as User
    first.tags.push('mine')
    expect(cache.get('a')).toEqual(ada)
    expect(cache.get('a')).not.toBe(cache.get('a'))
    expect(counts.decoded).toBe(4)
  })

  it("returns the same deeply frozen object each time with values: 'frozen'", () => {
    let deep: unknown = 'bottom'
    for (let i = 0; i < 20_000; i++) deep = [deep]
    const halfFrozen = { inner: { n: 1 } }
    const cyclic: Record<string, unknown> = { key: new Uint8Array([1]), list: [{ n: 1 }] }
    cyclic['self'] = cyclic
    const values: unknown[] = [cyclic, deep, halfFrozen, 5, null, 'text']
    const codec: Codec<unknown> = {
      encode: (value) => new Uint8Array([values.indexOf(value)]),
      decode: ([i]) => (values[i as number] === halfFrozen ? Object.freeze(halfFrozen) : values[i as number]),
    }
    const cache = new TypedCache(joinLocal(fleetName()), { codec, values: 'frozen' })
    for (const value of values) {
      cache.put('a', value)
      expect(cache.get('a')).toBe(value)
      expect(cache.get('a')).toBe(value)
    }
    expect(Object.isFrozen(cyclic)).toBe(true)
    expect(Object.isFrozen((cyclic['list'] as unknown[])[0])).toBe(true)
    expect(Object.isFrozen(halfFrozen.inner)).toBe(true)
    for (let level = deep; typeof level !== 'string'; level = (level as unknown[])[0]) {
      if (!Object.isFrozen(level)) throw new Error('a level is not frozen')
    }
    ;(cyclic['key'] as Uint8Array)[0] = 2 // bytes cannot be frozen
  })

  it('returns frozen objects unless values says otherwise', () => {
    const cache = new TypedCache(joinLocal(fleetName()), { codec: codecs.json<{ inner: { n: number } }>() })
    cache.put('a', { inner: { n: 1 } })
    const found = cache.get('a')
    expect(Object.isFrozen(found) && Object.isFrozen(found?.inner)).toBe(true)
    expect(cache.get('a')).toBe(found)
  })

  it('decodes again for keys of bytes, which are not remembered', () => {
    const { counts, codec } = counting()
    const cache = new TypedCache(joinLocal(fleetName()), { codec })
    cache.put('a', ada)
    const key = new TextEncoder().encode('a')
    expect(cache.get(key)).toEqual(ada)
    expect(cache.get(key)).toEqual(ada)
    expect(counts.decoded).toBe(2)
  })

  it('remembers the values of the latest keys, as many as it was told to', () => {
    const { counts, codec } = counting()
    const cache = new TypedCache(joinLocal(fleetName()), { codec, remember: 8 })
    const keys = Array.from({ length: 20 }, (_, i) => `key ${i}`)
    for (const key of keys) {
      cache.put(key, ada)
      expect(cache.get(key)).toEqual(ada)
    }
    expect(counts.decoded).toBe(20)
    for (const key of keys.slice(-8)) expect(cache.get(key)).toEqual(ada)
    expect(counts.decoded).toBe(20)
    expect(cache.get(keys[11] as string)).toEqual(ada)
    expect(counts.decoded).toBe(21)
    const forgetful = new TypedCache(joinLocal(fleetName()), { codec, remember: 0 })
    forgetful.put('a', ada)
    expect(forgetful.get('a')).not.toBe(forgetful.get('a'))
  })
})

describe('a typed cache', () => {
  it('says what a key must be', () => {
    const cache = new TypedCache(joinLocal(fleetName()), { codec: codecs.json() })
    expectTypeError(() => cache.get(untyped(42)), 'key=42', 'string')
    expectTypeError(() => cache.put(untyped(42), 1), 'key=42', 'string')
  })

  it('keeps all entries when its codec throws', () => {
    const { codec } = counting()
    let fails = false
    const failing: Codec<User> = {
      encode(value) {
        if (fails) throw new Error('cannot encode')
        return codec.encode(value)
      },
      decode(encoded) {
        if (fails) throw new Error('cannot decode')
        return codec.decode(encoded)
      },
    }
    const cache = new TypedCache(joinLocal(fleetName()), { codec: failing })
    cache.put('a', ada)
    const remembered = cache.get('a')
    fails = true
    expect(() => cache.put('a', grace)).toThrow('cannot encode')
    expect(cache.get('a')).toBe(remembered)
    fails = false
    cache.put('a', grace)
    fails = true
    expect(() => cache.get('a')).toThrow('cannot decode')
    expect(() => cache.get('a')).toThrow('cannot decode')
    fails = false
    expect(cache.get('a')).toEqual(grace)
  })

  it('can be called from its own codec', () => {
    const fleet = joinLocal(fleetName())
    const inner = new TypedCache(fleet, { codec: codecs.text(), namespace: 'inner' })
    const codec: Codec<string> = {
      encode(value) {
        inner.put(value, value.toUpperCase())
        return new TextEncoder().encode(value)
      },
      decode: (encoded) => inner.get(new TextDecoder().decode(encoded)) ?? 'lost',
    }
    const outer = new TypedCache(fleet, { codec, namespace: 'outer' })
    outer.put('a', 'text')
    outer.put('b', 'longer text than before')
    expect([outer.get('a'), outer.get('b'), outer.get('a')]).toEqual(['TEXT', 'LONGER TEXT THAN BEFORE', 'TEXT'])
  })

  it('refuses wrong options and arguments by name', () => {
    const fleet = joinLocal(fleetName())
    const codec = codecs.text()
    expectTypeError(() => new TypedCache(untyped(1), { codec }), 'fleet=1')
    expectTypeError(() => new TypedCache(fleet, untyped(undefined)), 'options=undefined')
    for (const wrong of [undefined, null, {}, { encode() {} }, { decode() {} }, 'json']) {
      expectTypeError(() => new TypedCache(fleet, { codec: untyped(wrong) }), 'codec=', 'such as codecs.json()')
    }
    expectRangeError(() => new TypedCache(fleet, { codec, values: untyped('mine') }), 'values="mine"')
    expectTypeError(() => new TypedCache(fleet, untyped({ codec, ttlMs: 5 })), 'options.ttlMs')
    expectRangeError(() => new TypedCache(fleet, { codec, bytes: 3 }), 'bytes=3')
    expectRangeError(() => new TypedCache(fleet, { codec, remember: -1 }), 'remember=-1')
    const cache = new TypedCache(fleet, { codec })
    expectTypeError(() => cache.get(untyped(5)), 'key=5 must be a string or a Uint8Array')
    expectTypeError(() => cache.put(untyped(5), ''), 'key=5 must be a string or a Uint8Array')
    expectTypeError(() => cache.delete(untyped(5)), 'key=5 must be a string or a Uint8Array')
    expectRangeError(() => cache.put('a', '', { ttlMs: 0 }), 'ttlMs=0')
    expectRefusal(() => cache.put('a', 'x'.repeat(2 ** 22)), RangeError, 'ERR_ORBIT_PAYLOAD_SIZE', '4194304')
    fleet.close()
    expectClosed(() => cache.get('a'))
    expectClosed(() => cache.put('a', ''))
  })

  it('can be read by an observer', () => {
    const name = fleetName()
    const fleet = joinShm(name)
    const codec = codecs.json<User>()
    const observer = new TypedCache(observe(name), { codec })
    expect(observer.get('a')).toBeUndefined()
    new TypedCache(fleet, { codec }).put('a', ada)
    expect(observer.get('a')).toEqual(ada)
    expect(observer.get('a')).toBe(observer.get('a'))
  })
})
