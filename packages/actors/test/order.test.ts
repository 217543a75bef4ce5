// The order of the calls of one process to one actor, with more calls under way than it has open at a time, on each way
// that they take: another process, this one, and from one to the other.
import { beforeEach, describe, expect, it } from 'vitest'
import { Actor, type ActorSystem } from '../src/index.js'
import { Log, localFleet, start, until } from './help/systems.js'

/** By actor: the numbers of the calls that have run. */
const runs = new Map<string, number[]>()

class Line extends Actor {
  async run(number: number): Promise<void> {
    const { key } = this.ctx
    runs.set(key, [...(runs.get(key) ?? []), number])
    if (number % 5 === 0) await new Promise((resolve) => setImmediate(resolve))
  }
  /** Makes so many calls at once. */
  async call(key: string, count: number): Promise<void> {
    const line = this.ctx.actor<Line>('Line', key)
    await Promise.all(Array.from({ length: count }, (_, number) => line.run(number)))
  }
}

const classes = { Line }
type System = ActorSystem<typeof classes>
const keys = Array.from({ length: 24 }, (_, i) => `line ${i}`)
const perKey = 8

/** Calls all actors until something has happened, with 192 calls under way. Returns how many calls each one got. */
async function callUntil(system: System, isDone: () => boolean): Promise<Map<string, number>> {
  const made = new Map<string, number>()
  const lane = async (key: string) => {
    const open: Promise<void>[] = []
    let number = 0
    for (; !isDone() || number < perKey; number++) {
      open.push(system.get('Line', key).run(number))
      if (open.length === perKey) await open.shift()
    }
    await Promise.all(open)
    made.set(key, number)
  }
  await Promise.all(keys.map(lane))
  return made
}

function expectOrder(made: Map<string, number>): void {
  for (const [key, count] of made) expect(runs.get(key)).toEqual(Array.from({ length: count }, (_, i) => i))
}

beforeEach(() => runs.clear())

describe('the calls of a process to an actor run in their order', () => {
  const begin = () => {
    const fleet = localFleet()
    return {
      host: () => start({ fleet, actors: classes, log: new Log() }),
      caller: () => start<typeof classes>({ fleet, host: false }),
    }
  }

  it.each([
    ['only calls', false],
    ['runs actors', true],
  ])('while actors move to a process that joins, and back when it leaves, if their caller %s', async (_, isHost) => {
    const { host, caller } = begin()
    const first = host()
    const system = isHost ? first : caller()
    await Promise.all(keys.map((key) => system.get('Line', key).run(-1)))
    expect(first.size).toBe(keys.length)
    runs.clear()
    let second: System | undefined
    let isClosed = false
    const calling = callUntil(system, () => isClosed)
    await until(() => runs.size === keys.length)
    second = host()
    await until(() => (second as System).size > 4)
    await second.close()
    isClosed = true
    expectOrder(await calling)
  })

  it('if an actor makes them', async () => {
    const { host, caller } = begin()
    const [one, two] = [host(), host()]
    await until(() => {
      void Promise.all(keys.map((key) => one.get('Line', key).run(-1)))
      return one.size > 4 && two.size > 4
    })
    runs.clear()
    const made = keys.map((key, i) =>
      caller()
        .get('Line', `caller ${i % 3}`)
        .call(`called ${key}`, 300),
    )
    await Promise.all(made)
    expectOrder(new Map(keys.map((key) => [`called ${key}`, 300])))
  })

  it('if they are the first of a process that has just started', async () => {
    for (let round = 0; round < 10; round++) {
      runs.clear()
      const { host, caller } = begin()
      const made = [caller(), caller()].map((system, i) => {
        return Promise.all(Array.from({ length: 400 }, (_, number) => system.get('Line', `${i}`).run(number)))
      })
      const running = host()
      await Promise.all(made)
      expectOrder(new Map([0, 1].map((i) => [`${i}`, 400])))
      await running.close()
    }
  })
})
