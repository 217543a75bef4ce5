import { OrbitError } from '../base/errors.js'
import { type NetId64, netIdAt } from '../base/netid.js'
import type { FrameSource } from './framesource.js'
import { objectText } from './handle.js'
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

/**
 * One frame of a ring. It can be spread, cloned, compared and printed; a copy has all properties but `id` and `value`.
 */
export interface Frame<T = unknown> {
  /**
   * The id of the frame: its ring's KIND, its publisher's node, and the low 40 bits of its position. Made when read.
   */
  readonly id: NetId64
  /** The KIND of the ring, 0..255. */
  readonly kind: number
  /** The node that published the frame, 0..65535. */
  readonly node: number
  /** The position of the frame in its ring, 0..2^53-2; the first frame of a new ring has 0. */
  readonly position: number
  /** The opcode that the publisher gave it, 0..255; default 0. */
  readonly frameKind: number
  /** The version that the publisher gave it, 0..2^53-1; default 0. */
  readonly version: number
  /**
   * The bytes of the frame, 0 to payloadBytes of them. They are a private copy: no process and no later poll changes
   * them. The buffer behind it also holds other frames of the same or a nearby poll, and lives as long as any of them.
   * Take `copy()` before you keep a frame for long, post it to another thread or transfer its payload. As JSON it is
   * base64.
   */
  readonly payload: Uint8Array
  /**
   * The value in the payload, if the ring was opened with a type that has a pod; otherwise the payload. Decoded anew
   * each time it is read. Throws ERR_ORBIT_CORRUPT for bytes that the pod does not accept, and a RangeError
   * ERR_ORBIT_OUT_OF_RANGE for a stored integer outside the safe range.
   */
  readonly value: T
  /** The same frame with a payload that has a buffer of its own, of exactly its length. */
  copy(): Frame<T>
}

/** Bytes as JSON has them: base64 text. */
export const base64 = ({ buffer, byteOffset, length }: Uint8Array): string =>
  Buffer.from(buffer, byteOffset, length).toString('base64')

/**
 * A frame as it is read and polled. Its data are properties of its own; the id, which costs an object, follows from
 * them.
 */
class OrbitFrame implements Frame {
  readonly kind: number
  readonly node: number
  readonly position: number
  readonly frameKind: number
  readonly version: number
  readonly payload: Uint8Array
  readonly #source: FrameSource

  constructor(
    source: FrameSource,
    node: number,
    position: number,
    frameKind: number,
    version: number,
    payload: Uint8Array,
  ) {
    this.#source = source
    this.kind = source.kind
    this.node = node
    this.position = position
    this.frameKind = frameKind
    this.version = version
    this.payload = payload
  }

  get id(): NetId64 {
    return netIdAt(this.kind, this.node, this.position)
  }

  get value(): unknown {
    const { payload } = this
    const { kind, name, pod } = this.#source
    if (pod === undefined) return payload
    if (pod.accepts(payload.length)) return pod.decode(payload)
    const text = `a frame of ${payload.length} bytes must have byteLength=${pod.byteLength}`
    throw new OrbitError('ERR_ORBIT_CORRUPT', `${objectText(name, kind)}: ${text}`)
  }

  copy(): Frame {
    const { node, position, frameKind, version, payload } = this
    return new OrbitFrame(this.#source, node, position, frameKind, version, payload.slice())
  }

  toJSON(): object {
    const { id, node, position, frameKind, version, payload } = this
    return { id, node, position, frameKind, version, payload: base64(payload) }
  }
}

/** The loaded frame, copied out of the scratch. */
export function loadedFrame(ring: Ring): Frame {
  return new OrbitFrame(
    ring.frames,
    loadedNode(),
    loadedPosition(),
    loadedFrameKind(),
    loadedVersion(),
    loadedPayload(),
  )
}

/** Copies of records: a buffer of JavaScript's own, and views over it. */
interface Batch {
  readonly buffer: ArrayBuffer
  readonly bytes: Uint8Array
  readonly floats: Float64Array
  readonly words: Uint32Array
}

function newBatch(byteLength: number): Batch {
  const buffer = new ArrayBuffer(byteLength)
  return {
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

/** The frame with its record at an offset of a batch. */
function frameAt(source: FrameSource, { buffer, floats, words }: Batch, at: number, length: number): Frame {
  const word = at >> 2
  const float = at >> 3
  return new OrbitFrame(
    source,
    words[word + nodeIndex] as number,
    floats[float + positionIndex] as number,
    words[word + frameKindIndex] as number,
    floats[float + versionIndex] as number,
    new Uint8Array(buffer, at + recordBytes, length),
  )
}

// A buffer with its views costs more than the frames of a small poll: such polls share one, as Buffer's pool does.
const slabBytes = 16 * 1024
let slab = newBatch(0)
let slabUsed = 0

/**
 * Room for `byteLength` bytes, and where it begins. A frame that is kept keeps its batch: at most a slab, or a poll.
 */
function roomFor(byteLength: number): { batch: Batch; begin: number } {
  if (byteLength > slabBytes / 4) return { batch: newBatch(byteLength), begin: 0 }
  // A payload's buffer is the user's to see: what he detaches in spite of the mark is not used again.
  const isGone = slab.buffer.byteLength === 0
  if (isGone || slabUsed + byteLength > slabBytes) {
    slab = newBatch(slabBytes)
    process.getBuiltinModule('node:worker_threads').markAsUntransferable(slab.buffer)
    slabUsed = 0
  }
  const begin = slabUsed
  slabUsed += byteLength
  return { batch: slab, begin }
}

/** Copies `count` records out of the scratch, once for all of them, and appends their frames. */
export function takeFrames(ring: Ring, count: number, frames: Frame[]): void {
  const byteLength = resultBytes()
  const { batch, begin } = roomFor(byteLength)
  if (byteLength <= 512) {
    // Cheaper than a view of the scratch to set from.
    const { words } = scratch
    const first = firstRecord >> 2
    for (let i = 0; i < byteLength >> 2; i++) batch.words[(begin >> 2) + i] = words[first + i] as number
  } else {
    batch.bytes.set(new Uint8Array(scratch.bytes.buffer, firstRecord, byteLength), begin)
  }
  let at = begin
  const source = ring.frames
  for (let i = 0; i < count; i++) {
    const length = batch.words[(at >> 2) + lengthIndex] as number
    frames.push(frameAt(source, batch, at, length))
    at += recordBytes + ((length + 7) & ~7)
  }
}
