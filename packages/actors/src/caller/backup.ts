import { type Client, OrbitError } from 'orbit-node'
import { partitionCount } from '../base/partitions.js'
import type { Host } from '../host/host.js'
import type { BackupRequest, HostService } from '../host/service.js'

/** What `backup` of a system has made. */
export interface BackupResult {
  /** The folder that was passed, as an absolute path. */
  readonly folder: string
  /** The size of the copies of all partitions, in bytes. */
  readonly bytes: number
}

/** What a backup needs of its system. */
export interface BackupMeans {
  /** The host of this process; undefined: it only calls. */
  readonly host: Host | undefined
  ownerOf(partition: number): string | undefined
  clientOf(host: string): Client<HostService>
  pause(ms: number): Promise<void>
}

/**
 * Has each process copy its partitions into a folder, one after another.
 *
 * @throws OrbitError ERR_ORBIT_TIMEOUT; Error of a process that could not copy one
 */
export async function backUpAll(means: BackupMeans, folder: string, timeoutMs: number): Promise<BackupResult> {
  const endMs = performance.now() + timeoutMs
  let bytes = 0
  for (let partition = 0; partition < partitionCount; partition++) {
    let copied: number | undefined
    for (let pauseMs = 1; copied === undefined; pauseMs = Math.min(2 * pauseMs, 100)) {
      const leftMs = Math.ceil(endMs - performance.now())
      if (leftMs <= 0) {
        const why = `partition ${partition} was not copied within ${timeoutMs} ms: it moves, or no process has it`
        throw new OrbitError('ERR_ORBIT_TIMEOUT', why)
      }
      copied = await backUpOne(means, { partition, folder }, leftMs)
      if (copied === undefined) await means.pause(pauseMs)
    }
    bytes += copied
  }
  return { folder, bytes }
}

/** The size of the copy; undefined: the partition is on its way to another process. */
async function backUpOne(
  { host, ownerOf, clientOf }: BackupMeans,
  request: BackupRequest,
  timeoutMs: number,
): Promise<number | undefined> {
  const owner = ownerOf(request.partition)
  if (owner === undefined) return undefined
  return owner === host?.id ? host.backup(request) : clientOf(owner).call('backup', request, { timeoutMs })
}
