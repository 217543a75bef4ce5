import type { CellResult, Comparison } from '../results.js'
import { groupBy } from './comparison.js'

/** How the time a message takes grows with one parameter, the others being equal. */
export interface Slope {
  readonly trial: string
  /** What grows: a key of CellResult.values. */
  readonly along: string
  /** The other parameters, as 'readers=1'. */
  readonly others: string
  readonly driver: string
  readonly from: number
  readonly to: number
  /** Nanoseconds a message at both ends. */
  readonly costs: readonly [number, number]
  /** The power of `along` by which the cost grows, fitted over all points: 0 flat, 1 proportional. */
  readonly exponent: number
}

const nanoseconds = ({ unit, median }: CellResult) => (unit === 'per second' ? 1e9 / median : median)

/** The least-squares slope of log y over log x. */
function exponentOf(points: readonly (readonly [number, number])[]): number {
  const logs = points.map(([x, y]) => [Math.log(x), Math.log(y)] as const)
  const mean = (of: (point: readonly [number, number]) => number) =>
    logs.reduce((sum, point) => sum + of(point), 0) / logs.length
  const [mx, my] = [mean(([x]) => x), mean(([, y]) => y)]
  const above = logs.reduce((sum, [x, y]) => sum + (x - mx) * (y - my), 0)
  return above / logs.reduce((sum, [x]) => sum + (x - mx) ** 2, 0)
}

/** Of each trial whose cells have that parameter with at least three values. */
export function slopesOf({ cells }: Comparison, along: string): Slope[] {
  const grown = cells.filter(({ values }) => values[along] !== undefined)
  const series = groupBy(grown, ({ trial, driver, values }) => {
    const others = Object.entries(values).filter(([key]) => key !== along)
    return JSON.stringify([trial, others.map(([key, value]) => `${key}=${value}`).join(', '), driver])
  })
  return [...series].flatMap(([key, cells]) => {
    if (cells.length < 3) return []
    const [trial, others, driver] = JSON.parse(key) as [string, string, string]
    const points = cells
      .map((cell) => [cell.values[along] as number, nanoseconds(cell)] as const)
      .sort(([a], [b]) => a - b)
    const [first, last] = [points[0], points.at(-1)] as [readonly [number, number], readonly [number, number]]
    const costs = [first[1], last[1]] as const
    return [{ trial, along, others, driver, from: first[0], to: last[0], costs, exponent: exponentOf(points) }]
  })
}
