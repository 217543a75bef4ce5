import { bytesOf } from '../calls/call.js'
import type { Cache } from '../drivers/driver.js'
import { aloneTrial, aloneWith, partOf } from './alone.js'
import { chunk, Keys } from './keys.js'
import type { PeerContext, Trial } from './trial.js'

export const valueBytes = 64
export const value = bytesOf(valueBytes)
const parameters = [1_000, 100_000].map((keys) => aloneWith(`${keys.toLocaleString('en')} keys`, { keys, valueBytes }))

/** A cache of the parameters' keys, all of which live. */
export async function filled(context: PeerContext): Promise<{ cache: Cache; keys: Keys }> {
  const { keys: count = 0 } = context.parameters.values
  const cache = await partOf(context.driver.cache, context)(context.place, { keys: count, valueBytes })
  const keys = new Keys(count, 'key-', 1)
  for (const some of keys.chunks) await cache.putAll(some, value)
  return { cache, keys }
}

/** Throws unless each of these lookups found so many bytes. */
export function look(cache: Cache, keys: readonly string[], bytesEach: number): void | Promise<void> {
  const check = (bytes: number) => {
    if (bytes !== keys.length * bytesEach) throw new Error(`${keys.length} keys have ${bytes} bytes`)
  }
  const bytes = cache.getAll(keys)
  return typeof bytes === 'number' ? check(bytes) : bytes.then(check)
}

const trial = (
  name: string,
  measures: string,
  runOn: (filled: { cache: Cache; keys: Keys }, count: number) => () => void | Promise<void>,
): Trial =>
  aloneTrial({ name, measures, needs: 'cache' }, parameters, async (context) => {
    const { cache, keys } = await filled(context)
    const run = runOn({ cache, keys }, context.parameters.values.keys ?? 0)
    return { operations: chunk, run, close: () => cache.close() }
  })

export const cachePut = trial('cache put', 'a new value of 64 B for one of the keys', ({ cache, keys }) => {
  return () => cache.putAll(keys.next(), value)
})

export const cacheGet = trial('cache get', 'the value of 64 B of a live key', ({ cache }, count) => {
  const keys = new Keys(count, 'key-', 2)
  return () => look(cache, keys.next(), valueBytes)
})

export const cacheMiss = trial(
  'cache miss',
  'a look for a key that was never put, beside live ones',
  ({ cache }, count) => {
    const keys = new Keys(count, 'absent-', 2)
    return () => look(cache, keys.next(), 0)
  },
)
