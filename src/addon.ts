import { readFileSync } from 'node:fs'
import nodeModule from 'node:module' // the whole module: bundles often declare their own createRequire
import { dirname, join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import manifest from '../package.json' with { type: 'json' }
import { OrbitError } from './base/errors.js'
import { adviceFor } from './base/platform.js'
import { prebuilds } from './prebuilds.js'

/**
 * dist/ (or src/) of the package; in a bundle, the folder of the bundle. import.meta comes first, since `node -e` has a
 * global __dirname of its own; in a bundle of CommonJS import.meta is empty.
 */
const ownFolder = import.meta.dirname ?? (typeof __dirname === 'string' ? __dirname : process.cwd())

/** An addon and this code fit only if both have the same version: what they say to each other is not public. */
const otherVersion = (version: unknown) => `has version=${version}, but this code is version=${manifest.version}`

/** The folder of the installed package, found from a bundle that is outside of it. */
function installedFolder(tried: string[]): string | undefined {
  try {
    const path = nodeModule.createRequire(join(ownFolder, 'orbit')).resolve(`${manifest.name}/package.json`)
    const { version } = JSON.parse(readFileSync(path, 'utf8')) as { version: string }
    if (version === manifest.version) return dirname(path)
    tried.push(`${dirname(path)}: ${otherVersion(version)}`)
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException
    tried.push(`package ${manifest.name} from ${ownFolder}: ${code ?? message}`)
  }
  return undefined
}

/** Which libc this is is not asked of process.report, which waits for every worker thread. */
const files = process.platform === 'linux' ? ['orbit.musl.node', 'orbit.glibc.node'] : ['orbit.node']
const system = `${process.platform}-${process.arch}`
const shippedIn = (folder: string): string[] => files.map((file) => join(folder, 'prebuilds', system, file))

/** An addon that was built in the package was built on purpose, so it comes before the shipped ones. */
function addonsOf(packageFolder: string): string[] {
  const built = ['build/Release/orbit.node', 'native/build/Release/orbit.node']
  return [...built.map((file) => join(packageFolder, file)), ...shippedIn(packageFolder)]
}

/** The literal paths of this platform's addons; a bundler rewrites them to the places where it puts the files. */
function literals(): string[] {
  try {
    return (prebuilds[system]?.() ?? []).map((url) => fileURLToPath(url))
  } catch {
    return [] // a bundle of CommonJS has no import.meta.url
  }
}

function* addons(tried: string[]): Generator<string> {
  const named = process.env['ORBIT_NATIVE_PATH']
  if (named) {
    yield resolve(named) // and no other
    return
  }
  const packageFolder = join(ownFolder, '..')
  const near = new Set([...addonsOf(packageFolder), ...literals(), ...shippedIn(ownFolder)])
  yield* near
  const installed = installedFolder(tried)
  if (installed !== undefined && installed !== packageFolder) yield* addonsOf(installed)
}

const addonsForbidden =
  'this process may not load native addons: under the permission model start node with --allow-addons, else without --no-addons'

const isMusl = (): boolean => {
  try {
    return process.platform === 'linux' && readFileSync('/proc/self/maps', 'utf8').includes('ld-musl-')
  } catch {
    return false // no /proc here, or it may not be read
  }
}

const isBundle = (): boolean => {
  try {
    return JSON.parse(readFileSync(join(ownFolder, '../package.json'), 'utf8')).name !== manifest.name
  } catch {
    return true
  }
}

function advice(): string {
  if (process.env['ORBIT_NATIVE_PATH']) {
    return 'ORBIT_NATIVE_PATH names this file: correct it, or unset it to use the addon of the package'
  }
  if (system in prebuilds && isBundle()) {
    return `this bundle has no addon beside it: copy node_modules/${manifest.name}/prebuilds into ${ownFolder}`
  }
  return adviceFor({ platform: process.platform, arch: process.arch, isMusl: isMusl() })
}

function failure(tried: string[], cause: unknown): OrbitError {
  const message = `no native addon for ${system}, Node ${process.versions.node}; tried ${tried.join('; ')}. To fix it: ${advice()}`
  return new OrbitError('ERR_ORBIT_NATIVE', message, { cause })
}

/**
 * Opens the addon. Uses process.dlopen, not require: the cache of require would give two copies of this package one
 * scratch buffer.
 *
 * @throws ERR_ORBIT_NATIVE with every file tried, and what to do on this platform
 */
export function openAddon(): unknown {
  const tried: string[] = []
  let cause: unknown
  for (const path of addons(tried)) {
    const addon = { exports: {} }
    try {
      process.dlopen(addon, path)
      const { version } = addon.exports as { version?: unknown }
      if (!('abi' in addon.exports && 'setScratch' in addon.exports)) {
        tried.push(`${path}: not an addon of ${manifest.name}`)
      } else if (version === manifest.version) {
        return addon.exports
      } else {
        tried.push(`${path}: ${otherVersion(version)}`)
      }
    } catch (error) {
      cause = error
      const { code } = error as NodeJS.ErrnoException
      if (code === 'ERR_DLOPEN_DISABLED') throw new OrbitError('ERR_ORBIT_NATIVE', addonsForbidden, { cause })
      tried.push(`${path}: ${(error as Error).message.replace(`${path}: `, '')}`)
    }
  }
  throw failure(tried, cause)
}
