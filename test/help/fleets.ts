// Fleets and other things that exist only for the time of a test.
import { existsSync, lstatSync, readdirSync, rmSync } from 'node:fs'
import { expect, onTestFinished } from 'vitest'
import { Fleet, type FleetObserver, type JoinShmOptions } from '../../src/index.js'

export const shmFolder = process.env['ORBIT_DIRECTORY'] || '/dev/shm'

/** Whether the objects are visible as files. Tests that read or write them as files need that. */
export const hasObjectFiles = process.platform === 'linux' && existsSync(shmFolder)

const uid = process.geteuid?.() ?? 0
let namesMade = 0

/** A fleet name that is unique to this call. Everything that is stored under it is removed after the test. */
export function fleetName(label = 'test'): string {
  const name = `${label}.${process.pid}.${++namesMade}`
  onTestFinished(() => cleanUp(name))
  return name
}

/** Removes the fleet, and fails if `Fleet.remove` leaves an object. */
function cleanUp(name: string): void {
  if (hasObjectFiles) removeForeignFiles(name)
  Fleet.remove(name, { force: true })
  const left = objectsOf(name)
  for (const object of left) rmSync(shmFolder + object)
  expect(left, 'left in shared memory after Fleet.remove').toEqual([])
}

/** Removes what `Fleet.remove` does not: fleets with longer names, and files that are not objects of this user. */
function removeForeignFiles(name: string): void {
  for (const file of readdirSync(shmFolder)) {
    const end = file.startsWith(`orbit-${name}`) ? file.slice(`orbit-${name}`.length) : ''
    if (/^[-.]/.test(end) && !isObject(file, end)) rmSync(`${shmFolder}/${file}`, { recursive: true, force: true })
  }
}

function isObject(file: string, end: string): boolean {
  const stats = lstatSync(`${shmFolder}/${file}`)
  const isOurs = stats.uid === uid && (stats.mode & 0o777) === 0o600
  const suffix = stats.isFile() ? '' : stats.isFIFO() ? '\\.bell' : '/'
  return isOurs && new RegExp(`^-(fleet|\\d+)-${uid}${suffix}$`).test(end)
}

/** Closes `thing` after the test. The last one kept is closed first. */
export function keep<T extends Disposable>(thing: T): T {
  onTestFinished(() => thing[Symbol.dispose]())
  return thing
}

/** Joins a persistent fleet, unless the options say otherwise: tests look at objects after their members have left. */
export function joinShm(name: string, options: JoinShmOptions = {}): Fleet {
  const isObject = typeof options === 'object' && options !== null
  return keep(Fleet.joinShm(name, isObject ? { lifetime: 'persistent', ...options } : options))
}
export const joinLocal = (name: string, options?: JoinShmOptions): Fleet => keep(Fleet.join(name, options))
export const observe = (name: string): FleetObserver => keep(Fleet.observe(name))

/** The two kinds of memory in which rings are stored, for `describe.each`. */
export const memories = [
  { memory: 'process-local memory', isShared: false, join: joinLocal },
  { memory: 'shared memory', isShared: true, join: joinShm },
]

/** The name of an object, as `Fleet.remove` returns it. */
export const objectName = (fleet: string, what: number | 'fleet'): string => `/orbit-${fleet}-${what}-${uid}`
export const objectPath = (fleet: string, what: number | 'fleet'): string => shmFolder + objectName(fleet, what)

/** The names of all objects and bells of this fleet, sorted, as `Fleet.remove` returns them. */
export function objectsOf(fleet: string): string[] {
  if (!hasObjectFiles) return []
  return readdirSync(shmFolder)
    .filter((file) => file.startsWith(`orbit-${fleet}-`))
    .map((file) => `/${file}`)
    .sort()
}

/** A path under which the test creates something that `Fleet.remove` does not remove. It is removed after the test. */
export function plant(path: string): string {
  onTestFinished(() => rmSync(path, { recursive: true, force: true }))
  return path
}
