import { AsyncLocalStorage } from 'node:async_hooks'
import { getEventListeners } from 'node:events'
import { statSync } from 'node:fs'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { runtime } from '../../src/base/runtime.js'
import { native } from '../../src/core/native.js'
import { Contest, type Cursor, Fleet, Orbital, orbitType, type Poll, pod } from '../../src/index.js'
import { bellDescriptors, bellPath, bellsOf, descriptors, drainBell } from '../help/bells.js'
import { entryAt, objectFile, ringAt, slotWord } from '../help/bytes.js'
import { fleetName, hasObjectFiles, joinShm, keep, memories, observe } from '../help/fleets.js'
import { accountOf, numbered, numberIn } from '../help/frames.js'
import { expectClosed, expectRangeError, expectTypeError, untyped } from '../help/refusals.js'
import { followGlobalTime } from '../help/time.js'

followGlobalTime()

// The functions of the addon cannot be spied on in place.
vi.mock('../../src/core/native.js', async (original) => {
  const module = await original<typeof import('../../src/core/native.js')>()
  return { ...module, native: { ...module.native } }
})

const Facts = orbitType({ name: 'Facts', kind: 7, capacity: 8, payloadBytes: 16 })
const Other = orbitType({ name: 'Other', kind: 8, capacity: 8, payloadBytes: 16 })
const Large = orbitType({ name: 'Large', kind: 9, capacity: 16384, payloadBytes: 8 })
const Value = orbitType({ name: 'Value', kind: 10, capacity: 4, pod: pod({ count: 'u32' }) })
const size = 4
const backupMs = 1000

/** The backup timer of waits does not run unless a test advances it: only the bell wakes. */
const stopTheClock = () => vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] })
const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))

afterEach(() => {
  vi.restoreAllMocks()
  vi.useRealTimers()
})

/** The state of a promise after it has had time to settle. */
async function stateOf(promise: Promise<unknown>): Promise<string> {
  let state = 'pending'
  promise.then(
    (value) => {
      state = String(value)
    },
    (error) => {
      state = `rejected: ${error}`
    },
  )
  for (let i = 0; i < 3; i++) await turn()
  return state
}

/** The arm word and the sleeper bit of a node, as publishers read them. */
function sleeperWords(fleet: string, node: number, type = Facts) {
  const file = objectFile(fleet, type.kind)
  const at = ringAt(type, size)
  return {
    get arm() {
      return Number(file.u64(at.entry(node) + entryAt.arm))
    },
    get isArmed() {
      return this.arm % 2 === 1
    },
    get hasBit() {
      return ((file.u64(at.sleepers(node)) >> BigInt(node)) & 1n) === 1n
    },
  }
}

/** All frames of an iteration until it ends or `enough` frames came, checked to be in order and without a gap. */
async function collect(iteration: AsyncIterable<Poll>, enough = Number.POSITIVE_INFINITY) {
  const numbers: (number | undefined)[] = []
  let lost = 0
  let last: number | undefined
  for await (const poll of iteration) {
    const account = accountOf(poll)
    if (last !== undefined) expect(account.from).toBe(last)
    last = account.to
    lost += account.lost
    numbers.push(...poll.frames.map(numberIn))
    if (numbers.length >= enough) break
  }
  return { numbers, lost, to: last }
}

