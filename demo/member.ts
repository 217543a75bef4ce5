// What the child processes of the demo have in common: how they join, and when they end.
import { Fleet } from '../src/index.js'
import { environment, nodes } from './types.js'

/** Joins the fleet as the node that the environment names, until this process ends. */
export function joinFromEnvironment(label: string): Fleet {
  const name = process.env[environment.fleet]
  if (name === undefined) throw new Error(`${environment.fleet} is not set: start the demo with "npm run demo"`)
  return Fleet.joinShm(name, { node: Number(process.env[environment.node]), label })
}

/** Calls `stop` on SIGTERM. Exits when the primary has died, which the kernel's lock shows without a message. */
export function onEnd(fleet: Fleet, stop: () => void): void {
  // On a terminal Ctrl-C reaches every process. Only the primary reacts to it.
  process.on('SIGINT', () => {})
  process.once('SIGTERM', stop)
  setInterval(() => fleet.isDead(nodes.primary) && process.exit(1), 500).unref()
}
