// Measures groups of cells: all cells of a group run at once, each in processes of its own, and are measured in turn,
// in rounds, so that what disturbs the machine disturbs all alike.

import { join } from 'node:path'
import { Child } from './child.js'
import type { Driver } from './drivers/driver.js'
import { summarize } from './measure.js'
import { type CellResult, named } from './results.js'
import type { CellSpec } from './spec.js'
import type { Case, Plan, Trial } from './trials/trial.js'

/** A bundle of the bench with one build of orbit. */
export interface Build {
  readonly name: string
  /** Where host.js and peer.js are. */
  readonly folder: string
}

/** One driver in one case of a trial, and the build of orbit that it uses. */
export interface Cell {
  readonly case: Case
  readonly driver: Driver
  readonly build: Build
}

export interface Group {
  readonly trial: Trial
  readonly plan: Plan
  readonly cells: readonly Cell[]
}

export interface Measured extends CellResult {
  readonly build: string
  /** The median of each round's run; undefined where the cell had failed. */
  readonly runs: readonly number[]
}

export const cellName = (trial: Trial, cell: Cell): string => named(trial.name, cell.case.label, cell.driver.name)

/** A cell's host process, and the samples of its runs. */
class Running {
  readonly cell: Cell
  readonly runs: number[][] = []
  error: string | undefined
  readonly #host: Child

  constructor(cell: Cell, host: Child) {
    this.cell = cell
    this.#host = host
  }

  /** A cell that fails is left out of what follows; the others go on. */
  async order(what: 'begin' | 'run', keep: boolean): Promise<void> {
    if (this.error !== undefined) return
    try {
      const samples = await this.#host.ask<number[]>(what)
      if (what === 'begin') return
      if (samples.length === 0 || !samples.every(Number.isFinite)) throw new Error(`its samples are [${samples}]`)
      if (keep) this.runs.push(samples)
    } catch (error) {
      this.error = (error as Error).message
      await this.#host.leave()
    }
  }

  result(trial: Trial): Measured {
    const runs = this.runs.map((samples) => summarize(samples).median)
    return {
      ...{ trial: trial.name, case: this.cell.case.label, driver: this.cell.driver.name, build: this.cell.build.name },
      ...summarize(this.runs.flat()),
      ...{ low: Math.min(...runs), high: Math.max(...runs), runs },
    }
  }
}

/** An order that begins with another cell in each round, and turns round in every second one. */
function turned<T>(list: readonly T[], round: number): T[] {
  const rotated = list.map((_, i) => list[(i + round) % list.length] as T)
  return round % 2 === 0 ? rotated : rotated.reverse()
}

/** What measuring needs of main. */
export interface Around {
  readonly folder: string
  newName(): string
  serverPid(driver: Driver): number | undefined
  started(child: Child): void
  say(what: string): void
}

export async function measureGroup(
  { trial, plan, cells }: Group,
  around: Around,
): Promise<{ results: Measured[]; failures: string[] }> {
  const running: Running[] = []
  // One after the other: a cell starts processes enough.
  for (const cell of cells) {
    const { driver, build } = cell
    const title = cellName(trial, cell)
    around.say(`starting ${title}`)
    const place = { name: around.newName(), folder: around.folder, serverPid: around.serverPid(driver) }
    const spec: CellSpec = { trial: trial.name, driver: driver.name, case: cell.case, runMs: plan.runMs, ...place }
    const host = new Child({ file: join(build.folder, 'host.js'), spec, name: title, patienceMs: 300_000 })
    around.started(host)
    const one = new Running(cell, host)
    running.push(one)
    await one.order('begin', false)
  }
  for (let round = 0; round <= plan.rounds; round++) {
    around.say(`${trial.name}, ${round === 0 ? 'warming up' : `round ${round} of ${plan.rounds}`}`)
    for (const one of turned(running, round)) await one.order('run', round > 0)
  }
  return {
    results: running.filter(({ error }) => error === undefined).map((one) => one.result(trial)),
    failures: running.flatMap(({ cell, error }) =>
      error === undefined ? [] : [`${cell.build.name}: FAILED: ${cellName(trial, cell)}: ${error}`],
    ),
  }
}