describe.each(memories)('a wait in $memory', ({ join, isShared }) => {
  beforeEach(stopTheClock)

  /** A reader with a cursor at the head, and a second member that publishes. */
  function pair(): { name: string; reader: Fleet; writer: Fleet; cursor: Cursor } {
    const name = fleetName()
    const reader = join(name, { size })
    const writer = join(name, { size })
    return { name, reader, writer, cursor: reader.cursor(Facts, 'head') }
  }

  it('resolves at once when there is news, and opens no bell', async () => {
    const { writer, cursor } = pair()
    const openBell = vi.spyOn(native, 'openBell')
    writer.publish(Facts, numbered(1))
    expect(await cursor.wait()).toBe(true)
    expect(await cursor.wait({ timeoutMs: 0 })).toBe(true)
    expect(await cursor.wait({ spin: true, timeoutMs: 0 })).toBe(true)
    expect(openBell).not.toHaveBeenCalled()
    expect(cursor.poll().frames.map(numberIn)).toEqual([1])
  })

  const ways: { way: string; type: typeof Facts; publish: (writer: Fleet) => unknown }[] = [
    { way: 'publish', type: Facts, publish: (writer) => writer.publish(Facts, numbered(1)) },
    { way: 'publishBatch', type: Facts, publish: (writer) => writer.publishBatch(Facts, [numbered(1), numbered(2)]) },
    { way: 'publishPacked', type: Facts, publish: (writer) => writer.publishPacked(Facts, new Uint8Array(32)) },
    {
      way: 'Orbital.store',
      type: Value as unknown as typeof Facts,
      publish: (writer) => new Orbital(writer, Value).store({ count: 3 }),
    },
  ]
  it.each(ways)('wakes on $way by another member', async ({ type, publish }) => {
    const { reader, writer } = pair()
    const cursor = reader.cursor(type, 'head')
    const waiting = cursor.wait()
    expect(await stateOf(waiting)).toBe('pending')
    publish(writer)
    expect(await waiting).toBe(true)
    expect(cursor.poll().frames.length).toBeGreaterThan(0)
    const again = cursor.wait()
    expect(await stateOf(again)).toBe('pending')
    publish(writer)
    expect(await again).toBe(true)
  })

  it('wakes on a frame of its own member', async () => {
    const { reader, cursor } = pair()
    const waiting = cursor.wait()
    reader.publish(Facts, numbered(1))
    expect(await waiting).toBe(true)
  })

  it('wakes on a loss by laps, and by a reset of unread frames', async () => {
    const { writer, cursor } = pair()
    for (let i = 0; i < 20; i++) writer.publish(Facts, numbered(i))
    expect(await cursor.wait()).toBe(true)
    expect(accountOf(cursor.poll(1))).toMatchObject({ count: 1, lost: 12 })
    writer.resetRing(Facts)
    expect(await cursor.wait()).toBe(true)
    expect(accountOf(cursor.poll())).toMatchObject({ count: 0, lost: 7 })
    const waiting = cursor.wait() // a cursor at the head has lost nothing
    writer.resetRing(Facts)
    expect(await stateOf(waiting)).toBe('pending')
    writer.publish(Facts, numbered(20))
    expect(await waiting).toBe(true)
    expect(cursor.poll().frames.map(numberIn)).toEqual([20])
  })

  it.each([0, 1, 5])('resolves to false after timeoutMs: %i, sleeping or spinning', async (timeoutMs) => {
    const { cursor } = pair()
    expect(await cursor.wait({ timeoutMs })).toBe(false)
    expect(await cursor.wait({ timeoutMs, spin: true })).toBe(false)
    expect(await cursor.wait({ timeoutMs, keepAlive: true })).toBe(false)
  })

  it.each([{ spin: false }, { spin: true }])(
    'resolves to false when its cursor or its fleet closes: %o',
    async (options) => {
      const { reader, cursor } = pair()
      const other = reader.cursor(Facts)
      const waits = [cursor.wait(options), cursor.wait(options), other.wait(options)]
      cursor.close()
      expect(await Promise.all(waits.slice(0, 2))).toEqual([false, false])
      expect(await stateOf(waits[2] as Promise<boolean>)).toBe('pending')
      reader.close()
      expect(await waits[2]).toBe(false)
    },
  )

  it('rejects after its cursor or its fleet was closed', async () => {
    for (const close of ['cursor', 'fleet']) {
      const { reader, cursor } = pair()
      if (close === 'cursor') cursor.close()
      else reader.close()
      for (const spin of [false, true]) {
        await expect(cursor.wait({ spin })).rejects.toMatchObject({ code: 'ERR_ORBIT_CLOSED' })
      }
      expectClosed(() => cursor.poll())
      expectClosed(() => cursor.iterate())
      expectClosed(() => cursor[Symbol.asyncIterator]())
      cursor.close()
    }
  })

  it.each([{ spin: false }, { spin: true }])('rejects with the reason of its signal: %o', async ({ spin }) => {
    const { writer, cursor } = pair()
    const reason = new Error('enough')
    await expect(cursor.wait({ spin, signal: AbortSignal.abort(reason) })).rejects.toBe(reason)
    const controller = new AbortController()
    const { signal } = controller
    const waits = [cursor.wait({ spin, signal }), cursor.wait({ spin, signal })]
    const unaborted = cursor.wait({ spin })
    controller.abort(reason)
    for (const waiting of waits) await expect(waiting).rejects.toBe(reason)
    expect(getEventListeners(signal, 'abort')).toEqual([])
    expect(await stateOf(unaborted)).toBe('pending')
    writer.publish(Facts, numbered(1))
    expect(await unaborted).toBe(true)
    await expect(cursor.wait({ spin, signal })).rejects.toBe(reason) // an aborted signal is checked before news
  })

  it('removes its listener from the signal when it ends', async () => {
    const { reader, writer, cursor } = pair()
    const { signal } = new AbortController()
    const listeners = () => getEventListeners(signal, 'abort').length
    const waits = [cursor.wait({ signal }), cursor.wait({ signal, timeoutMs: 1 })]
    expect(listeners()).toBe(1)
    expect(await waits[1]).toBe(false)
    expect(listeners()).toBe(1)
    writer.publish(Facts, numbered(1))
    expect(await waits[0]).toBe(true)
    expect(listeners()).toBe(0)
    expect(await cursor.wait({ signal })).toBe(true)
    expect(listeners()).toBe(0)
    cursor.poll()
    const closed = cursor.wait({ signal })
    expect(listeners()).toBe(1)
    reader.close()
    expect(await closed).toBe(false)
    expect(listeners()).toBe(0)
  })

  it('adds one listener to a signal for all waits of a fleet handle, and Node warns of no leak', async () => {
    const { reader, cursor } = pair()
    const warnings = vi.spyOn(process, 'emitWarning')
    const controller = new AbortController()
    const { signal } = controller
    const contest = new Contest(reader)
    contest.tryClaim('job', { ttlMs: 60_000 })
    const waits: Promise<unknown>[] = []
    for (let i = 0; i < 20; i++) {
      waits.push(cursor.wait({ signal, timeoutMs: 60_000 }), reader.cursor(Other).wait({ signal }))
      waits.push(contest.claim('job', { ttlMs: 60_000, signal }))
    }
    expect(getEventListeners(signal, 'abort')).toHaveLength(1)
    const reason = new Error('enough')
    controller.abort(reason)
    for (const wait of waits) await expect(wait).rejects.toBe(reason)
    expect(getEventListeners(signal, 'abort')).toEqual([])
    await turn() // warnings are emitted later
    expect(warnings).not.toHaveBeenCalled()
  })

  it('is one promise for waits without a time limit that have the same signal and position', async () => {
    const { writer, cursor } = pair()
    const { signal } = new AbortController()
    const [plain, withSignal] = [cursor.wait(), cursor.wait({ signal })]
    for (let i = 0; i < 1000; i++) {
      expect(cursor.wait()).toBe(plain)
      expect(cursor.wait({ signal })).toBe(withSignal)
    }
    expect(plain).not.toBe(withSignal)
    expect(cursor.wait({ signal: new AbortController().signal })).not.toBe(withSignal)
    expect(cursor.wait({ timeoutMs: 60_000 })).not.toBe(cursor.wait({ timeoutMs: 60_000 }))
    writer.publish(Facts, numbered(1))
    cursor.poll()
    const next = cursor.wait()
    expect(next).not.toBe(plain)
    expect(await Promise.all([plain, withSignal])).toEqual([true, true])
    expect(await stateOf(next)).toBe('pending')
    writer.publish(Facts, numbered(2))
    expect(await next).toBe(true)
  })

  it('rejects a wrong option by name', async () => {
    const { cursor } = pair()
    const wrong: [options: unknown, code: string, error: unknown][] = [
      [null, 'ERR_ORBIT_INVALID_ARGUMENT', TypeError],
      [5, 'ERR_ORBIT_INVALID_ARGUMENT', TypeError],
      [{ timeout: 5 }, 'ERR_ORBIT_INVALID_ARGUMENT', TypeError],
      [{ timeoutMs: '5' }, 'ERR_ORBIT_INVALID_ARGUMENT', TypeError],
      [{ timeoutMs: -1 }, 'ERR_ORBIT_OUT_OF_RANGE', RangeError],
      [{ timeoutMs: 0.5 }, 'ERR_ORBIT_OUT_OF_RANGE', RangeError],
      [{ timeoutMs: Number.NaN }, 'ERR_ORBIT_OUT_OF_RANGE', RangeError],
      [{ timeoutMs: 2 ** 31 }, 'ERR_ORBIT_OUT_OF_RANGE', RangeError],
      [{ signal: {} }, 'ERR_ORBIT_INVALID_ARGUMENT', TypeError],
      [{ signal: null }, 'ERR_ORBIT_INVALID_ARGUMENT', TypeError],
      [{ spin: 1 }, 'ERR_ORBIT_INVALID_ARGUMENT', TypeError],
      [{ keepAlive: 'no' }, 'ERR_ORBIT_INVALID_ARGUMENT', TypeError],
      [{ keepAlive: false, spin: true }, 'ERR_ORBIT_OUT_OF_RANGE', RangeError],
    ]
    for (const [options, code, error] of wrong) {
      const refused = cursor.wait(untyped(options))
      await expect(refused).rejects.toMatchObject({ code })
      await expect(refused).rejects.toBeInstanceOf(error)
    }
    for (const options of [null, 5, { timeoutMs: 5 }, { signal: {} }, { max: '1' }, { spin: null }]) {
      expectTypeError(() => cursor.iterate(untyped(options)))
    }
    for (const max of [0, -1, 1.5, 2 ** 32]) expectRangeError(() => cursor.iterate({ max }))
    expectTypeError(() => cursor.iterate(untyped({ keepAlive: 1 })), 'keepAlive=1')
    expectRangeError(() => cursor.iterate({ keepAlive: false, spin: true }), 'keepAlive=false')
  })

  it('resolves both of two waits of one cursor', async () => {
    const { writer, cursor } = pair()
    const waits = [cursor.wait(), cursor.wait({ spin: true }), cursor.wait()]
    writer.publish(Facts, numbered(1))
    expect(await Promise.all(waits)).toEqual([true, true, true])
  })

  // Arming before looking cannot miss a frame: the look finds one that was published just before.
  it('finds a frame that is published while it falls asleep', async () => {
    for (const moment of ['before', 'after']) {
      const { writer, cursor } = pair()
      const { fallAsleep } = native
      expect(await cursor.wait({ timeoutMs: 0 })).toBe(false) // opens the bell
      const spy = vi.spyOn(native, 'fallAsleep').mockImplementationOnce((ring, position) => {
        if (moment === 'before') writer.publish(Facts, numbered(1))
        const result = fallAsleep(ring, position)
        if (moment === 'after') writer.publish(Facts, numbered(1))
        return result
      })
      const waiting = cursor.wait()
      expect(spy).toHaveBeenCalledTimes(1)
      expect(await stateOf(waiting)).toBe('true')
      spy.mockRestore()
    }
  })

  it('continues when another wait on its ring ends', async () => {
    const { reader, writer, cursor } = pair()
    const waiting = cursor.wait()
    expect(await reader.cursor(Facts, 'head').wait({ timeoutMs: 0 })).toBe(false)
    writer.publish(Facts, numbered(1))
    expect(await waiting).toBe(true) // by the bell: the clock does not run
  })

  it('rejects when the ring is removed, at the latest by the timer', async () => {
    if (!isShared) return // a process-local ring cannot be removed
    const { name, cursor } = pair()
    const waits = [cursor.wait(), collect(cursor)]
    Fleet.remove(name, { force: true })
    vi.advanceTimersByTime(backupMs)
    for (const waiting of waits) await expect(waiting).rejects.toMatchObject({ code: 'ERR_ORBIT_RETIRED' })
    await expect(cursor.wait({ spin: true })).rejects.toMatchObject({ code: 'ERR_ORBIT_RETIRED' })
  })
})

