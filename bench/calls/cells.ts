import { Child } from '../child.js'
import type { Pace } from '../measure.js'
import type { Call } from './call.js'

/** A call, its process, and what it measured so far. */
export interface Cell {
  readonly call: Call
  readonly child: Child
  readonly samples: number[]
}

/** Starts a process for each call, a few at a time. */
export async function startCells(
  calls: readonly Call[],
  options: { fleetOf: (index: number) => string; started: (child: Child) => void },
): Promise<Cell[]> {
  const cells: Cell[] = []
  const atOnce = 4
  for (let first = 0; first < calls.length; first += atOnce) {
    const some = calls.slice(first, first + atOnce).map((call, i) => {
      const child = new Child('call', [call.name, options.fleetOf(first + i)], call.name)
      options.started(child)
      return { call, child, samples: [] }
    })
    await Promise.all(some.map(({ child }) => child.answer()))
    cells.push(...some)
  }
  return cells
}

/** Measures every cell once, one after the other, so that what disturbs the machine disturbs all alike. */
export async function measureRound(cells: readonly Cell[], pace: Pace): Promise<void> {
  for (const { child, samples } of cells) {
    child.send(pace)
    samples.push(...(await child.answer<number[]>()))
  }
}

/** A visit to each cell whose samples nobody keeps: its code gets compiled. */
export async function warmUp(cells: readonly Cell[], pace: Pace): Promise<void> {
  for (const { child } of cells) {
    child.send(pace)
    await child.answer<number[]>()
  }
}
