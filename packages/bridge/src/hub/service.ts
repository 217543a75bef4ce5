import { Client, type Fleet, type Gauge, type Handlers, type Server, serve } from 'orbit-node'
import { monotonicMs, pause } from '../base/clock.js'
import { unreachable } from '../base/errors.js'
import type { RegisterEntry } from '../engine/engine.js'
import type { Shares } from '../limit/shares.js'
import type { TakeRequest } from '../lock/leases.js'
import type { HostRow } from './hosts.js'
import type { Hub } from './hub.js'
import type { Memory } from './memory.js'

/** What the process that holds the bridge does for the other processes of its host. */
export interface Desk {
  get(key: string): Promise<RegisterEntry | undefined>
  swap(request: { key: string; value: string; revision: number }): Promise<number | undefined>
  /** Takes a lease if it is free. Returns what the key has now. */
  take(request: TakeRequest): Promise<RegisterEntry>
  /**
   * Gives a lease back. Resolves when the server has it. In another process than the one that holds the bridge it
   * resolves when the request is in shared memory: every later claim of such a process waits for it there.
   */
  release(request: ReleaseRequest): Promise<void>
  /** Resolves when the key has another revision, or after `ms`. */
  changed(request: { key: string; revision: number; ms: number }): Promise<void>
  /** Asks a host, this one or another. */
  ask(request: { host: string; question: string; ms: number }): Promise<string>
  /** The hosts of the cluster that were heard. */
  hosts(): Promise<HostRow[]>
  /** Takes a share of a limit of the cluster. Returns whether this host has what is asked for. */
  borrow(request: ShareRequest): Promise<boolean>
}

/** A lease that is given back. */
export interface ReleaseRequest {
  readonly key: string
  readonly revision: number
  /** When the lease expires, by the monotonic clock of this host: until then it is worth another try. */
  readonly untilMs: number
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
/** The number that is 1 from when the process with the bridge closes until another one has it. */
const closingName = 'closing'
/** The handler of releases that get no answer. */
const releaseLater = 'releaseLater'
/** The handler that resolves when all of them are over. */
const lastCall = 'drained'
const drainMs = 2000
/** A release waits so long for a process that takes it. */
const releaseMs = 2000
const retryMs = 100
const isDone = (): boolean => true
const isNotDone = (): boolean => false

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

/** A desk that is served to the other processes of the host. */
export class DeskServer {
  readonly #fleet: Fleet
  readonly #hub: Hub
  readonly #closing: Gauge
  readonly #over = new AbortController()
  /** The releases of other processes that are on their way. No process waits for them. */
  readonly #releases = new Set<Promise<void>>()
  readonly #server: Server<Handlers>

  constructor(fleet: Fleet, memory: Memory, hub: Hub, desk: Desk) {
    this.#fleet = fleet
    this.#hub = hub
    this.#closing = memory.number(closingName)
    const more = { [releaseLater]: (request: ReleaseRequest) => this.#take(request), [lastCall]: () => this.#drained() }
    this.#server = serve(fleet, service, { ...desk, ...more } as unknown as Handlers, { concurrency })
    this.#closing.set(0)
  }

  /** Takes all releases that were sent before this, and resolves when the server has them, or cannot be reached. */
  async drain(): Promise<void> {
    // A process that sends a release later sees this, and waits for an answer, from here or from the next process.
    this.#closing.set(1)
    this.#over.abort()
    // Requests are taken in the order in which they were sent.
    await new Client<Handlers>(this.#fleet, service).call(lastCall, undefined, { timeoutMs: drainMs }).catch(() => {})
  }

  close(): void {
    this.#over.abort()
    this.#server.close()
  }

  #take(request: ReleaseRequest): void {
    const released = this.#release(request).finally(() => this.#releases.delete(released))
    this.#releases.add(released)
  }

  /** Tries again while there is no connection: the lease would stay until it expires. */
  async #release(request: ReleaseRequest): Promise<void> {
    for (;;) {
      try {
        const { key, revision } = request
        return await (await this.#hub.leases()).releaseSoon(key, revision)
      } catch {
        // Any process of this fleet may have sent anything: without a time there is no other try.
        const isWorthIt = monotonicMs() < request?.untilMs
        if (this.#over.signal.aborted || !isWorthIt) return
        await pause(retryMs, this.#over.signal)
      }
    }
  }

  async #drained(): Promise<void> {
    await Promise.all(this.#releases)
  }
}

/** The desk of another process of this host, by calls in shared memory. */
export class RemoteDesk implements Desk {
  readonly #client: Client<Handlers>
  readonly #closing: Gauge
  readonly #timeoutMs: number

  constructor(fleet: Fleet, memory: Memory, timeoutMs = 10_000) {
    this.#timeoutMs = timeoutMs
    this.#closing = memory.number(closingName)
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
  async release(request: ReleaseRequest): Promise<void> {
    const untilMs = Math.min(request.untilMs, monotonicMs() + releaseMs)
    // Requests are taken in the order in which they were sent by all processes.
    while (!this.#client.tell(releaseLater, request) || this.#closing.get() === 1) {
      // The process that holds the bridge closes, and the next one may not have begun; or the inbox is full.
      const timeoutMs = Math.floor(untilMs - monotonicMs())
      if (timeoutMs < 1) return
      const call = this.#client.call('release', request, { timeoutMs, onDeath: 'wait' })
      if (await call.then(isDone, isNotDone)) return
      await pause(retryMs)
    }
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
