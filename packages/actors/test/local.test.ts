import { expect, it } from 'vitest'
import { Actor, type DeactivateReason } from '../src/index.js'
import { Log, localFleet, start, until } from './help/systems.js'

const ends: string[] = []

class Session extends Actor {
  static readonly actor = { placement: 'local' } as const
  #calls = 0
  async call(): Promise<{ calls: number; token: number }> {
    await new Promise((resolve) => setImmediate(resolve))
    return { calls: ++this.#calls, token: this.ctx.token }
  }
  store(): void {
    this.ctx.storage.put('a', 1)
  }
  end(): void {
    this.ctx.deactivate()
  }
  override onDeactivate(reason: DeactivateReason): void {
    ends.push(`${this.ctx.key} ${reason}`)
  }
}

/** Calls a session by way of another actor. */
class Front extends Actor {
  async call(key: string) {
    return this.ctx.actor<Session>('Session', key).call()
  }
}

const classes = { Session, Front }
const keys = Array.from({ length: 20 }, (_, i) => `session ${i}`)

function world() {
  const fleet = localFleet()
  const options = { fleet, actors: classes, log: new Log() }
  const [first, second] = [start<typeof classes>(options), start<typeof classes>(options)]
  return { first, second, caller: start<typeof classes>({ fleet, host: false }) }
}

it('activates a local actor in the process that calls it first, for all processes', async () => {
  const { first, second, caller } = world()
  for (const key of keys) expect((await first.get('Session', key).call()).calls).toBe(1)
  expect([first.size, second.size]).toEqual([20, 0])
  for (const key of keys) expect((await second.get('Session', key).call()).calls).toBe(2)
  for (const key of keys) expect((await caller.get('Session', key).call()).calls).toBe(3)
  expect([first.size, second.size]).toEqual([20, 0])
})

it('activates a local actor where it is called after its end, under a higher token', async () => {
  const { first, second } = world()
  const before = await first.get('Session', 'a').call()
  await first.get('Session', 'a').end()
  await until(() => first.size === 0)
  const after = await second.get('Session', 'a').call()
  expect(after.calls).toBe(1)
  expect(after.token).toBeGreaterThan(before.token)
  expect(second.size).toBe(1)
})

it('activates a local actor once for 1,000 first calls of three processes', async () => {
  const { first, second, caller } = world()
  await caller.get('Front', 'a').call('other')
  const systems = [first, second, caller]
  const calls = Array.from({ length: 1000 }, (_, i) => systems[i % 3]?.get('Session', 'crowd').call())
  const counts = (await Promise.all(calls)).map((result) => result?.calls)
  expect(counts.toSorted((a, b) => Number(a) - Number(b))).toEqual(calls.map((_, i) => i + 1))
  for (const own of [0, 1, 2]) {
    const ofOne = counts.filter((_, i) => i % 3 === own)
    expect(ofOne).toEqual(ofOne.toSorted((a, b) => Number(a) - Number(b)))
  }
})

it('has local actors of a process that runs none activated in another one', async () => {
  const { first, second, caller } = world()
  for (const key of keys) expect((await caller.get('Session', key).call()).calls).toBe(1)
  expect(first.size + second.size).toBe(20)
})

it('ends local actors with their process, and the next call makes new ones elsewhere', async () => {
  const { first, second, caller } = world()
  await first.get('Session', 'a').call()
  const waiting = [1, 2, 3].map(() => caller.get('Session', 'a').call())
  await first.close()
  expect((await Promise.all(waiting)).every(({ calls }) => calls > 0)).toBe(true)
  await caller.get('Session', 'a').call()
  expect(second.size).toBe(1)
})

it('monitors and finds local actors, which have no storage', async () => {
  const { first, second, caller } = world()
  const session = first.get('Session', 'a')
  await session.call()
  const ended = [first, second, caller].map((system) => system.monitor(session))
  await expect(session.store()).rejects.toThrow('a has no storage: actors have it in a system with a store')
  const { hosts } = await second.inspect({ type: 'Session' })
  expect(hosts.flatMap(({ report }) => report?.actors.map(({ key }) => key))).toEqual(['a'])
  await session.end()
  expect(await Promise.all(ended)).toEqual(['asked', 'asked', expect.stringMatching(/asked|absent/)])
})

it('ends a local actor when its system is closed after a drain', async () => {
  const { first } = world()
  await first.get('Session', 'drained').call()
  await first.drain()
  expect((await first.get('Session', 'drained').call()).calls).toBe(2)
  await first.close()
  expect(ends.filter((end) => end.startsWith('drained'))).toEqual(['drained shutdown'])
})
