import { execFileSync } from 'node:child_process'
import { cpus, loadavg, release, totalmem, type } from 'node:os'
import type { Machine } from './results.js'
import { version } from './version.js'

function git(...args: string[]): string {
  try {
    const root = new URL('..', import.meta.url).pathname
    return execFileSync('git', ['-C', root, ...args], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }).trim()
  } catch {
    return ''
  }
}

/** What figures depend on. */
const measured = ['src', 'native', 'binding.gyp', 'bench', ':(exclude)bench/figures', ':(exclude)*.json']

export function describeMachine(): Machine {
  const commit = git('rev-parse', '--short=12', 'HEAD') || 'unknown'
  const isDirty = git('status', '--porcelain', '--', ...measured) !== ''
  return {
    cpu: cpus()[0]?.model.trim() ?? 'unknown',
    cores: cpus().length,
    memoryGiB: Math.round(totalmem() / 2 ** 30),
    kernel: `${type()} ${release()}`,
    node: process.version,
    package: `orbit-node ${version()}`,
    commit: isDirty ? `${commit} and uncommitted changes` : commit,
    date: new Date().toISOString(),
    loadAverage: loadavg()[0] ?? 0,
  }
}
