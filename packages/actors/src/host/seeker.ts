import type { Contest, Guard } from 'orbit-node'
import type { ActorLog } from '../actor/actor.js'
import type { ActorType } from '../actor/methods.js'
import type { PartitionStore, Store } from '../store/store.js'
import type { Hosts } from './hosts.js'
import { closeUnused, openPartition } from './opening.js'
import type { Claim } from './partition.js'

/** What a seeker needs of its host. */
export interface SeekerMeans {
  readonly contest: Contest
  readonly hosts: Hosts
  readonly store: Store | undefined
  readonly types: ReadonlyMap<string, ActorType>
  readonly log: ActorLog
  readonly system: string
  /** The id of the host. */
  readonly host: string
  /** Aborted when the host takes no partitions any more. */
  readonly closing: AbortSignal
  /** The subject of the claim of a partition. */
  subjectOf(partition: number): string
  /** The host has a partition from now on. */
  open(partition: number, claim: Claim, store: PartitionStore | undefined): void
}

/** How a host gets partitions: it waits for their claims, and opens their data. */
export class Seeker {
  readonly #means: SeekerMeans
  /** What ends the wait for a claim, by partition. */
  readonly #seeking = new Map<number, AbortController>()

  constructor(means: SeekerMeans) {
    this.#means = means
  }

  isSeeking(partition: number): boolean {
    return this.#seeking.has(partition)
  }

  /** Gives up the wait for a partition. */
  stop(partition: number): void {
    this.#seeking.get(partition)?.abort()
  }

  /** Gives up the wait for all partitions. */
  stopAll(): void {
    for (const stop of this.#seeking.values()) stop.abort()
  }

  /** Gets a partition, however long that takes. */
  async seek(partition: number): Promise<void> {
    const { contest, host, closing, log, subjectOf } = this.#means
    const stop = new AbortController()
    this.#seeking.set(partition, stop)
    const options = { ttlMs: 'life' as const, owner: host, signal: stop.signal, keepAlive: false }
    let guard: Guard | undefined
    try {
      guard = await contest.claim(subjectOf(partition), options)
    } catch (error) {
      if (!stop.signal.aborted && !closing.aborted) log.error('a partition could not be claimed:', error)
    }
    const store = guard && (await this.#openStore(partition, guard.token, stop.signal))
    this.#seeking.delete(partition)
    if (guard === undefined) return
    const isUsable = this.#means.store === undefined || (store !== undefined && !this.#refuses(partition, store))
    if (!closing.aborted && isUsable) {
      this.#means.open(partition, this.#claimOf(guard, partition), store)
      return
    }
    if (store !== undefined) await closeUnused(store, log)
    guard.release()
  }

  async #openStore(partition: number, token: number, signal: AbortSignal): Promise<PartitionStore | undefined> {
    const { store, system, log } = this.#means
    return store && openPartition({ store, system, index: partition, token, log }, signal)
  }

  /**
   * Whether a partition goes to a host that can read it: a newer one has written it, and lives. Without one, this host
   * keeps what it can read.
   */
  #refuses(partition: number, { versions }: PartitionStore): boolean {
    const { hosts, types, log } = this.#means
    for (const [type, version] of versions) {
      const own = types.get(type)?.version ?? version
      if (own >= version || !hosts.refuse(partition)) continue
      log.info(`partition ${partition} of actors goes to a newer process: it has ${type} of version ${version}`)
      return true
    }
    return false
  }

  #claimOf(guard: Guard, partition: number): Claim {
    const { token } = guard
    const release = () => guard.release()
    if (this.#means.store === undefined) return { token, release }
    return { token, release, openStore: () => this.#openStore(partition, token, this.#means.closing) }
  }
}
