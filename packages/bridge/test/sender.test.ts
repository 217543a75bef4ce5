import { EventCursor, Fleet, OrbitEventBus } from 'orbit-node'
import { describe, expect, it, onTestFinished, vi } from 'vitest'
import { fleetName } from '../../../test/help/fleets.js'
import { type Batch, decodeBatch } from '../src/events/batch.js'
import { Memory, type SentState } from '../src/hub/memory.js'
import { Receiver } from '../src/hub/receiver.js'
import { Sender } from '../src/hub/sender.js'
import { beginSending } from '../src/hub/sentstate.js'
import { until } from './help/hosts.js'

/** A host with a sender, and what it sends. `answers` has a function for each batch that waits. */
function sending(fleet: Fleet, isStored: boolean, mostBytes = () => 100_000, topics = ['a']) {
  const bus = new OrbitEventBus(fleet, { capacity: 64, payloadBytes: 300_000 })
  const memory = new Memory(fleet)
  const batches: Batch[] = []
  const answers: (() => void)[] = []
  const send = (bytes: Uint8Array) => {
    batches.push(decodeBatch(bytes) as Batch)
    return isStored ? new Promise<void>((resolve) => answers.push(resolve)) : undefined
  }
  const sender = new Sender({ route: 'r', topics, isStored, bus, memory, maxBytes: mostBytes, send })
  const over = new AbortController()
  const work = sender.run(over.signal)
  const end = async () => {
    over.abort() // it waits for no answer then: a server that is stopped gives none
    await work
  }
  return { bus, memory, sender, batches, answers, work, end, noted: () => memory.sent('r').load() }
}

function joined(): Fleet {
  const fleet = Fleet.joinShm(fleetName('sender'))
  onTestFinished(() => fleet.close())
  return fleet
}

/** Ends a process at one of its steps: it does nothing more. */
class Death {
  isDead = false
  #left: number

  constructor(steps: number) {
    this.#left = steps
  }

