import { Fleet } from 'orbit-node'
import type { ActorsReport } from './caller/inspector.js'
import { actors } from './system.js'

export type { ActorsReport, InspectedHost } from './caller/inspector.js'
export type { ActorEntry, HostReport, WaitEntry } from './host/report.js'

/** Options of `inspectActors`: which system, and which of its actors. */
export interface InspectOptions {
  /** The name of the system; default 'default'. */
  name?: string
  /** Only actors of this type; default all. */
  type?: string
  /** Only actors of this key; default all. */
  key?: string
  /** How long a process may take to answer, in milliseconds, 1..2^31-1; default 1000. */
  timeoutMs?: number
}

/**
 * Asks the processes of a system about their actors, as a member of the fleet for that time: what `orbit actors` and
 * `orbit stuck` show.
 *
 * @param fleet the name of a fleet in shared memory that exists
 * @throws TypeError or RangeError for wrong arguments; ERR_ORBIT_NOT_FOUND; what joining the fleet throws
 */
export async function inspectActors(fleet: string, options: InspectOptions = {}): Promise<ActorsReport> {
  Fleet.observe(fleet).close() // it makes no fleet
  const { name = 'default', ...query } = options
  using handle = Fleet.joinShm(fleet, { label: 'orbit actors' })
  await using system = actors({ fleet: handle, host: false, name })
  return await system.inspect(query)
}
