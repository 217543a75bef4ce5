import { cacheRoute } from './hub/cachelink.js'
import { connectedName, type Memory } from './hub/memory.js'

/** What went over one route. */
export interface RouteStats {
  /** Events, or changes of caches, that were sent. */
  readonly sent: number
  /** Events of any topic that wait on the bus of this host, as of the last second. */
  readonly waiting: number
  /** Events that this host's bus overwrote, or that are too long, before they could be sent. */
  readonly unsent: number
  /** Events of other hosts that were delivered here. */
  readonly received: number
  /** Events that came twice, and were dropped. */
  readonly duplicates: number
  /** Events of other hosts that did not arrive, by host. */
  readonly lost: Readonly<Record<string, number>>
}

/** What the bridge of a host has done since its fleet was made. */
export interface BridgeStats {
  /** The process that holds the connection; undefined: none does. */
  readonly pid: number | undefined
  /** Whether it is connected to a server. */
  readonly connected: boolean
  /** How often the connection was lost. */
  readonly outages: number
  /** How often all shared namespaces were emptied, because changes of other hosts may have been missed. */
  readonly resets: number
  /** By route: 'live', 'stored', 'cache'; for a named bus 'live-' and its name in base64url, as in subjects. */
  readonly routes: Readonly<Record<string, RouteStats>>
}

/** @param pid the process that holds the connection; undefined: none does */
export function statsOf(memory: Memory, names: readonly string[], pid: number | undefined): BridgeStats {
  const routes = names.map((name): [string, RouteStats] => [
    name,
    {
      sent: memory.counted('sent', name),
      waiting: memory.waiting(name),
      unsent: memory.counted('unsent', name),
      received: memory.counted('received', name),
      duplicates: memory.counted('duplicates', name),
      lost: memory.countedByHost('lost', name),
    },
  ])
  return {
    pid,
    connected: pid !== undefined && memory.number(connectedName).get() === 1,
    outages: memory.counted('outages', 'connection'),
    resets: memory.counted('resets', cacheRoute),
    routes: Object.fromEntries(routes),
  }
}
