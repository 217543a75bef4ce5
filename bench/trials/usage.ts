// What processes use, as the kernel counts it.

import { readdirSync, readFileSync, statSync } from 'node:fs'
import type { Host } from './trial.js'

const sharedFolder = process.env['ORBIT_DIRECTORY'] || '/dev/shm'

/** The processes of a cell, each once. */
export function pidsOf({ publishers, subscribers, serverPid }: Host): number[] {
  const peers = [...publishers, ...subscribers].map(({ pid }) => pid)
  return [...new Set([process.pid, ...peers, ...(serverPid === undefined ? [] : [serverPid])])]
}

/** Processor time of all its threads, in nanoseconds. Threads that have ended do not count. */
export function processorNs(pid: number): number {
  let sum = 0
  for (const thread of readdirSync(`/proc/${pid}/task`)) {
    sum += Number(readFileSync(`/proc/${pid}/task/${thread}/schedstat`, 'latin1').split(' ')[0])
  }
  return sum
}

/**
 * Its memory in bytes, where the kernel divides a page by the number of processes that map it. Without shared objects,
 * and without the pages of Node.js itself: their share depends on how many processes happen to run.
 */
export function ownBytes(pid: number): number {
  let sum = 0
  let path = ''
  for (const line of readFileSync(`/proc/${pid}/smaps`, 'latin1').split('\n')) {
    path = /^[0-9a-f]+-[0-9a-f]+ \S+ \S+ \S+ \d+ *(.*)$/.exec(line)?.[1] ?? path
    const kibibytes = /^Pss: +(\d+) kB$/.exec(line)?.[1] ?? 0
    if (path !== process.execPath && !path.startsWith(sharedFolder)) sum += Number(kibibytes) * 1024
  }
  return sum
}

/** What the shared objects with this in their names occupy, touched or not. */
export function sharedBytes(name: string): number {
  const objects = readdirSync(sharedFolder).filter((object) => object.includes(name))
  return objects.reduce((sum, object) => sum + statSync(`${sharedFolder}/${object}`).blocks * 512, 0)
}
