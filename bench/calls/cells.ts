import { Child } from '../child.js'
import type { Pace } from '../measure.js'
import type { Call } from './call.js'

/** A call, its process, and what it measured so far. */
export interface Cell<T extends Call = Call> {
  readonly call: T
  readonly child: Child
  readonly samples: number[]
}

/** Starts a process for each call, a few at a time. */
export async function startCells<T extends Call>(
  calls: readonly T[],
  options: { fleetOf: (index: number) => string; folder: string; started: (child: Child) => void },
): Promise<Cell<T>[]> {
  const cells: Cell<T>[] = []
  const atOnce = 4
  for (let first = 0; first < calls.length; first += atOnce) {
    const some = calls.slice(first, first + atOnce).map((call, i) => {
      const child = new Child('./calls/cell.ts', [call.name, options.fleetOf(first + i), options.folder], call.name)
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
