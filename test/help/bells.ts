// The bells of a fleet: FIFOs beside its objects.
import { closeSync, constants, openSync, readdirSync, readlinkSync, readSync } from 'node:fs'
import { objectPath, objectsOf } from './fleets.js'

/** The path of a member's bell. */
export const bellPath = (fleet: string, node: number): string => `${objectPath(fleet, node)}.bell`

/** The nodes of this fleet that have a bell, in order. */
export const bellsOf = (fleet: string): number[] =>
  objectsOf(fleet)
    .filter((object) => object.endsWith('.bell'))
    .map((object) => Number(object.split('-').at(-2)))
    .sort((a, b) => a - b)

/** The targets of the descriptors that this process has on the bells of a fleet. */
export const bellDescriptors = (fleet: string): string[] =>
  descriptors().filter((path) => path.includes(`/orbit-${fleet}-`) && path.includes('.bell'))

/** The targets of all descriptors of this process. */
export function descriptors(): string[] {
  return readdirSync('/proc/self/fd').flatMap((fd) => {
    try {
      return [readlinkSync(`/proc/self/fd/${fd}`)]
    } catch {
      return [] // the descriptor of the folder
    }
  })
}

/** Reads all bytes out of a bell, and returns their number. */
export function drainBell(path: string): number {
  const fd = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK)
  try {
    return readSync(fd, Buffer.alloc(70_000))
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EAGAIN') throw error
    return 0
  } finally {
    closeSync(fd)
  }
}
