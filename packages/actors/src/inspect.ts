/** @module orbit-actors/inspect */
import { Fleet } from 'orbit-node'
import type { BackupResult } from './caller/backup.js'
import type { ActorsReport } from './caller/inspector.js'
import { actors } from './start.js'

export type { BackupResult } from './caller/backup.js'
export type { ActorsReport, InspectedHost } from './caller/inspector.js'
export type { PartitionState } from './host/partitionstate.js'
export type { ActorEntry, HostReport, WaitEntry } from './host/report.js'

/** Options of `inspectActors`: which system, and which of its actors. */
export interface InspectOptions {
  /** The name of the system; default 'default'. */
  name?: string
  /** Only actors of this type; default all. */
  type?: string
  /** Only actors of this key; default all. */
  key?: string
  /** Whether to ask for what each process keeps of its partitions, too; default false. */
  state?: boolean
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

/** Options of `backUpActors`. */
export interface BackupOptions {
  /** The name of the system; default 'default'. */
  name?: string
  /** How long all of it may take, in milliseconds, 1..2^31-1; default an hour. */
  timeoutMs?: number
}

/**
 * Has the processes of a system copy their durable state into a folder, as a member of the fleet for that time: what
 * `orbit actors --backup` does.
 *
 * @param fleet the name of a fleet in shared memory that exists
 * @param folder the path of a folder for them; relative paths begin in that of this process
 * @throws what `backup` of a system throws; ERR_ORBIT_NOT_FOUND; what joining the fleet throws
 */
export async function backUpActors(fleet: string, folder: string, options: BackupOptions = {}): Promise<BackupResult> {
  Fleet.observe(fleet).close() // it makes no fleet
  const { name = 'default', ...more } = options
  using handle = Fleet.joinShm(fleet, { label: 'orbit actors' })
  await using system = actors({ fleet: handle, host: false, name })
  return await system.backup(folder, more)
}
