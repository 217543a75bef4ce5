import { packageVersion } from '../version.js'
import { type Driver, lacksPackage, syncCache } from './driver.js'

/** The memory of one process, which no other process sees. */
export const lruCache: Driver = {
  name: 'lru-cache',
  settings: 'max: room for all keys; it keeps the reference, so no value is copied',
  peers: 'processes',
  trials: ['cache put', 'cache get', 'cache miss', 'cache of large values'],
  version: () => packageVersion('lru-cache'),
  lacks: lacksPackage('lru-cache', () => import('lru-cache')),
  async cache(_, { keys }) {
    const { LRUCache } = await import('lru-cache')
    const cache = new LRUCache<string, Uint8Array>({ max: 2 ** Math.ceil(Math.log2(Math.max(keys, 8192))) })
    return syncCache(
      (key, value) => cache.set(key, value),
      (key) => cache.get(key),
    )
  },
}
