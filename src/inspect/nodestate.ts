import type { NodeRecord } from '../core/node.js'
import { pathOf } from './objects.js'
import { isStopped, maps } from './process.js'

/** A member is stale when its last heartbeat is older: three times the default interval of FleetHeartbeat. */
const staleMs = 3000

/** dead: the kernel has released the node's lock; stopped: by a signal or a debugger; stale: no recent heartbeat. */
export type NodeState = 'alive' | 'stale' | 'stopped' | 'dead'

/** A member that is alive and has sent no heartbeat for three seconds. One that never sends any is not stale. */
export const isStale = ({ alive, heartbeat }: NodeRecord): boolean =>
  alive && heartbeat !== undefined && heartbeat.ageMs > staleMs

/** Whether a process of this fleet is stopped. Recognized only where /proc shows it. */
export const isStoppedMember = (fleet: string, pid: number): boolean =>
  isStopped(pid) && maps(pid, pathOf(fleet, 'fleet'))

/** The state of a node of this fleet. */
export function nodeStateOf(fleet: string, node: NodeRecord): NodeState {
  if (!node.alive) return 'dead'
  if (isStoppedMember(fleet, node.pid)) return 'stopped'
  return isStale(node) ? 'stale' : 'alive'
}
