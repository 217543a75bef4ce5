import { Child } from '../child.js'
import type { Driver } from '../drivers/driver.js'
import { summarize } from '../measure.js'
import { type CellResult, named } from '../results.js'
import type { Parameters, Plan, Trial } from '../trials/trial.js'
import type { CellSpec } from './spec.js'

interface Cell {
  readonly driver: Driver
  readonly host: Child
  /** Of each visit. */
  readonly visits: number[][]
  error: string | undefined
}

/** What a comparison needs of the bench around it. */
export interface Around {
  readonly folder: string
  newName(): string
  serverPid(driver: Driver): number | undefined
  started(child: Child): void
  /** Of so many steps one more is done. */
  progress(what: string): void
}

type Visited = { samples: number[] } | { error: string }

function checked(samples: number[]): number[] {
  if (samples.length === 0 || !samples.every(Number.isFinite)) throw new Error(`its samples are [${samples}]`)
  return samples
}

/** A cell that fails is left out of what follows; the others go on. */
async function visit(cell: Cell, what: 'start' | 'warm up' | 'measure'): Promise<void> {
  if (cell.error !== undefined) return
  try {
    if (what !== 'start') cell.host.send('visit')
    const visited = await cell.host.answer<Visited>()
    if ('error' in visited) cell.error = visited.error
    else if (what === 'measure') cell.visits.push(checked(visited.samples))
  } catch (error) {
    cell.error = (error as Error).message
  }
  if (cell.error !== undefined) await cell.host.leave()
}

/** Visits in an order that begins with another cell each round: who follows whom stays, who is first does not. */
const rotated = <T>(list: readonly T[], by: number): T[] => list.map((_, i) => list[(i + by) % list.length] as T)

/** Measures all `drivers` in one trial with one set of parameters: all cells at once, visited in turn, in rounds. */
export async function compare(
  trial: Trial,
  { plan, parameters, drivers, around }: { plan: Plan; parameters: Parameters; drivers: Driver[]; around: Around },
): Promise<{ cells: CellResult[]; failures: string[] }> {
  const title = named(trial.name, parameters.label)
  const cells: Cell[] = []
  // One after the other: a cell starts processes enough.
  for (const driver of drivers) {
    const { visitMs } = plan
    const { folder } = around
    const serverPid = around.serverPid(driver)
    const spec: CellSpec = {
      ...{ trial: trial.name, driver: driver.name, parameters, visitMs, name: around.newName(), folder, serverPid },
    }
    const host = new Child('host', [JSON.stringify(spec)], `${title}, ${driver.name}`)
    around.started(host)
    const cell = { driver, host, visits: [], error: undefined }
    cells.push(cell)
    await visit(cell, 'start')
  }
  for (let round = 0; round <= plan.rounds; round++) {
    around.progress(`${title}, ${round === 0 ? 'warming up' : `round ${round} of ${plan.rounds}`}`)
    for (const cell of rotated(cells, round)) await visit(cell, round === 0 ? 'warm up' : 'measure')
  }
  await Promise.all(cells.map(({ host }) => host.leave()))
  const whole = cells.filter(({ error }) => error === undefined)
  return {
    cells: whole.map(({ driver, visits }) => resultOf(trial, parameters, driver, visits)),
    failures: cells
      .filter(({ error }) => error !== undefined)
      .map(({ driver, error }) => `${driver.name}: FAILED in ${title}: ${error}`),
  }
}

function resultOf(
  trial: Trial,
  { label, values }: Parameters,
  driver: Driver,
  visits: readonly number[][],
): CellResult {
  const { samples, median, p10, p90, p99, p999 } = summarize(visits.flat())
  const medians = visits.map((samples) => summarize(samples).median)
  const { name, unit, better } = trial
  return {
    ...{ trial: name, parameters: label, values, driver: driver.name, unit, better },
    ...{ samples, median, p10, p90, p99, p999 },
    spread: [Math.min(...medians), Math.max(...medians)],
  }
}
