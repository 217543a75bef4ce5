import type { CellResult, Comparison } from '../results.js'

/** The driver that the others are compared to. */
export const ours = 'orbit'

/** All drivers in one trial with the same parameters. */
export interface Group {
  readonly trial: string
  readonly parameters: string
  readonly cells: readonly CellResult[]
  /** The cell of orbit, if it took part. */
  readonly orbit: CellResult | undefined
}

/** Map.groupBy, which Node 20 does not have. */
export function groupBy<T>(items: readonly T[], keyOf: (item: T) => string): Map<string, T[]> {
  const groups = new Map<string, T[]>()
  for (const item of items) {
    const group = groups.get(keyOf(item))
    if (group === undefined) groups.set(keyOf(item), [item])
    else group.push(item)
  }
  return groups
}

export function groupsOf({ cells }: Comparison): Group[] {
  const groups = groupBy(cells, ({ trial, parameters }) => `${trial}\n${parameters}`)
  return [...groups.values()].map((cells) => {
    const { trial, parameters } = cells[0] as CellResult
    return { trial, parameters, cells, orbit: cells.find(({ driver }) => driver === ours) }
  })
}

/** How many times better orbit is than this cell; below 1: not ahead. */
export function advantage(orbit: CellResult, other: CellResult, by: 'median' | 'p99' | 'p999' = 'median'): number {
  return other.better === 'lower' ? other[by] / orbit[by] : orbit[by] / other[by]
}

/** The cells of other drivers that orbit is not ahead of, by their medians. A variant of orbit is no rival. */
export function aheadOfOrbit(comparison: Comparison): { group: Group; cell: CellResult; advantage: number }[] {
  return groupsOf(comparison).flatMap((group) => {
    const { orbit } = group
    if (orbit === undefined) return []
    return group.cells
      .filter(({ driver }) => !driver.startsWith(ours))
      .map((cell) => ({ group, cell, advantage: advantage(orbit, cell) }))
      .filter(({ advantage }) => advantage < 1)
  })
}
