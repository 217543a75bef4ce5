// Counters and rate limits.

import { Counters, RateLimiter } from '../../src/index.js'
import { zipfKeys } from '../trials/keys.js'
import { fleetCall } from './call.js'

const keyCount = 10_000
const keys = zipfKeys(keyCount, 2 ** 16)
const key = (i: number): string => keys[(i * 61) % keys.length] as string

const countersCall = (name: string, measures: string, start: (counters: Counters) => (i: number) => unknown) =>
  fleetCall(name, measures, (fleet) => start(new Counters(fleet, { capacity: 2 ** 15 })))

/** So many a second that no call is refused. */
const limit = { limit: 16_000_000, windowMs: 1000, keys: 2 * keyCount }

const limiterCall = (name: string, measures: string, start: (limiter: RateLimiter) => (i: number) => unknown) =>
  fleetCall(`RateLimiter ${name}`, measures, (fleet) => start(new RateLimiter(fleet, { name: 'bench', ...limit })))

export default [
  countersCall('Counter add', 'counter.add()', (counters) => {
    const counter = counters.counter('hot')
    return () => counter.add()
  }),
  countersCall('Counter add, 10,000 names', 'counter.add() of kept counters, by zipf', (counters) => {
    const kept = new Map(keys.map((name) => [name, counters.counter(name)]))
    const order = Array.from({ length: keys.length }, (_, i) => kept.get(key(i)))
    return (i) => order[i]?.add()
  }),
  countersCall(
    'Counter add, by name',
    'counters.counter(name).add() of 10,000 names, by zipf',
    (counters) => (i) => counters.counter(key(i)).add(),
  ),
  countersCall('Gauge add', 'gauge.add(0.5)', (counters) => {
    const gauge = counters.gauge('hot')
    return () => gauge.add(0.5)
  }),
  limiterCall('take', 'limiter.take(key) of one key', (limiter) => () => limiter.take('hot')),
  limiterCall(
    'take, 10,000 keys',
    'limiter.take(key) of 10,000 keys, by zipf',
    (limiter) => (i) => limiter.take(key(i)),
  ),
  limiterCall('allows', 'limiter.allows(key) of one key', (limiter) => () => limiter.allows('hot')),
]
