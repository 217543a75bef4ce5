// The handlers are called as Next.js 16.2 to 16.4 calls them, in two processes.
import { describe, expect, it } from 'vitest'
import { type Cluster, runCluster } from './cluster.js'

const worker = `
import { UseCacheHandler } from 'orbit-node/next'
import { Fleet } from 'orbit-node'
import Isr from './isr-cache.mjs'
import useCache from './use-cache.mjs'
const isr = new Isr({ revalidatedTags: [] })
const small = new UseCacheHandler(Fleet.joinShm('web'), { name: 'small', bytes: 4 * 2 ** 20 })
const streamOf = (parts) => new ReadableStream({
  start(controller) {
    for (const part of parts) controller.enqueue(new TextEncoder().encode(part))
    controller.close()
  },
})
const entryOf = (parts, tags, sinceMs = -1, expire = 3600) => ({
  value: streamOf(parts), tags, stale: 30, timestamp: Date.now() - sinceMs, expire, revalidate: 900,
})
const textOf = async (entry) => entry && (await new Response(entry.value).text())
let finish
const warnings = []
process.on('warning', ({ code, message }) => warnings.push([code, message]))
const calls = {
  set: (key, parts, tags, sinceMs, expire) => useCache.set(key, Promise.resolve(entryOf(parts, tags, sinceMs, expire))),
  get: async (key, soft = []) => {
    const entry = await useCache.get(key, soft)
    return entry ? [await textOf(entry), entry.tags, entry.revalidate, entry.expire, entry.stale] : null
  },
  twice: async (key) => [await textOf(await useCache.get(key, [])), await textOf(await useCache.get(key, []))],
  begin: (key) => void useCache.set(key, new Promise((resolve) => { finish = () => resolve(entryOf(['late'], [])) })),
  finish: async (key) => { const got = useCache.get(key, []); finish(); return textOf(await got) },
  fail: async (key) => {
    const set = useCache.set(key, Promise.reject(new Error('no entry')))
    const got = await useCache.get(key, [])
    return [String(await set.catch((error) => error.message)), got ?? null]
  },
  update: (tags, durations) => useCache.updateTags(tags, durations),
  expiration: async () => (await useCache.getExpiration(['a'])) === Infinity,
  tooLarge: async () => {
    const key = 'large'
    await small.set(key, Promise.resolve(entryOf(['small'], [])))
    for (let i = 0; i < 2; i++) await small.set(key, Promise.resolve(entryOf(['x'.repeat(2 ** 20)], [])))
    await new Promise((resolve) => setImmediate(resolve))
    return [(await small.get(key, [])) ?? null, warnings.map(([code]) => code)]
  },
  setPage: async (key, html, tags) => {
    const value = { kind: 'APP_PAGE', html, rscData: Buffer.from([1, 2]), headers: { 'x-next-cache-tags': tags },
      segmentData: new Map([['/a', Buffer.from('segment')]]), status: 200, postponed: undefined }
    // A set within a millisecond of an invalidation is taken for an older one.
    const isOld = (entry) => entry === null || entry.lastModified === -1
    do await isr.set(key, value, { isFallback: false, cacheControl: { revalidate: 60, expire: 120 } })
    while (isOld(await isr.get(key, { kind: 'APP_PAGE' })))
  },
  getPage: async (key) => {
    const entry = await isr.get(key, { kind: 'APP_PAGE', isFallback: false })
    if (entry === null) return null
    const { html, rscData, segmentData, postponed } = entry.value
    const kept = [Buffer.isBuffer(rscData), String(segmentData.get('/a')), postponed === undefined]
    return [html, kept, entry.cacheControl, entry.lastModified === -1 ? 'stale' : Math.abs(Date.now() - entry.lastModified) < 60_000]
  },
  setFetch: (key, body, tags) => isr.set(key, { kind: 'FETCH', data: { body }, revalidate: 60 }, { fetchCache: true, tags }),
  getFetch: async (key, softTags) => (await isr.get(key, { kind: 'FETCH', tags: [], softTags }))?.value.data.body ?? null,
  forget: (key) => isr.set(key, null, {}),
  revalidate: (tags, durations) => isr.revalidateTag(tags, durations),
}
process.on('message', async ([name, ...words]) => process.send({ value: (await calls[name](...words)) ?? null }))
process.send({ value: 'ready' })
`

