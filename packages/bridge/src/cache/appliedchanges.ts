import { Fleet, OrbitStore, type StorePutOptions } from 'orbit-node'
import type { Memory, Space } from '../hub/memory.js'
import type { Change } from './change.js'

/** Makes the changes of other hosts in the stores of this one. */
export class AppliedChanges {
  readonly #fleet: Fleet
  readonly #memory: Memory
  readonly #stores = new Map<string, OrbitStore>()

  constructor(fleet: Fleet, memory: Memory) {
    this.#fleet = fleet
    this.#memory = memory
  }

  /**
   * Makes a change.
   *
   * @param isOwn the change comes from this host, which has made it already
   * @returns false: the value does not fit the store of this host, and the key was deleted
   */
  apply(change: Change, isOwn: boolean): boolean {
    if (isOwn && !change.isOrdered) return true
    const space = { store: change.store, namespace: change.op === 'tags' ? '' : change.namespace }
    const store = this.#existing(space)
    if (store === undefined) return true // no process of this host has used it: there is nothing to change
    if (change.op === 'put') return putOrDelete(store, change.key, change.value, change.options)
    if (change.op === 'tags') store.invalidate(...change.tags)
    else if (change.op === 'reset') store.reset(change.key)
    else store.delete(change.key)
    return true
  }

  /** Empties all namespaces that hosts share: some changes of other hosts may be missing. */
  resetAll(): void {
    for (const space of this.#memory.spaces()) this.#existing(space)?.reset()
    this.#memory.count('resets', 'cache', 1)
  }

  #existing(space: Space): OrbitStore | undefined {
    const id = JSON.stringify([space.store, space.namespace])
    const known = this.#stores.get(id)
    if (known !== undefined) return known
    const options = { namespace: space.namespace, ...(space.store !== '' && { name: space.store }) }
    // An observer looks without making the store.
    using observer = Fleet.observe(this.#fleet.name)
    if (new OrbitStore(observer, options).stats() === undefined) return undefined
    const store = new OrbitStore(this.#fleet, options)
    this.#stores.set(id, store)
    return store
  }
}

function putOrDelete(store: OrbitStore, key: Uint8Array, value: Uint8Array, options: StorePutOptions): boolean {
  try {
    store.put(key, value, options)
    return true
  } catch (error) {
    if ((error as { code?: string }).code !== 'ERR_ORBIT_PAYLOAD_SIZE') throw error
    store.delete(key)
    return false
  }
}
