// The machine and the package under test.
import { spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'

/** The folder of the repository. */
export const root = fileURLToPath(new URL('../..', import.meta.url))
export const isLinux = process.platform === 'linux'
/** Whether all is run, in half an hour, and not what a newcomer waits for. */
export const isCi = Boolean(process.env['CI'])
/** Whether the addon runs under the address sanitizer. */
export const isSanitized = (process.env['LD_PRELOAD'] ?? '').includes('asan')

export function canRun(command: string, ...args: string[]): boolean {
  return spawnSync(command, args).status === 0
}
