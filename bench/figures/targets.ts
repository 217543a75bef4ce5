import { named, type Results } from '../results.js'
import { shown, times } from '../units.js'

const latency = (driver: string) => `latency, idle, ${driver}`

/** What a change must keep: at most so many nanoseconds, times the second figure ('x') or more than it ('+'). */
const targets: readonly (readonly [
  name: string,
  atMost: number,
  kind: 'ns' | 'x' | '+',
  figure: string,
  to?: string,
])[] = [
  ['publish, to an empty call', 2.5, 'x', 'publish 64 B', 'empty call, 2 arguments'],
  ['publish, to a call that decodes as much', 2.5, 'x', 'publish 64 B', 'decoding call, 2 arguments'],
  ['publishPacked of 100, a frame', 20, 'ns', 'publishPacked, 100 x 64 B'],
  ['publishBatch of 100, a frame', 50, 'ns', 'publishBatch, 100 x 64 B'],
  ['poll of 100, a frame', 60, 'ns', 'poll 100 frames, 64 B'],
  ['Orbital.load', 150, 'ns', 'Orbital.load, 2 fields'],
  ['cache hit, copied out', 200, 'ns', 'cache get hit, 64 B'],
  ['TypedCache.get of an unchanged value', 100, 'ns', 'TypedCache.get, unchanged'],
  ['cache miss, to a hit', 1, 'x', 'cache get miss', 'cache get hit, 64 B'],
  ['cache put, to publish', 2, 'x', 'cache put 64 B', 'publish 64 B'],
  ['a cache that catches up, a new frame', 60, '+', 'cache put and catch up, 64 B', 'cache put 64 B'],
  ['claim and release, uncontended', 1000, 'ns', 'Contest claim and release'],
  ['a lost try to claim', 300, 'ns', 'Contest lost try, to another'],
  ['latency, to process.send json', 0.7, 'x', latency('orbit'), latency('process.send, json')],
  ['latency by for await, to process.send json', 0.7, 'x', latency('orbit, for await'), latency('process.send, json')],
  ['latency, to process.send advanced', 0.7, 'x', latency('orbit'), latency('process.send, advanced')],
  ['latency of a spinning reader', 2000, 'ns', latency('orbit, spinning')],
]

/** A row for each target; a missed one in bold. */
export function targetRows({ cells }: Results): string[][] {
  const cellOf = new Map(
    cells.map((cell) => [cell.trial === 'call' ? cell.case : named(cell.trial, cell.case, cell.driver), cell]),
  )
  return targets.map(([name, atMost, kind, figure, to]) => {
    const at = (by: 'median' | 'p10') => {
      const [value = Number.NaN, base = 0] = [figure, to ?? ''].map((cell) => cellOf.get(cell)?.[by])
      return kind === 'x' ? value / base : value - base
    }
    const text = (value: number) => (kind === 'x' ? times(value) : shown(value, 'ns'))
    if (Number.isNaN(at('median'))) throw new Error(`target ${name} was not measured`)
    const median = text(at('median'))
    return [name, text(atMost), at('median') <= atMost ? median : `**${median}**`, text(at('p10'))]
  })
}
