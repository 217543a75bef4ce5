import { getEventListeners, once } from 'node:events'
import { Readable } from 'node:stream'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { native } from '../../src/core/native.js'
import { reservedType } from '../../src/core/type.js'
import { EventSubscription, Fleet, type OrbitEvent, OrbitEventBus, type SubscribeOptions } from '../../src/index.js'
import { bellDescriptors } from '../help/bells.js'
import { entryAt, objectFile, ringAt } from '../help/bytes.js'
import { fleetName, hasObjectFiles, joinShm, memories, observe } from '../help/fleets.js'
import { expectClosed, expectRangeError, expectTypeError, untyped } from '../help/refusals.js'
import { followGlobalTime } from '../help/time.js'

followGlobalTime()

// The functions of the addon cannot be spied on in place.
vi.mock('../../src/core/native.js', async (original) => {
  const module = await original<typeof import('../../src/core/native.js')>()
  return { ...module, native: { ...module.native } }
})

const options = { capacity: 8, payloadBytes: 64 }
const ring = reservedType({ name: 'orbit.events', kind: 220, capacity: 8, payloadBytes: 66 })

/** The backup timer of waits does not run: only the bell wakes. */
const stopTheClock = () => vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] })
const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))

afterEach(() => {
  vi.restoreAllMocks()
  vi.useRealTimers()
})

const nextOf = (subscription: EventSubscription) => subscription[Symbol.asyncIterator]().next()
const over = { done: true, value: undefined }

async function textOfNext(subscription: EventSubscription): Promise<string> {
  const { value } = await nextOf(subscription)
  return (value as OrbitEvent).text()
}

/** The payload texts of the next `count` events. */
async function take(subscription: EventSubscription, count: number): Promise<string[]> {
  const texts: string[] = []
  while (texts.length < count) texts.push(await textOfNext(subscription))
  return texts
}

/** The state of a promise after it has had time to settle. */
async function isSettled(promise: Promise<unknown>): Promise<boolean> {
  let settled = false
  const settle = () => {
    settled = true
  }
  promise.then(settle, settle)
  for (let i = 0; i < 5; i++) await turn()
  return settled
}

