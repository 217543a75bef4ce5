import type { Driver, Place } from './drivers/driver.js'
import { drivers } from './drivers/index.js'
import { trials } from './trials/index.js'
import type { Case, Role, Trial } from './trials/trial.js'

/** What the processes of a cell need to know: one driver in one case of a trial. */
export interface CellSpec {
  readonly trial: string
  readonly driver: string
  readonly case: Case
  /** How long one run measures. */
  readonly runMs: number
  /** A name that no other cell uses: of a fleet, a socket or a channel. */
  readonly name: string
  readonly folder: string
  readonly serverPid?: number | undefined
}

export interface PeerSpec extends CellSpec {
  readonly role: Role
  readonly index: number
}

function find<T extends { readonly name: string }>(list: readonly T[], name: string): T {
  const found = list.find((one) => one.name === name)
  if (found === undefined) throw new Error(`${name} is not one of ${list.map(({ name }) => name).join(', ')}`)
  return found
}

export const findTrial = (name: string): Trial => find(trials, name)
export const findDriver = (name: string): Driver => find(drivers, name)

export function placeOf(
  { name, folder, case: { publishers, subscribers, messageBytes, burst } }: CellSpec,
  index = 0,
): Place {
  return { name, folder, publishers, subscribers, messageBytes, burst, index }
}
