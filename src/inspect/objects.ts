import { lstatSync, type Stats } from 'node:fs'
import { join } from 'node:path'
import { native, translated } from '../core/native.js'

/** The folder in which shared memory objects are files; '' on a system that does not show them. */
export const objectsFolder = (): string => native.objectsFolder()

export const userId = process.geteuid?.() ?? 0

/** A file with the name of an orbit object. Its owner and its content are not checked yet. */
export interface FoundObject {
  /** Without the folder. */
  readonly file: string
  readonly fleet: string
  readonly form: 'fleet' | 'ring' | 'bell' | 'blob'
  /** KIND of a ring or a table, node of a bell or a blob, -1 for the fleet object. */
  readonly number: number
  readonly stats: Stats
}

/** The names of this user's objects, in no order. */
const ownNames = () => translated(() => native.listObjects()).filter(({ uid }) => uid === userId)

/**
 * Every object with a name of this user, sorted by fleet. Empty where the system shows no files.
 *
 * @throws ERR_ORBIT_PERMISSION when the folder cannot be listed
 */
export function findObjects(): FoundObject[] {
  const found: FoundObject[] = []
  for (const { uid: _, ...name } of ownNames()) {
    const stats = lstatSync(join(objectsFolder(), name.file), { throwIfNoEntry: false })
    if (stats !== undefined) found.push({ ...name, stats }) // else removed since the folder was read
  }
  return found.sort((a, b) => (a.fleet < b.fleet ? -1 : a.fleet > b.fleet ? 1 : a.number - b.number))
}

/** The path of a fleet object, or of the ring of a KIND; undefined: there is none, or the folder cannot be listed. */
export function pathOf(fleet: string, what: number | 'fleet'): string | undefined {
  const form = what === 'fleet' ? 'fleet' : 'ring'
  const isWanted = (each: { fleet: string; form: string; number: number }) =>
    each.fleet === fleet && each.form === form && (what === 'fleet' || each.number === what)
  const name = canList() ? ownNames().find(isWanted) : undefined
  return name === undefined ? undefined : join(objectsFolder(), name.file)
}

/** False where findObjects throws. A missing folder counts as an empty one. */
export function canList(): boolean {
  try {
    native.listObjects()
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
