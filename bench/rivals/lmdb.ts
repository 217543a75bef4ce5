import { join } from 'node:path'
import type { RootDatabase } from 'lmdb'
import { type AsyncRun, consumed, type Run } from '../calls/call.js'
import { absentKeys, keys, load, operation, packageLacks, type Rival, session, trialOf, value } from './rival.js'

const who = 'lmdb'
const operations = keys.length
const teardown = () => {} // Its files are in the bench's folder, which main removes.

/** A store that does not wait for the disk: none of the others does. */
async function openStore<V>(folder: string, name: string, encoding: 'msgpack' | 'binary'): Promise<RootDatabase<V>> {
  const { open } = await import('lmdb')
  return open<V, string>({ path: join(folder, name), encoding, noSync: true })
}

/** A trial on a store that has `value` for every key. */
function onStore<V>(
  value: V,
  encoding: 'msgpack' | 'binary',
  start: (store: RootDatabase<V>) => () => void,
): (fleet: string, folder: string) => Promise<Run> {
  return async (fleet, folder) => {
    const store = await openStore<V>(folder, fleet, encoding)
    for (const key of keys) store.putSync(key, value)
    return { run: start(store), teardown }
  }
}

const bytes = Buffer.from(value)

const putBatch = trialOf(operation.put, `${who}, 100 at once`, {
  measures: 'store.put(key, bytes), binary, noSync, 100 of them and then all awaited',
  operations: 100,
  async setup(fleet, folder): Promise<AsyncRun> {
    const store = await openStore<Buffer>(folder, fleet, 'binary')
    return {
      async runAsync() {
        await Promise.all(keys.slice(0, 100).map((key) => store.put(key, bytes)))
      },
      teardown,
    }
  },
})

/** Memory-mapped, shared by processes. A read sees one snapshot until the event loop turns, or resetReadTxn. */
export const lmdb: Rival = {
  name: who,
  lacks: () => packageLacks('lmdb', () => import('lmdb')),
  trials: [
    trialOf(operation.put, who, {
      measures: 'store.putSync(key, bytes), binary, noSync: a transaction each',
      operations: 100,
      setup: onStore(bytes, 'binary', (store) => () => {
        for (let i = 0; i < 100; i++) store.putSync(keys[i] as string, bytes)
      }),
    }),
    putBatch,
    trialOf(operation.hit, who, {
      measures: 'store.get(key) of each of 1,000 live keys in turn, binary, all in one snapshot',
      operations,
      setup: onStore(bytes, 'binary', (store) => () => {
        let sum = 0
        for (const key of keys) sum += (store.get(key) as Buffer).length
        consumed.number += sum
      }),
    }),
    trialOf(operation.miss, who, {
      measures: 'store.get(key) of keys that were never put, beside 1,000 live ones, all in one snapshot',
      operations,
      setup: onStore(bytes, 'binary', (store) => () => {
        for (const key of absentKeys) if (store.get(key) !== undefined) throw new Error(`${key} is there`)
      }),
    }),
    trialOf(operation.object, who, {
      measures: 'store.get(key), msgpack: an object of its own, all in one snapshot',
      operations,
      setup: onStore(session, 'msgpack', (store) => () => {
        let sum = 0
        for (const key of keys) sum += (store.get(key) as typeof session).id
        consumed.number += sum
      }),
    }),
    trialOf(operation.newest, who, {
      measures: 'store.get(key), msgpack, both fields read, all in one snapshot',
      operations,
      setup: onStore(load, 'msgpack', (store) => () => {
        let sum = 0
        for (let i = 0; i < operations; i++) {
          const { busy, idle } = store.get('key-0') as typeof load
          sum += busy + idle
        }
        consumed.number += sum
      }),
    }),
    trialOf(operation.newest, `${who}, new snapshot`, {
      measures: 'store.resetReadTxn() and store.get(key), msgpack, both fields read: the newest of any process',
      operations,
      setup: onStore(load, 'msgpack', (store) => () => {
        let sum = 0
        for (let i = 0; i < operations; i++) {
          store.resetReadTxn()
          const { busy, idle } = store.get('key-0') as typeof load
          sum += busy + idle
        }
        consumed.number += sum
      }),
    }),
  ],
}
