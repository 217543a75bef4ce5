// Partitions that open their data anew or leave, while actors wait for each other.
import { describe, expect, it, onTestFinished } from 'vitest'
import { Actor, type ActorSystem, memory, type PartitionStore, type Store, StoreError } from '../src/index.js'
import { testActors } from '../src/testing.js'
import { HeldStore } from './help/stores.js'
import { Log, localFleet, start } from './help/systems.js'

/** A promise that the test resolves. */
function gate() {
  let open = () => {}
  const opened = new Promise<void>((resolve) => {
    open = resolve
  })
  return { open, opened }
}

const gates = new Map<string, ReturnType<typeof gate>>()

class Node extends Actor<{ n: number }> {
  add(by: number) {
    const n = (this.ctx.storage.get('n') ?? 0) + by
    this.ctx.storage.put('n', n)
    return n
  }
  /** Takes all numbers out of a list. */
  addAll(list: number[]) {
    let sum = 0
    for (let by = list.pop(); by !== undefined; by = list.pop()) sum = this.add(by)
    return sum
  }
  /** Goes on along a path of keys, and adds at its end. */
  async pass(by: number, [next, ...rest]: string[]): Promise<number> {
    if (next === undefined) return this.add(by)
    return this.ctx.actor<Node>('Node', next).pass(by, rest)
  }
  /** Waits for a gate first. */
  async passLater(name: string, by: number, path: string[]): Promise<number> {
    await gates.get(name)?.opened
    return this.pass(by, path)
  }
}

class Relay extends Actor {
  static readonly actor = { placement: 'process' } as const
  async add(key: string, by: number): Promise<number> {
    return this.ctx.actor<Node>('Node', key).add(by)
  }
}

const classes = { Node, Relay }

/** So many keys in the partition of a key, and one of another partition. */
function keysOf(system: ActorSystem<typeof classes>, count: number): [string[], string] {
  const all = Array.from({ length: 1000 }, (_, i) => `k${i}`)
  const partition = system.partitionOf('Node', 'k0')
  const here = all.filter((key) => system.partitionOf('Node', key) === partition)
  const there = all.find((key) => system.partitionOf('Node', key) !== partition) as string
  return [here.slice(0, count), there]
}

/** A store that waits before it opens or closes the data of a partition. */
function slowStore(kept: Store, before: { open(): Promise<void>; close(): Promise<void> }): Store {
  return {
    open: async (...opening) => {
      await before.open()
      const opened = (await kept.open(...opening)) as PartitionStore | undefined
      if (opened === undefined) return undefined
      const close = opened.close.bind(opened)
      const slowly = async () => {
        await before.close()
        await close()
      }
      return Object.assign(opened, { close: slowly })
    },
  }
}

const limit = { timeoutMs: 3000 }

/** Makes a call and fails its commit: it is not known whether it was made. The array keeps its end from being awaited. */
async function losingCommit<T>(store: HeldStore, make: () => Promise<T>): Promise<[Promise<T>]> {
  store.isFree = false
  const call = make()
  const commit = await store.next()
  store.isFree = true
  commit.fail(new StoreError('no', 'unknown'))
  return [call]
}

describe('a partition with a commit of which it is not known whether it was made', () => {
  it('opens anew although a method waits for a call behind one that waits for the partition', async () => {
    const store = new HeldStore()
    const system = start({ fleet: localFleet(), actors: classes, store, log: new Log() })
    const [[a, b, c], there] = keysOf(system, 3) as [[string, string, string], string]
    gates.set('behind', gate())
    const waiting = system.get('Node', a).with(limit).passLater('behind', 1, [there, c])
    await system.get('Node', b).add(1)
    const [failing] = await losingCommit(store, () => system.get('Node', b).add(1))
    await expect(failing).rejects.toMatchObject({ code: 'ERR_ORBIT_ACTOR_STORE', outcome: 'unknown' })
    const outside = system.get('Node', c).with(limit).add(5)
    gates.get('behind')?.open()
    await expect(waiting).rejects.toMatchObject({ code: 'ERR_ORBIT_ACTOR_STORE', outcome: 'not-run' })
    expect(await outside).toBe(5)
    expect(await system.get('Node', a).pass(1, [there, c])).toBe(6)
  })

  it('runs a call with an idempotency key again with the arguments that its caller gave', async () => {
    const store = new HeldStore()
    const system = start({ fleet: localFleet(), actors: classes, store, log: new Log() })
    const node = system.get('Node', 'a')
    await node.add(1)
    const [call] = await losingCommit(store, () => node.with({ idempotencyKey: 'key' }).addAll([2, 3]))
    expect(await call).toBe(6)
  })

  it('runs calls of actors that come before its data is open when it is', async () => {
    const opening = gate()
    let opened = 0
    const held = new HeldStore()
    const store = slowStore(held, {
      open: async () => {
        if (++opened > 16) await opening.opened
      },
      close: async () => {},
    })
    const system = start({ fleet: localFleet(), actors: classes, store, log: new Log() })
    const [[a, b], there] = keysOf(system, 2) as [[string, string], string]
    await system.get('Node', there).add(1)
    await system.get('Node', a).add(1)
    const [failing] = await losingCommit(held, () => system.get('Node', a).add(1))
    await expect(failing).rejects.toMatchObject({ outcome: 'unknown' })
    while (opened === 16) await new Promise((resolve) => setImmediate(resolve))
    const call = system.get('Node', there).with(limit).pass(1, [b])
    await new Promise((resolve) => setTimeout(resolve, 5))
    opening.open()
    expect(await call).toBe(1)
    expect(await system.get('Node', b).with(limit).add(1)).toBe(2)
  })
})

describe('a partition that leaves', () => {
  it('takes no call of an actor while its data is closed', async () => {
    const [fleet, kept, closing] = [localFleet(), memory(), gate()]
    let hasBegun = false
    const store = slowStore(kept, {
      open: async () => {},
      close: async () => {
        hasBegun = true
        await closing.opened
      },
    })
    const first = start({ fleet, actors: classes, store, log: new Log() })
    onTestFinished(closing.open)
    await first.get('Node', 'a').add(1)
    const drained = first.drain()
    while (!hasBegun) await new Promise((resolve) => setImmediate(resolve))
    const call = first.get('Relay', 'r').with(limit).add('a', 1)
    await new Promise((resolve) => setTimeout(resolve, 5))
    closing.open()
    await drained
    start({ fleet, actors: classes, store: kept, log: new Log() })
    expect(await call).toBe(2)
  })

  it('runs the calls for which its actors wait, however long that takes', async () => {
    await using test = testActors({ actors: { Node }, log: new Log() })
    gates.set('late', gate())
    const keys = Array.from({ length: 1000 }, (_, i) => `k${i}`)
    const call = test.get('Node', 'k0').with({ timeoutMs: 60_000 }).passLater('late', 1, keys.slice(1, 40))
    const ended = Promise.allSettled([call])
    await test.advance(1)
    const restarted = test.restart()
    await test.advance(20_000)
    gates.get('late')?.open()
    await test.advance(30_000)
    expect(await ended).toMatchObject([{ status: 'fulfilled', value: 1 }])
    await restarted
  })
})
