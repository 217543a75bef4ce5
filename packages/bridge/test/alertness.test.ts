import { expect, it } from 'vitest'
import { Alertness } from '../src/hub/alertness.js'

it('a bridge process looks for answers while they come soon, and sleeps after looks in vain', () => {
  let nowMs = 1
  const alertness = new Alertness(() => nowMs)
  const bring = (answerMs: number): boolean => {
    const looks = alertness.brought()
    nowMs += answerMs
    alertness.heard()
    return looks
  }
  for (let i = 0; i < 8; i++) expect(bring(0.15)).toBe(false)
  expect(bring(0.15)).toBe(true)
  nowMs++
  expect([alertness.brought(), alertness.looksOn()]).toEqual([true, true])
  nowMs += 0.15
  expect([alertness.looksOn(), alertness.brought()]).toEqual([false, false]) // it has paid for a look in vain
  for (let i = 0; i < 20; i++) expect(bring(1)).toBe(false)
})
