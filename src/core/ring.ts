import { isUint8Array } from 'node:util/types'
import { checkBytes, lengthOf } from '../base/bytes.js'
import { checkInteger, checkOptions, outOfRange } from '../base/check.js'
import { rangeError } from '../base/errors.js'
import type { NetId64 } from '../base/netid.js'
import type { Pod } from '../pod/pod.js'
import { encodeDraft } from './draft.js'
import type { FrameSource } from './framesource.js'
import { Handle, type OpenedType, objectText } from './handle.js'
import { native, status } from './native.js'
import {
  firstRecord,
  give,
  giveNumber,
  giveRing,
  inScratch,
  loadedNode,
  resultPosition,
  resultStatus,
  resultTo,
  scratch,
} from './scratch.js'

/** What a frame carries beside its payload. */
export interface PublishOptions {
  /** The opcode of the frame, 0..255; default 0. */
  frameKind?: number
  /** A number of the publisher's choice, 0..2^53-1; default 0. */
  version?: number
}

/** Geometry and counters of one ring. Each was current at some instant during the call. */
export interface RingStats {
  /** The KIND of the ring, 0..255. */
  kind: number
  /** The name of the type that created it, 1..64 bytes of UTF-8. */
  name: string
  /** The number of slots, a power of two in 1..2^19. */
  capacity: number
  /** The most bytes that a payload may have, 0..2^24. */
  payloadBytes: number
  /** The fingerprint of the pod with which the ring was made; 0n for a type without one. */
  fingerprint: bigint
  /** The size of the whole shared object, in bytes. */
  objectBytes: number
  /** The next position to be published; 0 for a new ring. */
  head: number
  /** The first position that is still retained; equal to `head` if there is none. */
  oldest: number
  /** How many spare chunks the ring was created with. */
  spares: number
  /** How many spare chunks were lost to members that died while they published. */
  burned: number
  /** How many attempts to publish were refused. */
  refused: number
  /** How many sleeping readers a publisher could not wake, for want of a file descriptor mostly: they woke late. */
  missedWakes: number
}

/**
 * Up to this length, copying bytes into the scratch costs less than handing the array over. Up to 64 bytes, V8 keeps
 * them on its own heap, and handing them over moves them to a buffer of their own, which costs 400 ns the first time.
 */
const maxCopiedBytes = 256

/** The longest array that a poll writes into. */
const maxTargetBytes = 2 ** 32 - 1

/** In a list, this many bytes with the length are before each payload. */
const listHead = 8
/** How many bytes of a list a payload takes, padded to a multiple of 8. */
const listBytes = (length: number): number => listHead + ((length + 7) & ~7)

/** One open ring: the addon's calls on frames, with their statuses turned into errors or values. */
export class Ring extends Handle {
  static readonly isTable = false

  /** The length that payloads must have; -1: any up to payloadBytes. */
  readonly exactBytes: number

  /** What its frames have in common. */
  readonly frames: FrameSource

  constructor(opener: object, handle: number, type: OpenedType) {
    super(opener, handle, type)
    this.frames = { kind: this.kind, name: this.name, pod: type?.pod }
    this.exactBytes = type?.pod?.byteLength ?? -1
  }

  stats(): RingStats {
    return { ...this.info(), head: this.head(), oldest: this.oldest() }
  }

  /** Publishes one frame and returns its position. */
  publish(payload: Uint8Array, options: PublishOptions | undefined): number {
    if (!isUint8Array(payload)) checkBytes('payload', payload)
    if (options !== undefined) return this.#publishWith(payload, options)
    const length = lengthOf(payload)
    if (length === 0 || length > maxCopiedBytes) return this.#publishAny(payload, 0, 0)
    scratch.bytes.set(payload, firstRecord)
    return this.publishScratch(length, 0, 0, firstRecord)
  }

