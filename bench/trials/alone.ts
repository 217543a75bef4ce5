// The trials of one process: the newest value, the cache, a claim; and orbit's single calls.

import { bytesOf } from '../calls/bytes.js'
import { type Cache, type Claim, load, type ScriptCall } from '../drivers/driver.js'
import { sampleFor } from '../measure.js'
import { chunk, Keys, zipfKeys } from './keys.js'
import { aloneCase, type Case, type Host, partOf, type Trial } from './trial.js'

/** What a host repeats. */
interface Alone {
  /** How many operations one `run` does. */
  readonly operations: number
  run(): unknown
  close(): void | Promise<void>
}

const trial = (
  about: Pick<Trial, 'name' | 'measures' | 'needs'>,
  cases: readonly Case[],
  start: (host: Host) => Promise<Alone>,
): Trial => ({
  ...about,
  ...{ unit: 'ns', better: 'lower' },
  full: { cases, rounds: 6, runMs: 100 },
  quick: { cases: cases.slice(0, 1), rounds: 2, runMs: 20 },
  async host(host) {
    const { operations, run, close } = await start(host)
    return { samples: () => sampleFor(host.runMs, operations, run), close }
  },
})

const latest = (name: string, measures: string, what: 'store' | 'load') =>
  trial({ name, measures, needs: 'latest' }, [aloneCase('')], async ({ driver, place }) => {
    const latest = await partOf(driver, 'latest')(place)
    await latest.storeAll(1)
    const check = (sum: number) => {
      const wanted = chunk * (load.busy + load.idle)
      if (sum !== wanted) throw new Error(`loaded ${sum} instead of ${wanted}`)
    }
    const loadAll = () => {
      const sum = latest.loadAll(chunk)
      return typeof sum === 'number' ? check(sum) : sum.then(check)
    }
    const run = what === 'store' ? () => latest.storeAll(chunk) : loadAll
    return { operations: chunk, run, close: () => latest.close() }
  })

export const latestStore = latest('latest store', 'a new newest value, two fields', 'store')
export const latestLoad = latest('latest load', 'the newest value of any process, both fields read', 'load')

export const valueBytes = 64
export const value = bytesOf(valueBytes)

/** A cache in which all keys of the case are stored. */
export async function filledCache(
  { driver, place, case: { values } }: Pick<Host, 'driver' | 'place' | 'case'>,
  stored = value,
) {
  const count = values['keys'] as number
  const cache = await partOf(driver, 'cache')(place, { keys: count, valueBytes: stored.length })
  const keys = new Keys(count, 'key-', 1)
  for (const some of keys.chunks) await cache.putAll(some, stored)
  return { cache, keys, count }
}

/**
 * Throws unless each of these lookups finds so many bytes. A tenth may be missing: in a store, two keys with equal
 * marks evict each other, which happens to a few of 100,000.
 */
export function lookUp(cache: Cache, keys: readonly string[], bytesEach: number): void | Promise<void> {
  const check = (bytes: number) => {
    const all = keys.length * bytesEach
    if (!(bytes <= all && bytes >= all * 0.9)) throw new Error(`${keys.length} keys have ${bytes} bytes`)
  }
  const bytes = cache.getAll(keys)
  return typeof bytes === 'number' ? check(bytes) : bytes.then(check)
}

const sizes = [1_000, 100_000].map((keys) => aloneCase(`${keys.toLocaleString('en')} keys`, { keys }))

const cache = (name: string, measures: string, what: 'put' | 'get' | 'miss') =>
  trial({ name, measures, needs: 'cache' }, sizes, async (host) => {
    const { cache, keys: stored, count } = await filledCache(host)
    const keys = what === 'put' ? stored : new Keys(count, what === 'get' ? 'key-' : 'absent-', 2)
    const bytes = what === 'get' ? valueBytes : 0
    const run = what === 'put' ? () => cache.putAll(keys.next(), value) : () => lookUp(cache, keys.next(), bytes)
    return { operations: chunk, run, close: () => cache.close() }
  })

export const cachePut = cache('cache put', 'a new value of 64 B for one of the keys', 'put')
export const cacheGet = cache('cache get', 'the value of 64 B of a key that is stored', 'get')
export const cacheMiss = cache('cache miss', 'a lookup of a key that was never stored, beside keys that are', 'miss')

const largeBytes = 65_536

export const cacheLarge = trial(
  {
    name: 'cache of large values',
    measures: 'nine gets to each put, values of 64 KiB: the time of one, whichever it is',
    needs: 'cache',
  },
  [aloneCase('900 keys', { keys: 900 })],
  async (host) => {
    const large = bytesOf(largeBytes)
    const { cache, count } = await filledCache(host, large)
    const [gets, puts] = [new Keys(count, 'key-', 2, 90), new Keys(count, 'key-', 3, 10)]
    const run = () => {
      const found = lookUp(cache, gets.next(), largeBytes)
      return found === undefined ? cache.putAll(puts.next(), large) : found.then(() => cache.putAll(puts.next(), large))
    }
    return { operations: chunk, run, close: () => cache.close() }
  },
)

