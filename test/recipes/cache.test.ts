import { describe, expect, it } from 'vitest'
import { type Cluster, runCluster } from './cluster.js'

/** A worker that calls its functions by name: it receives `[name, ...arguments]` and sends `{ value }`. */
const answering = (functions: string): string => `
const functions: Record<string, (...words: any[]) => unknown> = ${functions}
const until = async (isSo: () => unknown) => {
  while (!(await isSo())) await new Promise((resolve) => setImmediate(resolve))
}
process.on('message', async ([name, ...words]: [string, ...unknown[]]) => {
  process.send?.({ value: await functions[name]?.(...words) })
})
void until
process.send?.({ value: 'ready' })
`

const keyv = `
import { Keyv } from 'keyv'
import { Fleet, OrbitStore } from 'orbit-node'
import { KeyvOrbit } from 'orbit-node/keyv'
import { users } from './users.js'
const fleet = Fleet.joinShm('web')
const store = new OrbitStore(fleet, { name: 'keyv' })
const others = new Keyv({ store: new KeyvOrbit(fleet), namespace: 'others' })
const bare = new KeyvOrbit(fleet)
${answering(`{
  get: (key) => users.get(key),
  getMany: (keys) => users.getMany(keys),
  has: (key) => users.has(key),
  set: (key, value, ttl) => users.set(key, value, ttl),
  delete: (key) => users.delete(key),
  clear: async () => void (await users.clear()),
  other: (key) => others.get(key),
  setOther: (key, value) => others.set(key, value),
  left: (key) => { const entry = store.getEntry(key); return entry.hit && (entry.expiresInMs ?? 'for ever') },
  put: (key, value, ttl) => bare.set(key, value, ttl),
  gone: (key) => until(async () => !(await bare.has(key))),
  setMany: (entries) => users.setMany(entries),
  list: async () => { const all = []; for await (const entry of users.iterator?.({})) all.push(entry); return all.sort() },
  clearBare: async () => void (await bare.clear()),
}`)}`

const layered = `
import { get, remove, set } from './layered.js'
${answering(`{
  get, set, remove,
  until: async (key, value) => void (await until(async () => (await get(key)) === value)),
}`)}`

const load = `
let waiting: ((value: object) => void)[] = []
export const loads = { count: 0 }
export const load = (_: string): Promise<object> => {
  loads.count++
  return new Promise((resolve) => waiting.push(resolve))
}
export const loaded = (value: object): void => { for (const resolve of waiting.splice(0)) resolve(value) }
`

const lru = `
import { loaded, loads } from './load.js'
import { changed, pages } from './lru.js'
let fetched: Promise<unknown> | undefined
${answering(`{
  fetch: (key) => { fetched = pages.fetch(key); return loads.count },
  loaded: async (value) => { loaded(value); return fetched },
  get: (key) => pages.get(key) ?? null,
  changed: (key) => changed(key),
  emptied: () => until(() => pages.size === 0),
}`)}`

const files = { 'keyv-driver.ts': keyv, 'layered-driver.ts': layered, 'load.ts': load, 'lru-driver.ts': lru }

/** Returns the value of one function of worker `worker` (1..4). */
type Ask = (worker: number, name: string, ...words: unknown[]) => Promise<unknown>

async function start(worker: string): Promise<Ask> {
  const cluster: Cluster = await runCluster('cache', { files, worker })
  for (let i = 0; i < 4; i++) await cluster.next(({ said }) => said !== undefined)
  return async (worker, name, ...words) => (await cluster.ask<{ value?: unknown }>(worker, name, ...words)).value
}

