import { OrbitEventBus } from 'orbit-node'
import { describe, expect, it, onTestFinished } from 'vitest'
import { Actor, StoreError } from '../src/index.js'
import { HeldStore } from './help/stores.js'
import { Log, localFleet, start, until } from './help/systems.js'

const told: string[] = []

class Ear extends Actor {
  hear(word: string) {
    told.push(word)
  }
}

class Counter extends Actor<{ n: number }> {
  add(by: number) {
    const n = (this.ctx.storage.get('n') ?? 0) + by
    this.ctx.storage.put('n', n)
    return n
  }
  value() {
    return this.ctx.storage.get('n')
  }
  addAndTell(by: number, word: string, fails = false) {
    this.ctx.actor<Ear>('Ear', 'a').tell.hear(word)
    this.ctx.emit('counted', by)
    this.add(by)
    if (fails) throw new Error('no')
  }
  async ask(word: string) {
    await this.ctx.actor<Ear>('Ear', 'a').hear(word)
  }
}

class List extends Actor<{ numbers: number[] }> {
  readonly #numbers: number[] = []
  add(number: number) {
    this.#numbers.push(number)
    this.ctx.storage.put('numbers', this.#numbers)
    return this.#numbers
  }
  fail() {
    throw Object.assign(new Error('no'), { numbers: this.#numbers })
  }
  *watch() {
    for (;;) yield this.#numbers
  }
}

async function held() {
  told.length = 0
  const store = new HeldStore()
  const log = new Log()
  const fleet = localFleet()
  const system = start({ fleet, actors: { Counter, Ear, List }, store, log })
  onTestFinished(() => {
    store.isFree = true
    for (const commit of store.commits.splice(0)) void commit.succeed()
  })
  const counter = system.get('Counter', 'a')
  await counter.add(1)
  store.isFree = false
  return { store, system, counter, fleet, log }
}

const isPending = async (promise: Promise<unknown>): Promise<boolean> => {
  const turn = new Promise((resolve) => setTimeout(resolve, 5, 'pending'))
  return (await Promise.race([promise, turn])) === 'pending'
}

describe('what leaves a turn', () => {
  it('waits for the commit of its changes', async () => {
    const { store, counter } = await held()
    const added = counter.add(1)
    const commit = await store.next()
    expect(commit.changes).toMatchObject([{ kind: 'entry', type: 'Counter', key: 'a', name: 'n' }])
    expect(await isPending(added)).toBe(true)
    await commit.succeed()
    expect(await added).toBe(2)
  })

  it('waits for the commit of what it has read, although its turn has changed nothing', async () => {
    const { store, system, counter } = await held()
    const added = counter.add(1)
    const commit = await store.next()
    const read = counter.value()
    expect(await system.get('Counter', 'b').value()).toBeUndefined()
    expect(await isPending(read)).toBe(true)
    await commit.succeed()
    expect(await Promise.all([added, read])).toEqual([2, 2])
  })

  it('shares a commit with all turns that end while another one is under way', async () => {
    const { store, system, counter } = await held()
    const first = counter.add(1)
    const commit = await store.next()
    const others = Array.from({ length: 20 }, () => counter.add(1))
    await system.get('Counter', 'b').value()
    await commit.succeed()
    expect(await first).toBe(2)
    const next = await store.next()
    expect(next.changes).toMatchObject([{ kind: 'entry', key: 'a', name: 'n' }]) // only the last value of an entry
    await next.succeed()
    expect(await Promise.all(others)).toEqual(Array.from({ length: 20 }, (_, i) => i + 3))
  })

  it('takes messages and events along, and drops those of a turn that throws', async () => {
    const { store, counter, fleet } = await held()
    const counted: unknown[] = []
    const events = new OrbitEventBus(fleet).cursor('head')
    onTestFinished(() => events.close())
    await expect(counter.addAndTell(5, 'never', true)).rejects.toThrow('no')
    const added = counter.addAndTell(1, 'after')
    const commit = await store.next()
    expect([told, events.pollTopic('counted').events]).toEqual([[], []])
    await commit.succeed()
    await added
    await until(() => told.length > 0)
    counted.push(...events.pollTopic('counted').events.map((event) => event.json()))
    expect([told, counted]).toEqual([['after'], [1]])
  })

  it.each(['this', 'another'])('is as it was when its turn ended, for a caller in %s system', async (caller) => {
    const { store, system, fleet } = await held()
    const list = (caller === 'this' ? system : start<{ List: typeof List }>({ fleet, host: false })).get('List', 'a')
    const turns = [list.add(1), list.fail().catch((error) => error.numbers)]
    const commit = await store.next()
    const later = list.add(2)
    expect(await isPending(later)).toBe(true)
    await commit.succeed()
    expect(await Promise.all(turns)).toEqual([[1], [1]])
    await (await store.next()).succeed()
    expect(await later).toEqual([1, 2])
  })

  it('is an item as it was when its stream made it', async () => {
    const { store, system } = await held()
    const list = system.get('List', 'a')
    const items = list.stream.watch()[Symbol.asyncIterator]()
    await items.next()
    const added = [list.add(1)]
    const commit = await store.next()
    const item = items.next()
    expect(await isPending(item)).toBe(true)
    added.push(list.add(2))
    expect(await isPending(item)).toBe(true)
    await commit.succeed()
    expect((await item).value).toEqual([1])
    await (await store.next()).succeed()
    expect(await Promise.all(added)).toEqual([[1], [1, 2]])
  })

  it('makes a call wait for the commits of earlier turns', async () => {
    const { store, counter } = await held()
    const added = counter.add(1)
    const commit = await store.next()
    const asked = counter.ask('question')
    expect(await isPending(asked)).toBe(true)
    expect(told).toEqual([])
    await commit.succeed()
    await Promise.all([added, asked])
    expect(told).toEqual(['question'])
  })
})

describe('a commit that fails', () => {
  it('fails the calls that share it as rolled back, and those that build on it; the state is as before', async () => {
    const { store, counter, log } = await held()
    const first = counter.add(10).catch((error) => error)
    const commit = await store.next()
    const second = counter.add(100).catch((error) => error)
    const read = counter.value().catch((error) => error)
    expect(await isPending(read)).toBe(true)
    commit.fail(new StoreError('the disk is full', 'rolled-back'))
    const failure = { code: 'ERR_ORBIT_ACTOR_STORE', outcome: 'rolled-back', retryable: false }
    expect(await first).toMatchObject({ ...failure, message: expect.stringContaining('the disk is full') })
    expect(await second).toMatchObject(failure)
    expect(await read).toMatchObject(failure)
    store.isFree = true
    expect(await counter.value()).toBe(1)
    expect(await counter.add(1)).toBe(2)
    expect(log.lines.flat()).toContainEqual(expect.stringContaining('a commit of actors has failed'))
  })

  it('opens the data anew when it is not known what was made, and goes on with what is there', async () => {
    const { store, counter } = await held()
    for (const isMade of [true, false]) {
      const before = (await counter.value()) as number
      const added = counter.add(1).catch((error) => error)
      const commit = await store.next()
      if (isMade) await commit.apply()
      commit.fail(new Error('EIO'))
      expect(await added).toMatchObject({ code: 'ERR_ORBIT_ACTOR_STORE', outcome: 'unknown' })
      expect(await counter.value()).toBe(isMade ? before + 1 : before)
    }
  })

  it('is made again for a call with a key, which runs once', async () => {
    const { store, counter } = await held()
    for (const isMade of [true, false]) {
      const before = (await counter.value()) as number
      const added = counter.with({ idempotencyKey: `key ${isMade}` }).add(1)
      const commit = await store.next()
      if (isMade) await commit.apply()
      store.isFree = true
      commit.fail(new Error('EIO'))
      expect(await added).toBe(before + 1)
      expect(await counter.value()).toBe(before + 1)
      store.isFree = false
    }
  })
})
