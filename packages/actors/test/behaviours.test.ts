// The ten scenarios of the feature files actor_lifecycle and messaging of orbit-rs, here with processes that share one
// store and one fleet.
import { describe, expect, it, onTestFinished } from 'vitest'
import { Actor, type ActorSystem, memory } from '../src/index.js'
import { testActors } from '../src/testing.js'
import { Log, localFleet, start } from './help/systems.js'

class Counter extends Actor<{ count: number }> {
  static readonly actor = { idleMs: 1000 }
  #messages = 0
  increment(by: number): number {
    this.#messages++
    const count = (this.ctx.storage.get('count') ?? 0) + by
    this.ctx.storage.put('count', count)
    return count
  }
  look(): { count: number; messages: number } {
    return { count: this.ctx.storage.get('count') ?? 0, messages: this.#messages }
  }
}

class Message extends Actor<{ received: string[] }> {
  receive(text: string): { text: string; token: number } {
    this.ctx.storage.put('received', [...this.received(), text])
    return { text, token: this.ctx.token }
  }
  received(): string[] {
    return this.ctx.storage.get('received') ?? []
  }
}

class Coordinator extends Actor {
  async broadcast(keys: string[], text: string): Promise<number> {
    const calls = keys.map((key) => this.ctx.actor<Message>('Message', key).receive(text))
    return (await Promise.all(calls)).length
  }
}

const classes = { Counter, Message, Coordinator }

describe('the life of an actor', () => {
  function world() {
    const made = testActors({ actors: classes, log: new Log() })
    onTestFinished(() => made.close())
    return made
  }

  it('begins with its first message, which is processed', async () => {
    const made = world()
    const user = made.get('Message', 'user-123')
    expect(made.size).toBe(0)
    expect((await user.receive('hello')).text).toBe('hello')
    expect(made.size).toBe(1)
  })

  it('keeps state from message to message', async () => {
    const counter = world().get('Counter', 'counter-1')
    await counter.increment(5)
    await counter.increment(3)
    expect(await counter.look()).toEqual({ count: 8, messages: 2 })
  })

  it('ends when it is idle, and its state is persisted', async () => {
    const made = world()
    await made.get('Counter', 'timer-1').increment(1)
    await made.advance(2500)
    expect(made.size).toBe(0)
    expect((await made.get('Counter', 'timer-1').look()).count).toBe(1)
  })

  it('is separate for each key', async () => {
    const made = world()
    const counters = ['user-1', 'user-2', 'user-3'].map((key) => made.get('Counter', key))
    for (const [i, counter] of counters.entries()) await counter.increment(i + 1)
    expect(await Promise.all(counters.map((counter) => counter.look()))).toMatchObject([
      { count: 1 },
      { count: 2 },
      { count: 3 },
    ])
  })

  it('begins anew with its state, after it was ended and after its process was killed', async () => {
    const made = world()
    const data = made.get('Counter', 'data-1')
    await data.increment(4)
    await made.advance(2500)
    expect(await data.look()).toEqual({ count: 4, messages: 0 })
    await data.increment(1)
    made.kill()
    await made.restart()
    expect(await data.look()).toEqual({ count: 5, messages: 0 })
  })
})

describe('messages among three processes', () => {
  function cluster(options: { placement?: 'least-connections' } = {}, size = 3) {
    const fleet = localFleet()
    const store = memory()
    const node = () => start({ fleet, actors: classes, store, log: new Log(), ...options })
    return {
      node,
      nodes: Array.from({ length: size }, node) as [ActorSystem<typeof classes>, ...ActorSystem<typeof classes>[]],
    }
  }
  /** Waits until all of the 16 partitions have an owner, and each process has about its share. */
  async function settle(nodes: readonly ActorSystem<typeof classes>[]): Promise<void> {
    for (;;) {
      const { hosts } = (await nodes[0]?.inspect()) ?? { hosts: [] }
      const counts = hosts.map(({ partitions }) => partitions.length)
      const owned = counts.reduce((sum, count) => sum + count, 0)
      if (counts.length === nodes.length && owned === 16 && Math.max(...counts) <= 6) return
      await new Promise((resolve) => setTimeout(resolve, 5))
    }
  }
  const keys = Array.from({ length: 48 }, (_, i) => `msg-${i}`)

  it('arrive at an actor of the same process', async () => {
    const { nodes } = cluster({}, 1)
    expect((await nodes[0].get('Message', 'msg-1').receive('Hello Local')).text).toBe('Hello Local')
    expect(nodes[0].size).toBe(1)
  })

  it('arrive at actors of other processes', async () => {
    const { nodes } = cluster()
    await settle(nodes)
    for (const key of keys)
      expect((await nodes[0].get('Message', key).receive('Hello Remote')).text).toBe('Hello Remote')
    expect(nodes.filter(({ size }) => size > 0).length).toBeGreaterThan(1)
  })

  it('arrive while actors move from a loaded process to another one', async () => {
    const { nodes, node } = cluster({ placement: 'least-connections' }, 1)
    const [first] = nodes
    await Promise.all(keys.map((key) => first.get('Counter', key).increment(1)))
    const second = node()
    let rounds = 1
    while (second.size === 0) {
      await new Promise((resolve) => setTimeout(resolve, 5))
      await Promise.all(keys.map((key) => first.get('Counter', key).increment(1)))
      rounds++
    }
    const counts = await Promise.all(keys.map((key) => second.get('Counter', key).look()))
    expect(counts.map(({ count }) => count)).toEqual(keys.map(() => rounds))
  })

  it('arrive in the order of each sender, and none is lost', async () => {
    const { nodes } = cluster()
    await settle(nodes)
    const sends = nodes.map(async (node, sender) => {
      const calls = Array.from({ length: 50 }, (_, i) => node.get('Message', 'seq-1').receive(`${sender} ${i}`))
      await Promise.all(calls)
    })
    await Promise.all(sends)
    const received = await nodes[0].get('Message', 'seq-1').received()
    expect(received.length).toBe(150)
    for (const sender of [0, 1, 2]) {
      const own = received.filter((text) => text.startsWith(`${sender} `))
      expect(own).toEqual(Array.from({ length: 50 }, (_, i) => `${sender} ${i}`))
    }
  })

  it('of a broadcast arrive at all actors', async () => {
    const { nodes } = cluster()
    await settle(nodes)
    expect(await nodes[1]?.get('Coordinator', 'c').broadcast(keys, 'to all')).toBe(keys.length)
    for (const key of keys) expect(await nodes[2]?.get('Message', key).received()).toEqual(['to all'])
  })
})
