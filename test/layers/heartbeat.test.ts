import { Worker } from 'node:worker_threads'
import { afterEach, describe, expect, it, onTestFinished, vi } from 'vitest'
import {
  Fleet,
  FleetHeartbeat,
  type FleetObserver,
  type HeartbeatSnapshot,
  type NodeHeartbeat,
  OrbitError,
  orbitType,
} from '../../src/index.js'
import { beatAt, fleetAt, objectFile, recordAt } from '../help/bytes.js'
import { fleetName, hasObjectFiles, joinLocal, joinShm, keep, memories, observe } from '../help/fleets.js'
import { start } from '../help/processes.js'
import { generator, newSeed } from '../help/random.js'
import { expectClosed, expectRangeError, expectRefusal, expectTypeError, thrownBy, untyped } from '../help/refusals.js'
import { followGlobalTime } from '../help/time.js'

followGlobalTime()

afterEach(() => {
  vi.useRealTimers()
})

/** From here on time passes only when the test advances it. */
const holdTime = () => vi.useFakeTimers({ toFake: ['hrtime', 'Date', 'setInterval', 'clearInterval'] })
const pass = (ms: number) => vi.advanceTimersByTime(ms)

const heartOf = (fleet: Fleet | FleetObserver): FleetHeartbeat => keep(new FleetHeartbeat(fleet))

/** The nodes of each list. */
const nodesIn = ({ fresh, stale, dead, missing }: HeartbeatSnapshot) => ({
  fresh: fresh.map(({ node }) => node),
  stale: stale.map(({ node }) => node),
  dead: dead.map(({ node }) => node),
  missing,
})
const allIn = (snapshot: HeartbeatSnapshot): NodeHeartbeat[] => [...snapshot.fresh, ...snapshot.stale, ...snapshot.dead]
const beatOf = (heart: FleetHeartbeat, node: number): NodeHeartbeat | undefined =>
  allIn(heart.snapshot()).find((beat) => beat.node === node)

/** Lets the event loop turn until the condition holds; the test's time limit is the watchdog. */
async function until(isSo: () => boolean): Promise<void> {
  while (!isSo()) await new Promise((resolve) => setImmediate(resolve))
}

