import { OrbitError } from '../base/errors.js'
import { type NetId64, netIdAt } from '../base/netid.js'
import type { FrameSource } from './framesource.js'
import { objectText } from './handle.js'
import { abi } from './native.js'
import type { Ring } from './ring.js'
import {
  firstRecord,
  loadedFrameKind,
  loadedLength,
  loadedNode,
  loadedPosition,
  loadedVersion,
  payloadOffset,
  recordBytes,
  resultBytes,
  resultCount,
  scratch,
} from './scratch.js'
import { movedBy, takeCopies, takeCopy } from './slab.js'

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
   * The bytes of the frame, 0 to payloadBytes of them. They are a private copy: no process and no later call changes
   * them. The buffer behind them also holds other copies, and lives as long as any of them: it has 16 KiB for frames
   * of up to 4 KiB, or the larger frames of one poll. Take `copy()` before you keep a frame for long, post it to
   * another thread or transfer its payload. As JSON it is base64.
   */
  readonly payload: Uint8Array
  /**
   * The value in the payload, if the ring was opened with a type that has a pod; otherwise the payload. Decoded anew
   * each time it is read. Throws ERR_ORBIT_CORRUPT for bytes that the pod does not accept, and a RangeError
   * ERR_ORBIT_OUT_OF_RANGE for a stored integer outside the safe range.
   */
  readonly value: T
  /** This frame with a payload that has a buffer of its own, of exactly its length. */
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

/** The loaded frame; its payload is at the place that `placeFor` returned. */
export function loadedFrame(ring: Ring, place: number): Frame {
  const payload = takeCopy(place, payloadOffset, loadedLength())
  return new OrbitFrame(ring.frames, loadedNode(), loadedPosition(), loadedFrameKind(), loadedVersion(), payload)
}

// Offsets within a record, as indices of the views; constants of the module, so that they cost nothing.
const recordWords = recordBytes >> 2
const recordFloats = recordBytes >> 3
const firstWord = firstRecord >> 2
const firstFloat = firstRecord >> 3
const positionIndex = abi.recordPosition >> 3
const versionIndex = abi.recordVersion >> 3
const nodeIndex = abi.recordNode >> 2
const lengthIndex = abi.recordLength >> 2
const frameKindIndex = abi.recordFrameKind >> 2
const atIndex = abi.recordAt >> 2

/** The frames of a poll; their payloads are at the place that `placeFor` returned. */
export function takeFrames({ frames: source }: Ring, place: number): Frame[] {
  const count = resultCount()
  if (count === 0) return []
  const buffer = takeCopies(place, abi.pollPayloads, resultBytes())
  return polledFrames(source, buffer, movedBy, count)
}

/** The frames of a poll with their payloads in an array of the caller. */
export function framesIn({ frames: source }: Ring, target: Uint8Array): Frame[] {
  const count = resultCount()
  return count === 0 ? [] : polledFrames(source, target.buffer, target.byteOffset, count)
}

/** The loaded frame with its payload at the beginning of an array of the caller. */
export function loadedFrameIn(ring: Ring, target: Uint8Array): Frame {
  const payload = new Uint8Array(target.buffer, target.byteOffset, loadedLength())
  return new OrbitFrame(ring.frames, loadedNode(), loadedPosition(), loadedFrameKind(), loadedVersion(), payload)
}

function polledFrames(source: FrameSource, buffer: ArrayBufferLike, by: number, count: number): Frame[] {
  // An array that begins empty gets room for 17 with its first element.
  const frames = [polledFrame(source, buffer, by, firstWord, firstFloat)]
  for (let i = 1; i < count; i++) {
    frames.push(polledFrame(source, buffer, by, firstWord + i * recordWords, firstFloat + i * recordFloats))
  }
  return frames
}

/** The frame of a record of the poll, which begins at an index of each view. */
function polledFrame(source: FrameSource, buffer: ArrayBufferLike, by: number, word: number, float: number): Frame {
  const { words, floats } = scratch
  const node = words[word + nodeIndex] as number
  const position = floats[float + positionIndex] as number
  const frameKind = words[word + frameKindIndex] as number
  const version = floats[float + versionIndex] as number
  const at = (words[word + atIndex] as number) + by
  const payload = new Uint8Array(buffer, at, words[word + lengthIndex] as number)
  return new OrbitFrame(source, node, position, frameKind, version, payload)
}
