// What processes use, by the kernel's account.

import { readdirSync, readFileSync, statSync } from 'node:fs'
import type { Host } from './trial.js'

/** The processes of a cell, each once; `driver` those that the driver brought. */
export function pidsOf({ publishers, subscribers, serverPid }: Host): number[] {
  const peers = [...publishers, ...subscribers].map(({ pid }) => pid)
  return [...new Set([process.pid, ...peers, ...(serverPid === undefined ? [] : [serverPid])])]
}

/** Processor time of all its threads, in nanoseconds. Those that have ended do not count. */
export function processorNs(pid: number): number {
  let sum = 0
  for (const thread of readdirSync(`/proc/${pid}/task`)) {
    sum += Number(readFileSync(`/proc/${pid}/task/${thread}/schedstat`, 'latin1').split(' ')[0])
  }
  return sum
}

const sharedFolder = '/dev/shm'

/**
 * Its memory, in bytes: what it shares with others divided by how many they are, as the kernel does. Without the
 * pages of Node.js itself: their share depends on how many processes this bench happens to run.
 */
export function memoryBytes(pid: number): { own: number; shared: number } {
  const memory = { own: 0, shared: 0 }
  let path = ''
  for (const line of readFileSync(`/proc/${pid}/smaps`, 'latin1').split('\n')) {
    const mapping = /^[0-9a-f]+-[0-9a-f]+ \S+ \S+ \S+ \d+ *(.*)$/.exec(line)
    if (mapping !== null) path = mapping[1] as string
    const kibibytes = /^Pss: +(\d+) kB$/.exec(line)?.[1]
    if (kibibytes === undefined || path === process.execPath) continue
    memory[path.startsWith(sharedFolder) ? 'shared' : 'own'] += Number(kibibytes) * 1024
  }
  return memory
}

/** All that the shared objects with this in their names occupy, touched or not. */
export function sharedBytes(name: string): number {
  const objects = readdirSync(sharedFolder).filter((object) => object.includes(name))
  return objects.reduce((sum, object) => sum + statSync(`${sharedFolder}/${object}`).blocks * 512, 0)
}
