import { describe, expect, it } from 'vitest'
import {
  type CacheEntry,
  collectMetrics,
  Fleet,
  NetId64,
  OrbitCache,
  type OrbitCacheOptions,
  OrbitError,
  orbitType,
} from '../../src/index.js'
import { chunkAt, chunkIn, objectFile, ringAt } from '../help/bytes.js'
import { fleetName, hasObjectFiles, joinShm, memories, observe } from '../help/fleets.js'
import { expectClosed, expectRangeError, expectRefusal, expectTypeError, untyped } from '../help/refusals.js'

const utf8 = (bytes: Uint8Array | undefined) => (bytes === undefined ? undefined : new TextDecoder().decode(bytes))
const get = (cache: OrbitCache, key: string) => utf8(cache.get(key))
const nowMs = () => Math.floor(Number(process.hrtime.bigint() / 1_000_000n))

/** Waits until the monotonic clock reaches this time. */
function passMs(time: number): void {
  while (nowMs() < time);
}

class Lying extends Uint8Array {
  override get length(): number {
    return 1e9
  }
  override get byteLength(): number {
    return 3
  }
}

const detached = () => {
  const bytes = new Uint8Array(4)
  structuredClone(bytes, { transfer: [bytes.buffer] })
  return bytes
}

describe.each(memories)('a cache in $memory', ({ join }) => {
  const make = (options?: OrbitCacheOptions) => new OrbitCache(join(fleetName()), { capacity: 32, ...options })

  it('gives the newest put of a key, as a copy of its own', () => {
    const cache = make()
    expect(cache.get('a')).toBeUndefined()
    const id = cache.put('a', 'one')
    expect(id).toBeInstanceOf(NetId64)
    expect(`${id}`).toBe('200:0:0')
    cache.put('b', new Uint8Array([1, 2, 3]))
    cache.put('a', 'two')
    expect(get(cache, 'a')).toBe('two')
    const copy = cache.get('b') as Uint8Array
    expect(copy).toEqual(new Uint8Array([1, 2, 3]))
    expect(Object.getPrototypeOf(copy)).toBe(Uint8Array.prototype)
    copy.fill(9)
    expect(cache.get('b')).toEqual(new Uint8Array([1, 2, 3]))
  })

  it('misses a deleted key until it is put again', () => {
    const cache = make()
    cache.put('a', '1')
    cache.put('b', '2')
    expect(`${cache.delete('a')}`).toBe('200:0:2')
    expect(cache.get('a')).toBeUndefined()
    expect(get(cache, 'b')).toBe('2')
    cache.put('a', '3')
    expect(get(cache, 'a')).toBe('3')
    cache.delete('never put')
    expect(cache.get('never put')).toBeUndefined()
  })

  it('resets only the keys with a prefix, and shows a later put', () => {
    const cache = make()
    for (const key of ['', 'user', 'user/1', 'user/2', 'used']) cache.put(key, key)
    cache.reset('user/')
    expect(['', 'user', 'user/1', 'user/2', 'used'].map((key) => get(cache, key))).toEqual([
      '',
      'user',
      undefined,
      undefined,
      'used',
    ])
    cache.put('user/1', 'back')
    expect(get(cache, 'user/1')).toBe('back')
    cache.reset(new TextEncoder().encode('use'))
    expect(['user', 'user/1', 'used'].map((key) => cache.get(key))).toEqual([undefined, undefined, undefined])
    expect(get(cache, '')).toBe('')
    cache.reset()
    expect(cache.get('')).toBeUndefined()
  })

  it('keeps namespaces apart in one ring, even "a" and "ab"', () => {
    const fleet = join(fleetName())
    const [none, a, ab] = ['', 'a', 'ab'].map((namespace) => new OrbitCache(fleet, { namespace, capacity: 32 })) as [
      OrbitCache,
      OrbitCache,
      OrbitCache,
    ]
    none.put('abc', '1')
    a.put('bc', '2')
    ab.put('c', '3')
    expect([get(none, 'abc'), get(a, 'bc'), get(ab, 'c')]).toEqual(['1', '2', '3'])
    a.reset()
    expect([get(none, 'abc'), get(a, 'bc'), get(ab, 'c')]).toEqual(['1', undefined, '3'])
    none.reset('a')
    expect([get(none, 'abc'), get(a, 'bc'), get(ab, 'c')]).toEqual([undefined, undefined, '3'])
    ab.delete('c')
    expect(ab.getEntry('c')).toMatchObject({ hit: false, position: 5, head: 6 })
    expect(new OrbitCache(fleet, { namespace: 'ä', capacity: 32 }).get('c')).toBeUndefined()
  })

  it('forgets an entry after capacity mutations, and a later lap neither hides nor revives one', () => {
    const cache = make({ capacity: 4 })
    cache.put('a', '1')
    for (let i = 0; i < 3; i++) cache.put('other', `${i}`)
    expect(get(cache, 'a')).toBe('1')
    cache.delete('other')
    expect(cache.getEntry('a')).toEqual({ hit: false, head: 5 })
    for (let i = 0; i < 50; i++) {
      cache.put('a', `a${i}`)
      cache.put('b', `b${i}`)
      if (i % 3 === 0) cache.put('c', '')
      expect([get(cache, 'a'), get(cache, 'b')]).toEqual([`a${i}`, `b${i}`])
    }
  })

  it('expires an entry at its millisecond of the monotonic clock', () => {
    const cache = make()
    cache.put('a', 'old')
    const before = nowMs()
    cache.put('a', 'long', { ttlMs: 2 ** 48 })
    const after = nowMs()
    const entry = cache.getEntry('a') as CacheEntry & { hit: true }
    expect(entry).toMatchObject({ hit: true, position: 1, head: 2 })
    expect(entry.expiresInMs).toBeLessThanOrEqual(2 ** 48)
    expect(entry.expiresInMs).toBeGreaterThanOrEqual(2 ** 48 - (nowMs() - before))
    cache.put('a', 'short', { ttlMs: 1 })
    passMs(nowMs() + 1)
    expect(cache.getEntry('a')).toEqual({ hit: false, position: 2, head: 3 })
    cache.put('a', 'no ttl', {})
    expect(cache.getEntry('a')).toEqual({ hit: true, value: new TextEncoder().encode('no ttl'), position: 3, head: 4 })
    expect(after).toBeGreaterThanOrEqual(before)
  })

  it('returns the position of the mutation that decided a lookup', () => {
    const cache = make()
    expect(cache.getEntry('a')).toEqual({ hit: false, head: 0 })
    cache.put('a', '1')
    expect(cache.getEntry('a')).toEqual({ hit: true, value: new Uint8Array([49]), position: 0, head: 1 })
    expect(cache.getEntry('b')).toEqual({ hit: false, head: 1 })
    cache.delete('a')
    expect(cache.getEntry('a')).toEqual({ hit: false, position: 1, head: 2 })
    cache.reset()
    expect(cache.getEntry('a')).toEqual({ hit: false, position: 2, head: 3 })
    expect(cache.getEntry('b')).toEqual({ hit: false, position: 2, head: 3 })
  })

  it('stores strings as UTF-8, and bytes unchanged', () => {
    const cache = make()
    const texts = ['é', 'ключ', '鍵', '🔑', 'x'.repeat(64), 'x'.repeat(65), `${'x'.repeat(63)}é`, '\0', '\ufeff']
    for (const text of texts) cache.put(text, `${text}!`)
    for (const text of texts) {
      expect(Buffer.from(cache.get(text) as Uint8Array).toString()).toBe(`${text}!`)
      expect(Buffer.from(cache.get(new TextEncoder().encode(text)) as Uint8Array).toString()).toBe(`${text}!`)
    }
    cache.put(new Uint8Array([0xff, 0]), new Uint8Array([0xfe]))
    expect(cache.get(Buffer.from([0xff, 0]))).toEqual(new Uint8Array([0xfe]))
    cache.put(Buffer.from('in a pool').subarray(3), Buffer.from('of bytes').subarray(3, 5))
    expect(get(cache, 'a pool')).toBe('by')
  })

  it('accepts an empty key, an empty value and an empty prefix', () => {
    const cache = make()
    cache.put('', '')
    expect(cache.get('')).toEqual(new Uint8Array())
    expect(cache.get(new Uint8Array())).toEqual(new Uint8Array())
    cache.put(new Uint8Array(), new Uint8Array())
    expect(cache.getEntry('')).toMatchObject({ hit: true, position: 1 })
    cache.reset('')
    expect(cache.get('')).toBeUndefined()
  })

  it('copies the real bytes of a subclass that reports another length', () => {
    const cache = make()
    const key = Lying.from([1, 2])
    const value = Lying.from([3, 4, 5])
    cache.put(key, value)
    value.fill(0)
    expect(cache.get(new Uint8Array([1, 2]))).toEqual(new Uint8Array([3, 4, 5]))
    expect(cache.get(key)).toEqual(new Uint8Array([3, 4, 5]))
  })

  it('accepts a key and a value that fill the frame, and refuses one byte more with the sizes', () => {
    for (const namespace of ['', 'n', 'n'.repeat(255)]) {
      const cache = make({ namespace, valueBytes: 100 })
      const room = 256 + 100 // keys are padded to 8
      for (const keyBytes of [0, 1, 100 - (namespace.length > 100 ? 99 : 0)]) {
        const padded = Math.ceil((namespace.length + keyBytes) / 8) * 8
        const most = room - padded
        for (const value of ['v'.repeat(most), Buffer.alloc(most, 'v')]) {
          cache.put('k'.repeat(keyBytes), value)
          expect(get(cache, 'k'.repeat(keyBytes))).toBe('v'.repeat(most))
        }
        for (const value of ['v'.repeat(most + 1), Buffer.alloc(most + 1, 'v'), 'é'.repeat(most)]) {
          expectRefusal(
            () => cache.put('k'.repeat(keyBytes), value),
            RangeError,
            'ERR_ORBIT_PAYLOAD_SIZE',
            `key of ${keyBytes} bytes`,
            `namespace of ${namespace.length}`,
            `value of ${Buffer.byteLength(value)}`,
            `${room}`,
          )
        }
        expect(get(cache, 'k'.repeat(keyBytes))).toBe('v'.repeat(most))
      }
      const longest = 352 - namespace.length // the value begins at a multiple of 8 within 356 bytes
      const key = 'k'.repeat(longest)
      cache.put(key, 'four')
      expect(get(cache, key)).toBe('four')
      cache.delete(key)
      expect(cache.getEntry(key)).toMatchObject({ hit: false, position: expect.any(Number) })
      cache.reset(key)
      for (const tooLong of [`${key}k`, Buffer.from(`${key}k`)]) {
        expectRefusal(() => cache.put(tooLong, ''), RangeError, 'ERR_ORBIT_PAYLOAD_SIZE', `key of ${longest + 1} bytes`)
        expectRefusal(() => cache.delete(tooLong), RangeError, 'ERR_ORBIT_PAYLOAD_SIZE')
        expectRefusal(() => cache.reset(tooLong), RangeError, 'ERR_ORBIT_PAYLOAD_SIZE')
        expect(cache.get(tooLong)).toBeUndefined()
        expect(cache.getEntry(tooLong)).toEqual({ hit: false, head: expect.any(Number) })
      }
    }
  })

  it('accepts keys of up to 65535 bytes if the frame has room', () => {
    const cache = make({ capacity: 1, valueBytes: 70_000 })
    for (const length of [32_767, 32_768, 65_535]) {
      cache.put('k'.repeat(length), 'v')
      expect(get(cache, 'k'.repeat(length))).toBe('v')
      expect(cache.get('k'.repeat(length - 1))).toBeUndefined()
    }
    expectRefusal(() => cache.put('k'.repeat(65_536), ''), RangeError, 'ERR_ORBIT_PAYLOAD_SIZE', '65536')
  })

  it('shares one cache between all handles of a fleet, and none between fleets', () => {
    const name = fleetName()
    const [one, two] = [join(name), join(name)]
    const caches = [new OrbitCache(one), new OrbitCache(one), new OrbitCache(two)]
    caches.forEach((writer, i) => {
      const id = writer.put('key', `${i}`)
      expect(id.node).toBe(i < 2 ? one.node : two.node)
      for (const reader of caches) expect(get(reader, 'key')).toBe(`${i}`)
    })
    expect(new OrbitCache(join(fleetName())).get('key')).toBeUndefined()
  })

  it('makes slots for keys of keyBytes, and takes longer keys with shorter values', () => {
    const fleet = join(fleetName())
    const cache = new OrbitCache(fleet, { capacity: 32, valueBytes: 64, keyBytes: 13 })
    cache.put('thirteen long', '.'.repeat(64))
    expect(get(cache, 'thirteen long')).toBe('.'.repeat(64))
    expectRefusal(
      () => cache.put('seventeen letters', '.'.repeat(64)),
      RangeError,
      'ERR_ORBIT_PAYLOAD_SIZE',
      'at most 80 bytes',
    )
    cache.put('seventeen letters', '.'.repeat(56))
    expect(get(cache, 'seventeen letters')).toBe('.'.repeat(56))
    const slotBytes = (options: OrbitCacheOptions) => {
      const one = join(fleetName())
      new OrbitCache(one, { capacity: 4096, valueBytes: 64, ...options })
      const bytes = collectMetrics(one).metrics.find(({ name }) => name === 'orbit_ring_bytes')?.samples[0]?.value
      return (bytes ?? 0) / 4096
    }
    expect(slotBytes({ keyBytes: 13 })).toBeLessThan(200)
    expect(slotBytes({})).toBeGreaterThan(400)
  })

  it('answers lookups while and after it is warmed up as before', async () => {
    const name = fleetName()
    const writer = new OrbitCache(join(name), { capacity: 16_384, valueBytes: 8, keyBytes: 16 })
    for (let i = 0; i < 20_000; i++) writer.put(`key-${i % 12_000}`, `${i}`)
    const cache = new OrbitCache(join(name))
    const warming = cache.warmUp()
    const seen: unknown[] = []
    const look = setInterval(() => seen.push(get(cache, 'key-7999')), 0)
    expect(get(cache, 'key-7998')).toBe('19998')
    await warming
    clearInterval(look)
    expect(seen.every((value) => value === '19999')).toBe(true)
    expect(cache.get('no key')).toBeUndefined()
    for (const i of [0, 3616, 7999, 8000, 11_999]) expect(get(cache, `key-${i}`)).toBe(`${i < 8000 ? i + 12_000 : i}`)
  })

  it('takes the geometry that other members use', () => {
    const name = fleetName()
    new OrbitCache(join(name), { capacity: 32 }).put('a', '1')
    for (const options of [{ capacity: 64 }, { capacity: 32, valueBytes: 1 }]) {
      const cache = new OrbitCache(join(name), options)
      expect(cache.capacity).toBe(32)
      expect(get(cache, 'a')).toBe('1')
    }
  })

  it('refuses wrong arguments by name, and changes nothing', () => {
    const fleet = join(fleetName())
    const cache = new OrbitCache(fleet, { capacity: 32 })
    expectTypeError(() => new OrbitCache(untyped({})), 'fleet=')
    expectTypeError(() => new OrbitCache(fleet, untyped(5)), 'options=5')
    expectTypeError(() => new OrbitCache(fleet, untyped({ size: 1 })), 'options.size')
    expectTypeError(() => new OrbitCache(fleet, { namespace: untyped(1) }), 'namespace=1')
    expectRangeError(() => new OrbitCache(fleet, { namespace: 'é'.repeat(128) }), 'namespace', '255')
    expectRangeError(() => new OrbitCache(fleet, { capacity: 3 }), 'capacity=3')
    expectTypeError(() => new OrbitCache(fleet, { valueBytes: untyped('1') }), 'valueBytes')
    for (const valueBytes of [-1, 0.5, 2 ** 24]) {
      expectRangeError(() => new OrbitCache(fleet, { valueBytes }), `valueBytes=${valueBytes}`)
    }
    for (const keyBytes of [0, 1.5, 2 ** 16 + 1]) {
      expectRangeError(() => new OrbitCache(fleet, { keyBytes }), `keyBytes=${keyBytes}`)
    }
    for (const wrong of [undefined, null, 5, {}, [1], new ArrayBuffer(1), new Uint16Array(1), detached()].map(
      untyped,
    )) {
      for (const call of [() => cache.put(wrong, ''), () => cache.delete(wrong), () => cache.get(wrong)]) {
        expectTypeError(call, 'key')
      }
      expectTypeError(() => cache.getEntry(wrong), 'key')
      expectTypeError(() => cache.put('a', wrong), 'value')
      if (wrong !== undefined) expectTypeError(() => cache.reset(wrong), 'key')
    }
    expectTypeError(() => cache.put('a', untyped(7)), 'value=7 must be a string or a Uint8Array')
    expectTypeError(() => cache.getEntry(untyped(7)), 'key=7 must be a string or a Uint8Array')
    for (const ttlMs of [0, -1, 1.5, Number.NaN, 2 ** 48 + 1]) {
      expectRangeError(() => cache.put('a', '', { ttlMs }), `ttlMs=${ttlMs}`)
    }
    expectTypeError(() => cache.put('a', '', { ttlMs: untyped('1') }), 'ttlMs')
    expectTypeError(() => cache.put('a', '', untyped({ ttl: 1 })), 'options.ttl')
    expectTypeError(() => cache.put('a', '', untyped(null)), 'options=null')
    expect(cache.getEntry('a').head).toBe(0)
  })

  it('throws ERR_ORBIT_CLOSED after its fleet is closed', () => {
    const fleet = join(fleetName())
    const cache = new OrbitCache(fleet)
    cache.put('a', '1')
    fleet.close()
    for (const call of [
      () => cache.put('a', '1'),
      () => cache.delete('a'),
      () => cache.reset(),
      () => cache.get('a'),
      () => cache.getEntry('a'),
      () => cache.get('x'.repeat(100_000)),
      () => new OrbitCache(fleet),
    ]) {
      expectClosed(call)
    }
  })

  it('works when reading its options calls the cache again', () => {
    const cache = make()
    const options = {
      get ttlMs() {
        cache.put('a much longer key than the other', 'x')
        cache.get('another')
        return 100_000
      },
    }
    cache.put('key', 'value', options)
    expect(get(cache, 'key')).toBe('value')
  })
})

