import { expect, it } from 'vitest'
import { VirtualClock } from '../src/base/virtualclock.js'
import { Returns } from '../src/host/returns.js'

it('hands back the calls of a caller that were sent before it knew, and forgets that after ten minutes', () => {
  const clock = new VirtualClock()
  const returns = new Returns(clock)
  expect(returns.has(1, '3.1', 1)).toBe(false)
  returns.note(1, '3.1', 2)
  returns.note(1, '3.1', 1) // comes back late
  expect([1, 2, 3].map((epoch) => returns.has(1, '3.1', epoch))).toEqual([true, true, false])
  expect([returns.has(2, '3.1', 1), returns.has(1, '4.1', 1)]).toEqual([false, false])
  clock.step(clock.now() + 600_001)
  returns.sweep()
  expect(returns.has(1, '3.1', 1)).toBe(false)
})
