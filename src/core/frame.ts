import { markAsUntransferable } from 'node:worker_threads'
import { type NetId64, netIdAt } from '../base/netid.js'
import { abi } from './native.js'
import type { Ring } from './ring.js'
import {
  firstRecord,
  loadedFrameKind,
  loadedNode,
  loadedPayload,
  loadedPosition,
  loadedVersion,
  recordBytes,
  resultBytes,
  scratch,
} from './scratch.js'

/** One frame of a ring. */
export interface Frame {
  /** Made on demand from kind, node and position. */
  readonly id: NetId64
  /** The node that published it, 0..65535. */
  readonly node: number
  /** Its full count in the ring, 0..2^53-2. */
  readonly position: number
  /** The caller's opcode, 0..255. */
  readonly frameKind: number
  /** The caller's version, 0..2^53-1. */
  readonly version: number
  /**
   * A private copy of the bytes: no other process and no later poll changes it, and each access gives the same object. The
   * buffer under it also holds other frames of the same poll (or small polls nearby), and lives as long as any of them:
   * copy what is to be kept for long, or to be transferred to another thread, with `payload.slice()`.
   */
  readonly payload: Uint8Array
}

/** What a frame shows of itself, printed or as JSON. */
export function frameFields({ id, frameKind, version, payload }: Frame): object {
  return { id, frameKind, version, payload }
}

class LoadedFrame implements Frame {
  constructor(
    readonly kind: number,
    readonly node: number,
    readonly position: number,
    readonly frameKind: number,
    readonly version: number,
    readonly payload: Uint8Array,
  ) {}
  get id(): NetId64 {
    return netIdAt(this.kind, this.node, this.position)
  }
  toJSON(): object {
    return frameFields(this)
  }
  [Symbol.for('nodejs.util.inspect.custom')](): object {
    return frameFields(this)
  }
}

/** The single frame in the scratch, copied out. */
export function loadedFrame(ring: Ring): Frame {
  return new LoadedFrame(ring.kind, loadedNode(), loadedPosition(), loadedFrameKind(), loadedVersion(), loadedPayload())
}

/** Copies of records: a buffer of JavaScript's own, and views over it. */
interface Batch {
  readonly kind: number
  readonly buffer: ArrayBuffer
  readonly bytes: Uint8Array
  readonly floats: Float64Array
  readonly words: Uint32Array
}

function newBatch(kind: number, byteLength: number): Batch {
  const buffer = new ArrayBuffer(byteLength)
  return {
    kind,
    buffer,
    bytes: new Uint8Array(buffer),
    floats: new Float64Array(buffer),
    words: new Uint32Array(buffer),
  }
}

// Offsets within a record, as indices of the views; constants of the module, so that they cost nothing.
const positionIndex = abi.recordPosition >> 3
const versionIndex = abi.recordVersion >> 3
const nodeIndex = abi.recordNode >> 2
const lengthIndex = abi.recordLength >> 2
const frameKindIndex = abi.recordFrameKind >> 2

/** A frame that reads itself out of its batch when asked. */
class PolledFrame implements Frame {
  readonly #batch: Batch
  readonly #at: number
  #payload: Uint8Array | undefined = undefined

  constructor(batch: Batch, at: number) {
    this.#batch = batch
    this.#at = at
  }
  get node(): number {
    return this.#batch.words[(this.#at >> 2) + nodeIndex] as number
  }
  get position(): number {
    return this.#batch.floats[(this.#at >> 3) + positionIndex] as number
  }
  get frameKind(): number {
    return this.#batch.words[(this.#at >> 2) + frameKindIndex] as number
  }
  get version(): number {
    return this.#batch.floats[(this.#at >> 3) + versionIndex] as number
  }
  get id(): NetId64 {
    return netIdAt(this.#batch.kind, this.node, this.position)
  }
  toJSON(): object {
    return frameFields(this)
  }
  [Symbol.for('nodejs.util.inspect.custom')](): object {
    return frameFields(this)
  }
  get payload(): Uint8Array {
    const { words, buffer } = this.#batch
    this.#payload ??= new Uint8Array(buffer, this.#at + recordBytes, words[(this.#at >> 2) + lengthIndex])
    return this.#payload
  }
}

// A buffer with its views costs more than the frames of a small poll: such polls share one, as Buffer's pool does.
const slabBytes = 16 * 1024
let slab = newBatch(-1, 0)
let slabUsed = 0

/** Room for `byteLength` bytes, and where it begins. A frame that is kept keeps its batch: at most a slab, or a poll. */
function roomFor(kind: number, byteLength: number): { batch: Batch; begin: number } {
  if (byteLength > slabBytes / 4) return { batch: newBatch(kind, byteLength), begin: 0 }
  // A payload's buffer is the user's to see: what he detaches in spite of the mark is not used again.
  const isGone = slab.buffer.byteLength === 0
  if (slab.kind !== kind || isGone || slabUsed + byteLength > slabBytes) {
    slab = newBatch(kind, slabBytes)
    markAsUntransferable(slab.buffer)
    slabUsed = 0
  }
  const begin = slabUsed
  slabUsed += byteLength
  return { batch: slab, begin }
}

/** Copies `count` records out of the scratch, once for all of them, and appends their frames. */
export function takeFrames(ring: Ring, count: number, frames: Frame[]): void {
  const byteLength = resultBytes()
  const { batch, begin } = roomFor(ring.kind, byteLength)
  if (byteLength <= 512) {
    // Cheaper than a view of the scratch to set from.
    const { words } = scratch
    const first = firstRecord >> 2
    for (let i = 0; i < byteLength >> 2; i++) batch.words[(begin >> 2) + i] = words[first + i] as number
  } else {
    batch.bytes.set(new Uint8Array(scratch.bytes.buffer, firstRecord, byteLength), begin)
  }
  let at = begin
  for (let i = 0; i < count; i++) {
    frames.push(new PolledFrame(batch, at))
    at += recordBytes + (((batch.words[(at >> 2) + lengthIndex] as number) + 7) & ~7)
  }
}