describe.each(memories)('the hearts of a fleet in $memory', ({ isShared, join }) => {
  it('lists all nodes as missing before the first beat, with and without members', () => {
    const fleet = join(fleetName(), { size: 3 })
    expect(heartOf(fleet).snapshot()).toEqual({ fresh: [], stale: [], dead: [], missing: [0, 1, 2] })
    expect(fleet.nodes()[0]).not.toHaveProperty('heartbeat')
  })

  it('lists a beat as fresh until its age exceeds maxAgeMs, then as stale', () => {
    const fleet = join(fleetName(), { size: 3, node: 2 })
    const heart = heartOf(fleet)
    holdTime()
    heart.beat()
    pass(500)
    expect(heart.snapshot({ maxAgeMs: 750 })).toMatchObject({
      fresh: [{ node: 2, ageMs: 500 }],
      stale: [],
      dead: [],
      missing: [0, 1],
    })
    pass(500)
    expect(heart.snapshot({ maxAgeMs: 750 })).toMatchObject({
      fresh: [],
      stale: [{ node: 2, ageMs: 1000 }],
      dead: [],
      missing: [0, 1],
    })
    expect(heart.snapshot({ maxAgeMs: 1000 }).fresh).toHaveLength(1)
    expect(heart.snapshot({ maxAgeMs: 999 }).stale).toHaveLength(1)
    expect(heart.snapshot({ maxAgeMs: 0 }).stale).toHaveLength(1)
    expect(fleet.nodes()[0]?.heartbeat?.ageMs).toBe(1000)
  })

  it('lists a beat as fresh for three seconds by default', () => {
    const heart = heartOf(join(fleetName(), { size: 1 }))
    holdTime()
    heart.beat()
    pass(3000)
    expect(heart.snapshot().fresh).toHaveLength(1)
    pass(1)
    expect(heart.snapshot({}).stale).toHaveLength(1)
  })

  it('never reports a negative age', () => {
    const heart = heartOf(join(fleetName()))
    heart.beat() // by the real clock, which is far ahead of the fake one
    holdTime()
    expect(beatOf(heart, 0)?.ageMs).toBe(0)
  })

  it('reports an age that does not depend on the wall clock', () => {
    const heart = heartOf(join(fleetName()))
    holdTime()
    vi.setSystemTime(1_000_000_000_000)
    heart.beat()
    pass(5)
    vi.setSystemTime(5)
    expect(beatOf(heart, 0)).toMatchObject({ ageMs: 5, unixMs: 1_000_000_000_000 })
    heart.beat()
    expect(beatOf(heart, 0)).toMatchObject({ ageMs: 0, unixMs: 5 })
  })

  it('reports node, pid, label and count, the same as in nodes()', () => {
    const name = fleetName()
    const [fleet, peer] = [join(name, { label: 'one' }), join(name, { label: 'two' })]
    const [heart, other] = [heartOf(fleet), heartOf(peer)]
    holdTime()
    heart.beat()
    heart.beat()
    other.beat()
    const common = { pid: process.pid, ageMs: 0, unixMs: Date.now(), loopDelayMs: 0, status: '' }
    const expected = [
      { node: 0, label: 'one', count: 2, ...common },
      { node: 1, label: 'two', count: 1, ...common },
    ]
    for (const each of [heart, other]) expect(each.snapshot().fresh).toEqual(expected)
    expect(fleet.nodes().map(({ node, pid, label, heartbeat }) => ({ node, pid, label, ...heartbeat }))).toEqual(
      expected,
    )
  })

  it('keeps the latest beat of a slow node, however fast the others beat', () => {
    const name = fleetName()
    const [slow, fast] = [heartOf(join(name)), heartOf(join(name))]
    slow.beat()
    for (let i = 0; i < 5000; i++) fast.beat()
    expect(allIn(fast.snapshot()).map(({ node, count }) => [node, count])).toEqual([
      [0, 1],
      [1, 5000],
    ])
  })

  it('lists a node as missing after its member has closed, and counts anew for the next member', () => {
    const name = fleetName()
    const [watcher, leaving] = [join(name, { size: 2 }), join(name)]
    const heart = heartOf(watcher)
    const last = heartOf(leaving)
    last.beat()
    last.beat()
    expect(nodesIn(heart.snapshot()).missing).toEqual([0])
    leaving.close()
    expect(nodesIn(heart.snapshot())).toEqual({ fresh: [], stale: [], dead: [], missing: [0, 1] })
    const next = join(name, { node: 1 })
    expect(nodesIn(heart.snapshot()).missing).toEqual([0, 1])
    heartOf(next).beat()
    expect(beatOf(heart, 1)?.count).toBe(1)
  })

  it('shows that a worker thread was blocked, and how late its beat was', async () => {
    const name = fleetName()
    const heart = heartOf(join(name))
    const gate = new Int32Array(new SharedArrayBuffer(4))
    const worker = new Worker(new URL('../fixtures/actor.mjs', import.meta.url), {
      workerData: ['heartbeat', 'thread', name, isShared, gate],
    })
    onTestFinished(async () => {
      Atomics.store(gate, 0, 2)
      Atomics.notify(gate, 0)
      await worker.terminate()
    })
    const node = await new Promise<number>((resolve, reject) => worker.once('message', resolve).once('error', reject))
    await until(() => (beatOf(heart, node)?.count ?? 0) > 5)
    expect(beatOf(heart, node)).toMatchObject({ pid: process.pid, status: 'a thread' })

    worker.postMessage('block')
    await until(() => Atomics.load(gate, 0) === 1)
    const { count } = beatOf(heart, node) as NodeHeartbeat
    await until(() => nodesIn(heart.snapshot({ maxAgeMs: 100 })).stale.includes(node))
    const blocked = beatOf(heart, node) as NodeHeartbeat
    expect(blocked.count).toBe(count)

    Atomics.store(gate, 0, 2)
    Atomics.notify(gate, 0)
    await until(() => beatOf(heart, node)?.count === count + 1) // where it waits again
    expect(beatOf(heart, node)?.loopDelayMs).toBeGreaterThan(0)
  })
})

