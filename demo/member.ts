// What the demo's child processes have in common: they join as they were told, and end when they should.
import { Fleet } from '../src/index.js'
import { environment, nodes } from './types.js'

/** Joins the fleet and node that the environment names, until this process ends. */
export function joinAsTold(label: string): Fleet {
  const name = process.env[environment.fleet]
  if (name === undefined) throw new Error(`${environment.fleet} is not set: start the demo with "npm run demo"`)
  return Fleet.joinShm(name, { node: Number(process.env[environment.node]), label, lifetime: 'fleet' })
}

/** Calls `stop` when the primary asks for the end (SIGTERM), or has died: the kernel's lock says so, no message needed. */
export function onEnd(fleet: Fleet, stop: () => void): void {
  // At a terminal Ctrl-C reaches every process; the primary decides what follows from it.
  process.on('SIGINT', () => {})
  process.once('SIGTERM', stop)
  setInterval(() => fleet.isDead(nodes.primary) && process.exit(1), 500).unref()
}
