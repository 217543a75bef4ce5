import { lstatSync, readdirSync, type Stats } from 'node:fs'
import { join } from 'node:path'
import { OrbitError } from '../base/errors.js'
import { Fleet } from '../core/fleet.js'
import { abi } from '../core/native.js'
import type { FleetObserver } from '../core/observer.js'
import { inspectObject } from '../inspect/report.js'

export const sharedMemory = '/dev/shm'
export const userId = process.geteuid?.() ?? 0

/** A file at one of our names: whose it is, and whether it is whole, is another question. */
export interface FoundObject {
  /** Without the folder. */
  readonly file: string
  readonly fleet: string
  readonly form: 'fleet' | 'ring' | 'bell'
  /** KIND of a ring, node of a bell. */
  readonly number: number
  readonly stats: Stats
}

// No part but the fleet's name holds a dash, so there is one way to read it.
const pattern = /^orbit-([A-Za-z0-9._-]{1,64})-(fleet|\d{1,5})-(\d+)(\.bell)?$/

/** 007 and 300 are no KINDs: the name is somebody else's. */
const isOurs = (what: string, isBell: boolean): boolean =>
  what === 'fleet'
    ? !isBell
    : what === String(Number(what)) && Number(what) <= (isBell ? abi.maxFleetSize - 1 : abi.maxKind)

/** Everything at names of this user, by name. Empty where the system shows no files. */
export function findObjects(): FoundObject[] {
  const found: FoundObject[] = []
  for (const file of namesIn(sharedMemory)) {
    const [, fleet, what, uid, bell] = pattern.exec(file) ?? []
    if (fleet === undefined || what === undefined || uid !== String(userId) || !isOurs(what, bell !== undefined))
      continue
    const stats = lstatSync(join(sharedMemory, file), { throwIfNoEntry: false })
    if (stats === undefined) continue // gone meanwhile
    const form = bell ? 'bell' : what === 'fleet' ? 'fleet' : 'ring'
    found.push({ file, fleet, form, number: form === 'fleet' ? -1 : Number(what), stats })
  }
  return found.sort((a, b) => (a.fleet < b.fleet ? -1 : a.fleet > b.fleet ? 1 : a.number - b.number))
}

function namesIn(folder: string): string[] {
  try {
    return readdirSync(folder)
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException
    if (code === 'ENOENT') return [] // doctor says so
    const forbidden = code === 'EACCES' || code === 'EPERM' || code === 'ERR_ACCESS_DENIED'
    if (!forbidden) throw error
    throw new OrbitError('ERR_ORBIT_PERMISSION', `${folder} cannot be listed: ${message}`, { cause: error })
  }
}

/** False where findObjects throws; where the folder is not there, it finds nothing. */
export function canList(): boolean {
  try {
    namesIn(sharedMemory)
    return true
  } catch {
    return false
  }
}

export function byFleet(objects: readonly FoundObject[]): Map<string, FoundObject[]> {
  const fleets = new Map<string, FoundObject[]>()
  for (const object of objects) {
    const list = fleets.get(object.fleet)
    if (list === undefined) fleets.set(object.fleet, [object])
    else list.push(object)
  }
  return fleets
}

/** What cannot be used, and why. */
export interface Problem {
  readonly object: string
  readonly code: string
  readonly message: string
}

export function problemOf(object: string, error: unknown): Problem {
  const { code, message } = error as Error & { code?: string }
  return { object, code: code ?? 'ERR_ORBIT_SYSTEM', message }
}

/** What is wrong with an object, if anything is. */
export function objectProblem({ fleet, file, form, number }: FoundObject): Problem | undefined {
  if (form === 'bell') return undefined
  try {
    const found = inspectObject(fleet, form === 'fleet' ? 'fleet' : number)
    if (found === undefined) return retired(file, 'never finished: its creator is at work, or died')
    if (found.isRetired) return retired(file, 'removed, but its name is still there')
    if (form === 'fleet' || found.fleetId === (fleetIdOf(fleet) ?? found.fleetId)) return undefined
    return { object: file, code: 'ERR_ORBIT_TYPE_MISMATCH', message: `/${file}: left by a fleet that is gone` }
  } catch (error) {
    return problemOf(file, error)
  }
}

const retired = (file: string, what: string): Problem => ({
  object: file,
  code: 'ERR_ORBIT_RETIRED',
  message: `/${file}: ${what}`,
})

function fleetIdOf(fleet: string): string | undefined {
  try {
    return inspectObject(fleet, 'fleet')?.fleetId
  } catch {
    return undefined // damaged: it has a line of its own
  }
}

/** Looks into a fleet for as long as `look` runs. */
export async function within<T>(name: string, look: (fleet: FleetObserver) => T | Promise<T>): Promise<T> {
  using fleet = Fleet.observe(name)
  return await look(fleet)
}
