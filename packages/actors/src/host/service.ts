import type { CallContext, Fleet, Handlers } from 'orbit-node'
import type { Reply } from '../base/wire.js'
import type { MonitorTag } from './home.js'
import type { Items } from './items.js'
import type { PartitionState } from './partitionstate.js'
import type { HostReport } from './report.js'

/** Asks a process to copy a partition. */
export interface BackupRequest {
  readonly partition: number
  /** An absolute path. */
  readonly folder: string
}

/** The methods of the service that each host has. */
export interface HostService extends Handlers {
  call(message: unknown, context: CallContext): Reply | Promise<Reply>
  /** Rejects with a StreamFailure, as its items do. */
  stream(message: unknown, context: CallContext): Promise<Items>
  /** Asks for a partition; true: it is handed over. */
  give(partition: unknown, context: CallContext): boolean
  /** The names of the types with `placement: 'local'`. */
  locals(): string[]
  /** A question about calls that wait for each other. */
  probe(bytes: unknown, context: CallContext): void
  /** The tag of an activation by the id of its actor, from now on monitored; undefined: it is not active. */
  monitor(id: unknown, context: CallContext): MonitorTag | undefined
  /** What this process says about its actors. */
  report(query: unknown, context: CallContext): HostReport
  /** What this process keeps of its partitions. */
  state(query: unknown, context: CallContext): Promise<PartitionState[]>
  /** Copies a partition into a folder, and returns the bytes; undefined: this process does not have it. */
  backup(request: unknown, context: CallContext): Promise<number | undefined>
  /** The end of such a question. */
  judge(bytes: unknown, context: CallContext): void
}

/** The names of a system in its fleet. */
export const names = {
  contest: { name: 'actors', capacity: 256 },
  subject: (system: string, partition: number): string => `${system}/${partition}`,
  service: (system: string, host: string): string => `actors/${system}/${host}`,
  presence: (system: string): string => `actors.${system}`,
  host: ({ node, incarnation }: Fleet): string => `${node}.${incarnation}`,
}