describe.each(memories)('a subscription in $memory', ({ join }) => {
  function pair() {
    const name = fleetName()
    const [reader, writer] = [join(name, { size: 4 }), join(name)]
    const bus = new OrbitEventBus(writer, options)
    const subscribe = (pattern?: string, more?: SubscribeOptions) =>
      new OrbitEventBus(reader, options).subscribe(pattern, more)
    return { name, reader, writer, bus, subscribe }
  }

  it('yields events published since the call, one at a time, and then new ones', async () => {
    stopTheClock()
    const { bus, subscribe } = pair()
    bus.publish('a', 'before')
    const subscription = subscribe()
    bus.publish('a', '1')
    bus.publish('', '2')
    expect(subscription).toBeInstanceOf(EventSubscription)
    expect(await take(subscription, 2)).toEqual(['1', '2'])
    const waiting = textOfNext(subscription)
    expect(await isSettled(waiting)).toBe(false)
    bus.publish('b', '3')
    expect(await waiting).toBe('3')
    expect([subscription.lost, subscription.malformed]).toEqual([0, 0])
    subscription.close()
  })

  it('yields events with a matching topic, and sleeps through the others', async () => {
    stopTheClock()
    const { bus, subscribe } = pair()
    const subscription = subscribe('deploy.*')
    for (const topic of ['deploy', 'deploy.web', 'deploy.web.eu', 'build.web', 'deploy.db']) bus.publish(topic, topic)
    expect(await take(subscription, 2)).toEqual(['deploy.web', 'deploy.db'])
    const waiting = textOfNext(subscription)
    for (let i = 0; i < 30; i++) bus.publish('build.web')
    expect(await isSettled(waiting)).toBe(false)
    bus.publish('deploy.app', 'at last')
    expect(await waiting).toBe('at last')
    subscription.close()
  })

  it.each([
    { from: 'start' as const, expected: ['2', '3'] },
    { from: 9, expected: ['9', 'now'] },
    { from: 'head' as const, expected: ['now'] },
  ])('begins at $from', async ({ from, expected }) => {
    const { bus, subscribe } = pair()
    for (let i = 0; i < 10; i++) bus.publish('n', `${i}`)
    const subscription = subscribe('n', { from })
    if (from !== 'start') bus.publish('n', 'now')
    expect(await take(subscription, expected.length)).toEqual(expected)
    subscription.close()
  })

  it('reports each loss exactly, before the events that follow it', async () => {
    const { bus, subscribe } = pair()
    const seen: (string | number)[] = []
    const subscription = subscribe('keep', { onLoss: (lost) => seen.push(lost) })
    const publish = (count: number) => {
      for (let i = 0; i < count; i++) bus.publish(i % 2 === 0 ? 'keep' : 'other', `${i}`)
    }
    publish(20)
    for await (const event of subscription) {
      seen.push(event.text())
      if (seen.length === 5) publish(11)
      if (seen.length === 10) break
    }
    expect(seen).toEqual([12, '12', '14', '16', '18', 3, '4', '6', '8', '10'])
    expect(subscription.lost).toBe(15)
  })

  it('reports a loss even when no matching event follows', async () => {
    const { bus, subscribe } = pair()
    const lost = new Promise<number>((resolve) => {
      const subscription = subscribe('none', { onLoss: resolve })
      for (let i = 0; i < 9; i++) bus.publish('some')
      void nextOf(subscription)
    })
    expect(await lost).toBe(1)
  })

  it('reads at most max events in a poll, and counts events lost between polls', async () => {
    const { bus, subscribe } = pair()
    const losses: number[] = []
    const subscription = subscribe('n', { max: 2, onLoss: (lost) => losses.push(lost) })
    for (let i = 0; i < 4; i++) bus.publish('n', `${i}`)
    const texts = await take(subscription, 1)
    for (let i = 4; i < 14; i++) bus.publish('n', `${i}`)
    texts.push(...(await take(subscription, 9)))
    expect(texts).toEqual(['0', '1', '6', '7', '8', '9', '10', '11', '12', '13'])
    expect(losses).toEqual([4])
    expect(subscription.lost).toBe(4)
    subscription.close()
  })

  it('counts frames that are not events as malformed', async () => {
    const { writer, bus, subscribe } = pair()
    const subscription = subscribe('a')
    writer.publish(ring, new Uint8Array([9, 9]))
    bus.publish('a', 'event')
    expect(await take(subscription, 1)).toEqual(['event'])
    expect([subscription.lost, subscription.malformed]).toEqual([0, 1])
    subscription.close()
  })

  const endings: {
    how: string
    end: (of: { reader: Fleet; controller: AbortController; subscription: EventSubscription }) => void
  }[] = [
    { how: 'its signal', end: ({ controller }) => controller.abort(new Error('never seen')) },
    { how: 'its close', end: ({ subscription }) => subscription.close() },
    { how: 'its dispose', end: ({ subscription }) => subscription[Symbol.dispose]() },
    { how: 'the close of its fleet', end: ({ reader }) => reader.close() },
  ]
  it.each(endings)(
    'ends by $how while asleep, between two events of one poll, and before it began',
    async ({ end }) => {
      stopTheClock()
      for (const when of ['asleep', 'between', 'before']) {
        const { reader, bus, subscribe } = pair()
        const controller = new AbortController()
        const subscription = subscribe('n', { signal: controller.signal })
        const texts: string[] = []
        if (when !== 'asleep') for (const text of ['1', '2', '3']) bus.publish('n', text)
        if (when === 'before') end({ reader, controller, subscription })
        const loop = (async () => {
          for await (const event of subscription) {
            texts.push(event.text())
            if (when === 'between') end({ reader, controller, subscription })
          }
        })()
        if (when === 'asleep') {
          expect(await isSettled(loop)).toBe(false)
          end({ reader, controller, subscription })
        }
        await loop
        expect(texts, when).toEqual(when === 'between' ? ['1'] : [])
        expect(await nextOf(subscription)).toEqual(over)
        expect(getEventListeners(controller.signal, 'abort')).toEqual([])
      }
    },
  )

  it('ends when its loop is left', async () => {
    const { bus, subscribe } = pair()
    const { signal } = new AbortController()
    const ways: ((subscription: EventSubscription) => Promise<void>)[] = [
      async (subscription) => {
        for await (const _ of subscription) break
      },
      async (subscription) => {
        for await (const _ of subscription) throw new Error('body')
      },
      async (subscription) => {
        await nextOf(subscription)
        await subscription[Symbol.asyncIterator]().return()
      },
    ]
    for (const leave of ways) {
      const subscription = subscribe(undefined, { signal })
      for (let i = 0; i < 3; i++) bus.publish('n')
      await leave(subscription).catch((error) => expect(error.message).toBe('body'))
      expect(await nextOf(subscription)).toEqual(over)
      expect(getEventListeners(signal, 'abort')).toEqual([])
    }
  })

  it('ends when it is left while asleep, or before it began', async () => {
    const { bus, subscribe } = pair()
    const asleep = subscribe()
    const waiting = nextOf(asleep)
    expect(await asleep[Symbol.asyncIterator]().return()).toEqual(over)
    expect(await waiting).toEqual(over)

    const failed = subscribe()
    const failing = nextOf(failed)
    await expect(failed[Symbol.asyncIterator]().throw(new Error('mine'))).rejects.toThrow('mine')
    expect(await failing).toEqual(over)

    const streamed = subscribe()
    const stream = Readable.from(streamed)
    stream.resume()
    await once(stream, 'resume')
    await new Promise((resolve) => stream.destroy().once('close', resolve))
    bus.publish('n')
    expect(await nextOf(streamed)).toEqual(over)
  })

  it('ends with the error that onLoss throws, or when onLoss closes it', async () => {
    const { bus, subscribe } = pair()
    const failing = subscribe('n', {
      onLoss: (lost) => {
        throw new Error(`lost ${lost}`)
      },
    })
    const closing: EventSubscription = subscribe('n', { onLoss: () => closing.close() })
    for (let i = 0; i < 10; i++) bus.publish('n')
    await expect(nextOf(failing)).rejects.toThrow('lost 2')
    expect(await nextOf(failing)).toEqual(over)
    expect(await nextOf(closing)).toEqual(over)
    expect(closing.lost).toBe(2)
  })

  it('gives the next event to each loop over it', async () => {
    const { bus, subscribe } = pair()
    const subscription = subscribe()
    const waiting = [nextOf(subscription), nextOf(subscription)]
    bus.publish('a', '1')
    bus.publish('a', '2')
    const results = await Promise.all(waiting)
    expect(results.map(({ value }) => (value as OrbitEvent).text())).toEqual(['1', '2'])
    subscription.close()
  })

  it('spins with spin: true', async () => {
    const { bus, subscribe } = pair()
    const openBell = vi.spyOn(native, 'openBell')
    const subscription = subscribe('a', { spin: true })
    const waiting = textOfNext(subscription)
    await turn()
    bus.publish('a', 'spun')
    expect(await waiting).toBe('spun')
    expect(openBell).not.toHaveBeenCalled()
    const last = nextOf(subscription)
    await turn()
    subscription.close()
    expect(await last).toEqual(over)
  })

  it('lets timers and the signal run under continuous publishing', async () => {
    const { bus, subscribe } = pair()
    const controller = new AbortController()
    let seen = 0
    setTimeout(() => controller.abort(), 5)
    const subscription = subscribe('n', { signal: controller.signal })
    bus.publish('n')
    for await (const _ of subscription) {
      seen++
      bus.publish('n')
    }
    expect(seen).toBeGreaterThan(0)
  })

  it('refuses wrong options when it is called', () => {
    const { reader } = pair()
    const bus = new OrbitEventBus(reader, options)
    const wrong = (more: object) => () => bus.subscribe('a', untyped(more))
    expectTypeError(wrong({ form: 'head' }), 'options.form')
    expectTypeError(wrong({ onLoss: 5 }), 'onLoss=5')
    expectTypeError(wrong({ signal: {} }), 'signal=')
    expectTypeError(wrong({ from: 'end' }), 'from="end"')
    expectRangeError(wrong({ from: -1 }), 'from=-1')
    expectRangeError(wrong({ max: 0 }), 'max=0')
    expectTypeError(() => bus.subscribe('a', untyped(null)), 'options=')
    reader.close()
    expectClosed(() => bus.subscribe())
  })
})