describe('a heart', () => {
  const beating = (options?: Parameters<FleetHeartbeat['start']>[0]) => {
    const fleet = joinShm(fleetName(), { size: 2 })
    const heart = heartOf(fleet)
    holdTime()
    const count = () => beatOf(heart, 0)?.count ?? 0
    heart.start(options)
    return { fleet, heart, count }
  }

  it('beats at once and then at every interval, one second by default', () => {
    const { heart, count } = beating()
    expect(count()).toBe(1)
    pass(999)
    expect(count()).toBe(1)
    pass(1)
    expect(count()).toBe(2)
    pass(10_000)
    expect(count()).toBe(12)
    expect(beatOf(heart, 0)).toMatchObject({ ageMs: 0, loopDelayMs: 0 })
  })

  it.each([1, 2 ** 31 - 1])('accepts an interval of %i ms', (intervalMs) => {
    const { count } = beating({ intervalMs })
    pass(intervalMs - 1)
    expect(count()).toBe(1)
    pass(1)
    expect(count()).toBe(2)
  })

  it('uses the new options and one timer when it is started twice', () => {
    const { heart, count } = beating({ intervalMs: 10, status: () => 'old' })
    heart.start({ intervalMs: 100, status: () => 'new' })
    expect(vi.getTimerCount()).toBe(1)
    expect(beatOf(heart, 0)).toMatchObject({ count: 2, status: 'new' })
    pass(99)
    expect(count()).toBe(2)
    pass(1)
    expect(count()).toBe(3)
    heart.start()
    expect(beatOf(heart, 0)?.status).toBe('')
  })

  it('leaves its last beat, which becomes stale, when it is stopped', () => {
    const { heart, count } = beating({ intervalMs: 10, status: () => 'here' })
    pass(10)
    heart.stop()
    heart.stop()
    expect(vi.getTimerCount()).toBe(0)
    pass(60_000)
    expect(heart.snapshot().stale).toMatchObject([{ node: 0, count: 2, ageMs: 60_000, status: 'here' }])
    heart.start({ intervalMs: 10 })
    pass(10)
    expect(count()).toBe(4)
    heart[Symbol.dispose]()
    expect(vi.getTimerCount()).toBe(0)
  })

  it('stops quietly when its fleet is closed', () => {
    let asked = 0
    const { fleet } = beating({ intervalMs: 10, status: () => `${++asked}` })
    fleet.close()
    pass(10)
    expect([asked, vi.getTimerCount()]).toEqual([1, 0])
  })

  it('can be stopped or restarted by its own first status function', () => {
    holdTime()
    for (const again of [undefined, { intervalMs: 10 }]) {
      const fleet = joinLocal(fleetName())
      const heart = new FleetHeartbeat(fleet)
      heart.start({
        intervalMs: 10,
        status() {
          if (again === undefined) heart.stop()
          else heart.start(again)
          return ''
        },
      })
      expect(vi.getTimerCount()).toBe(again === undefined ? 0 : 1)
      heart.stop()
      expect(vi.getTimerCount()).toBe(0)
      fleet.close()
    }
  })

  it('stops quietly when its status closes the fleet', () => {
    let asked = 0
    const { fleet } = beating({
      intervalMs: 10,
      status() {
        if (++asked === 2) fleet.close()
        return ''
      },
    })
    pass(100)
    expect([asked, vi.getTimerCount()]).toEqual([2, 0])
  })

  it('reports how late its timer was', async () => {
    const heart = heartOf(joinShm(fleetName()))
    const delays: (number | undefined)[] = [] // of the beat before each
    const status = () => `${delays.push(beatOf(heart, 0)?.loopDelayMs)}`
    vi.useFakeTimers({ toFake: ['hrtime'] }) // the timer is a real one
    heart.start({ intervalMs: 1, status })
    pass(5001)
    await until(() => delays.length > 3)
    // By the fake clock the third is early.
    expect(delays.slice(0, 4)).toEqual([undefined, 0, 5000, 0])
    heart.stop()
    heart.beat()
    expect(beatOf(heart, 0)?.loopDelayMs, 'by hand').toBe(0)
  })

  it('asks for its status at each beat', () => {
    let asked = 0
    const { heart } = beating({ intervalMs: 10, status: () => `busy ${++asked}` })
    expect(beatOf(heart, 0)?.status).toBe('busy 1')
    pass(20)
    expect(beatOf(heart, 0)?.status).toBe('busy 3')
    heart.stop()
    heart.beat()
    expect(beatOf(heart, 0)?.status).toBe('busy 4')
  })

  it.each([
    ['', ''],
    ['a'.repeat(64), 'a'.repeat(64)],
    ['a'.repeat(65), 'a'.repeat(64)],
    ['€'.repeat(30), '€'.repeat(21)], // 63 bytes
    ['😀'.repeat(30), '😀'.repeat(16)],
    [`${'a'.repeat(62)}😀`, 'a'.repeat(62)],
    ['\ud800!', '\ufffd!'],
    ['before\0after', 'before'],
  ])('cuts its status %j at a whole character', (status, shown) => {
    const { heart } = beating({ status: () => status })
    expect(beatOf(heart, 0)?.status).toBe(shown)
  })

  it('leaves nothing of a longer status when a shorter one is written', () => {
    let status = 'a long status'
    const { heart } = beating({ status: () => status })
    for (const next of ['b', 'cc', '']) {
      status = next
      heart.beat()
      expect(beatOf(heart, 0)?.status).toBe(next)
    }
  })

  it('beats with an empty status when the status function throws, and rethrows the error', () => {
    let isThrowing = false
    const status = () => {
      if (isThrowing) throw new Error('on purpose')
      return 'well'
    }
    const { heart } = beating({ intervalMs: 10, status })
    isThrowing = true
    expect(thrownBy(() => heart.beat()).message).toBe('on purpose')
    expect(beatOf(heart, 0)).toMatchObject({ count: 2, status: '' })
    expect(thrownBy(() => pass(10)).message).toBe('on purpose') // out of the timer
    expect(beatOf(heart, 0)).toMatchObject({ count: 3, status: '' })
    isThrowing = false
    pass(10)
    expect(beatOf(heart, 0)).toMatchObject({ count: 4, status: 'well' })
    isThrowing = true
    expect(thrownBy(() => heart.start({ status })).message).toBe('on purpose')
    expect(vi.getTimerCount(), 'a start that fails does not start').toBe(0)
  })

  it.each([undefined, null, 5, {}])('refuses a status of %o, and beats', (status) => {
    const fleet = joinShm(fleetName())
    const heart = heartOf(fleet)
    // undefined and null mean no status.
    if (status === undefined || status === null) heart.start({ status: untyped(() => status) })
    else expectTypeError(() => heart.start({ status: untyped(() => status) }), 'status()=')
    expect(beatOf(heart, 0)).toMatchObject({ count: 1, status: '' })
  })

  it('needs a fleet', () => {
    for (const wrong of [undefined, null, {}, 'web'])
      expectTypeError(() => new FleetHeartbeat(untyped(wrong)), 'fleet=')
  })

  it('refuses wrong options, and continues as before', () => {
    const { heart, count } = beating({ intervalMs: 10 })
    for (const intervalMs of [0, -1, 1.5, 2 ** 31, Number.NaN, Number.POSITIVE_INFINITY]) {
      expectRangeError(() => heart.start({ intervalMs }), `intervalMs=${intervalMs}`)
    }
    expectTypeError(() => heart.start({ intervalMs: untyped('10') }), 'intervalMs="10"')
    expectTypeError(() => heart.start({ status: untyped('idle') }), 'status="idle"')
    expectTypeError(() => heart.start(untyped({ interval: 10 })), 'options.interval')
    expectTypeError(() => heart.start(untyped(10)), 'options=10')
    for (const maxAgeMs of [-1, 0.5, 2 ** 53, Number.NaN]) {
      expectRangeError(() => heart.snapshot({ maxAgeMs }), `maxAgeMs=${maxAgeMs}`)
    }
    expectTypeError(() => heart.snapshot({ maxAgeMs: untyped('10') }), 'maxAgeMs=')
    expectTypeError(() => heart.snapshot(untyped({ maxAge: 10 })), 'options.maxAge')
    pass(10)
    expect(count()).toBe(2)
  })

  it('neither beats nor reads beats after its fleet is closed', () => {
    const { fleet, heart } = beating()
    fleet.close()
    expectClosed(() => heart.beat())
    expectClosed(() => heart.start())
    expectClosed(() => heart.snapshot())
    heart.stop()
    expect(vi.getTimerCount()).toBe(0)
  })
})

