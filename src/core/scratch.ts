import { TextEncoder } from 'node:util'
import { checkWellFormed } from '../base/check.js'
import { abi, isSupported, native } from './native.js'

/**
 * The buffer through which the addon and this package pass numbers, frames, batches and results, with its views. It
 * never leaves this package. The next call into the addon overwrites it, and growScratch replaces the views: keep none
 * of them.
 */
export const scratch = {
  bytes: new Uint8Array(0),
  floats: new Float64Array(0),
  words: new Uint32Array(0),
  view: new DataView(new ArrayBuffer(0)),
  /** The same bytes as a Buffer, for its toString. */
  buffer: Buffer.alloc(0),
}

// Offsets become indices of the views once, as constants of this module: a call of an accessor then costs one load.
const resultPositionIndex = abi.resultPosition >> 3
const resultHeadIndex = abi.resultHead >> 3
const resultFromIndex = abi.resultFrom >> 3
const resultToIndex = abi.resultTo >> 3
const resultLostIndex = abi.resultLost >> 3
const resultMalformedIndex = abi.resultMalformed >> 3
const resultStatusIndex = abi.resultStatus >> 3
const resultBytesIndex = abi.resultBytes >> 3
const resultCountIndex = abi.resultCount >> 3
const numberIndex = abi.argumentNumber >> 3
const ringIndex = abi.argumentRing >> 2
const placeIndex = abi.argumentPlace >> 2
const countIndex = abi.argumentCount >> 2
const flagIndex = abi.argumentFlag >> 2

/** The place of a payload that goes into the scratch and not into the slab. */
export const { inScratch } = abi

/** `give`, for a call that takes a ring and a place only. */
export function giveRing(ring: number, place: number): void {
  const { words } = scratch
  words[ringIndex] = ring
  words[placeIndex] = place
}

/** `give`, for the number of a call that `giveRing` has given the rest. */
export function giveNumber(number: number): void {
  scratch.floats[numberIndex] = number
}

/**
 * Leaves the arguments of the next call into the addon where it takes them from: a value that crosses as such costs 5
 * to 15 ns. Each call says what they mean to it. No other call may come in between.
 *
 * @param number a position, a counter, a version, or a time in milliseconds
 * @param ring the addon's handle
 * @param place where payloads go: an offset in the slab, or `inScratch`; where a payload to publish is in the scratch
 * @param count of frames or bytes, or packed lengths
 */
export function give(number: number, ring: number, place: number, count: number, flag: number): void {
  const { floats, words } = scratch
  floats[numberIndex] = number
  words[ringIndex] = ring
  words[placeIndex] = place
  words[countIndex] = count
  words[flagIndex] = flag
}

/** The position at which the last call published. */
export const resultPosition = (): number => scratch.floats[resultPositionIndex] as number
/** The head of the ring when the last poll or lookup began. */
export const resultHead = (): number => scratch.floats[resultHeadIndex] as number
/** The `from` of the last result. */
export const resultFrom = (): number => scratch.floats[resultFromIndex] as number
/** The position after the last poll. */
export const resultTo = (): number => scratch.floats[resultToIndex] as number
/** How many frames the last poll lost. */
export const resultLost = (): number => scratch.floats[resultLostIndex] as number
/** How many malformed frames the last poll skipped. */
export const resultMalformed = (): number => scratch.floats[resultMalformedIndex] as number
/** The status that ended the last batch early. */
export const resultStatus = (): number => scratch.floats[resultStatusIndex] as number
/** How many bytes the payloads of the last poll take, or the value of a hit. */
export const resultBytes = (): number => scratch.floats[resultBytesIndex] as number
/** How many frames the last poll left. */
export const resultCount = (): number => scratch.floats[resultCountIndex] as number

/** Leaves the result of a lookup that no frame decided. */
export function leaveMiss(head: number): void {
  scratch.floats[resultPositionIndex] = -1
  scratch.floats[resultHeadIndex] = head
}

/** Where the records of a poll begin, and where `publishScratch` reads a payload. That of any open ring fits behind. */
export const { firstRecord, recordBytes } = abi
/** Where the payload of a single frame begins, behind its record. */
export const payloadOffset = firstRecord + recordBytes

