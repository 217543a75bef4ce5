// What one of many callers in one process costs: linear means that the figures of all cases are alike.

import { sampleFor } from '../measure.js'
import { aloneCase, type Case, type Run, type Trial } from './trial.js'

const casesOf = (counts: readonly number[], what: string, key: string): readonly Case[] =>
  counts.map((count) => aloneCase(`${count.toLocaleString('en')} ${what}`, { [key]: count }))

/** @param start returns what is repeated, and how many operations that is */
const trial = (
  about: Pick<Trial, 'name' | 'measures'>,
  cases: readonly Case[],
  start: (name: string, count: number) => Promise<{ run(): unknown; operations: number; close(): void }>,
): Trial => ({
  ...about,
  ...{ unit: 'ns', better: 'lower', needs: 'calls', together: true },
  full: { cases, rounds: 6, runMs: 100 },
  quick: { cases, rounds: 2, runMs: 20 },
  async host({ place, case: { values }, runMs }): Promise<Run> {
    const { run, operations, close } = await start(place.name, Object.values(values)[0] as number)
    return { samples: () => sampleFor(runMs, operations, run), close }
  },
})

export const failingLoad = trial(
  { name: 'failing load', measures: 'one caller of getOrSet, of many that wait for one load, which fails' },
  casesOf([100, 1_000, 10_000], 'callers', 'callers'),
  async (name, count) => {
    const { codecs, Fleet, TypedCache } = await import('../../src/index.js')
    const fleet = Fleet.joinShm(name, { lifetime: 'fleet' })
    const cache = new TypedCache(fleet, { codec: codecs.json() })
    const run = async () => {
      let loads = 0
      const load = async () => {
        loads++
        await new Promise((resolve) => setImmediate(resolve))
        throw new Error('on purpose')
      }
      const calls = Array.from({ length: count }, () => cache.getOrSet('key', load))
      const failed = (await Promise.allSettled(calls)).filter(({ status }) => status === 'rejected')
      if (loads !== 1 || failed.length !== count) throw new Error(`${loads} loads, ${failed.length} failed calls`)
    }
    return { run, operations: count, close: () => fleet.close() }
  },
)

export const eventAmongMany = trial(
  {
    name: 'event among subscriptions',
    measures: 'an event for one of the subscriptions of a process, until it has it',
  },
  casesOf([1, 100, 1_000, 5_000], 'subscriptions', 'subscriptions'),
  async (name, count) => {
    const { Fleet, OrbitEventBus } = await import('../../src/index.js')
    const fleet = Fleet.joinShm(name, { lifetime: 'fleet' })
    const bus = new OrbitEventBus(fleet)
    const subscriptions = Array.from({ length: count }, (_, i) => bus.subscribe(`user.${i}`))
    const [first, ...others] = subscriptions.map((subscription) => subscription[Symbol.asyncIterator]())
    for (const other of others) void other.next()
    const run = async () => {
      const next = first?.next()
      bus.publish('user.0', 'for one of them')
      await next
    }
    return { run, operations: 1, close: () => fleet.close() }
  },
)
