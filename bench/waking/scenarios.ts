import { readFileSync } from 'node:fs'
import { Contest, Fleet, OrbitEventBus, orbitType } from '../../src/index.js'
import { bytesOf } from '../calls/call.js'
import { Child } from '../child.js'
import { nowNs, pause } from '../clock.js'
import {
  type BurstHeard,
  blockSamples,
  burst,
  burstFrames,
  claimGapMs,
  crowd,
  crowdBus,
  crowdTopic,
  type Hearing,
  idleGapMs,
  type Order,
  type Series,
  tick,
  type WakePace,
} from './wake.js'

/** One cell of the trials of waking: a process with readers of its own. */
export interface Scenario {
  readonly name: string
  /** Begins in the cell's own process, and resolves to its visits. */
  start(fleet: string): Promise<(pace: WakePace) => Promise<Series>>
}

const order = (reader: Child, what: Order) => reader.send(what)

async function readerOf(role: string, fleet: string, serialization: 'json' | 'advanced' = 'json'): Promise<Child> {
  const reader = new Child('reader', [role, fleet], `reader, ${role}`, serialization)
  await reader.answer()
  return reader
}

function open(fleet: string, size: number): Fleet {
  const joined = Fleet.joinShm(fleet, { size, lifetime: 'fleet' })
  process.on('exit', () => joined.close())
  return joined
}

/** `send` of a time, again and again; resolves to by how much the reader was late. */
async function measureLateness(
  reader: Child,
  count: number,
  sendAll: (count: number) => Promise<void>,
): Promise<number[]> {
  order(reader, { hear: count })
  await reader.answer()
  await pause(5)
  const lateness = reader.answer<number[]>()
  await sendAll(count)
  return lateness
}

/** Nothing follows a send: what a sender does next delays a reader that shares its core. */
function everyGap(send: (sentNs: number) => void, gapMs = idleGapMs): (count: number) => Promise<void> {
  return (count) =>
    new Promise((resolve) => {
      let left = count
      const step = () => {
        if (--left > 0) setTimeout(step, gapMs)
        else resolve()
        send(nowNs())
      }
      setTimeout(step, gapMs)
    })
}

function publisher(fleet: Fleet): (sentNs: number) => void {
  const sent = new Float64Array(1)
  const sentBytes = new Uint8Array(sent.buffer)
  return (sentNs) => {
    sent[0] = sentNs
    fleet.publish(tick, sentBytes)
  }
}

const wake = (name: string, hearing: Hearing): Scenario => ({
  name,
  async start(fleet) {
    const send = publisher(open(fleet, 8))
    const reader = await readerOf(hearing, fleet)
    return async ({ scale }) => ({ [name]: await measureLateness(reader, Math.ceil(200 * scale), everyGap(send)) })
  },
})

export const waitWake = 'wake: wait and poll'
export const claimWake = 'wake: a claim, by a release'

/** The subject changes hands at each message: the reader waits for what the sender holds, and gives it back at once. */
const claimed: Scenario = {
  name: claimWake,
  async start(fleet) {
    const contest = new Contest(open(fleet, 8))
    const send = publisher(open(fleet, 8))
    const reader = await readerOf('claim', fleet)
    const sendAll = async (count: number) => {
      for (let i = 0; i < count; i++) {
        const guard = await contest.claim('baton', { ttlMs: 60_000 })
        await pause(claimGapMs - idleGapMs) // by then the reader has noticed, and sleeps
        send(nowNs())
        guard.release()
        await pause(idleGapMs)
      }
    }
    return async ({ scale }) => ({ [this.name]: await measureLateness(reader, Math.ceil(100 * scale), sendAll) })
  },
}

/** The message says of what sort it is, as a ring's KIND does: one channel carries them all. */
const sendWake = (serialization: 'json' | 'advanced', gapMs = idleGapMs): Scenario => {
  const name = `wake: process.send, ${serialization}${gapMs === idleGapMs ? '' : `, ${gapMs} ms apart`}`
  return {
    name,
    async start(fleet) {
      const reader = await readerOf('send', fleet, serialization)
      const send = (sentNs: number) => reader.send({ kind: 'tick', at: sentNs })
      return async ({ scale }) => ({
        [name]: await measureLateness(reader, Math.ceil(200 * scale), everyGap(send, gapMs)),
      })
    },
  }
}

const spinGapNs = 20_000
const spin: Scenario = {
  name: 'wake: spinning',
  async start(fleet) {
    const send = publisher(open(fleet, 8))
    const reader = await readerOf('spin', fleet)
    const sendAll = async (count: number) => {
      for (let i = 0; i < count; i++) {
        const next = nowNs() + spinGapNs
        while (nowNs() < next);
        send(nowNs())
      }
    }
    return async ({ scale }) => {
      const lateness: number[] = []
      // Short rounds: two cores for ourselves is luck on a shared machine.
      for (let i = 0; i < 60 * scale; i++) lateness.push(...(await measureLateness(reader, blockSamples, sendAll)))
      return { [this.name]: lateness }
    }
  },
}

/** Nanoseconds a publish, over a window. */
function publishWindow(fleet: Fleet, type: typeof crowd, payload: Uint8Array, count: number): number {
  const begin = nowNs()
  for (let i = 0; i < count; i++) fleet.publish(type, payload)
  return (nowNs() - begin) / count
}

/** The same of events. */
function eventWindow(bus: OrbitEventBus, payload: Uint8Array, count: number): number {
  const begin = nowNs()
  for (let i = 0; i < count; i++) bus.publish(crowdTopic.published, payload)
  return (nowNs() - begin) / count
}