const nodeIndex = (firstRecord + abi.recordNode) >> 2
const positionIndex = (firstRecord + abi.recordPosition) >> 3
const frameKindIndex = (firstRecord + abi.recordFrameKind) >> 2
const versionIndex = (firstRecord + abi.recordVersion) >> 3
const lengthIndex = (firstRecord + abi.recordLength) >> 2

/** The node that published the loaded frame. */
export const loadedNode = (): number => scratch.words[nodeIndex] as number
/** The position of the loaded frame. */
export const loadedPosition = (): number => scratch.floats[positionIndex] as number
/** The opcode of the loaded frame. */
export const loadedFrameKind = (): number => scratch.words[frameKindIndex] as number
/** The version of the loaded frame. */
export const loadedVersion = (): number => scratch.floats[versionIndex] as number
/** The length of the loaded frame's payload, in bytes. */
export const loadedLength = (): number => scratch.words[lengthIndex] as number

const { set: setBytes } = Uint8Array.prototype

/** Views of the scratch from an offset on, each in the place of its offset's last bits: making one costs 40 ns. */
const textViews = new Array<Uint8Array | undefined>(64).fill(undefined)

function textViewAt(at: number): Uint8Array {
  const known = textViews[at & (textViews.length - 1)]
  if (known?.byteOffset === at) return known
  const view = scratch.bytes.subarray(at)
  textViews[at & (textViews.length - 1)] = view
  return view
}

/** Makes room in the scratch for at least one frame of `payloadBytes` bytes, and for the draft behind it. */
export function growScratch(payloadBytes: number): void {
  const needed = abi.pollPayloads + payloadBytes + 8
  if (scratch.bytes.length >= needed) return
  const bytes = Math.max(64 * 1024, Math.ceil(needed / 4096) * 4096)
  const buffer = new ArrayBuffer(bytes + abi.draftBytes)
  native.setScratch(buffer)
  scratch.bytes = new Uint8Array(buffer, 0, bytes)
  // V8 looks a method of typed arrays up at each call, since their prototype is a dictionary; its own property is not.
  scratch.bytes.set = setBytes
  scratch.floats = new Float64Array(buffer)
  scratch.words = new Uint32Array(buffer)
  scratch.view = new DataView(buffer)
  scratch.buffer = Buffer.from(buffer)
  textViews.fill(undefined)
}
if (isSupported()) growScratch(0)

const encoder = new TextEncoder()
/** Up to this length, writing characters one by one is cheaper than a call that encodes them. */
const shortText = 20

/**
 * Writes a text into the scratch as UTF-8, from `at` on.
 *
 * @returns the offset behind it, or -1 if it does not fit before `end`
 */
export function putText(text: string, at: number, end: number): number {
  const { bytes } = scratch
  const { length } = text
  if (length <= shortText && length <= end - at) {
    let i = 0
    for (; i < length; i++) {
      const code = text.charCodeAt(i)
      if (code >= 0x80) break
      bytes[at + i] = code
    }
    if (i === length) return at + length
  }
  // No character takes more than 3 bytes of UTF-8 for each of its units.
  if (length * 3 <= end - at) return at + encoder.encodeInto(text, textViewAt(at)).written
  const { read, written } = encoder.encodeInto(text, bytes.subarray(at, end))
  return read === length ? at + written : -1
}

/**
 * Writes a text that names something, such as a key or a topic, into the scratch as UTF-8, from `at` on. Refuses a text
 * that has the same UTF-8 as another one.
 *
 * @returns the offset behind it, or -1 if it does not fit before `end`
 */
export function putName(name: string, text: string, at: number, end: number): number {
  const to = putText(text, at, end)
  if (to !== at + text.length) checkWellFormed(name, text) // else it is ASCII
  return to
}

/**
 * Writes bytes into the scratch, from `at` on.
 *
 * @returns the offset behind them, or -1 if they do not fit before `end`
 */
export function putBytes(bytes: Uint8Array, length: number, at: number, end: number): number {
  if (length > end - at) return -1
  scratch.bytes.set(bytes, at)
  return at + length
}
