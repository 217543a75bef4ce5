import { TextEncoder } from 'node:util'
import { checkBytes, lengthOf } from '../base/bytes.js'
import { checkInteger, checkName, checkOptions, checkWellFormed, outOfRange, wrongType } from '../base/check.js'
import type { Fleet } from '../core/fleet.js'
import { readOnlyError } from '../core/handle.js'
import { abi } from '../core/native.js'
import { checkFleet, type FleetObserver } from '../core/observer.js'
import { putName, scratch } from '../core/scratch.js'
import { maxStoreKeyBytes, StoreHandle, type StoreSize, storeKeyAt } from '../core/storehandle.js'
import type { CacheBytes } from './cache.js'

/** Options of an `OrbitStore`: its name and size, and the namespace of its keys. */
export interface OrbitStoreOptions {
  /**
   * The name of the store, 1..48 bytes of UTF-8: each name is a store of its own in the fleet. Default: the one store
   * without a name.
   */
  name?: string
  /** Keys of different namespaces are different keys. 0..128 bytes of UTF-8, well-formed; default ''. */
  namespace?: string
  /**
   * The size of the store, with all that it needs: entries, index and bookkeeping; up to 2^33 bytes. Default: that of
   * the fleet's existing store, or 16 MiB. An entry has at most an eighth of it.
   */
  bytes?: number
  /**
   * How long an entry is, key and value together, on average; it sizes the index. 16..2^24; default 512. Entries may
   * have any length: with many more than `bytes / entryBytes` of them, the index evicts some early.
   */
  entryBytes?: number
}

const stringOrBytes = 'a string or a Uint8Array'
const maxNameBytes = 48
const maxNamespaceBytes = 128
const encoder = new TextEncoder()
/** Stores that were warned about. */
const warned = new Set<string>()

/** The keys of one namespace in one store of a fleet. */
export class Keyspace {
  readonly fleet: FleetObserver
  readonly name: string | undefined
  readonly namespace: string
  readonly #isMember: boolean
  readonly #size: StoreSize
  /** What each key begins with: the length of the namespace, and the namespace. */
  readonly #head: Uint8Array
  #handle: StoreHandle | undefined

  constructor(fleet: Fleet | FleetObserver, options: OrbitStoreOptions) {
    checkFleet(fleet)
    checkOptions('options', options, ['name', 'namespace', 'bytes', 'entryBytes'])
    const { name, namespace = '', bytes, entryBytes } = options
    if (name !== undefined) checkName('name', name, maxNameBytes)
    if (typeof namespace !== 'string') throw wrongType('namespace', namespace, 'a string')
    checkWellFormed('namespace', namespace)
    const encoded = encoder.encode(namespace)
    if (encoded.length > maxNamespaceBytes) {
      throw outOfRange('namespace', namespace, `at most ${maxNamespaceBytes} bytes of UTF-8`)
    }
    if (bytes !== undefined) checkInteger('bytes', bytes, 1, abi.maxStoreBytes)
    if (entryBytes !== undefined) checkInteger('entryBytes', entryBytes, 16, 2 ** 24)
    this.fleet = fleet
    this.name = name
    this.namespace = namespace
    this.#isMember = fleet.isMember
    this.#size = { bytes, entryBytes }
    this.#head = Uint8Array.of(encoded.length, ...encoded)
    this.open()
  }

  /** The store; undefined for an observer while no member has created it. */
  open(): StoreHandle | undefined {
    return this.#handle ?? this.#openNow()
  }

  #openNow(): StoreHandle | undefined {
    const handle = StoreHandle.open(this.fleet, this.name, this.#size)
    if (handle?.isOther) warnOfSize(this.fleet, handle, this.#size)
    this.#handle = handle
    return handle
  }

  /** The store, to write to it. Throws ERR_ORBIT_READ_ONLY for an observer. */
  writable(): StoreHandle {
    const handle = this.#handle ?? this.#openNow()
    if (handle === undefined || !this.#isMember) throw readOnlyError(this.what)
    return handle
  }

  /** How the store is named in errors. */
  get what(): string {
    return this.#handle?.what ?? `store ${this.name ?? ''}`.trimEnd()
  }

  /** How many bytes are in front of each key. */
  get headBytes(): number {
    return this.#head.length
  }

  /** Puts namespace and key where the addon reads them. Returns their length, or -1 if they are too long. */
  putKey(key: CacheBytes): number {
    const head = this.#head
    const { bytes } = scratch
    for (let i = 0; i < head.length; i++) bytes[storeKeyAt + i] = head[i] as number
    const at = storeKeyAt + head.length
    const end = storeKeyAt + maxStoreKeyBytes
    if (typeof key === 'string') {
      const to = putName('key', key, at, end)
      return to < 0 ? -1 : to - storeKeyAt
    }
    checkKey(key)
    const length = lengthOf(key)
    if (length > end - at) return -1
    bytes.set(key, at)
    return head.length + length
  }

  /** The key of a listed entry without its namespace; undefined: it is in another one. */
  ownKey(key: Uint8Array): Uint8Array | undefined {
    const head = this.#head
    for (let i = 0; i < head.length; i++) if (key[i] !== head[i]) return undefined
    return key.subarray(head.length)
  }
}

/** Throws unless this is a key. */
export function checkKey(key: unknown): asserts key is CacheBytes {
  if (typeof key !== 'string') checkBytes('key', key as Uint8Array, stringOrBytes)
}

/** Warns once per store that it has another size than this process asked for, because other members use it. */
function warnOfSize(fleet: FleetObserver, { what, kind, objectBytes }: StoreHandle, { bytes }: StoreSize): void {
  const object = `${fleet.id}/${kind}`
  if (warned.has(object)) return
  warned.add(object)
  const asked = bytes === undefined ? 'another entryBytes' : `bytes=${bytes}`
  process.emitWarning(
    `${what} of fleet ${fleet.name} takes ${objectBytes} bytes, and ${asked} was asked for. It is used as it is. A ` +
      'process that joins once every member has left gets what it asks for; in a persistent fleet, after Fleet.remove.',
    { type: 'OrbitWarning', code: 'ORBIT_GEOMETRY_DIFFERS' },
  )
}
