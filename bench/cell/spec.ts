import type { Driver, Place } from '../drivers/driver.js'
import { drivers } from '../drivers/index.js'
import { trials } from '../trials/index.js'
import type { Parameters, Role, Trial } from '../trials/trial.js'

/** One driver in one trial with one set of parameters: all that its processes are told when they start. */
export interface CellSpec {
  readonly trial: string
  readonly driver: string
  readonly parameters: Parameters
  readonly visitMs: number
  /** As in Place. */
  readonly name: string
  readonly folder: string
  readonly serverPid: number | undefined
}

export interface PeerSpec extends CellSpec {
  readonly role: Role
  readonly index: number
}

export function findTrial(name: string): Trial {
  const trial = trials.find((trial) => trial.name === name)
  if (trial === undefined) throw new Error(`no trial ${name}`)
  return trial
}

export function findDriver(name: string): Driver {
  const driver = drivers.find((driver) => driver.name === name)
  if (driver === undefined) throw new Error(`no driver ${name}`)
  return driver
}

export function placeOf({ name, folder, parameters }: CellSpec, index: number): Place {
  const { publishers, subscribers, messageBytes, burst } = parameters
  return { name, folder, publishers, subscribers, messageBytes, burst, index }
}
