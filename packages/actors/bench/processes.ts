import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'

/** Starts a process of host.ts, and waits until it is ready. */
export async function startHost(fleet: string): Promise<ChildProcess> {
  const host = fork(new URL('host.ts', import.meta.url), [fleet], { execArgv: ['--import', 'tsx'] })
  await once(host, 'message')
  return host
}

/** Kills a process, and waits until the kernel has removed it. */
export async function kill(host: ChildProcess): Promise<void> {
  if (host.exitCode !== null || host.signalCode !== null) return
  host.kill('SIGKILL')
  await once(host, 'exit')
}

export const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms))

/** What this process has used of the processor so far. */
export function cpuMicroseconds(): number {
  const { user, system } = process.cpuUsage()
  return user + system
}
