import { Fleet, OrbitStore } from '../../src/index.js'
import { type Policy, workers } from './policy.js'

const keyBytes = 16
const value = new Uint8Array(16 * 2 ** 20)

/** OrbitStore itself: a member for each worker, in the memory of this process. Its budget has all that it needs. */
export class OrbitStorePolicy implements Policy {
  readonly name = 'OrbitStore'
  readonly #fleets: Fleet[]
  readonly #stores: OrbitStore[]

  /** @param entryBytes of a value, on average */
  constructor(bytes: number, entryBytes: number) {
    const name = `hits-${process.pid}`
    this.#fleets = Array.from({ length: workers }, () => Fleet.join(name, { size: workers }))
    const options = { bytes, entryBytes: Math.round(entryBytes) + keyBytes }
    this.#stores = this.#fleets.map((fleet) => new OrbitStore(fleet, options))
  }

  get(key: number, worker: number): boolean {
    return (this.#stores[worker] as OrbitStore).getInto(key.toString(36), value) >= 0
  }

  put(key: number, bytes: number, worker: number): void {
    try {
      this.#stores[worker]?.put(key.toString(36), value.subarray(0, bytes))
    } catch (error) {
      if ((error as { code?: string }).code !== 'ERR_ORBIT_PAYLOAD_SIZE') throw error // over an eighth of the store
    }
  }

  /** How many bytes were moved for each byte that was put. */
  close(): number {
    const stats = this.#stores[0]?.stats()
    for (const fleet of this.#fleets) fleet.close()
    return stats === undefined ? 0 : stats.movedBytes / stats.putBytes
  }
}