describe.each(memories)('an iteration in $memory', ({ join }) => {
  beforeEach(stopTheClock)

  function pair() {
    const name = fleetName()
    const reader = join(name, { size })
    const writer = join(name, { size })
    return { name, reader, writer, cursor: reader.cursor(Large, 'head') }
  }

  it('delivers every frame in order under load', async () => {
    const { writer, cursor } = pair()
    const total = 10_000
    const load = async () => {
      for (let i = 0; i < total; i++) {
        writer.publish(Large, numbered(i))
        if (i % 97 === 0) await turn()
        if (i % 1009 === 0) for (let idle = 0; idle < 4; idle++) await turn() // let it fall asleep
      }
    }
    const [{ numbers, lost }] = await Promise.all([collect(cursor, total), load()])
    expect(lost).toBe(0)
    expect(numbers).toEqual(Array.from({ length: total }, (_, i) => i))
  })

  it('loses exactly the frames that max and a slow body make it lose', async () => {
    const { reader, writer } = pair()
    const cursor = reader.cursor(Facts, 'head')
    let published = 0
    const publish = (count: number) => {
      for (let i = 0; i < count; i++) writer.publish(Facts, numbered(published++))
    }
    publish(2)
    const seen: { numbers: (number | undefined)[]; lost: number }[] = []
    for await (const poll of cursor.iterate({ max: 3 })) {
      seen.push({ numbers: poll.frames.map(numberIn), lost: accountOf(poll).lost })
      if (seen.length === 1) publish(20) // over two laps while the body runs
      if (seen.length === 3) publish(6)
      if (cursor.position === published) break
    }
    expect(seen).toEqual([
      { numbers: [0, 1], lost: 0 },
      { numbers: [14, 15, 16], lost: 12 },
      { numbers: [17, 18, 19], lost: 0 },
      { numbers: [20, 21, 22], lost: 0 },
      { numbers: [23, 24, 25], lost: 0 },
      { numbers: [26, 27], lost: 0 },
    ])
  })

  it.each([{ spin: false }, { spin: true }])(
    'ends when its signal is aborted, asleep or in its body: %o',
    async ({ spin }) => {
      for (const moment of ['before', 'asleep', 'in the body']) {
        const { writer, cursor } = pair()
        const controller = new AbortController()
        const { signal } = controller
        if (moment === 'before') controller.abort()
        if (moment === 'in the body') writer.publish(Large, numbered(1))
        let bodies = 0
        const ended = (async () => {
          for await (const _ of cursor.iterate({ signal, spin })) {
            bodies++
            controller.abort()
            writer.publish(Large, numbered(2))
          }
        })()
        if (moment === 'asleep') {
          expect(await stateOf(ended)).toBe('pending')
          controller.abort()
        }
        await ended
        expect(bodies).toBe(moment === 'in the body' ? 1 : 0)
        expect(getEventListeners(signal, 'abort')).toEqual([])
      }
    },
  )

  it.each([{ spin: false }, { spin: true }])('ends when its cursor or its fleet closes: %o', async ({ spin }) => {
    for (const closes of ['cursor', 'fleet']) {
      for (const moment of ['asleep', 'in the body']) {
        const { reader, writer, cursor } = pair()
        const close = () => (closes === 'cursor' ? cursor.close() : reader.close())
        if (moment === 'in the body') writer.publish(Large, numbered(1))
        let bodies = 0
        const ended = (async () => {
          for await (const _ of cursor.iterate({ spin })) {
            bodies++
            close()
          }
        })()
        if (moment === 'asleep') {
          expect(await stateOf(ended)).toBe('pending')
          close()
        }
        await ended
        expect(bodies).toBe(moment === 'in the body' ? 1 : 0)
      }
    }
  })

  it('ends with break and with an error of its body, and can begin again', async () => {
    const { writer, cursor } = pair()
    writer.publish(Large, numbered(1))
    for await (const _ of cursor) break
    writer.publish(Large, numbered(2))
    const thrown = new Error('in the body')
    const failing = (async () => {
      for await (const _ of cursor) throw thrown
    })()
    await expect(failing).rejects.toBe(thrown)
    writer.publish(Large, numbered(3))
    expect((await collect(cursor, 1)).numbers).toEqual([3])
  })

  it('works through Symbol.asyncIterator like iterate', async () => {
    const { writer, cursor } = pair()
    const iterator = cursor[Symbol.asyncIterator]()
    const next = iterator.next()
    expect(await stateOf(next)).toBe('pending')
    writer.publish(Large, numbered(7))
    const { value, done } = await next
    expect(done).toBe(false)
    expect((value as Poll).frames.map(numberIn)).toEqual([7])
    await iterator.return(undefined)
    expect(await iterator.next()).toEqual({ value: undefined, done: true })
  })

  it('catches up by 1024 frames at a time', async () => {
    const { writer, reader } = pair()
    const cursor = reader.cursor(Large, 'head')
    writer.publishPacked(Large, new Uint8Array(8 * 2500))
    const counts: number[] = []
    for await (const { frames } of cursor) if (counts.push(frames.length) === 3) break
    expect(counts).toEqual([1024, 1024, 452])
  })

  it('lets the event loop turn even if every poll returns frames', async () => {
    const { writer, cursor } = pair()
    let turns = 0
    const controller = new AbortController()
    setImmediate(function count() {
      if (++turns < 10) setImmediate(count)
      else controller.abort()
    })
    writer.publish(Large, numbered(0))
    for await (const _ of cursor.iterate({ signal: controller.signal })) writer.publish(Large, numbered(1))
    expect(turns).toBe(10)
  })
})