describe('a cache in shared memory', () => {
  it('can be read but not written by an observer, even before its ring exists', () => {
    const name = fleetName()
    const fleet = joinShm(name)
    const cache = new OrbitCache(observe(name), { capacity: 32 })
    expect(cache.get('a')).toBeUndefined()
    expect(cache.getEntry('a')).toEqual({ hit: false, head: 0 })
    expectTypeError(() => cache.get(untyped(5)), 'key=5')
    for (const call of [() => cache.put('a', ''), () => cache.delete('a'), () => cache.reset()]) {
      expectRefusal(call, OrbitError, 'ERR_ORBIT_READ_ONLY', 'observer')
    }
    new OrbitCache(fleet, { capacity: 32 }).put('a', '1', { ttlMs: 1_000_000 })
    expect(get(cache, 'a')).toBe('1')
    expect(cache.getEntry('a')).toMatchObject({ hit: true, position: 0, head: 1 })
    for (const call of [() => cache.put('a', ''), () => cache.delete('a'), () => cache.reset()]) {
      expectRefusal(call, OrbitError, 'ERR_ORBIT_READ_ONLY', 'observer')
    }
    expect(get(new OrbitCache(observe(name)), 'a')).toBe('1')
    expect(get(new OrbitCache(observe(name), { capacity: 64 }), 'a')).toBe('1')
  })

  it('throws ERR_ORBIT_RETIRED after its ring was removed', () => {
    const name = fleetName()
    const cache = new OrbitCache(joinShm(name))
    cache.put('a', '1')
    const observer = new OrbitCache(observe(name))
    Fleet.remove(name, { force: true })
    for (const call of [() => cache.put('a', '1'), () => cache.get('a'), () => cache.get('x'.repeat(100_000))]) {
      expectRefusal(call, OrbitError, 'ERR_ORBIT_RETIRED')
    }
    expectRefusal(() => observer.get('a'), OrbitError, 'ERR_ORBIT_RETIRED', 'observe the fleet again')
  })

  it('has a KIND that no type can use', () => {
    expectRangeError(() => orbitType({ name: 'orbit.cache', kind: 200 }), 'kind=200')
  })

  it.runIf(hasObjectFiles)('uses the expiry in the frame, even one that was written by hand', () => {
    const name = fleetName()
    const cache = new OrbitCache(joinShm(name, { size: 4 }), { capacity: 4, valueBytes: 0 })
    const at = ringAt({ capacity: 4, payloadBytes: 264 }, 4)
    // A lookup remembers a decision for each frame, so each of these is a new frame.
    const putExpiring = (version: bigint) => {
      const { counter } = cache.put('a', 'value')
      const file = objectFile(name, 200)
      file.setU64(at.chunk(chunkIn(file.u64(at.slot(counter % 4)))) + chunkAt.version, version)
      return counter
    }
    const now = BigInt(nowMs())
    expect(cache.getEntry('a').hit).toBe(false)
    putExpiring(now + 1_000_000n)
    expect((cache.getEntry('a') as { expiresInMs: number }).expiresInMs).toBeGreaterThan(0)
    for (const version of [1n, now - 1000n, now]) {
      const position = putExpiring(version)
      expect(cache.getEntry('a')).toEqual({ hit: false, position, head: position + 1 })
    }
    putExpiring(2n ** 64n - 1n)
    expect(get(cache, 'a')).toBe('value')
  })

  it.runIf(hasObjectFiles)('skips frames that are not cache mutations', () => {
    const name = fleetName()
    const cache = new OrbitCache(joinShm(name, { size: 4 }), { capacity: 4, valueBytes: 0 })
    const at = ringAt({ capacity: 4, payloadBytes: 264 }, 4)
    cache.put('a', 'good')
    const { counter } = cache.put('a', 'bad')
    const file = objectFile(name, 200)
    file.setBytes(at.chunk(chunkIn(file.u64(at.slot(counter)))) + chunkAt.payload, Buffer.from([1, 0, 1, 0, 255]))
    expect(cache.getEntry('a')).toMatchObject({ hit: true, position: 0, head: 2 })
  })
})
