import { filled, look, value, valueBytes } from './cache.js'
import { crowdOf, type Shift, workFor, workTogether } from './crowd.js'
import { Keys } from './keys.js'
import type { Trial } from './trial.js'

const count = 1_000
const parameters = [crowdOf('1,000 keys, 4 processes', { keys: count, valueBytes, processes: 4 })]

/** Every get must find its key. */
export const cacheMix: Trial = {
  name: 'cache mix',
  measures: 'nine gets to each put, values of 64 B, by all processes at once: operations in all',
  unit: 'per second',
  better: 'higher',
  needs: 'cache',
  full: { parameters, rounds: 8, visitMs: 250 },
  quick: { parameters, rounds: 2, visitMs: 100 },
  async host(host) {
    await host.open()
    return async () => [await workTogether(host)]
  },
  async peer(context) {
    const { cache } = await filled(context)
    const { index } = context.place
    const gets = new Keys(count, 'key-', 2 * index + 2, 90)
    const puts = new Keys(count, 'key-', 2 * index + 3, 10)
    const some = async () => {
      const got = gets.next()
      await look(cache, got, valueBytes)
      const put = puts.next()
      await cache.putAll(put, value)
      return got.length + put.length
    }
    return { answer: (shift: Shift) => workFor(shift, some), close: () => cache.close() }
  },
}