describe.runIf(hasObjectFiles)('an iteration over damaged words', () => {
  it('lets the event loop turn even if there is news that no poll returns', async () => {
    const name = fleetName()
    const fleet = joinShm(name, { size })
    for (let i = 0; i < 6; i++) fleet.publish(Facts, numbered(i))
    const cursor = fleet.cursor(Facts, 'head')
    // Foreign bytes empty the ring again, and mark the slot at the cursor as filled.
    const at = ringAt(Facts, size)
    const file = objectFile(name, Facts.kind)
    for (let slot = 0; slot < Facts.capacity; slot++) file.setU64(at.slot(slot), slotWord(0, slot))
    file.setU64(at.hint, 0n)
    file.setU64(at.slot(6), slotWord(1, 6))
    const controller = new AbortController()
    setImmediate(() => controller.abort())
    // No watchdog runs in an event loop that never turns, so the looks are counted.
    const hasNews = native.hasNews
    let looks = 0
    vi.spyOn(native, 'hasNews').mockImplementation((ring, position) => {
      if (++looks > 100_000) throw new Error('the event loop does not turn')
      return hasNews(ring, position)
    })
    const { numbers } = await collect(cursor.iterate({ signal: controller.signal }))
    expect(numbers).toEqual([])
  })
})

describe.runIf(hasObjectFiles)('an observer', () => {
  it('waits and iterates by its timer, writes nothing, has no bell, and sees a ring that appears later', async () => {
    const name = fleetName()
    const writer = joinShm(name, { size })
    const observer = observe(name)
    const cursor = observer.cursor(Facts)
    expect(await cursor.wait({ timeoutMs: 0 })).toBe(false)
    expect(await cursor.wait({ timeoutMs: 0, spin: true })).toBe(false)
    for (const spin of [false, true]) {
      const waiting = cursor.wait({ spin })
      expect(await stateOf(waiting)).toBe('pending')
      writer.publish(Facts, numbered(1))
      expect(await waiting).toBe(true)
      cursor.poll()
    }
    const iteration = collect(cursor, 3)
    expect(await stateOf(iteration)).toBe('pending')
    for (let i = 0; i < 3; i++) writer.publish(Facts, numbered(i))
    expect(await iteration).toMatchObject({ numbers: [0, 1, 2], lost: 0 })
    expect(bellsOf(name)).toEqual([])
    const file = objectFile(name, Facts.kind)
    expect(file.u64(ringAt(Facts, size).sleeperGroups)).toBe(0n)

    const controller = new AbortController()
    const aborted = cursor.wait({ signal: controller.signal })
    controller.abort(new Error('enough'))
    await expect(aborted).rejects.toThrow('enough')
    expect(getEventListeners(controller.signal, 'abort')).toEqual([])
    const closed = cursor.wait()
    observer.close()
    expect(await closed).toBe(false)
    await expect(cursor.wait()).rejects.toMatchObject({
      code: 'ERR_ORBIT_CLOSED',
      message: expect.stringContaining('the fleet handle was closed'),
    })
  })
})

