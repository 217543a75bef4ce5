import { describe, expect, it, vi } from 'vitest'
import { OrbitError, OrbitStore, type OrbitStoreOptions, Reservation } from '../../src/index.js'
import { advanceClock } from '../../src/testing.js'
import { fleetName, joinLocal, joinShm, memories, observe } from '../help/fleets.js'
import { generator, newSeed } from '../help/random.js'
import { expectClosed, expectRangeError, expectRefusal, expectTypeError, untyped } from '../help/refusals.js'

const size = 8
const bytes = 2 * 2 ** 20
const text = (value: Uint8Array | undefined) => value && Buffer.from(value).toString()
const small: OrbitStoreOptions = { bytes }
const bytesOf = (length: number, seed: number) =>
  Uint8Array.from({ length }, (_, i) => (i * 31 + seed * 7 + (i >> 8)) & 255)

describe.each(memories)('a store in $memory', ({ join }) => {
  const open = (options: OrbitStoreOptions = {}) =>
    new OrbitStore(join(fleetName(), { size }), { ...small, ...options })

  it('returns the newest value of a key, as a private copy', () => {
    const store = open()
    expect(store.get('a')).toBeUndefined()
    expect(store.put('a', 'one')).toBe(true)
    const first = store.get('a')
    expect(text(first)).toBe('one')
    expect(store.put('a', Buffer.from('two'))).toBe(true)
    expect(text(first)).toBe('one')
    expect(text(store.get('a'))).toBe('two')
    expect(text(store.get('b'))).toBeUndefined()
  })

  it('holds keys and values of every kind: empty, binary, long, and not ASCII', () => {
    const store = open()
    const keys = ['', 'k', 'ключ', '🔑', 'k'.repeat(1023), new Uint8Array([0, 255, 0]), new Uint8Array(7)]
    const values = [
      '',
      'é🔑',
      'x'.repeat(100_000),
      new Uint8Array(),
      new Uint8Array([0]),
      bytesOf(65, 1),
      bytesOf(5000, 2),
    ]
    for (const key of keys) {
      for (const value of values) {
        store.put(key, value)
        expect(Buffer.compare(Buffer.from(store.get(key) ?? []), Buffer.from(value as string))).toBe(0)
      }
    }
    expect(store.get('k'.repeat(1024))).toBeUndefined()
    expect(store.has('k'.repeat(1024))).toBe(false)
    expect(store.delete('k'.repeat(1024))).toBe(false)
  })

  it('holds values up to an eighth of its size, in parts', () => {
    const store = open({ bytes: 16 * 2 ** 20 })
    for (const length of [64, 65, 4095, 4096, 4097, 16_383, 16_384, 65_536, 1_000_000, 1_800_000]) {
      const value = bytesOf(length, length)
      store.put(`long-${length}`, value)
      const got = store.get(`long-${length}`) as Uint8Array
      expect(got.length).toBe(length)
      expect(Buffer.compare(got, value), `${length}`).toBe(0)
      const target = new Uint8Array(length + 2)
      expect(store.getInto(`long-${length}`, target, 1)).toBe(length)
      expect(Buffer.compare(target.subarray(1, length + 1), value)).toBe(0)
    }
    const sizes = () => store.put('too long', new Uint8Array(2 ** 21 + 1))
    expectRefusal(sizes, RangeError, 'ERR_ORBIT_PAYLOAD_SIZE', 'value of 2097153', 'more bytes')
    expect(store.has('too long')).toBe(false)
  })

  it('copies a value into the bytes of the caller, and says how much room it needs', () => {
    const store = open()
    store.put('a', 'value')
    const target = new Uint8Array(8)
    expect(store.getInto('a', target)).toBe(5)
    expect(text(target)).toBe('value\0\0\0')
    expect(store.getInto('a', target, 3)).toBe(5)
    expect(text(target)).toBe('valvalue')
    expect(store.getInto('b', target)).toBe(-1)
    const short = () => store.getInto('a', target, 4)
    expectRefusal(short, RangeError, 'ERR_ORBIT_PAYLOAD_SIZE', 'has 5 bytes', 'room for 4')
    expectRangeError(() => store.getInto('a', target, 9), 'at=9')
    expectTypeError(() => store.getInto('a', untyped('target')), 'target')
  })

  it('gets several values at once', () => {
    const store = open()
    store.put('a', '1')
    store.put('c', '3')
    expect(store.getMany(['a', 'b', 'c']).map(text)).toEqual(['1', undefined, '3'])
    expect(store.getMany([])).toEqual([])
  })

  it('tells the id, the age and the time that is left', () => {
    const store = open()
    expect(store.getEntry('a')).toEqual({ hit: false })
    store.put('a', 'one', { ttlMs: 1000, staleMs: 500 })
    store.put('b', 'two')
    const a = store.getEntry('a')
    const b = store.getEntry('b')
    if (!a.hit || !b.hit) throw new Error('both are there')
    expect(text(a.value)).toBe('one')
    expect(a.id).toBeGreaterThan(0)
    expect(b.id).not.toBe(a.id)
    expect(a.stale).toBe(false)
    expect(b.expiresInMs).toBeUndefined()
    expect(a.expiresInMs).toBeGreaterThan(0)
    expect(a.expiresInMs).toBeLessThanOrEqual(1500)
    expect(a.ageMs).toBeGreaterThanOrEqual(0)
  })

  it('makes an entry stale after ttlMs, and expires it after staleMs', () => {
    const store = open()
    store.put('fresh', 'x', { ttlMs: 3_600_000 })
    store.put('stale', 'x', { ttlMs: 1000, staleMs: 2000 })
    store.put('for ever', 'x')
    advanceClock(1001)
    expect(store.getEntry('stale')).toMatchObject({ hit: true, stale: true })
    expect(store.getEntry('fresh')).toMatchObject({ hit: true, stale: false })
    advanceClock(2000)
    expect(store.getEntry('stale')).toEqual({ hit: false })
    expect(store.has('stale')).toBe(false)
    expect(store.has('fresh')).toBe(true)
    advanceClock(3_600_000)
    expect(store.has('fresh')).toBe(false)
    expect(store.has('for ever')).toBe(true)
  })

  it('deletes a key, and tells whether it had a value', () => {
    const store = open()
    expect(store.delete('a')).toBe(false)
    store.put('a', '1')
    store.put('b', '2')
    expect(store.delete('a')).toBe(true)
    expect(store.delete('a')).toBe(false)
    expect(store.has('a')).toBe(false)
    expect(text(store.get('b'))).toBe('2')
    store.put('a', '3', { ttlMs: 5 })
    advanceClock(6)
    expect(store.delete('a')).toBe(false)
  })

  it('resets the keys of a prefix, and takes puts of the same millisecond', () => {
    const store = open()
    for (let i = 0; i < 200; i++) {
      store.put('user:1', `${i}`)
      store.put('userx', `${i}`)
      store.reset('user:')
      expect(store.get('user:1')).toBeUndefined()
      expect(text(store.get('userx'))).toBe(`${i}`)
      store.put('user:1', 'after')
      expect(text(store.get('user:1'))).toBe('after')
      store.reset()
      expect(store.get('user:1')).toBeUndefined()
      expect(store.get('userx')).toBeUndefined()
    }
  })

  it('keeps namespaces and names apart', () => {
    const fleet = join(fleetName(), { size })
    const a = new OrbitStore(fleet, { ...small, namespace: 'a' })
    const b = new OrbitStore(fleet, { ...small, namespace: 'b' })
    const none = new OrbitStore(fleet, small)
    const other = new OrbitStore(fleet, { ...small, name: 'other' })
    const all = [a, b, none, other]
    for (const [i, store] of all.entries()) store.put('k', `${i}`)
    expect(all.map((store) => text(store.get('k')))).toEqual(['0', '1', '2', '3'])
    none.put('ak', 'not in a')
    a.reset()
    expect(all.map((store) => text(store.get('k')))).toEqual([undefined, '1', '2', '3'])
    expect(text(none.get('ak'))).toBe('not in a')
    expect(text(new OrbitStore(fleet, { name: 'other' }).get('k'))).toBe('3')
    expect(text(new OrbitStore(fleet, { namespace: 'b' }).get('k'))).toBe('1')
  })

  it('removes the entries of a tag, and takes puts of the same millisecond', () => {
    const store = open()
    for (let i = 0; i < 100; i++) {
      store.put('one', 'x', { tags: ['red', 'round'] })
      store.put('two', 'x', { tags: ['blue', `${i}`] })
      store.put('three', 'x')
      store.invalidate('red', 'green')
      expect([store.has('one'), store.has('two'), store.has('three')]).toEqual([false, true, true])
      store.put('one', 'again', { tags: ['red'] })
      expect(text(store.get('one'))).toBe('again')
      store.invalidate('blue')
      expect([store.has('one'), store.has('two'), store.has('three')]).toEqual([true, false, true])
    }
    const tags = Array.from({ length: 128 }, (_, i) => `${i}`.padEnd(1024, 'é').slice(0, 512))
    store.put('many', 'tags', { tags })
    expect(text(store.get('many'))).toBe('tags')
    store.invalidate(tags[127] as string)
    expect(store.has('many')).toBe(false)
    store.invalidate()
  })

  it('puts under a condition', () => {
    const store = open()
    expect(store.put('a', '1', { ifAbsent: true })).toBe(true)
    expect(store.put('a', '2', { ifAbsent: true })).toBe(false)
    const entry = store.getEntry('a')
    if (!entry.hit) throw new Error('a is there')
    expect(store.put('a', '3', { ifId: entry.id })).toBe(true)
    expect(store.put('a', '4', { ifId: entry.id })).toBe(false)
    expect(text(store.get('a'))).toBe('3')
    store.delete('a')
    expect(store.put('a', '5', { ifId: entry.id })).toBe(false)
    expect(store.put('a', '6', { ifAbsent: true, ttlMs: 10 })).toBe(true)
    advanceClock(10)
    expect(store.put('a', '7', { ifAbsent: true })).toBe(true)
  })

  it('stores a value under a reservation only if nothing happened to the key', () => {
    const store = open()
    const events: [string, (key: string) => unknown][] = [
      ['put', (key) => store.put(key, 'newer')],
      ['delete', (key) => store.delete(key)],
      ['reset', (key) => store.reset(key)],
      ['invalidate', () => store.invalidate('tag')],
    ]
    for (const [name, event] of events) {
      for (const before of ['absent', 'present']) {
        const key = `${name} ${before}`
        if (before === 'present') store.put(key, 'old')
        const free = store.reserve(`${key} untouched`)
        const reservation = store.reserve(key)
        expect(reservation).toBeInstanceOf(Reservation)
        expect(text(store.get(key)), key).toBe(before === 'present' ? 'old' : undefined)
        event(key)
        expect(reservation.put('late', { tags: ['tag'] }), key).toBe(false)
        expect(text(store.get(key)), key).not.toBe('late')
        if (name !== 'invalidate' && name !== 'reset') expect(free.put('made', { ttlMs: 1000 }), key).toBe(true)
      }
    }
    const [one, other] = [store.reserve('both'), store.reserve('both')]
    expect([one.put('first'), other.put('second'), text(store.get('both'))]).toEqual([true, false, 'first'])
    const twice = store.reserve('twice')
    expect(twice.put('first')).toBe(true)
    expect(twice.put('second')).toBe(false)
    expect(text(store.get('twice'))).toBe('first')
  })

  it('lists its keys, with what is known of them', () => {
    const store = open({ namespace: 'n' })
    expect([...store.keys()]).toEqual([])
    const names = Array.from({ length: 500 }, (_, i) => `key-${i}`)
    for (const name of names) store.put(name, name, { ttlMs: 60_000 })
    store.put('other', 'x')
    const listed = [...store.keys({ prefix: 'key-' })]
    expect(new Set(listed.map(({ key }) => text(key)))).toEqual(new Set(names))
    for (const { key, valueBytes, expiresInMs, ageMs, id } of listed) {
      expect(valueBytes).toBe(key.length)
      expect(expiresInMs).toBeLessThanOrEqual(60_000)
      expect(ageMs).toBeGreaterThanOrEqual(0)
      expect(store.getEntry(key)).toMatchObject({ hit: true, id })
    }
    expect([...store.keys({ limit: 7 })]).toHaveLength(7)
    expect([...store.keys({ limit: 0 })]).toEqual([])
    for (const { key } of store.keys()) store.delete(key)
    expect([...store.keys()]).toEqual([])
    expectRangeError(() => store.keys({ limit: -1 }), 'limit=-1')
    expectTypeError(() => store.keys({ prefix: untyped(5) }), 'key=5')
  })

  it('counts what its members do', () => {
    const name = fleetName()
    const [one, two] = [join(name, { size }), join(name, { size })].map((fleet) => new OrbitStore(fleet, small)) as [
      OrbitStore,
      OrbitStore,
    ]
    one.put('a', 'value')
    two.put('b', 'value')
    one.get('b')
    two.get('a')
    two.get('c')
    one.has('a')
    one.delete('b')
    expect(one.stats()).toMatchObject({ hits: 2, misses: 1, puts: 2, deletes: 1, putBytes: 10, evicted: 0, burned: 0 })
    expect(two.stats()).toEqual(one.stats())
    expect(one.stats()?.bytes).toBeLessThanOrEqual(bytes)
    expect(one.stats()?.bytes).toBeGreaterThan(bytes / 2)
  })

  it('is shared by all members, and answers every one with the newest value', () => {
    const seed = newSeed('store')
    const random = generator(seed)
    const name = fleetName()
    const stores = Array.from({ length: 3 }, () => new OrbitStore(join(name, { size }), small))
    const model = new Map<string, string>()
    for (let i = 0; i < 5000; i++) {
      const store = stores[random(3)] as OrbitStore
      const key = `key-${random(60)}`
      const action = random(10)
      if (action < 5) {
        const value = `${i}`.padEnd(random(3000), '.')
        store.put(key, value)
        model.set(key, value)
      } else if (action === 5) {
        expect(store.delete(key), `seed ${seed}`).toBe(model.delete(key))
      } else expect(text(store.get(key)), `seed ${seed}`).toBe(model.get(key))
    }
    expect(stores[0]?.stats()?.evicted).toBe(0)
  })

  it('evicts what is not asked for, and keeps what is', () => {
    const store = open()
    const hot = Array.from({ length: 200 }, (_, i) => `hot-${i}`)
    for (const key of hot) store.put(key, bytesOf(400, 1))
    for (let i = 0; i < 20_000; i++) {
      store.put(`cold-${i}`, bytesOf(400, i))
      store.get(hot[i % hot.length] as string)
    }
    const kept = hot.filter((key) => store.has(key)).length
    expect(kept).toBeGreaterThan(190)
    expect(store.stats()?.evicted).toBeGreaterThan(10_000)
    expect(store.stats()?.usedBytes).toBeLessThanOrEqual(bytes)
  })

  it('keeps 1000 keys that are read while one key is written over and over', () => {
    const store = open()
    const keys = Array.from({ length: 1000 }, (_, i) => `key-${i}`)
    for (const key of keys) store.put(key, bytesOf(400, 1))
    for (let i = 0; i < 1024 * 20; i++) {
      store.put('hot', bytesOf(400, i))
      store.get(keys[i % 1000] as string)
    }
    expect(keys.filter((key) => !store.has(key))).toEqual([])
  })
})

