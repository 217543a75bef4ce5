import { expect, it } from 'vitest'
import { digitsOf } from '../src/base/digits.js'

it('writes numbers as JavaScript does', () => {
  const whole = [
    0, 1, 9, 10, 99, 100, 999, 1000, 1001, 9999, 10_000, 123_456, 999_999, 1_000_000, 1_000_001, 10_020_003,
  ]
  const large = [999_999_999, 1_000_000_000, 2 ** 31, 2 ** 53, 1e21]
  const others = [-1, -1000, 0.5, 1000.25, -0, Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY]
  for (const number of [...whole, ...large, ...others]) expect(digitsOf(number)).toBe(`${number}`)
})
