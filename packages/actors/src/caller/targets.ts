import type { Client, Fleet } from 'orbit-node'
import type { Host } from '../host/host.js'
import { LocalClaims } from '../host/localclaims.js'
import { partitionOf } from '../host/placement.js'
import type { HostService } from '../host/service.js'
import type { Call } from './call.js'
import { type Roads, Route, type Target } from './route.js'

/** What the targets of a system need of it. */
export interface TargetMeans {
  readonly fleet: Fleet
  readonly system: string
  readonly host: Host | undefined
  ownerOf(partition: number): string | undefined
  clientOf(host: string): Client<HostService>
}

/** Where the calls to the actors of a partition go. */
export function partitionTarget(partition: number, { host, ownerOf }: TargetMeans, locals: LocalRoutes): Target {
  return {
    owner: () => ownerOf(partition),
    mayTake: (type) => host?.partitions[partition]?.isHeld === true || locals.has(type),
    accepts: (call) => host?.partitions[partition]?.accepts(call) === true,
    needs: (call) => host?.partitions[partition]?.needs(call) === true,
    divert: (call) => locals.divert(call),
    learn: (from) => locals.learn(from),
  }
}

/** How long a host may take to say which of its types are local. */
const learnMs = 1000

/** The routes to actors that are in the process which called them first. */
export class LocalRoutes {
  readonly #means: TargetMeans
  readonly #roads: Roads
  readonly #routes = new Map<string, Route>()
  /** In a process that runs actors, those that it has; in another one, those that hosts have named. */
  readonly #types: Set<string>
  /** The hosts that have named theirs. */
  readonly #learned = new Set<string>()
  #claims: LocalClaims | undefined
  #isClosed = false

  constructor(means: TargetMeans, roads: Roads) {
    this.#means = means
    this.#roads = roads
    this.#types = new Set(means.host?.localTypes)
  }

  /** The host of an actor; undefined: it is none of these, or not active. */
  ownerOf(id: string): string | undefined {
    const { host, fleet, system } = this.#means
    if (this.#types.size === 0) return undefined
    if (host?.locals !== undefined) return host.locals.ownerOf(id)
    this.#claims ??= new LocalClaims(fleet, system)
    return this.#claims.ownerOf(id)
  }

  /** Whether the actors of a type are among these. */
  has(type: string): boolean {
    return this.#types.has(type)
  }

  /** Takes a call if its actor is one of these. */
  divert(call: Call): boolean {
    const { type, id } = call.parts
    if (!this.has(type)) return false
    let route = this.#routes.get(id)
    if (route === undefined) {
      route = new Route(this.#targetOf(id), this.#roads)
      if (this.#isClosed) route.close()
      this.#routes.set(id, route)
    }
    route.submit(call)
    return true
  }

  #targetOf(id: string): Target {
    const { host, ownerOf } = this.#means
    return {
      mayTake: () => true,
      accepts: (call) => host?.locals?.accepts(id, call) === true,
      needs: (call) => host?.locals?.partition.needs(call) === true,
      // Of a process that runs no actors, the host of the partition activates it.
      owner: () => this.ownerOf(id) ?? (host === undefined ? ownerOf(partitionOf(id)) : undefined),
      divert: () => false,
      learn: () => undefined,
    }
  }

  /** Asks a host which types it has; undefined: it has said so. */
  learn(host: string): Promise<void> | undefined {
    if (this.#means.host !== undefined || this.#learned.has(host)) return undefined
    const answer = this.#means.clientOf(host).call('locals', undefined, { timeoutMs: learnMs, keepAlive: false })
    return answer.then(
      (types) => {
        this.#learned.add(host)
        if (Array.isArray(types)) for (const type of types) this.#types.add(String(type))
      },
      () => {}, // it has ended, or is stopped, and so are its actors
    )
  }

  /** Forgets routes on which nothing is under way. */
  sweep(): void {
    for (const [id, route] of this.#routes) if (route.isIdle) this.#routes.delete(id)
    if (this.#learned.size > 256) this.#learned.clear()
  }

  close(): void {
    this.#isClosed = true
    for (const route of this.#routes.values()) route.close()
  }
}
