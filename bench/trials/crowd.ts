// The trials of four processes that work at once: the cache, and claims of one subject.

import { nowNs, pause } from '../clock.js'
import { randomOf, zipfOf } from '../hits/trace.js'
import { filledCache, lookUp, value, valueBytes } from './alone.js'
import { chunk, Keys } from './keys.js'
import { aloneCase, type Host, type PeerPart, partOf, type Trial } from './trial.js'

/** From when until when all of them work. */
interface Shift {
  readonly beginNs: number
  readonly endNs: number
}

/** What one of them did. `grants`: when each claim was granted and released, in turn. */
interface Done {
  readonly count: number
  readonly endedNs: number
  readonly grants?: readonly number[]
}

/** All peers work at once for the time of a run. */
async function workTogether({ publishers, runMs }: Host): Promise<{ done: Done[]; rate: number }> {
  const beginNs = nowNs() + 20e6
  const shift: Shift = { beginNs, endNs: beginNs + runMs * 1e6 }
  const done = await Promise.all(publishers.map((peer) => peer.ask<Done>(shift)))
  const seconds = (Math.max(...done.map(({ endedNs }) => endedNs)) - beginNs) / 1e9
  return { done, rate: done.reduce((sum, { count }) => sum + count, 0) / seconds }
}

/** @param work does some, and resolves to how much */
async function workFor({ beginNs, endNs }: Shift, work: () => Promise<number>): Promise<Done> {
  await pause((beginNs - nowNs()) / 1e6)
  let count = 0
  while (nowNs() < endNs) count += await work()
  return { count, endedNs: nowNs() }
}

const crowd = (
  about: Pick<Trial, 'name' | 'measures' | 'needs'>,
  label: string,
  keys: number,
  parts: { check?(done: Done[]): void; peer: NonNullable<Trial['peer']> },
): Trial => {
  const cases = [{ ...aloneCase(label, { keys }), publishers: 4 }]
  return {
    ...about,
    ...{ unit: 'per second', better: 'higher' },
    ...{ full: { cases, rounds: 8, runMs: 250 }, quick: { cases, rounds: 2, runMs: 100 } },
    peer: parts.peer,
    host: (host) => ({
      async samples() {
        const { done, rate } = await workTogether(host)
        parts.check?.(done)
        return [rate]
      },
    }),
  }
}

export const cacheMix = crowd(
  {
    name: 'cache mix',
    measures: 'nine gets to each put, values of 64 B, by all processes at once: operations in all; each get must hit',
    needs: 'cache',
  },
  '1,000 keys, 4 processes',
  1_000,
  {
    async peer(context): Promise<PeerPart> {
      const { cache, count } = await filledCache(context)
      const { index } = context.place
      const gets = new Keys(count, 'key-', 2 * index + 2, 90)
      const puts = new Keys(count, 'key-', 2 * index + 3, 10)
      const some = async () => {
        const [got, put] = [gets.next(), puts.next()]
        await lookUp(cache, got, valueBytes)
        await cache.putAll(put, value)
        return got.length + put.length
      }
      return { answer: (shift: Shift) => workFor(shift, some), close: () => cache.close() }
    },
  },
)

/** The requests of a process, in which key r comes 1/(r+1) as often as the first: nine gets to each put. */
function zipfRequests(keys: number, seed: number): readonly (readonly [key: readonly string[], isPut: boolean])[] {
  const random = randomOf(seed)
  const rank = zipfOf(keys, 1, random)
  return Array.from({ length: 100_000 }, () => [[`key-${rank()}`], random() < 0.1] as const)
}

export const cacheMixZipf = crowd(
  {
    name: 'cache mix, zipf',
    measures: 'nine gets to each put, the first key most often, a miss is put: operations of all processes at once',
    needs: 'cache',
  },
  '100,000 keys, 4 processes',
  100_000,
  {
    async peer({ driver, place, case: { values } }): Promise<PeerPart> {
      const keys = values['keys'] as number
      const cache = await partOf(driver, 'cache')(place, { keys, valueBytes })
      const requests = zipfRequests(keys, place.index)
      let next = 0
      const some = async () => {
        let count = 0
        for (; count < chunk; count++) {
          const [key, isPut] = requests[next++ % requests.length] as (typeof requests)[number]
          const found = isPut ? 0 : cache.getAll(key)
          if ((typeof found === 'number' ? found : await found) === valueBytes) continue
          const put = cache.putAll(key, value)
          if (put !== undefined) await put
        }
        return count
      }
      return { answer: (shift: Shift) => workFor(shift, some), close: () => cache.close() }
    },
  },
)

/** Throws if two processes had the subject at once: a grant began before the one before it had ended. */
export function checkExclusion(done: readonly Pick<Done, 'grants'>[]): void {
  const times = (odd: number) =>
    Float64Array.from(done.flatMap(({ grants = [] }) => grants.filter((_, i) => i % 2 === odd))).sort()
  const [began, ended] = [times(0), times(1)]
  // Each grant ends before the next one begins exactly when the sorted times interleave.
  for (let i = 1; i < began.length; i++) {
    const [next, end] = [began[i] as number, ended[i - 1] as number]
    if (next < end) throw new Error(`a grant began ${end - next} ns before the one before it ended`)
  }
}

export const claimsContended = crowd(
  {
    name: 'claims contended',
    measures: 'all processes claim one subject and release it, again and again: grants in all, never two at once',
    needs: 'claims',
  },
  '4 processes',
  1,
  {
    check: checkExclusion,
    async peer({ driver, place }): Promise<PeerPart> {
      const claims = await partOf(driver, 'claims')(place)
      let grants: number[] = []
      const grant = async () => {
        const claim = await claims.claim('contended')
        grants.push(nowNs(), nowNs())
        await claim.release()
        return 1
      }
      const answer = async (shift: Shift) => {
        grants = []
        return { ...(await workFor(shift, grant)), grants }
      }
      return { answer, close: () => claims.close() }
    },
  },
)