describe('a store', () => {
  it('refuses wrong arguments', () => {
    const fleet = joinLocal(fleetName(), { size })
    const make = (options: unknown) => () => new OrbitStore(fleet, untyped(options))
    expectTypeError(make({ capacity: 5 }), 'options.capacity')
    expectRangeError(make({ bytes: 0 }), 'bytes=0')
    expectRangeError(make({ bytes: 2 ** 33 + 1 }), 'bytes=')
    expectRangeError(make({ entryBytes: 15 }), 'entryBytes=15')
    expectRangeError(make({ name: '' }), 'name=""')
    expectRangeError(make({ namespace: 'n'.repeat(129) }), 'namespace=')
    expectRangeError(make({ bytes: 1000 }), 'bytes=1000', 'at least')
    const store = new OrbitStore(fleet, small)
    for (const key of [undefined, 5, {}]) {
      for (const call of [
        () => store.get(untyped(key)),
        () => store.put(untyped(key), ''),
        () => store.delete(untyped(key)),
        () => store.has(untyped(key)),
        () => store.reserve(untyped(key)),
        () => store.reset(untyped(key ?? 5)),
      ]) {
        expectTypeError(call, 'key=')
      }
    }
    expectRangeError(() => store.get('\ud800'), 'key=')
    expectTypeError(() => store.put('a', untyped(undefined)), 'value=undefined')
    const put = (options: unknown) => () => store.put('a', '', untyped(options))
    expectTypeError(put({ ttl: 5 }), 'options.ttl')
    expectRangeError(put({ ttlMs: 0 }), 'ttlMs=0')
    expectRangeError(put({ ttlMs: 1, staleMs: 0 }), 'staleMs=0')
    expectTypeError(put({ staleMs: 5 }), 'needs a ttlMs')
    expectTypeError(put({ tags: 'tag' }), 'tags=')
    expectTypeError(put({ tags: [5] }), 'tag=5')
    expectRangeError(put({ tags: [''] }), 'tag=""')
    expectRangeError(put({ tags: ['t'.repeat(1025)] }), 'tag=')
    expectRangeError(put({ tags: new Array(129).fill('t') }), 'tags.length=129')
    expectRangeError(put({ ifId: 0 }), 'ifId=0')
    expectTypeError(put({ ifAbsent: 1 }), 'ifAbsent=1')
    expectTypeError(put({ ifAbsent: true, ifId: 5 }), 'exclude each other')
    expectTypeError(() => store.invalidate(untyped(5)), 'tag=5')
    expectRefusal(() => store.reset('p'.repeat(255)), RangeError, 'ERR_ORBIT_PAYLOAD_SIZE', 'at most 254')
    expectRefusal(() => store.put('k'.repeat(1024), ''), RangeError, 'ERR_ORBIT_PAYLOAD_SIZE', 'key of 1024')
    expect(store.stats()).toMatchObject({ puts: 0 })
  })

  it('reads each option once, before it looks at the key', () => {
    const store = new OrbitStore(joinLocal(fleetName()))
    const options = {
      get ttlMs() {
        store.get('other')
        return 100_000
      },
    }
    expect(store.put('key', 'value', options)).toBe(true)
    expect([store.has('key'), store.has('other')]).toEqual([true, false])
    expectTypeError(() => store.getMany(untyped('key')), 'keys="key"')
  })

  it('is closed with its fleet', () => {
    const fleet = joinLocal(fleetName(), { size })
    const store = new OrbitStore(fleet, small)
    const reservation = store.reserve('a')
    fleet.close()
    expectClosed(() => store.get('a'))
    expectClosed(() => store.put('a', 'x'))
    expectClosed(() => store.delete('a'))
    expectClosed(() => store.reset())
    expectClosed(() => store.invalidate('t'))
    expectClosed(() => [...store.keys()])
    expectClosed(() => store.stats())
    expectClosed(() => reservation.put('x'))
  })

  it('is read by an observer, which cannot write and is not counted', () => {
    const name = fleetName()
    const fleet = joinShm(name, { size })
    const early = new OrbitStore(observe(name))
    expect(early.get('a')).toBeUndefined()
    expect(early.stats()).toBeUndefined()
    expect([...early.keys()]).toEqual([])
    const store = new OrbitStore(fleet, small)
    store.put('a', 'value', { tags: ['t'] })
    expect(text(early.get('a'))).toBe('value')
    expect(early.has('a')).toBe(true)
    expect([...early.keys()].map(({ key }) => text(key))).toEqual(['a'])
    for (const call of [
      () => early.put('a', 'x'),
      () => early.delete('a'),
      () => early.reset(),
      () => early.invalidate('t'),
      () => early.reserve('a'),
    ]) {
      expectRefusal(call, OrbitError, 'ERR_ORBIT_READ_ONLY', 'orbit.store')
    }
    expect(early.stats()).toMatchObject({ hits: 0, misses: 0 })
  })

  it('takes a store of another size while members live, and warns once', () => {
    const name = fleetName()
    const first = new OrbitStore(joinShm(name, { size }), small)
    first.put('a', 'value')
    const warnings: string[] = []
    const spy = vi.spyOn(process, 'emitWarning').mockImplementation((message) => void warnings.push(String(message)))
    try {
      const fleet = joinShm(name, { size })
      for (let i = 0; i < 2; i++) {
        expect(text(new OrbitStore(fleet, { bytes: 2 * bytes }).get('a'))).toBe('value')
      }
      expect(text(new OrbitStore(fleet).get('a'))).toBe('value')
    } finally {
      spy.mockRestore()
    }
    expect(warnings).toHaveLength(1)
    expect(warnings[0]).toContain(`bytes=${2 * bytes} was asked for`)
  })

  it('grows when a member that is alone asks for more, and only then', () => {
    const name = fleetName()
    const first = joinShm(name, { size, lifetime: 'fleet' })
    const second = joinShm(name, { size })
    new OrbitStore(first, small).put('a', 'value')
    second.close()
    first.close()
    const fleet = joinShm(name, { size, lifetime: 'fleet' })
    const store = new OrbitStore(fleet, { bytes: 2 * bytes })
    expect(store.stats()?.bytes).toBeGreaterThan(bytes)
    store.put('a', 'value')
    fleet.close()
    const persistent = joinShm(name, { size, lifetime: 'persistent' })
    new OrbitStore(persistent, small).put('a', 'kept')
    persistent.close()
    const again = new OrbitStore(joinShm(name, { size }), small)
    expect(text(again.get('a'))).toBe('kept')
  })
})
