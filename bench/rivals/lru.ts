import type { LRUCache } from 'lru-cache'
import { consumed, type Run } from '../calls/call.js'
import { absentKeys, keys, operation, packageLacks, type Rival, session, trialOf, value } from './rival.js'

const who = 'lru-cache'
const operations = keys.length

/** A trial on a cache that has `value` for every key. */
function onCache<V extends object>(value: V, start: (cache: LRUCache<string, V>) => () => void): () => Promise<Run> {
  return async () => {
    const { LRUCache } = await import('lru-cache')
    const cache = new LRUCache<string, V>({ max: 2048 })
    for (const key of keys) cache.set(key, value)
    return { run: start(cache), teardown() {} }
  }
}

/** The memory of one process, with nobody else to see it. */
export const lruCache: Rival = {
  name: who,
  lacks: () => packageLacks('lru-cache', () => import('lru-cache')),
  trials: [
    trialOf(operation.put, who, {
      measures: 'cache.set(key, bytes): keeps the reference, for this process alone',
      operations,
      setup: onCache(value, (cache) => () => {
        for (const key of keys) cache.set(key, value)
      }),
    }),
    trialOf(operation.hit, who, {
      measures: 'cache.get(key) of each of 1,000 live keys in turn: the same bytes, no copy',
      operations,
      setup: onCache(value, (cache) => () => {
        let sum = 0
        for (const key of keys) sum += (cache.get(key) as Uint8Array).length
        consumed.number += sum
      }),
    }),
    trialOf(operation.miss, who, {
      measures: 'cache.get(key) of keys that were never set, beside 1,000 live ones',
      operations,
      setup: onCache(value, (cache) => () => {
        for (const key of absentKeys) if (cache.get(key) !== undefined) throw new Error(`${key} is there`)
      }),
    }),
    trialOf(operation.object, who, {
      measures: 'cache.get(key): the same object',
      operations,
      setup: onCache(session, (cache) => () => {
        let sum = 0
        for (const key of keys) sum += (cache.get(key) as typeof session).id
        consumed.number += sum
      }),
    }),
  ],
}
