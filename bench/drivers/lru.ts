import { packageVersion } from '../version.js'
import { type Driver, packageLacks } from './driver.js'

/** The memory of one process, with nobody else to see it. */
export const lruCache: Driver = {
  name: 'lru-cache',
  settings: 'max: room for all keys; it keeps the reference, so no value is copied',
  peers: 'processes',
  trials: ['cache put', 'cache get', 'cache miss'],
  version: () => packageVersion('lru-cache'),
  lacks: () => packageLacks('lru-cache', () => import('lru-cache')),
  async cache(_, { keys }) {
    const { LRUCache } = await import('lru-cache')
    const cache = new LRUCache<string, Uint8Array>({ max: 2 ** Math.ceil(Math.log2(Math.max(keys, 8192))) })
    return {
      putAll(keys, value) {
        for (const key of keys) cache.set(key, value)
      },
      getAll(keys) {
        let bytes = 0
        for (const key of keys) bytes += cache.get(key)?.length ?? 0
        return bytes
      },
      close() {},
    }
  },
}
