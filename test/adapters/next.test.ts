// What the handlers do with bytes that another program has stored. test/recipes/next.test.ts has what Next.js does.
import { serialize } from 'node:v8'
import { describe, expect, it } from 'vitest'
import { isrCacheHandler, UseCacheHandler } from '../../src/adapters/next.js'
import { OrbitStore } from '../../src/index.js'
import { fleetName, joinLocal } from '../help/fleets.js'

/** A value as the handlers store it: the length of its header in 4 bytes, the header, and the bytes of a stream. */
function stored(header: Uint8Array, length = header.length): Uint8Array {
  const bytes = Buffer.alloc(4 + header.length)
  bytes.writeUInt32LE(length)
  bytes.set(header, 4)
  return bytes
}

const whole = serialize({ tags: ['tag'], madeMs: 1, entry: { lastModified: 1, value: 'page' } })
const foreign: readonly (readonly [string, Uint8Array])[] = [
  ['no bytes', new Uint8Array(0)],
  ['fewer bytes than a length', Uint8Array.of(1, 2, 3)],
  ['a header that is longer than the value', stored(whole, whole.length + 1)],
  ['a header of 2^32 - 1 bytes', stored(whole, 2 ** 32 - 1)],
  ['an empty header', stored(new Uint8Array(0))],
  ['a header that is cut short', stored(whole.subarray(0, -1), whole.length - 1)],
  ['text', stored(Buffer.from('<html>'))],
  ['a header of another version of V8', stored(Uint8Array.of(0xff, 0x7f, 0x30))],
  ...[undefined, null, 1, 'x', [], {}, { tags: 1, madeMs: 0, entry: {} }, { tags: [1], madeMs: 0, entry: {} }].map(
    (value) => [`a header that is ${JSON.stringify(value)}`, stored(serialize(value))] as const,
  ),
  ...[
    { tags: [], madeMs: '0', entry: {} },
    ...[null, undefined, 1].map((entry) => ({ tags: [], madeMs: 0, entry })),
  ].map((value) => [`a header that is ${JSON.stringify(value)}`, stored(serialize(value))] as const),
]

describe('the handlers of Next.js', () => {
  it.each(foreign)('miss an entry of %s', async (_, bytes) => {
    const fleet = joinLocal(fleetName())
    const useCache = new UseCacheHandler(fleet)
    const isr = new (isrCacheHandler(fleet))()
    new OrbitStore(fleet, { name: 'next', namespace: 'isr' }).put('key', bytes)
    new OrbitStore(fleet, { name: 'next', namespace: 'use cache' }).put('key', bytes)
    expect(await isr.get('key')).toBeNull()
    expect(await useCache.get('key')).toBeUndefined()
    await isr.set('key', 'page')
    expect(await isr.get('key')).toMatchObject({ value: 'page' })
  })

  it('miss an entry with a list of tags that has no elements', async () => {
    const fleet = joinLocal(fleetName())
    const header = serialize({ tags: Object.assign([], { length: 2 ** 32 - 1 }), madeMs: 1, entry: {} })
    new OrbitStore(fleet, { name: 'next', namespace: 'isr' }).put('key', stored(header))
    expect(await new (isrCacheHandler(fleet))().get('key')).toBeNull()
  })

  it('take half of a character in a tag for a replacement character', async () => {
    const fleet = joinLocal(fleetName())
    const isr = new (isrCacheHandler(fleet))()
    const tag = `${'x'.repeat(299)}😀y`
    await isr.set('key', 'page', { tags: [tag, '\ud800'] })
    expect(await isr.get('key')).toMatchObject({ value: 'page' })
    await isr.revalidateTag(tag)
    expect(await isr.get('key')).toBeNull()
  })

  it('find a page that was set after many invalidations at once', async () => {
    const fleet = joinLocal(fleetName())
    const isr = new (isrCacheHandler(fleet))()
    const tags = Array.from({ length: 500 }, (_, i) => `tag ${i}`)
    await isr.revalidateTag(tags)
    await isr.set('key', 'page', { tags: ['tag 499'] })
    expect(await isr.get('key')).toMatchObject({ value: 'page' })
    await isr.revalidateTag('tag 499')
    expect(await isr.get('key')).toBeNull()
  })

  it.each([undefined, { expire: 0 }])(
    'find an entry that was made after thousands of tags were updated, %j',
    async (durations) => {
      const fleet = joinLocal(fleetName())
      const useCache = new UseCacheHandler(fleet)
      const tags = Array.from({ length: 5000 }, (_, i) => `tag ${i}`)
      await useCache.updateTags(tags, durations)
      const invalidatedAt = (i: number) =>
        new OrbitStore(fleet, { name: 'next' }).invalidatedAt(durations ? `stale tag ${i}` : `tag ${i}`)
      expect(invalidatedAt(4999)).toBe(invalidatedAt(0))
      const entry = (timestamp: number) => ({
        value: new Blob(['page']).stream() as ReadableStream<Uint8Array>,
        tags: ['tag 0', 'tag 4999'],
        ...{ stale: 1, timestamp, expire: 60, revalidate: 1 },
      })
      // A second later: it would be found four seconds too late if each tag had a millisecond of its own.
      await useCache.set('key', Promise.resolve(entry(performance.timeOrigin + performance.now() + 1000)))
      expect(await useCache.get('key')).toBeDefined()
      await useCache.set('old', Promise.resolve(entry(performance.timeOrigin + performance.now() - 60_000)))
      expect(await useCache.get('old')).toBeUndefined()
    },
  )

  it('find an entry of bytes that they could have stored', async () => {
    const fleet = joinLocal(fleetName())
    new OrbitStore(fleet, { name: 'next', namespace: 'isr' }).put('key', stored(whole))
    const isr = new (isrCacheHandler(fleet))()
    expect(await isr.get('key')).toEqual({ lastModified: 1, value: 'page' })
  })

  it('miss a stale entry if the limit of its tag is no number', async () => {
    const fleet = joinLocal(fleetName())
    new OrbitStore(fleet, { name: 'next', namespace: 'isr' }).put('key', stored(whole))
    const isr = new (isrCacheHandler(fleet))()
    await isr.revalidateTag('tag', { expire: 1000 })
    expect(await isr.get('key')).toMatchObject({ lastModified: -1 })
    new OrbitStore(fleet, { name: 'next', namespace: 'tags' }).put('tag', 'soon')
    expect(await isr.get('key')).toBeNull()
  })
})