describe.skipIf(!hasObjectFiles)('the hearts of other processes', () => {
  const facts = orbitType({ name: 'facts', kind: 7, capacity: 4, payloadBytes: 8 })

  async function child(name: string, options: object = {}) {
    const member = start('actor.mjs', ['heartbeat', 'member'])
    expect(await member.next()).toBe('ready')
    const node = await member.ask<number>('join', name, options)
    return { member, node }
  }

  it('can be read by an observer, which cannot beat', async () => {
    const name = fleetName()
    const { member, node } = await child(name, { size: 2, label: 'child' })
    const heart = heartOf(observe(name))
    expect(heart.snapshot().missing).toEqual([0, 1])
    await member.ask('beat')
    expect(heart.snapshot({ maxAgeMs: 2 ** 53 - 1 })).toMatchObject({
      fresh: [{ node, pid: member.pid, label: 'child', count: 1 }],
      missing: [1],
    })
    for (const call of [() => heart.beat(), () => heart.start()]) {
      expectRefusal(call, OrbitError, 'ERR_ORBIT_READ_ONLY', name, 'observer')
    }
    expect(await member.ask('snapshot', { maxAgeMs: 2 ** 53 - 1 })).toMatchObject({ fresh: [{ node, count: 1 }] })
    await member.ask('close')
    expect(heart.snapshot().missing).toEqual([0, 1])
  })

  it('lists killed members as dead, with their last beat, until the node is taken', async () => {
    const name = fleetName()
    const heart = heartOf(joinShm(name, { size: 4 }))
    const { member, node } = await child(name, { label: 'victim' })
    const { member: silent } = await child(name)
    for (let i = 0; i < 3; i++) await member.ask('beat')
    await member.kill()
    await silent.kill()
    expect(heart.snapshot()).toMatchObject({
      fresh: [],
      stale: [],
      dead: [{ node, pid: member.pid, label: 'victim', count: 3 }],
      missing: [0, 2, 3],
    })
    const next = joinShm(name, { node })
    expect(nodesIn(heart.snapshot())).toMatchObject({ dead: [], missing: [0, 1, 2, 3] })
    heartOf(next).beat()
    expect(beatOf(heart, node)).toMatchObject({ count: 1, pid: process.pid })
  })

  it('lists stopped members as stale, not dead, and as fresh after they continue', async () => {
    const name = fleetName()
    const heart = heartOf(joinShm(name))
    const { member, node } = await child(name)
    await member.ask('start', { intervalMs: 1 })
    await until(() => (beatOf(heart, node)?.count ?? 0) > 5)
    await member.stop()
    const { count } = beatOf(heart, node) as NodeHeartbeat
    await until(() => nodesIn(heart.snapshot({ maxAgeMs: 100 })).stale.includes(node))
    expect(beatOf(heart, node)?.count).toBe(count)
    member.process.kill('SIGCONT')
    await until(() => (beatOf(heart, node)?.count ?? 0) > count + 5)
    expect(nodesIn(heart.snapshot({ maxAgeMs: 60_000 })).fresh).toEqual([node])
  })

  it('lists members with a blocked event loop as stale, not dead', async () => {
    const name = fleetName()
    const fleet = joinShm(name)
    const heart = heartOf(fleet)
    const { member, node } = await child(name)
    await member.ask('start', { intervalMs: 1 })
    await until(() => (beatOf(heart, node)?.count ?? 0) > 5)
    expect(await member.ask('block')).toBe('blocked')
    const { count } = beatOf(heart, node) as NodeHeartbeat
    await until(() => nodesIn(heart.snapshot({ maxAgeMs: 100 })).stale.includes(node))
    expect(beatOf(heart, node)?.count).toBe(count)
    fleet.publish(facts, new Uint8Array(8))
    expect(await member.next()).toBe('free')
    await until(() => (beatOf(heart, node)?.count ?? 0) > count)
  })

  it('works in cluster workers', async () => {
    const name = fleetName()
    const heart = heartOf(joinShm(name))
    const primary = start('actor.mjs', ['heartbeat', 'clustered', name])
    const node = await primary.next<number>()
    expect(beatOf(heart, node)).toMatchObject({ status: 'worker 1', pid: expect.not.toBeOneOf([primary.pid]) })
    primary.tell('kill')
    expect([await primary.next(), await primary.next()].sort()).toEqual(['gone', true])
    expect(nodesIn(heart.snapshot()).dead).toEqual([node])
  })

  it('does not keep a process alive', async () => {
    const name = fleetName()
    const heart = heartOf(joinShm(name))
    const member = start('actor.mjs', ['heartbeat', 'idle', name])
    const node = await member.next<number>()
    expect({ ...(await member.ended), stderr: member.stderr }).toEqual({ code: 0, signal: null, stderr: '' })
    expect(nodesIn(heart.snapshot())).toMatchObject({ fresh: [], stale: [], dead: [] })
    expect(heart.snapshot().missing).toContain(node)
  })

  it('ends the process when the status function throws in the timer', async () => {
    const name = fleetName()
    const member = start('actor.mjs', ['heartbeat', 'throwing', name, false])
    expect(await member.ended).toEqual({ code: 1, signal: null })
    expect(member.stderr).toContain('on purpose')
  })

  it('continues after the status function throws in the timer if the process has a handler', async () => {
    const member = start('actor.mjs', ['heartbeat', 'throwing', fleetName(), true])
    expect(await member.next()).toEqual({ uncaught: 'on purpose' })
    expect(await member.next()).toBe('beats on')
    await member.kill()
  })
})