  step(): void {
    if (this.#left-- <= 0) this.isDead = true
    if (this.isDead) throw new Error('killed')
  }
}

/** The memory of a process with a step before and after each note. */
function mortalMemory(fleet: Fleet, death: Death): Memory {
  const memory = new Memory(fleet)
  const state = memory.sent('r')
  const store: typeof state.store = (value) => {
    death.step()
    const id = state.store(value)
    death.step()
    return id
  }
  memory.sent = () => ({ load: () => state.load(), store }) as typeof state
  return memory
}

/**
 * Runs a sender until it has sent all, or is killed at a step. There is one on both sides of each note and each send.
 *
 * @returns whether it was killed
 */
async function sendUntil(death: Death, fleet: Fleet, isStored: boolean, batches: Batch[]): Promise<boolean> {
  const memory = mortalMemory(fleet, death)
  const send = (bytes: Uint8Array) => {
    death.step()
    batches.push(decodeBatch(bytes) as Batch)
    death.step()
    return isStored ? Promise.resolve() : undefined
  }
  const bus = new OrbitEventBus(fleet)
  // Two events need two batches.
  const sender = new Sender({ route: 'r', topics: ['a'], isStored, bus, memory, send, maxBytes: () => 50 })
  const over = new AbortController()
  const work = sender.run(over.signal).catch(() => {})
  using head = bus.cursor('head')
  const isDone = () => memory.sent('r').load()?.position === head.position
  while (!death.isDead && !isDone()) await new Promise((resolve) => setImmediate(resolve))
  const wasKilled = death.isDead
  death.isDead = true // else it notes its end
  over.abort()
  await work
  return wasKilled
}

/** What a host gets from batches, and how much it counts as lost. */
function receivedFrom(fleet: Fleet, epoch: number, batches: readonly Batch[]): { numbers: number[]; lost: number } {
  const got = { numbers: [] as number[], lost: 0 }
  const receiver = new Receiver({
    route: 'r',
    memory: new Memory(fleet),
    deliver: (_, { payload }) => got.numbers.push(Number(Buffer.from(payload))) > 0,
    onLoss: (_, lost) => {
      got.lost += lost
    },
  })
  for (const batch of [{ epoch, first: 0, events: [] }, ...batches]) receiver.receive('a', batch)
  return got
}

const textsOf = (batches: readonly Batch[]) =>
  batches.flatMap(({ first, events }) => events.map(({ payload }, i) => `${first + i} ${Buffer.from(payload)}`))

describe('a sender', () => {
  it('notes no event as sent before the server has it, although events of other hosts follow', async () => {
    const { bus, sender, batches, answers, end, noted } = sending(joined(), true)
    bus.publish('a', 'x')
    bus.publish('a', 'y')
    await until(() => answers.length === 1)
    const origin = { host: 'b', epoch: 1 }
    for (let index = 0; index < 3; index++) bus.publishForeign({ ...origin, index }, 'a', 'foreign', 1)
    sender.pass(2, 5)
    await new Promise((resolve) => setTimeout(resolve, 20)) // longer than it takes to note
    expect(noted()).toMatchObject({ position: 0, next: 0 })
    answers[0]?.()
    await until(() => noted()?.position === 5)
    expect(noted()?.next).toBe(2)
    bus.publish('a', 'z')
    await until(() => answers.length === 2)
    expect(textsOf(batches)).toEqual(['0 x', '1 y', '2 z'])
    await end()
  })

  it('leaves what the server has not confirmed to the next process, with the same indexes', async () => {
    const fleet = joined()
    const first = sending(fleet, true)
    first.bus.publish('a', 'x')
    await until(() => first.answers.length === 1)
    await first.end()
    const next = sending(fleet, true)
    await until(() => next.answers.length === 1)
    expect(textsOf(next.batches)).toEqual(['0 x'])
    expect(next.batches[0]?.epoch).toBe(first.batches[0]?.epoch)
    await next.end()
  })

  it('sends at once where nothing waits, passes other topics, and notes all when it ends', async () => {
    const { bus, batches, end, noted } = sending(joined(), false)
    for (const [topic, text] of ['a1', 'b2', 'a3', 'b4'].map((each) => [...each] as [string, string]))
      bus.publish(topic, text)
    await until(() => textsOf(batches).length === 2)
    await end()
    expect(textsOf(batches)).toEqual(['0 1', '1 3'])
    expect(noted()).toMatchObject({ position: 4, next: 2 })
  })

  it('counts what the bus has overwritten, and tells it without an event', async () => {
    const fleet = joined()
    await sending(fleet, false).end()
    const bus = new OrbitEventBus(fleet)
    for (let i = 0; i < 70; i++) bus.publish('b')
    const { batches, end, noted } = sending(fleet, false)
    await until(() => noted()?.position === 70)
    await end()
    expect(batches.map(({ first, events }) => [first, events.length])).toEqual([[6, 0]])
    expect(noted()?.next).toBe(6)
    expect(new Memory(fleet).counted('unsent', 'r')).toBe(6)
  })

  it.each([true, false])('leaves a batch that it cannot count to the next process (stored: %s)', async (isStored) => {
    const { bus, memory, batches, answers, work, noted } = sending(joined(), isStored)
    const refusal = new Error('no room for another count')
    memory.count = () => {
      throw refusal
    }
    const failed = expect(work).rejects.toBe(refusal)
    bus.publish('a', 'x')
    await until(() => batches.length === 1)
    for (const answer of answers) answer()
    await failed
    expect(batches.length).toBe(1)
    expect(noted()).toMatchObject({ position: 0, next: 0 }) // a batch with the same index would be dropped as known
  })

  it('keeps an event that is longer than a batch until it knows what the server takes', async () => {
    let most = 0
    const { bus, sender, batches, answers, end } = sending(joined(), true, () => most)
    bus.publish('a', 'x'.repeat(290_000))
    bus.publish('a', 'y')
    await until(() => answers.length === 1)
    most = 1_000_000
    for (let i = 0; i < 2; i++) {
      await until(() => answers.length > i)
      answers[i]?.()
    }
    await until(() => sender.waiting === 0)
    expect(batches.map(({ first, events }) => [first, events[0]?.payload.length])).toEqual([
      [0, 290_000],
      [1, 1],
    ])
    await end()
  })

  it('reads no more than what was tried before it sends that again, however much waits behind', async () => {
    const fleet = joined()
    const first = sending(fleet, true)
    first.bus.publish('a', 'x')
    await until(() => first.answers.length === 1)
    await first.end()
    for (let i = 0; i < 50; i++) first.bus.publish('a', `${i}`)
    const poll = vi.spyOn(EventCursor.prototype, 'pollTopic')
    onTestFinished(() => poll.mockRestore())
    const next = sending(fleet, true)
    await until(() => next.answers.length === 1)
    expect(textsOf(next.batches)).toEqual(['0 x'])
    expect(poll.mock.results.map(({ value }) => value.events.length)).toEqual([1])
    await next.end()
  })

  it('leaves out what was tried with other topics, since their indexes are not known', async () => {
    const fleet = joined()
    const first = sending(fleet, true)
    first.bus.publish('a', 'x')
    first.bus.publish('b', 'y')
    await until(() => first.answers.length === 1)
    await first.end()
    const next = sending(fleet, true, undefined, ['a', 'b'])
    await until(() => next.answers.length === 1)
    next.answers[0]?.() // of a batch without events
    next.bus.publish('b', 'z')
    await until(() => next.answers.length === 2)
    expect(textsOf(next.batches)).toEqual(['1 z'])
    await next.end()
  })

  // Half of the events are sent. Then so many others come that the bus keeps all, some or none of them.
  it.each([true, false].flatMap((isStored) => [0, 11, 40].map((others) => ({ isStored, others }))))(
    'sends no event twice when it and its successor are killed at any step: %o',
    async ({ isStored, others }) => {
      let isKilled = true
      for (let first = 0; isKilled; first++) {
        for (let [second, isKilledAgain] = [0, true]; isKilledAgain; second++) {
          using fleet = Fleet.joinShm(fleetName('sender'))
          const bus = new OrbitEventBus(fleet, { capacity: 16, payloadBytes: 64 })
          const state = new Memory(fleet).sent('r')
          beginSending(state, bus, ['a'])
          const publish = (from: number, to: number) => {
            for (let i = from; i < to; i++) {
              bus.publish('a', `${i}`)
              bus.publish('b')
            }
          }
          const batches: Batch[] = []
          publish(0, 6)
          isKilled = await sendUntil(new Death(first), fleet, isStored, batches)
          const wasTried = state.load()?.triedPosition === 12
          for (let i = 0; i < others; i++) bus.publish('b')
          isKilledAgain = await sendUntil(new Death(second), fleet, isStored, batches)
          publish(6, 8)
          await sendUntil(new Death(Number.POSITIVE_INFINITY), fleet, isStored, batches)
          const { epoch, next } = state.load() as SentState
          const { numbers, lost } = receivedFrom(fleet, epoch, batches)
          expect(numbers).toEqual([...new Set(numbers)].sort((x, y) => x - y))
          expect(numbers.length + lost).toBe(next)
          if (others === 0) expect([numbers.length, lost]).toEqual([8, 0])
          // No event of another topic is counted among those that are lost.
          else if (others === 11 && wasTried) expect(next).toBe(8)
        }
      }
    },
  )
})
