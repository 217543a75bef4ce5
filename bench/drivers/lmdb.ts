import { join } from 'node:path'
import type { RootDatabase } from 'lmdb'
import { packageVersion } from '../version.js'
import { claimByTrying, type Driver, lacksPackage, load, type Place, syncCache } from './driver.js'

const flags =
  'binary, noSync, no overlappingSync, mapSize 256 MiB, useWritemap except for claims, where removals fail with it'

/**
 * A store that does not wait for the disk, as no other driver does; a writable map makes a putSync three times as fast.
 */
async function openStore({ folder, name }: Place, useWritemap = true): Promise<RootDatabase<Buffer, string>> {
  const { open } = await import('lmdb')
  const path = join(folder, `${name}.mdb`)
  return open({ path, encoding: 'binary', noSync: true, overlappingSync: false, useWritemap, mapSize: 2 ** 28 })
}

const key = 'load'

/** @param isBatched one transaction for all puts of a call and one snapshot for all its gets, instead of one each */
const parts = (isBatched: boolean): Pick<Driver, 'latest' | 'cache'> => ({
  async latest(place) {
    const store = await openStore(place)
    const bytes = Buffer.alloc(8)
    const putAll = (count: number) => {
      for (let i = 0; i < count; i++) {
        bytes.writeUInt32LE(load.busy, 0)
        bytes.writeUInt32LE(load.idle, 4)
        store.putSync(key, bytes)
      }
    }
    return {
      storeAll: isBatched ? (count) => store.transactionSync(() => putAll(count)) : putAll,
      loadAll(count) {
        let sum = 0
        for (let i = 0; i < count; i++) {
          if (!isBatched || i === 0) store.resetReadTxn()
          const found = store.getBinaryFast(key) as Buffer
          sum += found.readUInt32LE(0) + found.readUInt32LE(4)
        }
        return sum
      },
      close: () => store.close(),
    }
  },
  async cache(place) {
    const store = await openStore(place)
    const look = (key: string) => {
      store.resetReadTxn()
      return store.get(key)
    }
    const cache = syncCache(
      (key, value) => store.putSync(key, value as Buffer),
      isBatched ? (key) => store.getBinaryFast(key) : look,
      () => store.close(),
    )
    if (!isBatched) return cache
    return {
      ...cache,
      putAll: (keys, value) => store.transactionSync(() => cache.putAll(keys, value)),
      getAll(keys) {
        store.resetReadTxn()
        return cache.getAll(keys)
      },
    }
  },
})

const owned = Buffer.from([1])

const common = {
  peers: 'processes',
  version: () => packageVersion('lmdb'),
  lacks: lacksPackage('lmdb', () => import('lmdb')),
} as const

/** Memory-mapped and shared by processes: each read sees the newest value of any process. */
export const lmdb: Driver = {
  ...common,
  ...parts(false),
  name: 'lmdb',
  settings:
    `${flags}; putSync, a transaction each; resetReadTxn before each read, so that it is the newest; claims: a ` +
    'transaction that puts what is not there, tried again after 1 to 3 ms; a process that dies keeps them for ever',
  async claims(place) {
    const store = await openStore(place, false)
    const tryClaim = (subject: string) => {
      const isTaken = store.transactionSync(() => {
        if (store.doesExist(subject)) return false
        store.putSync(subject, owned)
        return true
      })
      return isTaken ? { release: () => store.removeSync(subject) } : undefined
    }
    return { tryClaim, claim: (subject) => claimByTrying(tryClaim, subject), close: () => store.close() }
  },
  trials: [
    ...['latest store', 'latest load', 'cache put', 'cache get', 'cache miss', 'cache mix', 'cache mix, zipf'],
    'cache of large values',
    ...['claim', 'claims contended', 'claim handover'],
  ],
}

export const lmdbBatched: Driver = {
  ...common,
  ...parts(true),
  name: 'lmdb, batched',
  settings: `${flags}; 100 puts in one transaction, reads in one snapshot by getBinaryFast; the next read overwrites its bytes`,
}
