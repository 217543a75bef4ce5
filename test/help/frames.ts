// Frames with numbers in them, and the counts of polls.
import { expect } from 'vitest'
import type { Frame, Poll } from '../../src/index.js'

/** A payload of `bytes` bytes that contains a number. */
export function numbered(value: number, bytes = 8): Uint8Array {
  const payload = new Uint8Array(bytes).fill(value & 0xff)
  new DataView(payload.buffer).setUint32(0, value)
  return payload
}

/** The number in a payload of `numbered`, after a check of all its bytes. */
export function numberIn(frame: Frame | undefined): number | undefined {
  if (frame === undefined) return undefined
  const { payload } = frame
  const value = new DataView(payload.buffer, payload.byteOffset, payload.length).getUint32(0)
  expect(Buffer.compare(payload, numbered(value, payload.length)), `frame ${frame.position} is whole`).toBe(0)
  return value
}

export const positionsOf = (poll: Poll): number[] => poll.frames.map((frame) => frame.position)

/** The counts of a poll, after a check that they add up. */
export function accountOf(poll: Poll): {
  count: number
  lost: number
  malformed: number
  from: number
  to: number
} {
  const { frames, lost, malformed, from, to } = poll
  expect(to - from, 'to - from').toBe(frames.length + lost + malformed)
  return { count: frames.length, lost, malformed, from, to }
}
