import type { Driver } from './drivers/driver.js'
import { drivers } from './drivers/index.js'
import { type Build, cellName, type Group } from './measuring.js'
import { trials } from './trials/index.js'
import type { Trial } from './trials/trial.js'

interface Options {
  readonly pattern: RegExp
  readonly quick: boolean
  readonly rounds: number | undefined
}

const canRun = (trial: Trial, driver: Driver) =>
  driver[trial.needs] !== undefined && (driver.trials?.includes(trial.name) ?? true) && (trial.suits?.(driver) ?? true)

/** The groups in which a cell matches. orbit is in each, for the ratios; with two builds it is alone. */
export async function chooseGroups(options: Options, builds: readonly Build[]): Promise<Group[]> {
  const { pattern, quick, rounds } = options
  const isOurs = ({ name }: Driver) => name.startsWith('orbit')
  const groups: Group[] = []
  for (const trial of trials) {
    const chosenPlan = quick ? trial.quick : trial.full
    // Two builds differ by less than two drivers: shorter runs, which follow each other more closely, and more of them.
    const parts = builds.length === 1 ? 1 : 3
    const plan = { ...chosenPlan, rounds: rounds ?? chosenPlan.rounds * parts, runMs: chosenPlan.runMs / parts }
    const cases = typeof plan.cases === 'function' ? await plan.cases() : plan.cases
    const able = drivers.filter((driver) => canRun(trial, driver) && (builds.length === 1 || isOurs(driver)))
    const chosen = cases.map((ofCase) => {
      const its = able.filter(({ mostSubscribers = Number.POSITIVE_INFINITY }) => ofCase.subscribers <= mostSubscribers)
      const cells = its.flatMap((driver) => builds.map((build) => ({ case: ofCase, driver, build })))
      const matching = cells.filter((cell) => pattern.test(cellName(trial, cell)))
      return matching.length === 0 ? [] : cells.filter((cell) => cell.driver === able[0] || matching.includes(cell))
    })
    for (const cells of trial.together ? [chosen.flat()] : chosen)
      if (cells.length > 0) groups.push({ trial, plan, cells })
  }
  return groups
}

/** Leaves out drivers that cannot be measured here; a line for each. */
export async function leaveOut(groups: readonly Group[]): Promise<{ groups: Group[]; skipped: string[] }> {
  const lacks = new Map<Driver, string>()
  for (const driver of new Set(groups.flatMap(({ cells }) => cells.map(({ driver }) => driver)))) {
    const lack = await driver.lacks()
    if (lack !== undefined) lacks.set(driver, `${driver.name}: skipped, ${lack}`)
  }
  const left = groups.map((group) => ({ ...group, cells: group.cells.filter(({ driver }) => !lacks.has(driver)) }))
  return { groups: left.filter(({ cells }) => cells.length > 0), skipped: [...lacks.values()] }
}
