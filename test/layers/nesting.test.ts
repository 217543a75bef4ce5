import { expect, it } from 'vitest'
import { currentDepth, runAtDepth, trackNesting } from '../../src/layers/nesting.js'

it('knows the calls of a handler as nested that makes the first client of its thread', async () => {
  const handler = async (): Promise<number[]> => {
    const before = currentDepth()
    trackNesting()
    const after = currentDepth()
    await null
    return [before, after, currentDepth()]
  }
  const depths = runAtDepth(2, handler, undefined, undefined)
  expect(currentDepth()).toBe(0)
  expect(await depths).toEqual([0, 3, 3])
  expect(currentDepth()).toBe(0)
  expect(await runAtDepth(9, async () => currentDepth(), undefined, undefined)).toBe(7)
})
