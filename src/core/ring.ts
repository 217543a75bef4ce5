import { isUint8Array } from 'node:util/types'
import { checkBytes, lengthOf } from '../base/bytes.js'
import { checkInteger, checkOptions } from '../base/check.js'
import { OrbitError, rangeError } from '../base/errors.js'
import { type NetId64, netIdAt } from '../base/netid.js'
import { native, status, translated } from './native.js'
import { firstRecord, growScratch, loadedNode, resultPosition, resultStatus, scratch } from './scratch.js'

/** What can be said of a frame beside its payload. */
export interface PublishOptions {
  /** 0..255, default 0. */
  frameKind?: number
  /** 0..2^53-1, default 0. */
  version?: number
}

/** Geometry and counters of one ring, each as it was at some instant during the call. */
export interface RingStats {
  /** 0..255. */
  kind: number
  /** Of the type that made it. */
  name: string
  /** Slots. */
  capacity: number
  /** Room for a payload. */
  payloadBytes: number
  /** Of the pod layout; 0n: none. */
  fingerprint: bigint
  /** The whole object, in bytes. */
  objectBytes: number
  /** The next position. */
  head: number
  /** The first position that is retained; the head, when nothing is. */
  oldest: number
  /** Spare chunks that it was made with. */
  spares: number
  /** Spares that deaths in the middle of a publish have cost. */
  burned: number
  /** Publishes that were refused. */
  refused: number
}

// As constants of the module they cost nothing.
const firstWord = firstRecord >> 2
const firstFloat = firstRecord >> 3

const closedHandle = 0xffffffff

/**
 * One open ring: the addon's hot calls, with their statuses made errors or values. It knows no type and no fleet; the
 * fleet that opened it closes it, and is not collected before whoever has nothing but the ring (a guard).
 */
export class Ring {
  readonly kind: number
  readonly capacity: number
  readonly payloadBytes: number
  /** For the fleet to know it by; undefined when it was opened as it was. */
  readonly type: { readonly pod: { readonly byteLength: number } | undefined } | undefined
  /** Payloads must have just this length; -1: any up to payloadBytes. */
  readonly exactBytes: number
  /** The fleet handle; here only to be kept. */
  readonly opener: object
  #handle: number

  constructor(opener: object, handle: number, type: Ring['type']) {
    const info = native.ringInfo(handle)
    this.opener = opener
    this.#handle = handle
    this.kind = info.kind
    this.capacity = info.capacity
    this.payloadBytes = info.payloadBytes
    this.type = type
    this.exactBytes = type?.pod?.byteLength ?? -1
    growScratch(info.payloadBytes)
  }

  close(): void {
    this.#handle = closedHandle
  }

