import { readFileSync } from 'node:fs'
import nodeModule from 'node:module' // whole: bundles of ESM often declare a createRequire of their own
import { dirname, join, resolve } from 'node:path'
import manifest from '../package.json' with { type: 'json' }
import { OrbitError } from './base/errors.js'
import { adviceFor } from './base/platform.js'

/**
 * src/ or dist/ of the package; in a user's bundle, the bundle's folder. A bundle of CommonJS has no import.meta, and
 * `node -e` has a global __dirname that is not ours, so import.meta comes first.
 */
const ownFolder = import.meta.dirname ?? (typeof __dirname === 'string' ? __dirname : process.cwd())

/** What addon and code say to each other is no public thing: only those of one version fit. */
const otherVersion = (version: unknown) => `has version=${version}, the code that asks is ${manifest.version}`

/** The folder of the installed package, seen from a bundle that is not in it. */
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

/**
 * One for each libc that the platform may have. musl's comes first: on a system of glibc it finds no libc, but musl would
 * stand in for glibc's. Not asked of process.report, which waits for every worker thread to come out of what blocks it.
 */
const files = process.platform === 'linux' ? ['orbit.musl.node', 'orbit.glibc.node'] : ['orbit.node']

/** build/Release is there only where somebody built it on purpose, so it comes before what was shipped. */
function addonsOf(packageFolder: string): string[] {
  const shipped = join(packageFolder, 'prebuilds', `${process.platform}-${process.arch}`)
  return [join(packageFolder, 'build/Release/orbit.node'), ...files.map((file) => join(shipped, file))]
}

function* addons(tried: string[]): Generator<string> {
  const named = process.env['ORBIT_NATIVE_PATH']
  if (named) {
    yield resolve(named) // and no other: who names one wants that one
    return
  }
  const packageFolder = join(ownFolder, '..')
  yield* addonsOf(packageFolder)
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

function failure(tried: string[], cause: unknown): OrbitError {
  const { platform, arch, versions } = process
  const advice = process.env['ORBIT_NATIVE_PATH']
    ? 'ORBIT_NATIVE_PATH names this file: correct it, or unset it to use the addon of the package'
    : adviceFor({ platform, arch, isMusl: isMusl() })
  const message = `no native addon for ${platform}-${arch}, Node ${versions.node}; tried ${tried.join('; ')}. To fix it, ${advice}`
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
