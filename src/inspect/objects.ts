import { lstatSync, readdirSync, type Stats } from 'node:fs'
import { join } from 'node:path'
import { OrbitError } from '../base/errors.js'
import { abi } from '../core/native.js'

/** The folder in which shared memory objects are files. */
export const sharedMemory = '/dev/shm'
export const userId = process.geteuid?.() ?? 0

/** A file with the name of an orbit object. Its owner and its content are not checked yet. */
export interface FoundObject {
  /** Without the folder. */
  readonly file: string
  readonly fleet: string
  readonly form: 'fleet' | 'ring' | 'bell'
  /** KIND of a ring, node of a bell, -1 for the fleet object. */
  readonly number: number
  readonly stats: Stats
}

/** The path of the object of a fleet, or of the ring of a KIND. */
export const objectPath = (fleet: string, what: number | 'fleet'): string =>
  join(sharedMemory, `orbit-${fleet}-${what}-${userId}`)

// Only the fleet's name may contain a dash, so a name has one reading.
const pattern = /^orbit-([A-Za-z0-9._-]{1,64})-(fleet|\d{1,5})-(\d+)(\.bell)?$/

/** Is this a number that orbit writes into a name? 007 and KIND 300 belong to other software. */
const isOurs = (what: string, isBell: boolean): boolean =>
  what === 'fleet'
    ? !isBell
    : what === String(Number(what)) && Number(what) <= (isBell ? abi.maxFleetSize - 1 : abi.maxKind)

/** Every object with a name of this user, sorted by fleet. Empty where the system shows no files. */
export function findObjects(): FoundObject[] {
  const found: FoundObject[] = []
  for (const file of namesIn(sharedMemory)) {
    const [, fleet, what, uid, bell] = pattern.exec(file) ?? []
    if (fleet === undefined || what === undefined || uid !== String(userId) || !isOurs(what, bell !== undefined))
      continue
    const stats = lstatSync(join(sharedMemory, file), { throwIfNoEntry: false })
    if (stats === undefined) continue // removed since the folder was read
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
    if (code === 'ENOENT') return [] // doctor reports it
    const forbidden = code === 'EACCES' || code === 'EPERM' || code === 'ERR_ACCESS_DENIED'
    if (!forbidden) throw error
    throw new OrbitError('ERR_ORBIT_PERMISSION', `${folder} cannot be listed: ${message}`, { cause: error })
  }
}

/** False where findObjects throws. A missing folder counts as an empty one. */
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