  stats(): RingStats {
    const info = translated(() => native.ringInfo(this.#handle))
    return { ...info, head: this.head(), oldest: this.oldest() }
  }

  publish(payload: Uint8Array, options: PublishOptions | undefined): number {
    if (!isUint8Array(payload) || payload.length === 0) checkBytes('payload', payload)
    let refused: number | undefined
    if (options === undefined) {
      refused = native.publish(this.#handle, payload)
    } else {
      const { frameKind, version } = checkPublish(options)
      refused = native.publish(this.#handle, payload, frameKind, version)
    }
    if (refused !== undefined) this.#refuse(refused, lengthOf(payload))
    return resultPosition()
  }

  publishBatch(node: number, payloads: readonly Uint8Array[], options: PublishOptions | undefined): NetId64[] {
    const { frameKind, version } = checkPublish(options)
    const count = payloads.length
    // Read once: theirs could change under us. Measured when all are read: a getter could shrink the ones before.
    const batch: Uint8Array[] = []
    const lengths: number[] = []
    for (let i = 0; i < count; i++) batch.push(payloads[i] as Uint8Array)
    for (let i = 0; i < count; i++) {
      const payload = batch[i] as Uint8Array
      if (!isUint8Array(payload)) checkBytes(`payloads[${i}]`, payload)
      const length = lengthOf(payload)
      if (length === 0) checkBytes(`payloads[${i}]`, payload)
      if (length > this.payloadBytes || (this.exactBytes >= 0 && length !== this.exactBytes)) {
        this.#refuse(status.tooLarge, length, `payloads[${i}]`)
      }
      lengths.push(length)
    }
    const ids: NetId64[] = []
    while (ids.length < count) this.#publishSome(node, batch, lengths, ids, frameKind, version)
    return ids
  }

  /** As many of the remaining payloads as the scratch holds. */
  #publishSome(
    node: number,
    batch: readonly Uint8Array[],
    lengths: readonly number[],
    ids: NetId64[],
    frameKind: number,
    version: number,
  ): void {
    const first = ids.length
    const { bytes, words, floats } = scratch
    let end = firstRecord
    let next = first
    for (; next < batch.length; next++) {
      const length = lengths[next] as number
      const size = 8 + ((length + 7) & ~7)
      if (end + size > bytes.length) break
      words[end >> 2] = length
      bytes.set(batch[next] as Uint8Array, end + 8)
      end += size
    }
    const published = native.publishList(this.#handle, next - first, frameKind, version)
    let at = firstRecord
    for (let i = 0; i < published; i++) {
      ids.push(netIdAt(this.kind, node, floats[at >> 3] as number))
      at += 8 + (((lengths[first + i] as number) + 7) & ~7)
    }
    if (published < next - first) {
      this.#refuse(published < 0 ? published : resultStatus())
    }
  }

  /** Publishes what the caller has put into the scratch, `length` bytes from `publishOffset` on. */
  publishScratch(length: number, version: number): number {
    scratch.words[firstWord] = length
    const published = native.publishList(this.#handle, 1, 0, version)
    if (published !== 1) {
      this.#refuse(published < 0 ? published : resultStatus(), length)
    }
    return scratch.floats[firstFloat] as number
  }

  publishPacked(records: Uint8Array, recordBytes: number, options: PublishOptions | undefined): number {
    const { frameKind, version } = checkPublish(options)
    const published = native.publishPacked(this.#handle, records, recordBytes, frameKind, version)
    if (published * recordBytes < lengthOf(records)) {
      this.#refuse(published < 0 ? published : resultStatus(), recordBytes)
    }
    return published
  }

  /** True: the newest frame is in the scratch. */
  loadHead(): boolean {
    return this.#loaded(native.readHead(this.#handle))
  }

  /** True: the frame at `position` is in the scratch. */
  loadAt(position: number): boolean {
    return this.#loaded(native.readAt(this.#handle, position))
  }

  /** True: the frame of this id is in the scratch. */
  loadId(id: NetId64): boolean {
    return this.#loaded(native.readCounter(this.#handle, id.counter)) && loadedNode() === id.node
  }

  /** Fills the scratch with up to `max` frames; how many. */
  poll(position: number, max: number): number {
    return this.answered(native.poll(this.#handle, position, max))
  }

  /** The same with the events whose topic matches `pattern`. */
  pollEvents(position: number, max: number, pattern: Uint8Array): number {
    return this.answered(native.pollEvents(this.#handle, position, max, pattern))
  }

  head(): number {
    return this.answered(native.head(this.#handle))
  }

  oldest(): number {
    return this.answered(native.oldest(this.#handle))
  }

  reset(): void {
    this.answered(native.reset(this.#handle))
  }

  /** The addon's handle, for a layer with hot calls of its own. */
  get handle(): number {
    return this.#handle
  }

  /** A hot call's result, or what it refuses thrown. */
  answered(result: number): number {
    if (result < 0) this.#refuse(result)
    return result
  }

  /** Looks a key of the cache up: 0 a miss, 1 a hit, 2 `known` is the newest still (native/node/cache.cc). */
  findCached(shape: number, known: number): number {
    return this.answered(native.cacheFind(this.#handle, shape, known))
  }

  /** Publishes the cache's frame that stands in the scratch, with `value` or as many bytes as stand there; -1: too large. */
  publishCached(shape: number, value: Uint8Array | number, ttlMs: number): number {
    const refused =
      ttlMs === 0
        ? native.cachePublish(this.#handle, shape, value)
        : native.cachePublish(this.#handle, shape, value, ttlMs)
    if (refused === status.tooLarge) return -1
    if (refused !== undefined) this.#refuse(refused)
    return resultPosition()
  }

  /** Would a poll from `position` bring anything? */
  hasNews(position: number): boolean {
    return this.answered(native.hasNews(this.#handle, position)) === 1
  }

  /** Asks publishers to ring this node's bell; look with hasNews before sleeping. */
  arm(): void {
    this.answered(native.arm(this.#handle))
  }

  /** Takes that back; of a closed ring nobody does until its node is settled. */
  disarm(): void {
    native.disarm(this.#handle)
  }

  get closed(): boolean {
    return this.#handle === closedHandle
  }

  #loaded(result: number): boolean {
    if (result === 1) return true
    if (result !== status.notYet && result !== status.overwritten) this.#refuse(result)
    return false
  }

  #refuse(result: number, length?: number, name = 'payload'): never {
    const ring = `KIND ${this.kind}`
    if (result === status.tooLarge) {
      const limit =
        this.exactBytes >= 0 ? `not byteLength=${this.exactBytes}` : `over payloadBytes=${this.payloadBytes}`
      throw rangeError('ERR_ORBIT_PAYLOAD_SIZE', `${ring}: ${name} of ${length} bytes is ${limit}`)
    }
    if (result === status.closed) throw new OrbitError('ERR_ORBIT_CLOSED', `${ring}: its fleet handle was closed`)
    if (result === status.readOnly) throw new OrbitError('ERR_ORBIT_READ_ONLY', `${ring}: opened by an observer`)
    if (result === status.retired) throw new OrbitError('ERR_ORBIT_RETIRED', `${ring}: was removed; join again`)
    if (result === status.full) {
      throw new OrbitError('ERR_ORBIT_TABLE_FULL', `${ring}: no room for one more living claim`)
    }
    if (result === status.exhausted) throw new OrbitError('ERR_ORBIT_EXHAUSTED', `${ring}: no position is left`)
    throw new OrbitError('ERR_ORBIT_CORRUPT', `${ring}: its shared bytes contradict its layout`)
  }
}

function checkPublish(options: PublishOptions | undefined): { frameKind: number; version: number } {
  if (options === undefined) return { frameKind: 0, version: 0 }
  if (typeof options !== 'object' || options === null) checkOptions('options', options, publishOptions)
  for (const key in options)
    if (key !== 'frameKind' && key !== 'version') checkOptions('options', options, publishOptions)
  const { frameKind = 0, version = 0 } = options
  checkInteger('frameKind', frameKind, 0, 255)
  checkInteger('version', version, 0, Number.MAX_SAFE_INTEGER)
  return { frameKind, version }
}

const publishOptions = ['frameKind', 'version']