describe('a subscription in shared memory', () => {
  it('ends with ERR_ORBIT_RETIRED when its ring is removed, while asleep and after the events it has', async () => {
    const name = fleetName()
    const fleet = joinShm(name)
    const bus = new OrbitEventBus(fleet, options)
    const [asleep, awake] = [bus.subscribe('none'), bus.subscribe('n')]
    bus.publish('n', '1')
    bus.publish('n', '2')
    const retired = { code: 'ERR_ORBIT_RETIRED' }
    const waking = expect(nextOf(asleep)).rejects.toMatchObject(retired)
    expect(await take(awake, 1)).toEqual(['1'])
    Fleet.remove(name, { force: true })
    expect(await take(awake, 1)).toEqual(['2'])
    await expect(nextOf(awake)).rejects.toMatchObject(retired)
    await waking
    expect(await nextOf(awake)).toEqual(over)
    expect(await nextOf(asleep)).toEqual(over)
  })

  it('works for an observer, even one that was opened before the ring existed', async () => {
    const name = fleetName()
    const fleet = joinShm(name)
    const subscription = new OrbitEventBus(observe(name), options).subscribe('a.>')
    const waiting = textOfNext(subscription)
    const bus = new OrbitEventBus(fleet, options)
    bus.publish('b')
    bus.publish('a.b', 'seen')
    expect(await waiting).toBe('seen')
    subscription.close()
  })

  it.skipIf(!hasObjectFiles)('leaves no bell, no arm and no sleeper bit', async () => {
    stopTheClock()
    const name = fleetName()
    const fleet = joinShm(name, { size: 4 })
    const bus = new OrbitEventBus(fleet, options)
    const file = objectFile(name, 220)
    const isArmed = () => file.u64(ringAt(ring, 4).entry(fleet.node) + entryAt.arm) % 2n === 1n
    const subscription = bus.subscribe('n')
    const loop = (async () => {
      for await (const _ of subscription) break
    })()
    await turn()
    expect(isArmed()).toBe(true)
    expect(bellDescriptors(name)).toHaveLength(1)
    bus.publish('n')
    await loop
    expect(isArmed()).toBe(false)
    fleet.close()
    expect(vi.getTimerCount()).toBe(0)
    await turn()
    expect(bellDescriptors(name)).toEqual([])
  })
})

