import { describe, expect, it } from 'vitest'
import { reservedType } from '../../src/core/type.js'
import { Fleet, OrbitEventBus } from '../../src/index.js'
import { fleetName } from '../help/fleets.js'
import { type Child, start } from '../help/processes.js'
import { generator, newSeed } from '../help/random.js'
import { isLinux } from '../help/system.js'

const options = { capacity: 64, payloadBytes: 112 }
const ring = reservedType({ name: 'orbit.events', kind: 220, capacity: 64, payloadBytes: 114 })

interface Account {
  received: number
  lost: number
  malformed: number
  whole: number
  publishers: number
}

async function publisher(name: string): Promise<Child> {
  const child = start('actor.mjs', ['events', 'publisher', name, options])
  expect(await child.next()).toBe('ready')
  return child
}

async function subscriber(
  name: string,
  spec: { pattern?: string; only?: string; observes?: boolean; from?: number } = {},
): Promise<Child> {
  const child = start('actor.mjs', ['events', 'subscriber', name, options, spec])
  expect(await child.next()).toBe('subscribed')
  return child
}

/** The account that it gives at the end, after any other messages. */
async function lastAccount(child: Child): Promise<Account> {
  let last: Account | undefined
  for (let said = await child.heard<Account>(); said !== undefined; said = await child.heard()) last = said
  await expectGoneWell(child)
  return last as Account
}

async function expectGoneWell(child: Child): Promise<void> {
  expect({ ...(await child.ended), stderr: child.stderr }).toEqual({ code: 0, signal: null, stderr: '' })
}

describe.runIf(isLinux)('one publisher', () => {
  it.each([1, 4, 16])('loses no event when it is paced by the answers of %i subscribing processes', async (count) => {
    const name = fleetName('bus')
    using _keeper = Fleet.joinShm(name, { size: 32 })
    const publishing = await publisher(name)
    const subscribers = await Promise.all(Array.from({ length: count }, () => subscriber(name)))
    const rounds = 30
    const each = options.capacity - 1
    for (let round = 1; round <= rounds; round++) {
      await publishing.ask('publish', each)
      await publishing.ask('word', round < rounds ? 'account' : 'end')
      const received = round * (each + 1)
      const expected = { received, lost: 0, malformed: 0, whole: round * each, publishers: 1 }
      for (const child of subscribers) expect(await child.next(), child.stderr).toEqual(expected)
    }
    for (const child of subscribers) await expectGoneWell(child)
  })

  it('loses for a stopped subscriber exactly what the ring cannot hold, and nothing for the others', async () => {
    const name = fleetName('bus')
    using _keeper = Fleet.joinShm(name, { size: 32 })
    const publishing = await publisher(name)
    const [stopped, awake] = await Promise.all([subscriber(name), subscriber(name)])
    const some = async (hearing: Child[]) => {
      await publishing.ask('publish', 32)
      await publishing.ask('word', 'account')
      for (const child of hearing) await child.next()
    }
    await some([stopped, awake])
    await stopped.stop()
    for (let i = 0; i < 9; i++) await some([awake])
    await publishing.ask('word', 'end')
    stopped.process.kill('SIGCONT')
    const lost = 9 * 33 + 1 - options.capacity
    expect(await lastAccount(stopped)).toMatchObject({ received: 33 + options.capacity, lost })
    expect(await lastAccount(awake)).toMatchObject({ received: 10 * 33 + 1, lost: 0, whole: 320 })
  })

  it('reports an exact loss to each subscriber, stopped and continued at random, when it never waits', async () => {
    const random = generator(newSeed('lag'))
    const name = fleetName('bus')
    using keeper = Fleet.joinShm(name, { size: 32 })
    const publishing = await publisher(name)
    const subscribers = await Promise.all([subscriber(name), subscriber(name), subscriber(name, { observes: true })])
    for (let round = 0; round < 40; round++) {
      const victim = subscribers[random(subscribers.length)] as Child
      await victim.stop()
      await publishing.ask('publish', random(5 * options.capacity))
      victim.process.kill('SIGCONT')
    }
    await publishing.ask('word', 'end')
    const published = keeper.head(ring)
    for (const child of subscribers) {
      const { received, lost, whole } = await lastAccount(child)
      expect({ total: received + lost, whole }).toEqual({ total: published, whole: received - 1 })
    }
  })
})

describe.runIf(isLinux)('a storm of publishers that are killed', () => {
  const stormMs = Number(process.env['ORBIT_STORM_SECONDS'] ?? 2) * 1000

  it('leaves whole events in the order of each publisher, and an exact account', {
    timeout: 240_000 + 3 * stormMs,
  }, async () => {
    const random = generator(newSeed('events'))
    const name = fleetName('bus')
    using keeper = Fleet.joinShm(name, { size: 16 })
    const bus = new OrbitEventBus(keeper, options)
    const subscribers = await Promise.all([
      subscriber(name, { from: 0 }),
      subscriber(name, { from: 0, observes: true }),
      subscriber(name, { from: 0, pattern: 'from.3.>', only: 'from.3.' }),
    ])
    let generation = 0
    const newPublisher = async () => {
      const child = start('actor.mjs', ['events', 'flood', name, options, ++generation])
      expect(await child.next()).toBe('ready')
      return child
    }
    // These processes have loaded everything, which allows many kills in a short time.
    const pool = Array.from({ length: 16 }, newPublisher)
    await Promise.all(pool)
    const active: Child[] = []
    let killed = 0
    const until = performance.now() + stormMs
    while (performance.now() < until) {
      while (active.length < 2) {
        const child = await (pool.shift() ?? newPublisher())
        expect(await child.ask('begin')).toHaveProperty('node')
        active.push(child)
      }
      await active.splice(random(active.length), 1)[0]?.kill()
      killed++
      for (const child of subscribers) expect(child.isOver, child.stderr).toBe(false)
    }
    for (const child of active) await child.kill()

    bus.publish('from.3.end')
    const published = keeper.head(ring)
    const accounts = await Promise.all(subscribers.map(lastAccount))
    for (const { received, malformed, whole } of accounts) {
      expect({ malformed, whole }).toEqual({ malformed: 0, whole: received - 1 })
    }
    const totals = accounts.map(({ received, lost }) => received + lost)
    expect(totals).toEqual([published, published, expect.any(Number)])
    expect(totals[2]).toBeLessThanOrEqual(published)
    // Every subscriber, even a slow one, could read the last lap.
    for (const { whole } of accounts.slice(0, 2)) expect(whole).toBeGreaterThanOrEqual(options.capacity - 1)
    console.log(`storm: ${published} events, ${generation} publishers, ${killed} killed`)
  })
})
