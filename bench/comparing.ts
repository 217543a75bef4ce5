import { type Around, compare } from './cell/comparison.js'
import type { Driver, Server } from './drivers/driver.js'
import { drivers } from './drivers/index.js'
import { type CellResult, type Comparison, named } from './results.js'
import { trials } from './trials/index.js'
import type { Parameters, Plan, Trial } from './trials/trial.js'

/** One trial with one set of parameters, and the drivers to compare in it. */
export interface Chosen {
  readonly trial: Trial
  readonly plan: Plan
  readonly parameters: Parameters
  readonly drivers: Driver[]
  /** About how long it takes. */
  readonly guessMs: number
}

const canRun = (trial: Trial, driver: Driver) =>
  driver[trial.needs] !== undefined && (driver.trials?.includes(trial.name) ?? true) && (trial.suits?.(driver) ?? true)

/** A name for --only to match. */
export const cellName = (trial: Trial, { label }: Parameters, driver: Driver): string =>
  named(trial.name, label, driver.name)

/** About what a cell takes: its processes' start, and its visits; to warm up takes two. */
function guess({ rounds, visitMs }: Plan, { publishers, subscribers }: Parameters): number {
  return 60 * (2 + publishers + subscribers) + (rounds + 2) * (visitMs * 1.1 + 10)
}

/** The comparisons of which a cell matches; the first driver, ours, is in each. */
export function choose(pattern: RegExp, isQuick: boolean): Chosen[] {
  const chosen: Chosen[] = []
  for (const trial of trials) {
    const plan = isQuick ? trial.quick : trial.full
    for (const parameters of plan.parameters) {
      const able = drivers.filter((driver) => canRun(trial, driver))
      const matching = able.filter((driver) => pattern.test(cellName(trial, parameters, driver)))
      if (matching.length === 0) continue
      const these = able.filter((driver) => driver === able[0] || matching.includes(driver))
      chosen.push({ trial, plan, parameters, drivers: these, guessMs: these.length * guess(plan, parameters) })
    }
  }
  return chosen
}

/** Leaves out who cannot be measured here; a line for each. */
export async function leaveOut(chosen: Chosen[]): Promise<{ chosen: Chosen[]; skipped: string[] }> {
  const skipped: string[] = []
  const lacking = new Set<Driver>()
  for (const driver of new Set(chosen.flatMap(({ drivers }) => drivers))) {
    const lack = await driver.lacks()
    if (lack === undefined) continue
    lacking.add(driver)
    skipped.push(`${driver.name}: skipped, ${lack}`)
  }
  const left = chosen.map((one) => ({ ...one, drivers: one.drivers.filter((driver) => !lacking.has(driver)) }))
  return { chosen: left.filter(({ drivers }) => drivers.length > 0), skipped }
}

/**
 * Starts the servers of the drivers, one for those who share it; the pid of a driver's. For one comparison: what a server
 * keeps of the trials before would count as its memory.
 */
export async function serveAll(
  drivers: readonly Driver[],
  { folder, served }: { folder: string; served: (server: Server) => void },
): Promise<(driver: Driver) => number | undefined> {
  const servers = new Map<Driver['serve'], Server>()
  for (const { serve } of drivers) {
    if (serve === undefined || servers.has(serve)) continue
    const server = serve(folder)
    served(server)
    servers.set(serve, server)
    await server.ready()
  }
  return ({ serve }) => (serve === undefined ? undefined : servers.get(serve)?.pid)
}

/** Measures them one after the other. `step` is called before and after each; what it prepares is that one's alone. */
export async function compareAll(
  chosen: readonly Chosen[],
  step: { begin(one: Chosen): Promise<Around>; end(): Promise<void> },
): Promise<Omit<Comparison, 'skipped'> & { failures: string[] }> {
  const cells: CellResult[] = []
  const failures: string[] = []
  for (const one of chosen) {
    const { trial, plan, parameters, drivers } = one
    const around = await step.begin(one)
    const done = await compare(trial, { plan, parameters, drivers, around })
    cells.push(...done.cells)
    failures.push(...done.failures)
    await step.end()
  }
  const measured = [...new Set(chosen.flatMap(({ drivers }) => drivers))]
  const plans = new Map(chosen.map(({ trial, plan }) => [trial, plan]))
  return {
    cells,
    failures,
    trials: [...plans].map(([{ name, measures }, { rounds, visitMs }]) => ({ name, measures, rounds, visitMs })),
    drivers: measured.map(({ name, settings, peers, version }) => ({ name, settings, peers, version: version() })),
  }
}
