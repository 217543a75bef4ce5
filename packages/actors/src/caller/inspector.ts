import { type Client, type Fleet, Presence } from 'orbit-node'
import { partitionCount } from '../base/partitions.js'
import type { PartitionState } from '../host/partitionstate.js'
import type { HostReport, ReportQuery } from '../host/report.js'
import type { HostService } from '../host/service.js'

/** A process that runs actors, as `inspect` shows it. */
export interface InspectedHost {
  /** The node and the incarnation of its handle. */
  readonly id: string
  /** The partitions that it has, 0..15. */
  readonly partitions: readonly number[]
  /** What it says; undefined: it has not answered within the time, because it is stopped, blocked, or has ended. */
  readonly report: HostReport | undefined
  /** What it keeps of its partitions, if that was asked for; absent for one without a store, or without an answer. */
  readonly state?: readonly PartitionState[]
}

/** What `inspect` of a system returns. */
export interface ActorsReport {
  /** The processes that run actors. */
  readonly hosts: readonly InspectedHost[]
  /** The partitions that no process has, 0..15. */
  readonly orphans: readonly number[]
}

/** What the inspector needs of its system. */
export interface InspectorMeans {
  readonly fleet: Fleet
  /** The name of the presence of the hosts. */
  readonly presence: string
  ownerOf(partition: number): string | undefined
  clientOf(host: string): Client<HostService>
}

/** Asks the processes of a system about their actors. */
export class Inspector {
  readonly #means: InspectorMeans
  #presence: Presence | undefined

  constructor(means: InspectorMeans) {
    this.#means = means
  }

  async inspect(query: ReportQuery, hasState: boolean, timeoutMs: number): Promise<ActorsReport> {
    const { fleet, presence, ownerOf } = this.#means
    this.#presence ??= new Presence(fleet, { name: presence, capacity: 256, entryBytes: 1024 })
    const ids = new Set(this.#presence.list().map(({ id }) => id))
    const orphans: number[] = []
    const partitions = new Map<string, number[]>()
    for (let partition = 0; partition < partitionCount; partition++) {
      const owner = ownerOf(partition)
      if (owner === undefined) orphans.push(partition)
      else partitions.set(owner, [...(partitions.get(owner) ?? []), partition])
    }
    for (const owner of partitions.keys()) ids.add(owner)
    const hosts = [...ids].sort().map(async (id) => {
      const report = await this.#ask(() => this.#means.clientOf(id).call('report', query, { timeoutMs }))
      const asksState = hasState && report !== undefined
      const states = asksState && (await this.#ask(() => this.#means.clientOf(id).call('state', {}, { timeoutMs })))
      const state = states && states.length > 0 ? { state: states } : {}
      return { id, partitions: partitions.get(id) ?? [], report, ...state }
    })
    return { hosts: await Promise.all(hosts), orphans }
  }

  async #ask<T>(call: () => Promise<T>): Promise<T | undefined> {
    try {
      return await call()
    } catch {
      return undefined
    }
  }
}
