import { Cells } from '../core/cells.js'
import type { NodeRecord } from '../core/node.js'
import type { FleetObserver } from '../core/observer.js'
import type { RingReport } from './report.js'

/** A process that runs actors of the package orbit-actors, as it says itself once a second. */
export interface ActorHost {
  readonly fleet: string
  /** The name of the system of actors. */
  readonly system: string
  readonly node: number
  /** How many of the 16 partitions of the system it has. */
  readonly partitions: number
  readonly active: number
  /** Calls that wait for their turn. */
  readonly waiting: number
  /** How long the oldest of them had waited when it said so; 0: none waits. */
  readonly oldestMs: number
  readonly callsPerSecond: number
}

/** Calls that have waited for so long wait for more than their turn. */
export const longWaitMs = 10_000

const prefix = 'orbit.presence:actors.'
/** The package makes tables of 256 entries. */
const mostEntries = 1024

/** What an entry says: any process may have written it. */
function countsOf(text: string): (name: string) => number {
  let counts: Record<string, unknown> = {}
  try {
    counts = { ...JSON.parse(text)?.counts }
  } catch {
    // bytes of another program
  }
  return (name) => (Number.isSafeInteger(counts[name]) ? Math.max(0, counts[name] as number) : 0)
}

/** The living processes of a fleet that run actors, among the objects of these reports. */
export function actorHostsOf(
  fleet: FleetObserver,
  reports: readonly RingReport[],
  nodes: readonly NodeRecord[],
): ActorHost[] {
  return reports.flatMap(({ kind, name, capacity }) => {
    const table = name.startsWith(prefix) && capacity <= mostEntries ? fleet.existing(kind) : undefined
    const cells = table && new Cells(fleet, table.handle, undefined)
    const stamps = new Uint8Array(cells ? cells.capacity * 8 : 0)
    const hosts: ActorHost[] = []
    for (let from = 0; cells && from < cells.capacity; ) {
      const { cells: changed, to } = cells.changed(from, stamps)
      for (const { entry } of changed) {
        const member = nodes.find(({ node, alive }) => alive && node === entry?.node)
        if (member === undefined || entry?.id !== `${member.node}.${member.incarnation}`) continue
        const count = countsOf(entry.text)
        hosts.push({
          fleet: fleet.name,
          system: name.slice(prefix.length),
          node: member.node,
          partitions: count('partitions'),
          active: count('active'),
          waiting: count('waiting'),
          oldestMs: count('oldestMs'),
          callsPerSecond: count('callsPerSecond'),
        })
      }
      from = to
    }
    return hosts.sort((a, b) => a.node - b.node)
  })
}
