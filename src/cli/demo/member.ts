// What the child processes of the demo have in common: how they join, and when they end.
import { Fleet } from '../../core/fleet.js'
import { FleetHeartbeat } from '../../layers/heartbeat.js'
import { nodes } from './contract.js'

/** The environment variable that tells a child its fleet and its node. */
export const variable = 'ORBIT_DEMO'

const told = (): string[] => process.env[variable]?.split(' ') ?? []

/** The node of this child process. */
export const nodeAsTold = (): number => Number(told()[1])

/** Joins the fleet as the node that the environment names, and makes heartbeats with this status. */
export function joinAsTold(status: () => string): Fleet {
  const node = nodeAsTold()
  const fleet = Fleet.joinShm(told()[0] ?? '', { node, label: node === nodes.clients ? 'http clients' : 'http worker' })
  new FleetHeartbeat(fleet).start({ intervalMs: 500, status })
  // On a terminal Ctrl-C reaches every process. Only the primary reacts to it, and ends the others.
  process.on('SIGINT', () => {})
  return fleet
}