describe.runIf(hasObjectFiles)('the bell of a member', () => {
  beforeEach(stopTheClock)

  it('is shared by all cursors on all rings, created by the first sleep and removed with the member', async () => {
    const name = fleetName()
    const before = descriptors().length
    const reader = joinShm(name, { size })
    const cursors = [Facts, Other, Facts, Value].map((type) => reader.cursor(type, 'head'))
    const joined = descriptors().length
    expect(bellsOf(name)).toEqual([])
    const waits = cursors.map((cursor) => cursor.wait())
    expect(bellsOf(name)).toEqual([reader.node])
    expect(bellDescriptors(name)).toHaveLength(1)
    expect(descriptors()).toHaveLength(joined + 1)
    expect(statSync(bellPath(name, reader.node)).mode & 0o7777).toBe(0o600)

    const writer = joinShm(name, { size })
    writer.publish(Other, numbered(1))
    expect(await waits[1]).toBe(true)
    for (const i of [0, 2, 3]) expect(await stateOf(waits[i] as Promise<boolean>)).toBe('pending')
    writer.publish(Facts, numbered(1))
    expect(await Promise.all([waits[0], waits[2]])).toEqual([true, true])
    const { ino } = statSync(bellPath(name, reader.node))
    const again = cursors[3]?.wait({ timeoutMs: 0 })
    expect(await again).toBe(false)
    expect(statSync(bellPath(name, reader.node)).ino).toBe(ino)
    expect(await stateOf(waits[3] as Promise<boolean>)).toBe('pending')
    new Orbital(writer, Value).store({ count: 1 })
    expect(await waits[3]).toBe(true)

    writer.close()
    reader.close()
    expect(bellsOf(name)).toEqual([])
    expect(bellDescriptors(name)).toEqual([])
    expect(descriptors()).toHaveLength(before)
  })

  it('is requested by the arm and the bit of its node, while a cursor sleeps and at most a tick longer', async () => {
    const name = fleetName()
    const writer = joinShm(name, { size, node: 0 })
    const reader = joinShm(name, { size, node: 2 })
    const cursor = reader.cursor(Facts, 'head')
    const words = sleeperWords(name, 2)
    expect(words).toMatchObject({ isArmed: false, hasBit: false })
    const waits = [cursor.wait(), cursor.wait({ timeoutMs: 0 })]
    expect(words).toMatchObject({ isArmed: true, hasBit: true })
    expect(await waits[1]).toBe(false)
    expect(words).toMatchObject({ isArmed: true, hasBit: true })
    writer.publish(Facts, numbered(1))
    expect(words).toMatchObject({ isArmed: false, hasBit: true })
    expect(await waits[0]).toBe(true)
    expect(words).toMatchObject({ isArmed: false, hasBit: true })
    await vi.waitUntil(() => !words.hasBit, { timeout: 10_000 })
    expect(words).toMatchObject({ isArmed: false, hasBit: false })

    const ends: ((cursor: Cursor, abort: AbortController) => unknown)[] = [
      (_, abort) => abort.abort(),
      (own) => own.close(),
      () => reader.close(),
    ]
    for (const end of ends) {
      const abort = new AbortController()
      const own = reader.cursor(Facts, 'head')
      const waiting = own.wait({ signal: abort.signal }).catch(() => 'aborted')
      expect(words).toMatchObject({ isArmed: true, hasBit: true })
      end(own, abort)
      expect(await waiting).toBe(end === ends[0] ? 'aborted' : false)
      if (end === ends[2]) expect(words).toMatchObject({ isArmed: false, hasBit: false })
      else await vi.waitUntil(() => !words.isArmed && !words.hasBit, { timeout: 10_000 })
    }
  })

  it('stays armed for a cursor of an equal type that was created separately', async () => {
    const name = fleetName()
    const reader = joinShm(name, { size })
    const twin = orbitType({ name: 'Facts', kind: 7, capacity: 8, payloadBytes: 16 })
    const waiting = reader.cursor(Facts, 'head').wait()
    expect(await reader.cursor(twin, 'head').wait({ timeoutMs: 0 })).toBe(false)
    expect(sleeperWords(name, reader.node)).toMatchObject({ isArmed: true, hasBit: true })
    reader.close()
    expect(await waiting).toBe(false)
  })

  it('is signalled once by a burst of 10,000 frames', async () => {
    const name = fleetName()
    const reader = joinShm(name, { size })
    const writer = joinShm(name, { size })
    const cursor = reader.cursor(Large, 'head')
    const words = sleeperWords(name, reader.node, Large)
    let rings = 0
    for (let burst = 0; burst < 3; burst++) {
      const waiting = cursor.wait()
      const { arm } = words
      expect(arm % 2).toBe(1)
      for (let i = 0; i < 10_000; i++) writer.publish(Large, numbered(i))
      expect(words.arm).toBe(arm + 1)
      const bytes = drainBell(bellPath(name, reader.node))
      expect(bytes).toBe(1)
      rings += bytes
      vi.advanceTimersByTime(backupMs) // its byte was taken: the timer takes over
      expect(await waiting).toBe(true)
      expect(cursor.poll().frames).toHaveLength(10_000)
    }
    expect(rings).toBe(3)
  })

  it('is removed by Fleet.remove, even while its owner sleeps', async () => {
    const name = fleetName()
    const reader = joinShm(name, { size })
    const waiting = reader.cursor(Facts, 'head').wait()
    expect(bellsOf(name)).toEqual([0])
    Fleet.remove(name, { force: true })
    expect(bellsOf(name)).toEqual([])
    vi.advanceTimersByTime(backupMs)
    await expect(waiting).rejects.toMatchObject({ code: 'ERR_ORBIT_RETIRED' })
    expect(bellsOf(name)).toEqual([]) // no member creates a bell for a fleet that is gone
  })

  it('is not removed by a handle of a removed fleet of the same name', async () => {
    const name = fleetName()
    const old = joinShm(name, { size })
    expect(await old.cursor(Facts, 'head').wait({ timeoutMs: 0 })).toBe(false)
    Fleet.remove(name, { force: true })
    const next = joinShm(name, { size })
    const writer = joinShm(name, { size })
    expect(next.node).toBe(old.node)
    const waiting = next.cursor(Facts, 'head').wait()
    expect(bellsOf(name)).toEqual([0])
    old.close()
    expect(bellsOf(name)).toEqual([0])
    writer.publish(Facts, numbered(1))
    expect(await waiting).toBe(true)
  })

  it("is removed with the objects of lifetime 'fleet', even that of a killed member", async () => {
    const name = fleetName()
    const first = joinShm(name, { size, lifetime: 'fleet' })
    const second = joinShm(name, { size, lifetime: 'fleet' })
    for (const fleet of [first, second]) expect(await fleet.cursor(Facts).wait({ timeoutMs: 0 })).toBe(false)
    expect(bellsOf(name)).toEqual([0, 1])
    second.close()
    expect(bellsOf(name)).toEqual([0])
    first.close()
    expect(bellsOf(name)).toEqual([])
  })

  it('is not signalled for a removed ring, and works for the other rings', async () => {
    const name = fleetName()
    const reader = joinShm(name, { size })
    const writer = joinShm(name, { size })
    const gone = reader.cursor(Facts, 'head').wait()
    const other = reader.cursor(Other, 'head').wait()
    Fleet.remove(name, { kind: Facts.kind, force: true })
    vi.advanceTimersByTime(backupMs)
    await expect(gone).rejects.toMatchObject({ code: 'ERR_ORBIT_RETIRED' })
    writer.publish(Other, numbered(1))
    expect(await other).toBe(true)
  })

  const loops: { way: string; loop: (cursor: Cursor) => Promise<void> }[] = [
    {
      way: 'wait',
      async loop(cursor) {
        for (let i = 0; i < 3; i++) if (await cursor.wait()) cursor.poll()
      },
    },
    {
      way: 'iterate',
      async loop(cursor) {
        let left = 3
        for await (const _ of cursor) if (--left === 0) break
      },
    },
  ]
  it.each(loops)(
    'keeps the process alive until a loop over $way ends, without a change in between',
    async ({ loop }) => {
      const name = fleetName()
      const [writer, reader] = [joinShm(name, { size }), joinShm(name, { size })]
      const cursor = reader.cursor(Facts, 'head')
      const setInterval = vi.spyOn(runtime, 'setInterval')
      const ended = loop(cursor)
      await turn()
      const timer = setInterval.mock.results[0]?.value as NodeJS.Timeout
      const [ref, unref] = [vi.spyOn(timer, 'ref'), vi.spyOn(timer, 'unref')]
      for (let i = 0; i < 3; i++) {
        expect(timer.hasRef()).toBe(true)
        writer.publish(Facts, numbered(i))
        await vi.waitUntil(() => cursor.lag === 0)
      }
      await ended
      await turn()
      expect(timer.hasRef()).toBe(false)
      expect([ref.mock.calls.length, unref.mock.calls.length]).toEqual([0, 1])
    },
  )

  it('is never left behind by a hundred members that waited', async () => {
    const name = fleetName()
    const writer = joinShm(name, { size })
    const once = async () => {
      const reader = keep(joinShm(name, { size }))
      const waiting = reader.cursor(Facts, 'head').wait()
      writer.publish(Facts, numbered(1))
      expect(await waiting).toBe(true)
      reader.close()
      expect(bellsOf(name)).toEqual([])
    }
    await once() // the publisher keeps one descriptor for the node
    const before = descriptors().length
    for (let i = 0; i < 100; i++) await once()
    expect(descriptors()).toHaveLength(before)
  })
})

