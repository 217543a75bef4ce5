// Packages from the npm registry, unpacked without their dependencies and scripts.
import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, renameSync, rmSync } from 'node:fs'
import { join } from 'node:path'

/** What the command printed; undefined when it failed. */
export function outputOf(command, commandArgs) {
  const { status, stdout } = spawnSync(command, commandArgs, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] })
  return status === 0 ? stdout : undefined
}

/**
 * Unpacks a package into the folder, unless that is there.
 *
 * @param spec name@version
 * @param parts the files and folders of the package to unpack; default all
 * @returns the folder; undefined: not available
 */
export function fetchPackage(spec, folder, parts = []) {
  if (existsSync(folder)) return folder
  const partial = `${folder}-${process.pid}`
  mkdirSync(partial, { recursive: true })
  try {
    const packed = outputOf('npm', ['pack', '--silent', spec, '--pack-destination', partial])
    if (packed === undefined) return undefined
    const archive = join(partial, packed.trim())
    const wanted = parts.map((part) => `package/${part}`)
    if (outputOf('tar', ['-xzf', archive, '-C', partial, '--strip-components=1', ...wanted]) === undefined)
      return undefined
    rmSync(archive)
    renameSync(partial, folder)
    return folder
  } finally {
    rmSync(partial, { recursive: true, force: true })
  }
}
