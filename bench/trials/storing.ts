// What only a store has: pauses of puts that evict, and values of any size.

import { randomOf, zipfOf } from '../hits/trace.js'
import { processorNs, quantile } from '../measure.js'
import { aloneCase, type Case, type Run, type Trial } from './trial.js'

type Store = InstanceType<typeof import('../../src/index.js')['OrbitStore']>

interface Storing {
  /** How large the store is. */
  readonly bytes: number
  readonly entryBytes: number
  /** Fills the store, and returns what measures it. What it needs is made here: other trials load this module too. */
  readonly fill: (store: Store, label: string) => (runMs: number) => number
}

const trial = (
  about: Pick<Trial, 'name' | 'measures'>,
  cases: readonly Case[],
  { bytes, entryBytes, fill }: Storing,
): Trial => ({
  ...about,
  ...{ unit: 'ns', better: 'lower', needs: 'calls', together: true },
  full: { cases, rounds: 6, runMs: 1000 },
  quick: { cases, rounds: 2, runMs: 200 },
  async host({ place, case: { label }, runMs }): Promise<Run> {
    const { Fleet, OrbitStore } = await import('../../src/index.js')
    const fleet = Fleet.joinShm(place.name, { lifetime: 'fleet', size: 8 })
    const store = new OrbitStore(fleet, { bytes, entryBytes })
    const sample = fill(store, label)
    return { samples: () => [sample(runMs)], close: () => fleet.close() }
  },
})

const shares: Record<string, number> = { 'half of the puts': 0.5, '99 %': 0.99, '99.9 %': 0.999, '99.99 %': 0.9999 }
const cpuLabel = '99.99 %, CPU time'
const wallNs = () => performance.now() * 1e6

export const storePauses = trial(
  {
    name: 'store put, its pauses',
    measures: 'what so many puts of 500 B take at most, on a miss in a full store of 64 MiB, with their evictions',
  },
  [...Object.keys(shares), cpuLabel].map((label) => aloneCase(label)),
  {
    ...{ bytes: 64 * 2 ** 20, entryBytes: 512 },
    fill(store, label) {
      const value = new Uint8Array(500).fill(120)
      const rank = zipfOf(2 ** 19, 0.9, randomOf(7))
      for (let i = 0; i < 300_000; i++) store.put(`key-${rank()}`, value)
      const clock = label === cpuLabel ? processorNs : wallNs // on a busy machine, others pause a put too
      return (runMs) => {
        const pauses: number[] = []
        for (const end = performance.now() + runMs; performance.now() < end; ) {
          const key = `key-${rank()}`
          if (store.get(key) !== undefined) continue
          const begin = clock()
          store.put(key, value)
          pauses.push(clock() - begin)
        }
        return quantile(pauses, shares[label] ?? 0.9999)
      }
    },
  },
)

const copies: Record<string, (store: Store, large: Buffer, target: Buffer) => void> = {
  getInto: (store, _, target) => void store.getInto('large', target),
  'copy of as many bytes': (_, large, target) => void large.copy(target),
}

export const storeLarge = trial(
  { name: 'store of 40 MiB', measures: 'a value of 40 MiB, read into a buffer' },
  Object.keys(copies).map((label) => aloneCase(label)),
  {
    ...{ bytes: 400 * 2 ** 20, entryBytes: 2 ** 20 },
    fill(store, label) {
      const large = Buffer.alloc(40 * 2 ** 20, 'orbit')
      const target = Buffer.alloc(large.length)
      const copy = copies[label] as (typeof copies)[string]
      store.put('large', large)
      return (runMs) => {
        let runs = 0
        const begin = performance.now()
        for (; runs < 3 || performance.now() - begin < runMs; runs++) copy(store, large, target)
        const ns = ((performance.now() - begin) * 1e6) / runs
        if (!target.equals(large)) throw new Error('the copy is another value')
        return ns
      }
    },
  },
)