describe.each(memories)('a listener in $memory', ({ join }) => {
  beforeEach(stopTheClock)

  function pair() {
    const name = fleetName()
    const reader = join(name, { size })
    const writer = join(name, { size })
    return { name, reader, writer, cursor: reader.cursor(Large, 'head') }
  }
  const turns = async (count = 3) => {
    for (let i = 0; i < count; i++) await turn()
  }

  it('hears every frame in order, and is woken by the bell', async () => {
    const { writer, cursor } = pair()
    const heard: (number | undefined)[] = []
    writer.publish(Large, numbered(0))
    using listener = cursor.listen(({ frames }) => heard.push(...frames.map(numberIn)))
    expect(heard).toEqual([]) // not before listen has returned
    const total = 1000
    for (let i = 1; i < total; i++) {
      writer.publish(Large, numbered(i))
      if (i % 7 === 0) await turns()
    }
    await vi.waitUntil(() => heard.length === total, { timeout: 10_000 })
    expect(heard).toEqual(Array.from({ length: total }, (_, i) => i))
    listener.close()
    writer.publish(Large, numbered(total))
    await turns()
    expect(heard).toHaveLength(total)
    expect(cursor.poll().frames).toHaveLength(1) // the cursor is still open
  })

  it('polls max frames at a time, and lets the event loop turn in between', async () => {
    const { writer, cursor } = pair()
    for (let i = 0; i < 5; i++) writer.publish(Large, numbered(i))
    const said: (number | string)[] = []
    using _ = cursor.listen(({ frames }) => said.push(frames.length), { max: 2 })
    for (let i = 0; i < 4; i++) {
      await turn()
      said.push('turn')
    }
    expect(said.filter((each) => each !== 'turn')).toEqual([2, 2, 1])
    expect(said.indexOf('turn')).toBeLessThan(said.lastIndexOf(1))
  })

  it('ends by close, by its signal, and with its cursor and its fleet', async () => {
    const ends = ['listener', 'signal', 'before', 'cursor', 'fleet', 'itself']
    for (const end of ends) {
      const { reader, writer, cursor } = pair()
      const controller = new AbortController()
      const { signal } = controller
      if (end === 'before') controller.abort()
      let calls = 0
      const listener = cursor.listen(
        () => {
          calls++
          if (end === 'itself') listener.close()
        },
        { signal },
      )
      if (end === 'listener') listener.close()
      if (end === 'signal') controller.abort()
      if (end === 'cursor') cursor.close()
      if (end === 'fleet') reader.close()
      expect(getEventListeners(signal, 'abort')).toHaveLength(end === 'itself' ? 1 : 0)
      for (let i = 0; i < 3; i++) {
        writer.publish(Large, numbered(i))
        await turns()
      }
      expect([end, calls]).toEqual([end, end === 'itself' ? 1 : 0])
      expect(getEventListeners(signal, 'abort')).toEqual([])
      listener.close()
    }
  })

  it('continues after an error of its function, which is an uncaught exception', async () => {
    const { reader, writer, cursor } = pair()
    const thrown = new Error('in the listener')
    const uncaught: unknown[] = []
    const others = process.listeners('uncaughtException')
    process.removeAllListeners('uncaughtException')
    process.on('uncaughtException', (error) => uncaught.push(error))
    try {
      let calls = 0
      using _ = cursor.listen(() => {
        if (++calls === 1) throw thrown
      })
      const other = reader.cursor(Large, 'head').wait()
      await turns()
      writer.publish(Large, numbered(1))
      expect(await other).toBe(true)
      await turns()
      expect(uncaught).toEqual([thrown])
      writer.publish(Large, numbered(2))
      await vi.waitUntil(() => calls === 2, { timeout: 10_000 })
    } finally {
      process.removeAllListeners('uncaughtException')
      for (const listener of others) process.on('uncaughtException', listener)
    }
  })

  it('is called in the async context of listen', async () => {
    const { writer, cursor } = pair()
    const storage = new AsyncLocalStorage<string>()
    const seen: (string | undefined)[] = []
    using _ = storage.run('mine', () => cursor.listen(() => seen.push(storage.getStore())))
    storage.run('of the publisher', () => writer.publish(Large, numbered(1)))
    await vi.waitUntil(() => seen.length > 0, { timeout: 10_000 })
    expect(seen).toEqual(['mine'])
  })

  it('rejects wrong arguments by name', () => {
    const { cursor } = pair()
    const nothing = () => {}
    expectTypeError(() => cursor.listen(untyped(5)), 'listener=5')
    expectTypeError(() => cursor.listen(nothing, untyped({ spin: true })), 'options.spin')
    expectTypeError(() => cursor.listen(nothing, untyped({ signal: {} })), 'signal=')
    expectTypeError(() => cursor.listen(nothing, untyped({ keepAlive: 1 })), 'keepAlive=1')
    expectTypeError(() => cursor.listen(nothing, untyped({ onError: 1 })), 'onError=1')
    expectRangeError(() => cursor.listen(nothing, { max: 0 }), 'max=0')
    cursor.close()
    expectClosed(() => cursor.listen(nothing))
  })
})

