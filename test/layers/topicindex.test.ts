import { describe, expect, it } from 'vitest'
import { OrbitEventBus } from '../../src/index.js'
import { TopicIndex } from '../../src/layers/topicindex.js'
import { fleetName, joinLocal } from '../help/fleets.js'
import { generator, newSeed } from '../help/random.js'

describe('the topic index', () => {
  it('finds the members that the addon finds, for any topics and patterns', () => {
    const below = generator(newSeed('topics and patterns'))
    const words = ['a', 'b', '', 'a.b', '*', '>']
    const topicOf = () => Array.from({ length: 1 + below(4) }, () => words[below(words.length)]).join('.')
    const patternOf = () => {
      const levels = Array.from({ length: 1 + below(4) }, () => ['a', 'b', '', '*'][below(4)])
      return (below(3) === 0 ? [...levels.slice(1), '>'] : levels).join('.')
    }
    const fleet = joinLocal(fleetName())
    const bus = new OrbitEventBus(fleet, { capacity: 64 })
    for (let round = 0; round < 60; round++) {
      const topics = Array.from({ length: 50 }, topicOf)
      const patterns = Array.from({ length: 30 }, patternOf)
      const begin = bus.cursor('head').position
      for (const topic of topics) bus.publish(topic)
      const index = new TopicIndex<number>()
      for (const [i, pattern] of patterns.entries()) index.add(pattern, i)
      const isLeft = patterns.map((pattern, i) => {
        if (below(3) > 0) return true
        index.delete(pattern, i)
        return false
      })
      const found: Set<string>[] = patterns.map(() => new Set())
      for (const topic of topics) index.match(topic, (i) => found[i]?.add(topic))
      for (const [i, pattern] of patterns.entries()) {
        const { events } = bus.cursor(begin).pollTopic(pattern)
        const expected = isLeft[i] ? new Set(events.map(({ topic }) => topic)) : new Set()
        expect(found[i], `${pattern} over ${topics.join(' ')}`).toEqual(expected)
      }
    }
  })

  it('keeps nothing of members that were deleted', () => {
    const index = new TopicIndex<string>()
    for (const pattern of ['a.b', 'a.*', 'a.>', '>', '*', '', 'a']) index.add(pattern, pattern)
    const found: string[] = []
    index.match('a.b', (member) => found.push(member))
    expect(found.sort()).toEqual(['>', 'a.*', 'a.>', 'a.b'])
    for (const pattern of ['a.b', 'a.*', 'a.>', '>', '*', '', 'a', 'never.added']) index.delete(pattern, pattern)
    for (const topic of ['a.b', 'a', '']) index.match(topic, (member) => expect(member).toBe('deleted'))
  })
})