describe('many subscriptions of one fleet handle', () => {
  const manyOptions = { capacity: 64, payloadBytes: 64 }
  const crowd = (patterns: readonly string[], more: SubscribeOptions = {}) => {
    const name = fleetName()
    const [reader, writer] = [joinShm(name, { size: 4 }), joinShm(name)]
    const bus = new OrbitEventBus(writer, manyOptions)
    const subscriptions = patterns.map((pattern) => new OrbitEventBus(reader, manyOptions).subscribe(pattern, more))
    const got: string[][] = patterns.map(() => [])
    const loops = subscriptions.map(async (subscription, i) => {
      for await (const event of subscription) got[i]?.push(event.text())
    })
    const close = async () => {
      for (const subscription of subscriptions) subscription.close()
      await Promise.all(loops)
    }
    return { reader, bus, subscriptions, got, close }
  }
  const turns = async (count = 10) => {
    for (let i = 0; i < count; i++) await turn()
  }
  /** Waits until `isTrue`; the time limit of the test is the watchdog. */
  const until = async (isTrue: () => boolean) => {
    while (!isTrue()) await turn()
  }

  it('read the ring once for an event, and wake only those that it matches', async () => {
    stopTheClock()
    const { bus, got, close } = crowd(Array.from({ length: 500 }, (_, i) => `user.${i}`))
    await turns()
    const polls = vi.spyOn(native, 'pollEvents')
    bus.publish('user.7', 'for one')
    await until(() => got[7]?.length === 1)
    await turns()
    expect(polls.mock.calls.length).toBeLessThan(6)
    expect(got.flat()).toEqual(['for one'])
    await close()
  })

  it('get each event once and in order, whichever patterns overlap', async () => {
    const patterns = ['a.1', 'a.*', 'a.>', '>', '*', 'a.1', 'b', 'a.*.c']
    const { bus, got, close } = crowd(patterns)
    const sent = ['a.1', 'a.2', 'b', 'a.1.c', 'a.1', 'c']
    for (const [i, topic] of sent.entries()) {
      bus.publish(topic, `${i}`)
      if (i % 2 === 0) await turns(1)
    }
    const expected = [
      ['0', '4'],
      ['0', '1', '4'],
      ['0', '1', '3', '4'],
      ['0', '1', '2', '3', '4', '5'],
    ]
    await until(() => got[3]?.length === 6)
    await turns()
    expect(got).toEqual([...expected, ['2', '5'], ['0', '4'], ['2'], ['3']])
    await close()
  })

  it('count their own losses exactly, from where each of them had read', async () => {
    const { bus, subscriptions, got, close } = crowd(['a', 'b', 'none'])
    await turns()
    for (let i = 0; i < 100; i++) bus.publish(i % 2 === 0 ? 'a' : 'b', `${i}`)
    await until(() => got[0]?.length === 32 && got[1]?.length === 32)
    expect(subscriptions.map(({ lost }) => lost)).toEqual([36, 36, 36])
    expect([got[0]?.[0], got[1]?.[0]]).toEqual(['36', '37'])
    await close()
  })

  it('go on when one of them is slow, which loses by itself', async () => {
    const { reader, bus, got, close } = crowd(['n'])
    const losses: number[] = []
    const slow = new OrbitEventBus(reader, manyOptions).subscribe('n', { onLoss: (lost) => losses.push(lost) })
    expect(await Promise.all([textOfNext(slow), bus.publish('n', 'first')])).toEqual(['first', expect.anything()])
    for (let i = 0; i < 300; i++) {
      bus.publish('n', `${i}`)
      if (i % 30 === 0) await until(() => got[0]?.length === i + 2)
    }
    expect(await textOfNext(slow)).toBe('236')
    expect(losses).toEqual([236])
    await until(() => got[0]?.length === 301)
    slow.close()
    await close()
  })

  it('may be closed, aborted and begun while others wait', async () => {
    stopTheClock()
    const { reader, bus, got, close } = crowd(['n'])
    const abort = new AbortController()
    const [closed, aborted] = [{}, { signal: abort.signal }].map((more) =>
      new OrbitEventBus(reader, manyOptions).subscribe('n', more),
    ) as [EventSubscription, EventSubscription]
    const ends = [nextOf(closed), nextOf(aborted)]
    await turns()
    closed.close()
    abort.abort()
    expect(await Promise.all(ends)).toEqual([over, over])
    expect(getEventListeners(abort.signal, 'abort')).toEqual([])
    const late = new OrbitEventBus(reader, manyOptions).subscribe('n')
    const first = textOfNext(late)
    await turns()
    bus.publish('n', 'late')
    expect(await first).toBe('late')
    await until(() => got[0]?.length === 1)
    late.close()
    await close()
    expect(await isSettled(nextOf(late))).toBe(true)
  })

  it('all end when the fleet is closed, and all fail when the ring is removed', async () => {
    for (const isRemoved of [false, true]) {
      const { reader, subscriptions } = crowd([])
      const more = ['a', 'b.*'].map((pattern) => new OrbitEventBus(reader, manyOptions).subscribe(pattern))
      const nexts = Promise.allSettled(more.map(nextOf))
      await turns()
      if (isRemoved) Fleet.remove(reader.name, { force: true })
      else reader.close()
      const code = 'ERR_ORBIT_RETIRED'
      const expected = isRemoved
        ? { status: 'rejected', reason: expect.objectContaining({ code }) }
        : { status: 'fulfilled', value: over }
      expect(await nexts).toEqual([expected, expected])
      expect(subscriptions).toEqual([])
    }
  })
})