describe('docs/recipes/cache.md', () => {
  it('shows through keyv to all workers what one sets, deletes or clears', async () => {
    const ask = await start('keyv-driver.ts')
    expect(await ask(1, 'set', 'ada', { name: 'Ada', tags: ['a', 1, null] })).toBe(true)
    for (let worker = 1; worker <= 4; worker++) {
      expect(await ask(worker, 'get', 'ada')).toEqual({ name: 'Ada', tags: ['a', 1, null] })
    }
    await ask(2, 'set', 'ada', 'newer')
    await ask(3, 'set', 'bob', 0)
    expect(await ask(4, 'getMany', ['ada', 'nobody', 'bob'])).toEqual(['newer', null, 0])
    expect(await ask(4, 'has', 'bob')).toBe(true)

    expect(await ask(4, 'delete', 'bob')).toBe(true)
    expect(await ask(1, 'delete', 'bob')).toBe(false)
    expect(await ask(1, 'has', 'bob')).toBe(false)
    expect(await ask(2, 'get', 'bob')).toBeUndefined()
    expect(await ask(1, 'delete', ['ada', 'bob'])).toBe(true)
    expect(await ask(1, 'delete', ['ada', 'bob'])).toBe(false)

    await ask(1, 'setMany', [
      { key: 'ada', value: 'again' },
      { key: 'eve', value: { n: 1 } },
    ])
    expect(await ask(3, 'list')).toEqual([
      ['ada', 'again'],
      ['eve', { n: 1 }],
    ])
    await ask(1, 'setOther', 'ada', 'of others')
    expect(await ask(2, 'clear')).toBeUndefined()
    expect(await ask(3, 'get', 'ada')).toBeUndefined()
    expect(await ask(3, 'other', 'ada')).toBe('of others') // in its own namespace
    await ask(3, 'clearBare') // without a namespace: all of the store
    expect(await ask(4, 'other', 'ada')).toBeUndefined()
  })

  it('takes times to live through keyv in milliseconds', async () => {
    const ask = await start('keyv-driver.ts')
    await ask(1, 'set', 'default', 1)
    await ask(1, 'set', 'day', 1, 86_400_000)
    await ask(1, 'set', 'fraction', 1, 7_199_999.5)
    await ask(1, 'put', 'ever', 'text')
    const most = { 'users:default': 3_600_000, 'users:day': 86_400_000, 'users:fraction': 7_200_000 }
    for (const [key, ttl] of Object.entries(most)) {
      const left = await ask(2, 'left', key)
      expect(left).toBeGreaterThan(ttl - 60_000) // a minute is longer than the test can run
      expect(left).toBeLessThanOrEqual(ttl)
    }
    expect(await ask(2, 'left', 'ever')).toBe('for ever')
    await ask(1, 'put', 'short', 'text', 0.5)
    await ask(2, 'gone', 'short')
  })

  it('refuses through keyv a value that is too large by false, and changes nothing', async () => {
    const ask = await start('keyv-driver.ts')
    await ask(1, 'set', 'ada', 'small')
    expect(await ask(1, 'set', 'ada', 'x'.repeat(2 ** 22))).toBe(false)
    expect(await ask(2, 'get', 'ada')).toBe('small')
  })

  it('drops through cacheable the private copies of all workers on a change', async () => {
    const ask = await start('layered-driver.ts')
    await ask(1, 'set', 'k', 1)
    for (let worker = 1; worker <= 4; worker++) await ask(worker, 'until', 'k', 1)
    await ask(2, 'set', 'k', 2)
    expect(await ask(2, 'get', 'k')).toBe(2)
    for (let worker = 1; worker <= 4; worker++) await ask(worker, 'until', 'k', 2)
    await ask(3, 'remove', 'k')
    for (let worker = 1; worker <= 4; worker++) await ask(worker, 'until', 'k')
  })

  it('drops through lru-cache a changed value in all workers, even during a load', async () => {
    const ask = await start('lru-driver.ts')
    for (let worker = 1; worker <= 4; worker++) {
      await ask(worker, 'fetch', 'a')
      expect(await ask(worker, 'loaded', { version: 1 })).toEqual({ version: 1 })
      expect(await ask(worker, 'get', 'a')).toEqual({ version: 1 })
    }
    await ask(1, 'changed', 'a')
    for (let worker = 1; worker <= 4; worker++) {
      await ask(worker, 'emptied')
      expect(await ask(worker, 'get', 'a')).toBeNull()
    }

    expect(await ask(2, 'fetch', 'a')).toBe(2) // a second load, which reads the old value
    await ask(1, 'changed', 'a')
    await ask(2, 'emptied')
    expect(await ask(2, 'loaded', { version: 1 })).toEqual({ version: 1 }) // for the caller that had asked for it
    expect(await ask(2, 'get', 'a')).toBeNull()
    expect(await ask(2, 'fetch', 'a')).toBe(3)
    await ask(2, 'loaded', { version: 2 })
    expect(await ask(2, 'get', 'a')).toEqual({ version: 2 })
  })
})