  #publishWith(payload: Uint8Array, options: PublishOptions): number {
    const { frameKind, version } = checkPublish(options) // it may detach the payload
    return this.#publishAny(payload, frameKind, version)
  }

  #publishAny(payload: Uint8Array, frameKind: number, version: number): number {
    const length = lengthOf(payload)
    if (length === 0) checkBytes('payload', payload)
    if (length <= maxCopiedBytes) {
      scratch.bytes.set(payload, firstRecord)
      return this.publishScratch(length, version, frameKind)
    }
    give(version, this.handle, firstRecord, length, frameKind)
    const refused = native.publish(payload)
    if (refused !== undefined) this.#refusePublish(refused, 'payload', length)
    return resultPosition()
  }

  /** Publishes a value of the pod of this ring and returns its position. */
  publishValue<T>(pod: Pod<T>, value: T, options: PublishOptions | undefined): number {
    if (options !== undefined) return this.publish(pod.encode(value), options)
    const at = encodeDraft(pod, value)
    return at < 0 ? this.publish(pod.encode(value), undefined) : this.publishScratch(pod.byteLength, 0, 0, at)
  }

  /** Publishes one frame per payload, in order, and returns their positions. */
  publishBatch(payloads: readonly Uint8Array[], options: PublishOptions | undefined): number[] {
    const { frameKind, version } = checkPublish(options)
    const count = payloads.length
    // Read once, because an array may have getters. Measured after all are read: a getter could shrink an earlier one.
    const batch: Uint8Array[] = []
    const lengths: number[] = []
    for (let i = 0; i < count; i++) batch.push(payloads[i] as Uint8Array)
    for (let i = 0; i < count; i++) {
      const payload = batch[i] as Uint8Array
      if (!isUint8Array(payload)) checkBytes(`payloads[${i}]`, payload)
      const length = lengthOf(payload)
      if (length === 0) checkBytes(`payloads[${i}]`, payload)
      if (length > this.payloadBytes || (this.exactBytes >= 0 && length !== this.exactBytes)) {
        this.#refusePublish(status.tooLarge, `payloads[${i}]`, length)
      }
      lengths.push(length)
    }
    const positions: number[] = []
    while (positions.length < count) this.#publishSome(batch, lengths, positions, frameKind, version)
    return positions
  }

  /** Publishes as many of the remaining payloads as fit in the scratch, and appends their positions. */
  #publishSome(
    batch: readonly Uint8Array[],
    lengths: readonly number[],
    positions: number[],
    frameKind: number,
    version: number,
  ): void {
    const first = positions.length
    const { bytes, words, floats } = scratch
    let end = firstRecord
    let next = first
    for (; next < batch.length; next++) {
      const length = lengths[next] as number
      const size = listBytes(length)
      if (end + size > bytes.length) break
      words[end >> 2] = length
      bytes.set(batch[next] as Uint8Array, end + listHead)
      end += size
    }
    const published = native.publishList(this.handle, next - first, frameKind, version)
    let at = firstRecord
    for (let i = 0; i < published; i++) {
      positions.push(floats[at >> 3] as number)
      at += listBytes(lengths[first + i] as number)
    }
    if (published < next - first) this.refuse(published < 0 ? published : resultStatus())
  }

  /** Publishes the `length` bytes that the caller put into the scratch at `at`, and returns the position. */
  publishScratch(length: number, version: number, frameKind = 0, at = firstRecord): number {
    give(version, this.handle, at, length, frameKind)
    const refused = native.publish()
    if (refused !== undefined) this.#refusePublish(refused, 'payload', length)
    return resultPosition()
  }

  /** Publishes records of `recordBytes` that lie back to back, one frame each, and returns how many there were. */
  publishPacked(records: Uint8Array, recordBytes: number, options: PublishOptions | undefined): number {
    const { frameKind, version } = checkPublish(options)
    const published = native.publishPacked(this.handle, records, recordBytes, frameKind, version)
    if (published * recordBytes < lengthOf(records)) {
      this.#refusePublish(published < 0 ? published : resultStatus(), 'payload', recordBytes)
    }
    return published
  }

  /** Loads the newest frame into the scratch, its payload to `place`; false: there is none. */
  loadHead(place = inScratch): boolean {
    giveRing(this.handle, place)
    return this.#isLoaded(native.readHead())
  }

  /**
   * Loads the newest value of the first node from `node` on that has one and a living member; false: there is none. The
   * loaded node says which it is.
   */
  loadLatest(node: number): boolean {
    giveRing(this.handle, inScratch)
    giveNumber(node)
    return this.#isLoaded(native.readLatest())
  }

  /** Loads the frame at a position, its payload to `place`; false: it was overwritten, or is not published yet. */
  loadAt(position: number, place: number): boolean {
    giveRing(this.handle, place)
    giveNumber(position)
    return this.#isLoaded(native.readAt())
  }

  /** Loads the frame with this id, its payload to `place`; false: it was overwritten, or was never published. */
  loadId(id: NetId64, place = inScratch): boolean {
    giveRing(this.handle, place)
    giveNumber(id.counter)
    return this.#isLoaded(native.readCounter()) && loadedNode() === id.node
  }

  /**
   * Loads up to `max` frames from `position` on, their payloads to `place`. It ends early when that is full.
   *
   * @param isContinued the same poll has passed positions already that were not lost, so this call ends before a loss
   * @param filter what the addon compares each frame with; frames that do not match are passed. Default: all match
   * @returns the position behind those that it has passed; if it has passed none, it left no other results
   */
  poll(position: number, max: number, isContinued: boolean, place: number, filter?: Uint8Array): number {
    give(position, this.handle, place, max, isContinued ? 1 : 0)
    const refused = filter === undefined ? native.poll() : native.pollEvents(filter)
    if (refused !== undefined) this.refuse(refused)
    return resultTo()
  }

  /** Loads the newest frame, its payload to the beginning of an array of the caller; false: there is none. */
  loadHeadInto(target: Uint8Array): boolean {
    this.#checkTarget(target)
    giveRing(this.handle, inScratch)
    return this.#isLoaded(native.readHeadInto(target))
  }

  /** `poll`, with the payloads in an array of the caller. */
  pollInto(position: number, max: number, target: Uint8Array): number {
    this.#checkTarget(target)
    give(position, this.handle, inScratch, max, 0)
    const refused = native.pollInto(target)
    if (refused !== undefined) this.refuse(refused)
    return resultTo()
  }

  #checkTarget(target: Uint8Array): void {
    checkBytes('target', target)
    const length = lengthOf(target)
    if (length < this.payloadBytes || length > maxTargetBytes) {
      throw outOfRange('target.length', length, `in payloadBytes=${this.payloadBytes}..${maxTargetBytes}`)
    }
  }

  /** The next position to be published. */
  head(): number {
    return this.orThrow(native.head(this.handle))
  }

  /** The first position that is still retained; equal to the head if there is none. */
  oldest(): number {
    return this.orThrow(native.oldest(this.handle))
  }

  /** Makes all frames of the ring read as overwritten. */
  reset(): void {
    this.orThrow(native.reset(this.handle))
  }

  /** Whether a poll from `position` finds anything. */
  hasNews(position: number): boolean {
    return this.orThrow(native.hasNews(this.handle, position)) === 1
  }

  /** `hasNews`; if nothing is found, `arm`, and `hasNews` again. */
  fallAsleep(position: number): boolean {
    return this.orThrow(native.fallAsleep(this.handle, position)) === 1
  }

  #isLoaded(result: number | undefined): boolean {
    if (result === undefined) return true
    if (result !== status.notYet && result !== status.overwritten) this.refuse(result)
    return false
  }

  #refusePublish(result: number, name: string, length: number): never {
    if (result !== status.tooLarge) this.refuse(result)
    const limit =
      this.exactBytes >= 0 ? `have byteLength=${this.exactBytes}` : `have at most payloadBytes=${this.payloadBytes}`
    const text = `${objectText(this.name, this.kind)}: ${name} of ${length} bytes must ${limit}`
    throw rangeError('ERR_ORBIT_PAYLOAD_SIZE', text)
  }
}

const publishOptions = ['frameKind', 'version']

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
