import { describe, expect, it, vi } from 'vitest'
import { type EventPoll, OrbitEventBus } from '../../src/index.js'
import { fleetName, memories } from '../help/fleets.js'
import { expectClosed, expectRangeError, expectTypeError, untyped } from '../help/refusals.js'

const textsOf = ({ events }: EventPoll) => events.map((event) => event.text())
const small = { capacity: 8, payloadBytes: 64 }

describe.each(memories)('a cursor over events in $memory', ({ join }) => {
  const pair = () => {
    const name = fleetName()
    const [reader, writer] = [join(name), join(name)].map((fleet) => new OrbitEventBus(fleet, small))
    return [reader, writer] as [OrbitEventBus, OrbitEventBus]
  }

  it('calls a function with the events of a pattern, and with the position behind the others', async () => {
    const [reader, writer] = pair()
    const cursor = reader.cursor('head')
    const polls: EventPoll[] = []
    using listener = cursor.listen((poll) => polls.push(poll), { pattern: 'a.*' })
    expect(polls).toEqual([]) // not before listen has returned
    for (const topic of ['a.x', 'b.x', 'a.y', 'b.y']) writer.publish(topic, topic)
    await vi.waitUntil(() => cursor.position === 4, { timeout: 10_000 })
    expect(polls.flatMap(textsOf)).toEqual(['a.x', 'a.y'])
    listener.close()
    writer.publish('a.z')
    expect(cursor.poll().events).toHaveLength(1) // the cursor is still open
  })

  it('calls a function with all events, and with a loss before them', async () => {
    const [reader, writer] = pair()
    const cursor = reader.cursor('start')
    for (let i = 0; i < 12; i++) writer.publish('a', `${i}`)
    const polls: EventPoll[] = []
    using _ = cursor.listen((poll) => polls.push(poll), { max: 3 })
    await vi.waitUntil(() => cursor.position === 12, { timeout: 10_000 })
    expect(polls[0]?.lost).toBe(4)
    expect(polls.map(({ events }) => events.length)).toEqual([3, 3, 2])
    expect(polls.flatMap(textsOf)).toEqual(['4', '5', '6', '7', '8', '9', '10', '11'])
  })

  it('goes on where it is sent, and counts nothing in between as lost', async () => {
    const [reader, writer] = pair()
    const cursor = reader.cursor('start')
    for (let i = 0; i < 12; i++) writer.publish('a', `${i}`)
    cursor.seek(10)
    expect(cursor.position).toBe(10)
    const poll = cursor.poll()
    expect([textsOf(poll), poll.lost]).toEqual([['10', '11'], 0])
    cursor.seek(7)
    expect(textsOf(cursor.poll(1))).toEqual(['7'])
    const heard: string[] = []
    using _ = cursor.listen((each) => heard.push(...textsOf(each)))
    cursor.seek(12)
    writer.publish('a', '12')
    await vi.waitUntil(() => heard.length > 0, { timeout: 10_000 })
    expect(heard).toEqual(['12'])
  })

  it('wakes what waits and listens when it is sent back', async () => {
    const [reader, writer] = pair()
    const turn = () => new Promise((resolve) => setImmediate(resolve))
    for (let i = 0; i < 4; i++) writer.publish('a', `${i}`)
    const [waiting, listening] = [reader.cursor('head'), reader.cursor('head')]
    const heard: string[] = []
    using _ = listening.listen((poll) => heard.push(...textsOf(poll)))
    const wait = waiting.wait()
    for (let i = 0; i < 3; i++) await turn()
    waiting.seek(3)
    expect(await wait).toBe(true)
    listening.seek(2)
    expect(heard).toEqual([])
    await turn()
    expect(heard).toEqual(['2', '3'])
  })

  it('lets a listener that goes back hear each event once per look', async () => {
    const [reader, writer] = pair()
    const turn = () => new Promise((resolve) => setImmediate(resolve))
    writer.publish('a', 'again')
    const cursor = reader.cursor('start')
    let looks = 0
    const again = () => {
      looks++
      cursor.seek(0)
    }
    using _ = cursor.listen(again)
    using __ = cursor.listen(again)
    for (let i = 0; i < 10; i++) await turn()
    expect(looks).toBeGreaterThan(2)
    expect(looks).toBeLessThanOrEqual(22)
  })

  it('refuses wrong arguments of listen and seek', () => {
    const [reader] = pair()
    const cursor = reader.cursor()
    const nothing = () => {}
    expectTypeError(() => cursor.listen(untyped(5)), 'listener=5')
    expectTypeError(() => cursor.listen(nothing, untyped({ spin: true })), 'options.spin')
    expectTypeError(() => cursor.listen(nothing, untyped({ pattern: 1 })), 'pattern=1')
    expectRangeError(() => cursor.listen(nothing, { pattern: 'a*' }), 'pattern="a*"')
    expectRangeError(() => cursor.listen(nothing, { max: 0 }), 'max=0')
    expectTypeError(() => cursor.seek(untyped('start')), 'position="start"')
    expectRangeError(() => cursor.seek(-1), 'position=-1')
    cursor.close()
    expectClosed(() => cursor.listen(nothing))
  })
})
