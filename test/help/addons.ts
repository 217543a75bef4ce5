// Special builds of the addon.
import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { root } from './system.js'

/** The addon with the fault points of native/posix/fault.h, built if it is missing. */
export const faultAddon = (): string => madeAddon('fault')

/** The addon of another layout version, built if it is missing. */
export const otherLayoutAddon = (): string => madeAddon('layout')

/** The C++ compiler for the machine that runs the tests. ORBIT_TEST_CXX: another one, in an emulator. */
export const compiler = process.env['ORBIT_TEST_CXX'] ?? 'g++'

/** ORBIT_ADDONS: a folder of addons that were built for another machine. */
function madeAddon(which: string): string {
  const folder = process.env['ORBIT_ADDONS']
  if (folder !== undefined) return join(folder, which, 'orbit.node')
  const path = `build/addon/${which}/orbit.node`
  const made = spawnSync('make', ['-C', join(root, 'native'), path], { encoding: 'utf8' })
  if (made.status !== 0) throw new Error(`make ${path}: ${made.stdout}${made.stderr}`)
  return join(root, 'native', path)
}