async function startTwo() {
  const cluster: Cluster = await runCluster('next', {
    files: { 'worker.mjs': worker },
    worker: 'worker.mjs',
    workers: 2,
  })
  const answer = async (said: Promise<unknown>) => ((await said) as { value: unknown }).value
  // One after the other: two that wait at once could take each other's events.
  for (const each of [1, 2]) {
    const ready = cluster.next(({ worker, said }) => worker === each && said !== undefined)
    expect(await answer(ready.then(({ said }) => said))).toBe('ready')
  }
  return [1, 2].map(
    (each) =>
      (...words: unknown[]) =>
        answer(cluster.ask(each, ...words)),
  )
}
type Ask = (...words: unknown[]) => Promise<unknown>

describe('a server of two Next.js processes', () => {
  it("shares the entries of 'use cache', and their tags", async () => {
    const [one, two] = (await startTwo()) as [Ask, Ask]
    expect(await one('get', 'k')).toBeNull()
    await one('set', 'k', ['<p>', 'é</p>'], ['posts', 'post-1'])
    expect(await two('get', 'k')).toEqual(['<p>é</p>', ['posts', 'post-1'], 900, 3600, 30])
    expect(await two('twice', 'k')).toEqual(['<p>é</p>', '<p>é</p>'])
    expect(await two('expiration')).toBe(true)
    await two('update', ['other', ''])
    expect(await one('get', 'k')).not.toBeNull()
    await two('update', ['posts'])
    expect(await one('get', 'k')).toBeNull()
    // Made before the invalidation, and stored after it.
    await one('set', 'k', ['old'], ['posts'], 60_000)
    expect(await two('get', 'k')).toBeNull()
    await one('set', 'k', ['new'], ['posts'], -1000)
    expect(await two('get', 'k')).toEqual(['new', ['posts'], 900, 3600, 30])
    await one('update', ['_N_T_/path'])
    expect(await two('get', 'k')).not.toBeNull()
    await one('set', 'k', ['of a path'], [], 60_000)
    expect(await two('get', 'k', ['_N_T_/path'])).toBeNull()
    await one('set', 'dynamic', ['x'], [], 0, 0)
    expect(await two('get', 'dynamic')).toBeNull()
  })

  it('uses stale entries until they expire, and waits for entries that are being made', async () => {
    const [one, two] = (await startTwo()) as [Ask, Ask]
    await one('set', 'k', ['stale'], ['feed'], 1000)
    await two('update', ['feed'], { expire: 1000 })
    expect(await one('get', 'k')).toEqual(['stale', ['feed'], -1, 3600, 30])
    await one('set', 'k', ['fresh'], ['feed'], -1000)
    expect(await two('get', 'k')).toEqual(['fresh', ['feed'], 900, 3600, 30])
    await one('set', 'old', ['old'], ['gone'], 1000)
    await two('update', ['gone'], { expire: -1 })
    expect(await one('get', 'old')).toBeNull()
    await one('begin', 'late')
    expect(await one('finish', 'late')).toBe('late')
    expect(await one('fail', 'bad')).toEqual(['no entry', null])
    expect(await one('tooLarge')).toEqual([null, ['ORBIT_NOT_STORED']])
  })

  it('shares pages and fetches, and their tags', async () => {
    const [one, two] = (await startTwo()) as [Ask, Ask]
    expect(await two('getPage', '/a')).toBeNull()
    await one('setPage', '/a', '<p>a</p>', '_N_T_/a,posts')
    const page = ['<p>a</p>', [true, 'segment', true], { revalidate: 60, expire: 120 }]
    expect(await two('getPage', '/a')).toEqual([...page, true])
    await two('revalidate', 'posts', { expire: 1000 })
    expect(await one('getPage', '/a')).toEqual([...page, 'stale'])
    await one('setPage', '/a', '<p>a</p>', '_N_T_/a,posts')
    expect(await two('getPage', '/a')).toEqual([...page, true])
    await two('revalidate', ['_N_T_/a'])
    expect(await one('getPage', '/a')).toBeNull()
    await one('setFetch', 'f', 'body', ['api'])
    expect(await two('getFetch', 'f', [])).toBe('body')
    await two('revalidate', '_N_T_/b')
    expect(await one('getFetch', 'f', ['_N_T_/b'])).toBeNull()
    await two('revalidate', 'api')
    expect(await one('getFetch', 'f', [])).toBeNull()
    await one('setPage', '/c', 'c', 'c')
    await two('forget', '/c')
    expect(await one('getPage', '/c')).toBeNull()
  })
})
