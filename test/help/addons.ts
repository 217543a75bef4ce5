// Special builds of the addon.
import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { root } from './system.js'

/** The addon with the fault points of native/posix/fault.h: ORBIT_FAULT_ADDON, or built if it is missing. */
export function faultAddon(): string {
  return process.env['ORBIT_FAULT_ADDON'] ?? madeAddon('fault')
}

/** The addon of another layout version, built if it is missing. */
export const otherLayoutAddon = (): string => madeAddon('layout')

function madeAddon(which: string): string {
  const path = `build/addon/${which}/orbit.node`
  const made = spawnSync('make', ['-C', join(root, 'native'), path], { encoding: 'utf8' })
  if (made.status !== 0) throw new Error(`make ${path}: ${made.stdout}${made.stderr}`)
  return join(root, 'native', path)
}
