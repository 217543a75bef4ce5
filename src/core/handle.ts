import { printable } from '../base/check.js'
import { OrbitError } from '../base/errors.js'
import { type NativeWish, native, status, translated } from './native.js'
import { growScratch } from './scratch.js'
import type { AnyOrbitType } from './type.js'

/** What a fleet knows an open object by: the type that it was opened with; undefined: it was opened as it was found. */
export type OpenedType = { readonly pod: AnyOrbitType['pod'] } | undefined

/** A class of handles, as a fleet opens them. */
export interface HandleClass<H extends Handle> {
  new (opener: object, handle: number, type: OpenedType): H
  /** Whether the object is a table and not a ring. */
  readonly isTable: boolean
  /** Whether it has cells of counters beside its buckets. */
  readonly hasCells?: boolean
}

/** What a caller asks for beside the type. */
export interface Opening {
  /** Present: another geometry is taken while other members live. */
  readonly wish?: NativeWish
  /** Of an inbox object: how many inboxes there are, and half the slots of each, or 0. */
  readonly boxes?: number
  readonly replies?: number
}

const closedHandle = 0xffffffff

/** How an object of a fleet is named in errors. */
export const objectText = (name: string, kind: number | undefined): string =>
  kind === undefined ? printable(name) : `${printable(name)} (KIND ${kind})`

/** The error of a call that came after the end of its fleet handle. */
export function closedError(what: string): OrbitError {
  return new OrbitError('ERR_ORBIT_CLOSED', `${what}: the fleet handle was closed; join or observe the fleet again`)
}

/** The error of a write through an observer. */
export function readOnlyError(what: string): OrbitError {
  return new OrbitError('ERR_ORBIT_READ_ONLY', `${what}: an observer cannot write; join the fleet to write`)
}

/**
 * One open object of a fleet, a ring or a table, with the calls that both have. The fleet that opened it closes it, and
 * is not collected while the handle is in use.
 */
export abstract class Handle {
  readonly name: string
  readonly kind: number
  readonly capacity: number
  readonly payloadBytes: number
  readonly type: OpenedType
  /** The fleet handle. It is kept here so that it lives as long as the object is used, by a guard for example. */
  readonly opener: object
  #handle: number

  constructor(opener: object, handle: number, type: OpenedType) {
    const { name, kind, capacity, payloadBytes } = native.ringInfo(handle)
    this.name = name
    this.kind = kind
    this.capacity = capacity
    this.payloadBytes = payloadBytes
    this.type = type
    this.opener = opener
    this.#handle = handle
    growScratch(payloadBytes)
  }

  /** The addon's handle, for calls of a layer. */
  get handle(): number {
    return this.#handle
  }

  get closed(): boolean {
    return this.#handle === closedHandle
  }

  close(): void {
    this.#handle = closedHandle
  }

  /** Geometry and counters, as the shared bytes have them now. */
  info() {
    const info = translated(() => native.ringInfo(this.#handle))
    const { kind, name, capacity, payloadBytes, fingerprint, objectBytes, spares, burned, refused, missedWakes } = info
    return { kind, name, capacity, payloadBytes, fingerprint, objectBytes, spares, burned, refused, missedWakes }
  }

  /** Asks publishers to signal this node's bell. Look for news once more before sleeping. */
  arm(): void {
    this.orThrow(native.arm(this.#handle))
  }

  /** Takes `arm` back. After a close it does nothing, and the arm stays until the node is settled. */
  disarm(): void {
    native.disarm(this.#handle)
  }

  /** The result of a call into the addon, unless it is negative: then the error that it stands for is thrown. */
  orThrow(result: number): number {
    if (result < 0) this.refuse(result)
    return result
  }

  /** Throws the error of a status. */
  refuse(result: number): never {
    const what = objectText(this.name, this.kind)
    if (result === status.closed) throw closedError(what)
    if (result === status.readOnly) throw readOnlyError(what)
    if (result === status.retired) return this.fail('RETIRED', 'it was removed; join or observe the fleet again')
    if (result === status.full) {
      return this.fail('TABLE_FULL', 'its bucket has no room for another living claim; open it with a larger capacity')
    }
    if (result === status.noMemory) {
      return this.fail('NO_SPACE', 'shared memory is full; enlarge it (in a container: --shm-size), or remove fleets')
    }
    if (result === status.exhausted) return this.fail('EXHAUSTED', 'no position is left; remove it to begin again at 0')
    return this.fail('CORRUPT', 'its shared bytes contradict the layout; remove it to begin anew')
  }
  /** Throws an error that names the object. */
  protected fail(code: 'CORRUPT' | 'EXHAUSTED' | 'NO_SPACE' | 'RETIRED' | 'TABLE_FULL', text: string): never {
    throw new OrbitError(`ERR_ORBIT_${code}`, `${objectText(this.name, this.kind)}: ${text}`)
  }
}