const bystander: Scenario = {
  name: 'publish: waiter of the past',
  async start(fleet) {
    const member = open(fleet, 64)
    const never = orbitType({ name: 'Never', kind: 10, payloadBytes: 64 })
    const had = orbitType({ name: 'Had', kind: 11, payloadBytes: 64 })
    const payload = bytesOf(64)
    const other = Fleet.joinShm(fleet, { lifetime: 'fleet' })
    const cursor = other.cursor(had, 'head')
    const slept = cursor.wait()
    await pause(5)
    member.publish(had, payload)
    if (!(await slept)) throw new Error('the waiter was not woken')
    cursor.close()
    other.close()
    return async ({ scale }) => {
      const series = { 'publish 64 B, never a waiter': [] as number[], 'publish 64 B, had a waiter': [] as number[] }
      const difference: number[] = []
      for (let i = 0; i < 300 * scale; i++) {
        const [first, second] = i % 2 === 0 ? [never, had] : [had, never]
        const times = [first, second, second, first].map((type) => publishWindow(member, type, payload, 1000))
        const [outer, inner] = [
          (times[0] as number) + (times[3] as number),
          (times[1] as number) + (times[2] as number),
        ]
        const [a, b] = i % 2 === 0 ? [outer / 2, inner / 2] : [inner / 2, outer / 2]
        series['publish 64 B, never a waiter'].push(a)
        series['publish 64 B, had a waiter'].push(b)
        difference.push(b - a)
      }
      return { ...series, 'publish 64 B, what a waiter of the past costs': difference }
    }
  },
}

const writeCalls = () => Number(/syscw: (\d+)/.exec(readFileSync('/proc/self/io', 'latin1'))?.[1])

const bursting: Scenario = {
  name: 'burst onto a sleeper',
  async start(fleet) {
    const member = open(fleet, 8)
    const reader = await readerOf('burst', fleet)
    const payload = bytesOf(64)
    return async ({ scale }) => {
      const series: Series = {}
      for (let i = 0; i < 4 * scale; i++) {
        order(reader, { hear: burstFrames })
        await reader.answer()
        await pause(10)
        const answer = reader.answer<BurstHeard>()
        const before = writeCalls()
        for (let i = 0; i < burstFrames; i++) member.publish(burst, payload)
        const writes = writeCalls() - before
        const { bytes, polls, frames, overwritten } = await answer
        if (frames !== burstFrames) throw new Error(`burst: frames=${frames}, overwritten=${overwritten}`)
        for (const [key, value] of Object.entries({
          'bytes in the bell': bytes,
          'the publisher’s write calls': writes,
          polls,
        })) {
          const name = `burst of ${burstFrames}: ${key}`
          series[name] = [...(series[name] ?? []), value]
        }
      }
      return series
    }
  },
}

export const crowdSizes = [0, 1, 4, 16]
export const crowdName = (
  what: 'burst, awake' | 'events, awake' | 'burst, asleep' | 'one, asleep' | 'send, burst' | 'send, one',
  readers: number,
) => `${what}, ${readers} readers`

const crowded: Scenario = {
  name: 'publish: crowd',
  async start(fleet) {
    const member = open(fleet, 64)
    const readers: Child[] = []
    while (readers.length < Math.max(...crowdSizes)) {
      readers.push(...(await Promise.all(Array.from({ length: 4 }, () => readerOf('crowd', fleet)))))
    }
    const payload = bytesOf(64)
    const bus = new OrbitEventBus(member, crowdBus)
    const text = 'x'.repeat(64)
    const be = async (count: number, read: Hearing) => {
      for (const [i, reader] of readers.entries()) {
        order(reader, { read: i < count ? read : 'off' })
        await reader.answer()
      }
      await pause(5)
    }
    const take = async (count: number, gapMs: number, measure: () => number) => {
      const samples: number[] = []
      for (let i = 0; i < count; i++) {
        await pause(gapMs)
        samples.push(measure())
      }
      return samples
    }
    const sendAll = (count: number, messages: number) => {
      const begin = nowNs()
      for (let i = 0; i < messages; i++) for (let r = 0; r < count; r++) readers[r]?.send(text)
      return (nowNs() - begin) / messages
    }
    return async ({ scale }) => {
      const series: Series = {}
      for (const count of crowdSizes) {
        const burstOf = () => publishWindow(member, crowd, payload, 1000)
        await be(count, 'awake')
        series[crowdName('burst, awake', count)] = await take(12 * scale, 3, burstOf)
        await be(count, 'events')
        series[crowdName('events, awake', count)] = await take(12 * scale, 3, () => eventWindow(bus, payload, 1000))
        await be(count, 'wait')
        series[crowdName('burst, asleep', count)] = await take(8 * scale, 12, burstOf)
        series[crowdName('one, asleep', count)] = await take(20 * scale, 3, () =>
          publishWindow(member, crowd, payload, 1),
        )
        await be(0, 'wait')
        if (count === 0) continue
        series[crowdName('send, burst', count)] = await take(6 * scale, 12, () => sendAll(count, 100))
        series[crowdName('send, one', count)] = await take(20 * scale, 3, () => sendAll(count, 1))
      }
      return series
    }
  },
}

export const iterateWake = 'wake: for await'
export const scenarios: readonly Scenario[] = [
  wake(waitWake, 'wait'),
  wake(iterateWake, 'iterate'),
  claimed,
  sendWake('json'),
  sendWake('advanced'),
  sendWake('json', claimGapMs),
  spin,
  bystander,
  bursting,
  crowded,
]
