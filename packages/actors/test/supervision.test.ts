import { describe, expect, it } from 'vitest'
import { defaultLimits } from '../src/base/crashes.js'
import { VirtualClock } from '../src/base/virtualclock.js'
import { type Restart, type Strategy, Supervision } from '../src/supervision/supervision.js'

const turn = () => new Promise((resolve) => setImmediate(resolve))

/** Members a, b and c, with what happens to them. */
function family(strategy: Strategy, restarts: Restart[] = [], onLimit: () => boolean = () => true) {
  const events: string[] = []
  const clock = new VirtualClock()
  const supervision = new Supervision({ strategy, limits: defaultLimits, clock, onLimit })
  for (const [i, name] of ['a', 'b', 'c'].entries()) {
    supervision.add({
      name,
      restart: restarts[i] ?? 'permanent',
      start: () => void events.push(`+${name}`),
      stop: async () => void events.push(`-${name}`),
      removed: () => void events.push(`!${name}`),
    })
  }
  expect(events.splice(0)).toEqual(['+a', '+b', '+c'])
  const fail = async (name: string, isFailure = true) => {
    supervision.ended(name, supervision.runOf(name) ?? 0, isFailure)
    await turn()
    return events.splice(0).join(' ')
  }
  return { clock, supervision, events, fail }
}

describe('a supervision', () => {
  it('starts the member that has failed again with one-for-one', async () => {
    expect(await family('one-for-one').fail('b')).toBe('+b')
  })

  it('stops and starts all with one-for-all, the last one first', async () => {
    expect(await family('one-for-all').fail('b')).toBe('-c -a +a +b +c')
  })

  it('stops and starts those that were added later with rest-for-one', async () => {
    expect(await family('rest-for-one').fail('b')).toBe('-c +b +c')
  })

  it('starts a transient member only after a failure, and a temporary one never', async () => {
    const { fail, supervision } = family('one-for-one', ['transient', 'temporary', 'permanent'])
    expect(await fail('a')).toBe('+a')
    expect(await fail('a', false)).toBe('!a')
    expect(await fail('b')).toBe('!b')
    expect(await fail('c', false)).toBe('+c')
    expect(['a', 'b', 'c'].map((name) => supervision.has(name))).toEqual([false, false, true])
    expect(await fail('a')).toBe('')
  })

  it('removes temporary members that end with others', async () => {
    expect(await family('one-for-all', ['permanent', 'permanent', 'temporary']).fail('a')).toBe('-c -b +a +b !c')
  })

  it('restarts members once that fail together', async () => {
    const { supervision, events } = family('one-for-all')
    for (const name of ['a', 'b']) supervision.ended(name, 1, true)
    await turn()
    expect(events.join(' ')).toBe('-c +a +b +c')
    supervision.ended('a', 1, true) // a word of the first run
    await turn()
    expect(events.length).toBe(4)
  })

  it('rests after three restarts in five seconds, for longer each time', async () => {
    const { clock, fail, events } = family('one-for-one')
    for (let i = 0; i < 3; i++) expect(await fail('a')).toBe('+a')
    for (const ms of [100, 200, 400]) {
      expect(await fail('a')).toBe('')
      clock.step(clock.now() + ms - 1)
      await turn()
      expect(events).toEqual([])
      clock.step(clock.now() + 1)
      await turn()
      expect(events.splice(0)).toEqual(['+a'])
    }
  })

  it('ends all members, the last one first, and a rest', async () => {
    const { fail, supervision, events } = family('one-for-one')
    for (let i = 0; i < 4; i++) await fail('b')
    await supervision.close()
    expect(events.join(' ')).toBe('-c -a !a !b !c')
    expect(await fail('a')).toBe('-c -a !a !b !c')
  })

  it('ends all members when it gives up', async () => {
    const { fail } = family('one-for-one', [], () => false)
    for (let i = 0; i < 3; i++) await fail('b')
    expect(await fail('b')).toBe('-c -a !a !b !c')
  })
})
