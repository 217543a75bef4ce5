import { readFileSync } from 'node:fs'

/** What the kernel knows about a process. */
export interface ProcessUse {
  /** The time that all its threads have used, in milliseconds. */
  readonly cpuMs: number
  readonly rssBytes: number
}

/** Milliseconds of a tick of /proc/PID/stat: Linux has 100 ticks a second on every architecture. */
const tickMs = 10

/** undefined: there is no such process here, or /proc does not show it. */
export function processUse(pid: number): ProcessUse | undefined {
  const stat = readProc(pid, 'stat')
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  const [, rss] = /^VmRSS:\s*(\d+) kB/m.exec(readProc(pid, 'status')) ?? []
  const ticks = Number(fields[11]) + Number(fields[12])
  return rss === undefined || !Number.isFinite(ticks)
    ? undefined
    : { cpuMs: ticks * tickMs, rssBytes: Number(rss) * 1024 }
}

/** Whether the process is stopped by a signal or a debugger. */
export function isStopped(pid: number): boolean {
  const stat = readProc(pid, 'stat')
  return /^[Tt]/.test(stat.slice(stat.lastIndexOf(')') + 2))
}

/** Has the process this object open? A pid of another pid namespace may belong to another process here. */
export const maps = (pid: number, path: string | undefined): boolean =>
  path !== undefined && readProc(pid, 'maps').includes(path)

/** Empty where the file cannot be read. */
function readProc(pid: number, file: string): string {
  try {
    return readFileSync(`/proc/${pid}/${file}`, 'utf8')
  } catch {
    return ''
  }
}
