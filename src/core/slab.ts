import { native } from './native.js'
import { inScratch, scratch } from './scratch.js'

// Copies that callers keep share buffers, as small Buffers share a pool. From 65 bytes on, a Uint8Array with a buffer
// of its own costs 250 ns, because V8 allocates it outside of its heap; a view of a buffer costs 20 ns at any length.
// The addon writes straight into the slab, and no byte of it is handed out twice.

/** How large a slab is, and so how much memory one payload can keep alive. */
const slabBytes = 16 * 1024
/** Longer payloads get a buffer of their own. */
const maxSlabPayload = slabBytes / 4

let buffer: ArrayBufferLike = new ArrayBuffer(0)
let bytes = new Uint8Array(buffer)
let used = 0
let markAsUntransferable: ((object: object) => void) | undefined

/** Begins another slab. Like the pool of Buffer it is not cleared: each view shows only bytes that were written. */
function newSlab(): void {
  markAsUntransferable ??= process.getBuiltinModule('node:worker_threads').markAsUntransferable
  bytes = Buffer.allocUnsafeSlow(slabBytes)
  buffer = bytes.buffer
  used = 0
  markAsUntransferable(buffer)
  native.setSlab(buffer)
}

/**
 * The place of the next copy: an offset in the slab, or `inScratch` if it may be too large. The same until `takeCopy`
 * takes it.
 *
 * @param payloadBytes the most bytes that it may have
 */
export function placeFor(payloadBytes: number): number {
  if (payloadBytes > maxSlabPayload) return inScratch
  // A caller can detach the buffer of a copy in spite of the mark: the length is 0 then, and nothing fits.
  if (used + payloadBytes + 8 > bytes.length) newSlab()
  return used
}

/**
 * What the addon has written to the place that `placeFor` returned, for a caller to keep.
 *
 * @param offset where it is in the scratch, if that was the place
 */
export function takeCopy(place: number, offset: number, length: number): Uint8Array {
  const at = place === inScratch ? moveToSlab(offset, length) : place
  if (at < 0) return scratch.bytes.slice(offset, offset + length)
  used = at + ((length + 7) & ~7)
  return new Uint8Array(buffer, at, length)
}

/** Copies from the scratch what turned out to be small enough; -1: it is not. */
function moveToSlab(offset: number, length: number): number {
  if (length > maxSlabPayload) return -1
  const at = placeFor(length)
  bytes.set(scratch.bytes.subarray(offset, offset + length), at)
  return at
}

/** How far `takeCopies` has moved the payloads of the last poll. */
export let movedBy = 0

/** As `takeCopy`, for the payloads of a poll: returns the buffer that they are in, and leaves `movedBy`. */
export function takeCopies(place: number, offset: number, length: number): ArrayBufferLike {
  if (place !== inScratch) {
    used = place + length
    movedBy = 0
    return buffer
  }
  const copy = takeCopy(place, offset, length)
  movedBy = copy.byteOffset - offset
  return copy.buffer
}