export const claim = trial(
  { name: 'claim', measures: 'a free subject is claimed and released, both', needs: 'claims' },
  [aloneCase('')],
  async ({ driver, place }) => {
    const claims = await partOf(driver, 'claims')(place)
    const subjects = new Keys(1000, 'subject-', 1)
    const release = (claim: Claim | undefined) => {
      if (claim === undefined) throw new Error('a subject is claimed already')
      return claim.release()
    }
    const probe = claims.tryClaim('probe')
    await release(await probe)
    const claimAll = () => {
      for (const subject of subjects.next()) release(claims.tryClaim(subject) as Claim)
    }
    const claimAllAsync = async () => {
      for (const subject of subjects.next()) await release(await claims.tryClaim(subject))
    }
    const run = probe instanceof Promise ? claimAllAsync : claimAll
    return { operations: chunk, run, close: () => claims.close() }
  },
)

const keyCount = 10_000
const keySets = [aloneCase('one key', { keys: 1 }), aloneCase('10,000 keys, zipf', { keys: keyCount })]

/** The keys of a case, a few at a time, over and over. */
function keysOf({ case: { values } }: Host): () => readonly string[] {
  const keys = values['keys'] === 1 ? new Array<string>(chunk).fill('hot') : zipfKeys(keyCount, chunk * 1000)
  const chunks = Array.from({ length: keys.length / chunk }, (_, i) => keys.slice(i * chunk, (i + 1) * chunk))
  let next = 0
  return () => chunks[next++ % chunks.length] as readonly string[]
}

export const count = trial(
  { name: 'count', measures: 'one more for a name, and its new count', needs: 'counts' },
  keySets,
  async (host) => {
    const counts = await partOf(host.driver, 'counts')(host.place)
    const keys = keysOf(host)
    const check = (last: number) => {
      if (!(last >= 1)) throw new Error(`the last count is ${last}`)
    }
    const run = () => {
      const last = counts.countAll(keys())
      return typeof last === 'number' ? check(last) : last.then(check)
    }
    return { operations: chunk, run, close: () => counts.close() }
  },
)

export const limit = trial(
  { name: 'limit', measures: 'a decision that a key may go on', needs: 'limits' },
  keySets,
  async (host) => {
    const limits = await partOf(host.driver, 'limits')(host.place)
    const keys = keysOf(host)
    const check = (allowed: number) => {
      if (allowed !== chunk) throw new Error(`${allowed} of ${chunk} were allowed`)
    }
    const run = () => {
      const allowed = limits.takeAll(keys())
      return typeof allowed === 'number' ? check(allowed) : allowed.then(check)
    }
    return { operations: chunk, run, close: () => limits.close() }
  },
)

const scriptCalls: Record<string, ScriptCall> = {
  'a store': 'store',
  'a hit': 'hit',
  'a miss': 'miss',
  'a count': 'count',
}
const scriptCases = Object.keys(scriptCalls).map((label) => aloneCase(label))

export const script: Trial = {
  name: 'script',
  measures:
    'one call, as a script sees it: 1,000 keys, values of 64 B, a loop in the script’s own runtime, one process',
  ...{ unit: 'ns', better: 'lower', needs: 'script' },
  full: { cases: scriptCases, rounds: 6, runMs: 100 },
  quick: { cases: scriptCases, rounds: 3, runMs: 20 },
  async host({ driver, place, case: { label }, runMs }) {
    const script = await partOf(driver, 'script')(place)
    return {
      samples: async () => [await script.sample(scriptCalls[label] as ScriptCall, runMs)],
      close: () => script.close(),
    }
  },
}

/** The calls are in modules that load orbit, which peers of other drivers must not. */
const loadCalls = async () => (await import('../calls/index.js')).calls

const callCases = async () => (await loadCalls()).map(({ name, measures }) => ({ ...aloneCase(name), measures }))

export const call: Trial = {
  name: 'call',
  measures: 'one call of orbit’s, or one frame of a call that takes many',
  ...{ unit: 'ns', better: 'lower', needs: 'calls', together: true },
  full: { cases: callCases, rounds: 8, runMs: 120 },
  quick: { cases: callCases, rounds: 3, runMs: 30 },
  async host({ place, case: { label }, runMs }) {
    const call = (await loadCalls()).find(({ name }) => name === label)
    if (call === undefined) throw new Error(`there is no call ${label}`)
    const { run, close } = call.start(place.name)
    return { samples: () => sampleFor(runMs, call.operations, run), close }
  },
}
