import { Client, type Fleet, type Handlers, type Server, serve } from 'orbit-node'
import { unreachable } from '../base/errors.js'
import type { RegisterEntry } from '../engine/engine.js'
import type { Shares } from '../limit/shares.js'
import type { TakeRequest } from '../lock/leases.js'
import type { HostRow } from './hosts.js'
import type { Hub } from './hub.js'

/** What the process that holds the bridge does for the other processes of its host. */
export interface Desk {
  get(key: string): Promise<RegisterEntry | undefined>
  swap(request: { key: string; value: string; revision: number }): Promise<number | undefined>
  /** Takes a lease if it is free. Returns what the key has now. */
  take(request: TakeRequest): Promise<RegisterEntry>
  /**
   * Gives a lease back. Resolves when the server has it. In another process than the one that holds the bridge it
   * resolves when the request is in shared memory: every later claim of this host waits for it there.
   */
  release(request: { key: string; revision: number }): Promise<void>
  /** Resolves when the key has another revision, or after `ms`. */
  changed(request: { key: string; revision: number; ms: number }): Promise<void>
  /** Asks a host, this one or another. */
  ask(request: { host: string; question: string; ms: number }): Promise<string>
  /** The hosts of the cluster that were heard. */
  hosts(): Promise<HostRow[]>
  /** Takes a share of a limit of the cluster. Returns whether this host has what is asked for. */
  borrow(request: ShareRequest): Promise<boolean>
}

/** A wish for a share of a limit. */
export interface ShareRequest {
  readonly key: string
  /** Which window it is for, and its length. */
  readonly window: number
  readonly windowMs: number
  readonly limit: number
  /** How much to take at once, as far as there is so much left. */
  readonly share: number
  /** The least that is of use. */
  readonly least: number
}

const service = 'orbit.bridge'
/** Waits for locks are calls too. */
const concurrency = 4096

/** The desk in the process of the hub. */
export function deskOf(
  hub: Hub,
  shares: Shares,
  local: { host: string; answer(question: Uint8Array): Promise<Uint8Array>; hosts(): HostRow[] },
): Desk {
  return {
    get: async (key) => (await hub.leases()).get(key),
    swap: async ({ key, value, revision }) => (await hub.leases()).swap(key, value, revision),
    take: async (request) => (await hub.leases()).take(request),
    release: async ({ key, revision }) => (await hub.leases()).release(key, revision),
    changed: async ({ key, revision, ms }) => (await hub.leases()).changed(key, revision, AbortSignal.timeout(ms)),
    ask: async ({ host, question, ms }) => {
      const bytes = Buffer.from(question)
      const answer = host === local.host ? await local.answer(bytes) : await hub.ask(host, bytes, ms)
      return Buffer.from(answer).toString()
    },
    hosts: async () => local.hosts(),
    borrow: async (request) => shares.borrow(await hub.leases(), request),
  }
}

/** Serves a desk to the other processes of the host. */
export function serveDesk(fleet: Fleet, desk: Desk): Server<Handlers> {
  // No process waits for it: the lease expires if the server does not get it.
  const release = (request: { key: string; revision: number }) => void desk.release(request).catch(() => {})
  return serve(fleet, service, { ...desk, release } as unknown as Handlers, { concurrency })
}

/** The desk of another process of this host, by calls in shared memory. */
export class RemoteDesk implements Desk {
  readonly #client: Client<Handlers>
  readonly #timeoutMs: number

  constructor(fleet: Fleet, timeoutMs = 10_000) {
    this.#timeoutMs = timeoutMs
    this.#client = new Client<Handlers>(fleet, service)
  }

  get(key: string) {
    return this.#call<RegisterEntry | undefined>('get', key)
  }
  swap(request: { key: string; value: string; revision: number }) {
    return this.#call<number | undefined>('swap', request)
  }
  take(request: TakeRequest) {
    return this.#call<RegisterEntry>('take', request)
  }
  async release(request: { key: string; revision: number }): Promise<void> {
    // Requests are taken in the order in which they were sent by all processes. Only a full inbox makes it wait.
    if (!this.#client.tell('release', request)) await this.#call<void>('release', request)
  }
  changed(request: { key: string; revision: number; ms: number }) {
    return this.#call<void>('changed', request, request.ms)
  }
  ask(request: { host: string; question: string; ms: number }) {
    return this.#call<string>('ask', request, request.ms)
  }
  hosts() {
    return this.#call<HostRow[]>('hosts', undefined)
  }
  borrow(request: ShareRequest) {
    return this.#call<boolean>('borrow', request)
  }

  async #call<T>(method: string, value: unknown, moreMs = 0): Promise<T> {
    try {
      return (await this.#client.call(method, value, { timeoutMs: this.#timeoutMs + moreMs })) as T
    } catch (error) {
      throw unreachable(`bridge.${method}`, error)
    }
  }
}