describe.runIf(hasObjectFiles)('a listener of a removed ring', () => {
  it('ends, and gives the error to onError', async () => {
    const name = fleetName()
    const reader = joinShm(name, { size })
    const errors: unknown[] = []
    reader.cursor(Facts).listen(() => {}, { onError: (error) => errors.push(error) })
    Fleet.remove(name, { force: true })
    await vi.waitUntil(() => errors.length > 0, { timeout: 10_000 })
    expect(errors).toMatchObject([{ code: 'ERR_ORBIT_RETIRED' }])
    await turn()
    expect(errors).toHaveLength(1)
  })

  it('ends once when onError throws, and leaves others their signals', async () => {
    const name = fleetName()
    const reader = joinShm(name, { size })
    const refused: number[] = []
    const uncaught: unknown[] = []
    const others = process.listeners('uncaughtException')
    process.removeAllListeners('uncaughtException')
    process.on('uncaughtException', (error) => uncaught.push(error))
    try {
      const thrown = new Error('of onError')
      const refuse = (listener: number) => {
        refused.push(listener)
        throw thrown
      }
      for (let i = 0; i < 2; i++) reader.cursor(Facts).listen(() => {}, { onError: () => refuse(i) })
      await turn() // they sleep
      Fleet.remove(name, { force: true })
      await vi.waitUntil(() => uncaught.length > 1, { timeout: 10_000 })
      expect(refused).toEqual([0, 1])
      expect(uncaught).toEqual([thrown, thrown])
    } finally {
      process.removeAllListeners('uncaughtException')
      for (const listener of others) process.on('uncaughtException', listener)
    }
  })

  it('hears of a ring that a member creates later, in an observer', async () => {
    const name = fleetName()
    const writer = joinShm(name, { size })
    const heard: (number | undefined)[] = []
    using _ = observe(name)
      .cursor(Facts)
      .listen(({ frames }) => heard.push(...frames.map(numberIn)))
    await turn()
    for (let i = 0; i < 3; i++) writer.publish(Facts, numbered(i))
    await vi.waitUntil(() => heard.length === 3, { timeout: 10_000 })
    expect(heard).toEqual([0, 1, 2])
  })
})

describe.runIf(hasObjectFiles)('a bell without libuv', () => {
  beforeEach(stopTheClock)

  it('is read through a net.Socket', async () => {
    vi.spyOn(native, 'watchBell').mockReturnValue(undefined)
    const name = fleetName()
    const before = descriptors().length
    const reader = joinShm(name, { size })
    const writer = joinShm(name, { size })
    const cursor = reader.cursor(Facts, 'head')
    for (let i = 0; i < 3; i++) {
      const waiting = cursor.wait()
      expect(await stateOf(waiting)).toBe('pending')
      writer.publish(Facts, numbered(i))
      expect(await waiting).toBe(true)
      expect(cursor.poll().frames).toHaveLength(1)
    }
    expect(bellDescriptors(name)).toHaveLength(2) // both ends are in this process
    writer.close()
    reader.close()
    expect(descriptors()).toHaveLength(before)
  })
})