describe.skipIf(!hasObjectFiles)('the words of a heart', () => {
  const setUp = (node = 1) => {
    const name = fleetName()
    const fleet = joinShm(name, { size: 3, node })
    const file = objectFile(name, 'fleet')
    return { fleet, heart: heartOf(fleet), file, record: fleetAt.record(node) }
  }

  it('writes each word of a beat at its golden offset', () => {
    const { heart, file, record } = setUp()
    holdTime()
    pass(7000)
    vi.setSystemTime(1_700_000_000_000)
    const words = (count: number) => {
      const beat = record + recordAt.beat(count)
      return {
        unixMs: file.u64(beat + beatAt.unixMs),
        monotonicMs: file.u64(beat + beatAt.monotonicMs),
        loopDelayUs: file.u64(beat + beatAt.loopDelayUs),
        status: file.bytes(beat + beatAt.status, 64).toString(),
      }
    }
    const first = { unixMs: 1_700_000_000_000n, monotonicMs: 7000n, loopDelayUs: 0n, status: 'one'.padEnd(64, '\0') }
    heart.start({ status: () => 'one' })
    expect(file.u64(record + recordAt.beatCount)).toBe(1n)
    expect(words(1)).toEqual(first)
    pass(5)
    heart.start({ status: () => 'zwö' })
    expect(file.u64(record + recordAt.beatCount)).toBe(2n)
    expect(words(1)).toEqual(first)
    expect(words(2)).toEqual({
      unixMs: 1_700_000_000_005n,
      monotonicMs: 7005n,
      loopDelayUs: 0n,
      status: 'zwö'.padEnd(63, '\0'),
    })
  })

  it('returns the last whole beat of a writer that died during a beat', () => {
    const { heart, file, record } = setUp()
    heart.start({ status: () => 'whole' })
    const next = record + recordAt.beat(2)
    file.setU64(next + beatAt.unixMs, 1n)
    file.setBytes(next + beatAt.status, Buffer.from('half of '))
    expect(beatOf(heart, 1)).toMatchObject({ count: 1, status: 'whole' })
    heart.beat()
    expect(beatOf(heart, 1)).toMatchObject({ count: 2, status: 'whole' })
  })

  it('reads the age of a beat that another process wrote', () => {
    const { heart, file, record } = setUp()
    heart.beat()
    const monotonicMs = (ms: number) => file.setU64(record + recordAt.beat(1) + beatAt.monotonicMs, BigInt(ms))
    holdTime()
    pass(1_000_000)
    monotonicMs(999_500)
    expect(heart.snapshot({ maxAgeMs: 750 }).fresh).toMatchObject([{ node: 1, ageMs: 500 }])
    monotonicMs(999_000)
    expect(heart.snapshot({ maxAgeMs: 750 }).stale).toMatchObject([{ node: 1, ageMs: 1000 }])
    monotonicMs(1_000_001)
    expect(heart.snapshot({ maxAgeMs: 0 }).fresh).toMatchObject([{ node: 1, ageMs: 0 }])
  })

  it('returns clean values or nothing for random words', () => {
    const { fleet, heart, file, record } = setUp()
    const below = generator(newSeed('heartbeat'))
    const isCount = (value: number) => Number.isSafeInteger(value) && value >= 0
    let seen = 0
    for (let round = 0; round < 2000; round++) {
      const bytes = Buffer.from(Array.from({ length: 192 }, () => below(256)))
      if (below(2) === 0) bytes.fill(below(2) * 255, 0, 8 + below(184))
      file.setBytes(record + recordAt.beatCount, bytes)
      const snapshot = heart.snapshot({ maxAgeMs: below(2 ** 31) })
      for (const beat of allIn(snapshot)) {
        seen++
        expect(beat).toMatchObject({ node: 1, pid: process.pid })
        for (const value of [beat.count, beat.ageMs, beat.unixMs]) expect(isCount(value), `${value}`).toBe(true)
        expect(beat.loopDelayMs).toBeGreaterThanOrEqual(0)
        expect(Number.isFinite(beat.loopDelayMs)).toBe(true)
        expect(beat.status.length).toBeLessThanOrEqual(64)
        expect(Buffer.from(beat.status).toString(), 'well-formed').toBe(beat.status)
      }
      expect(allIn(snapshot).length + snapshot.missing.length).toBe(3)
      expect(fleet.nodes()).toHaveLength(1)
    }
    expect(seen).toBeGreaterThan(1000)
    heart.beat()
    heart.beat()
    expect(beatOf(heart, 1)).toMatchObject({ status: '', loopDelayMs: 0 })
  })

  it('continues between the members of a removed fleet', () => {
    const name = fleetName()
    const [a, b] = [heartOf(joinShm(name)), heartOf(joinShm(name))]
    Fleet.remove(name, { force: true })
    a.beat()
    expect(beatOf(b, 0)?.count).toBe(1)
  })
})
