import { expect, it } from 'vitest'
import { decodeValue, encodeValue } from '../src/host/values.js'

const values = [
  ...[0, -0, 1, -1.5, Number.NaN, Number.POSITIVE_INFINITY, Number.MIN_VALUE, 2 ** 53],
  ...['', 'a', 'ä\xff\0', 'x'.repeat(64), 'x'.repeat(65), '漢字', '\ud800', null, true, false, 5n],
  ...[[1, 'a'], { a: 1 }, new Map([['a', 1]]), new Uint8Array([1, 2])],
]

it.each(values.map((value) => [value]))('gives back %o', (value) => {
  expect(decodeValue(encodeValue(value))).toStrictEqual(value)
})

it('keeps numbers and short texts in few bytes of their own', () => {
  const [one, other] = [encodeValue(1), encodeValue(2)]
  expect([one.length, one.buffer.byteLength, encodeValue('abc').length]).toEqual([9, 9, 4])
  expect([decodeValue(one), decodeValue(other)]).toEqual([1, 2])
})
