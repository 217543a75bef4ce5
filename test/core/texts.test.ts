import { expect, it } from 'vitest'
import { growScratch, putText, scratch } from '../../src/core/scratch.js'

const texts = [
  'x'.repeat(21),
  `Grüße aus der schönen Stadt: ${'€'.repeat(12)}`,
  '🪐'.repeat(30),
  `${'a'.repeat(40)}\ud800`,
]

/** Writes a text at an offset, and throws unless it is there, and nothing around it. */
function write(text: string, at: number): void {
  const utf8 = Buffer.from(text)
  scratch.bytes.fill(0, at - 1, at + utf8.length + 1)
  const end = putText(text, at, scratch.bytes.length)
  const written = scratch.buffer.subarray(at - 1, at + utf8.length + 1)
  if (end !== at + utf8.length || !written.equals(Buffer.concat([Buffer.of(0), utf8, Buffer.of(0)]))) {
    throw new Error(`${text} at ${at} ends at ${end}: ${written}`)
  }
}

it('writes long texts at each offset', () => {
  for (const text of texts) for (let at = 1024; at < 1024 + 300; at++) write(text, at)
})

it('writes a long text after the buffer has grown, at an offset that it has written at before', () => {
  for (const text of texts) {
    write(text, 1024)
    growScratch(scratch.bytes.length * 2)
    write(text, 1024)
  }
})

it('writes a long text that just fits, and refuses one that does not', () => {
  const text = 'é'.repeat(30)
  expect(putText(text, 2048, 2048 + 60)).toBe(2048 + 60)
  expect(putText(text, 2048, 2048 + 59)).toBe(-1)
})
