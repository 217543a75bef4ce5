import { join } from 'node:path'
import type { RootDatabase } from 'lmdb'
import { packageVersion } from '../version.js'
import { backoff } from './backoff.js'
import { type Cache, type Claims, type Driver, type Latest, type Place, packageLacks } from './driver.js'
import { load } from './values.js'

const flags =
  'binary, noSync, no overlappingSync, mapSize 256 MiB, useWritemap but for claims, whose removals fail with it'

/** A store that does not wait for the disk, as none of the others does; a writable map makes a putSync three times as fast. */
async function openStore({ folder, name }: Place, useWritemap = true): Promise<RootDatabase<Buffer, string>> {
  const { open } = await import('lmdb')
  return open<Buffer, string>({
    path: join(folder, `${name}.mdb`),
    encoding: 'binary',
    noSync: true,
    overlappingSync: false,
    useWritemap,
    mapSize: 2 ** 28,
  })
}

const key = 'load'

/** @param look before each load */
function latestOf(store: RootDatabase<Buffer, string>, look: () => void): Latest {
  const bytes = Buffer.alloc(8)
  const view = new DataView(bytes.buffer, bytes.byteOffset, 8)
  return {
    storeAll(count) {
      for (let i = 0; i < count; i++) {
        view.setUint32(0, load.busy, true)
        view.setUint32(4, load.idle, true)
        store.putSync(key, bytes)
      }
    },
    loadAll(count) {
      let sum = 0
      for (let i = 0; i < count; i++) {
        look()
        const found = store.getBinaryFast(key) as Buffer
        sum += found.readUInt32LE(0) + found.readUInt32LE(4)
      }
      return sum
    },
    close: () => store.close(),
  }
}

function eachOf(store: RootDatabase<Buffer, string>): Cache {
  return {
    putAll(keys, value) {
      for (const key of keys) store.putSync(key, value as Buffer)
    },
    getAll(keys) {
      let bytes = 0
      for (const key of keys) {
        store.resetReadTxn()
        bytes += store.get(key)?.length ?? 0
      }
      return bytes
    },
    close: () => store.close(),
  }
}

function batchedOf(store: RootDatabase<Buffer, string>): Cache {
  return {
    putAll(keys, value) {
      store.transactionSync(() => {
        for (const key of keys) store.putSync(key, value as Buffer)
      })
    },
    getAll(keys) {
      store.resetReadTxn()
      let bytes = 0
      for (const key of keys) bytes += store.getBinaryFast(key)?.length ?? 0
      return bytes
    },
    close: () => store.close(),
  }
}

const owned = Buffer.from([1])

function claimsOf(store: RootDatabase<Buffer, string>): Claims {
  const claim = { subject: '' }
  const take = () => {
    if (store.doesExist(claim.subject)) return false
    store.putSync(claim.subject, owned)
    return true
  }
  const tryClaim = (subject: string) => {
    claim.subject = subject
    return store.transactionSync(take) ? { release: () => store.removeSync(subject) } : undefined
  }
  return {
    claimAll(subjects) {
      for (const subject of subjects) {
        const claim = tryClaim(subject)
        if (claim === undefined) throw new Error(`${subject} is claimed already`)
        claim.release()
      }
    },
    tryClaim,
    async claim(subject) {
      for (;;) {
        const claim = tryClaim(subject)
        if (claim !== undefined) return claim
        await backoff()
      }
    },
    close: () => store.close(),
  }
}

const common = {
  peers: 'processes',
  version: () => packageVersion('lmdb'),
  lacks: () => packageLacks('lmdb', () => import('lmdb')),
} as const

/** Memory-mapped, shared by processes: the newest of any process at every read. */
export const lmdb: Driver = {
  ...common,
  name: 'lmdb',
  settings:
    `${flags}; putSync, a transaction each; resetReadTxn before each read, so that it is the newest; ` +
    'claims: a transaction that puts what is not there, tried again after 1 to 3 ms; a dead one keeps them for ever',
  async latest(place) {
    const store = await openStore(place)
    return latestOf(store, () => store.resetReadTxn())
  },
  cache: async (place) => eachOf(await openStore(place)),
  claims: async (place) => claimsOf(await openStore(place, false)),
  trials: [
    'latest store',
    'latest load',
    'cache put',
    'cache get',
    'cache miss',
    'cache mix',
    'claim',
    'claims contended',
  ],
}

/** The same, with what many calls at once can share. */
export const lmdbBatched: Driver = {
  ...common,
  name: 'lmdb, batched',
  settings: `${flags}; 100 puts in one transaction, reads in one snapshot by getBinaryFast, whose bytes the next read overwrites`,
  async latest(place) {
    const store = await openStore(place)
    const each = latestOf(store, () => {})
    return { ...each, storeAll: (count) => store.transactionSync(() => each.storeAll(count)) }
  },
  cache: async (place) => batchedOf(await openStore(place)),
}
