import type { Fleet, OrbitEventBus } from 'orbit-node'
import { monotonicMs, pause } from '../base/clock.js'
import { messageOf, unreachable } from '../base/errors.js'
import { AppliedChanges } from '../cache/appliedchanges.js'
import type { Engine } from '../engine/engine.js'
import { NatsEngine } from '../engine/nats.js'
import { Leases } from '../lock/leases.js'
import type { Spec } from '../options.js'
import { CacheLink } from './cachelink.js'
import { EventLink } from './eventlink.js'
import type { Link } from './link.js'
import { connectedName, type Memory } from './memory.js'
import { type Announcement, announcementIn, Neighbors } from './neighbors.js'

/** What the process that holds the bridge of its host works with. */
export interface HubHome {
  readonly fleet: Fleet
  readonly spec: Spec
  readonly memory: Memory
  /** The bus of changes of caches. */
  readonly changes: OrbitEventBus
  /** Answers a question of another host. */
  answer(question: Uint8Array): Promise<Uint8Array>
  warn(code: string, text: string): void
}

const announceMs = 1000
const retryMs = 300
/** Free and expired leases, and shares of limits, are forgotten after a day. */
const leaseTtlMs = 24 * 3_600_000

/** The connection of a host, in the one process that holds its bridge. */
export class Hub {
  readonly neighbors = new Neighbors()
  readonly #home: HubHome
  readonly #id = Math.random().toString(36).slice(2)
  readonly #links: readonly Link[]
  #engine: Engine | undefined
  /** While they are opened, or when they are open. */
  #leases: Promise<Leases> | undefined
  #online = new AbortController()

  constructor(home: HubHome) {
    this.#home = home
    const { fleet, spec, memory, changes } = home
    const cache = new CacheLink(spec, memory, changes, new AppliedChanges(fleet, memory))
    this.#links = [...spec.routes.map((route) => new EventLink(fleet, spec, memory, route)), cache]
  }

  /** The leases of the cluster. Rejects with ERR_ORBIT_BRIDGE_UNREACHABLE while there is no connection. */
  async leases(): Promise<Leases> {
    if (!this.#engine?.isConnected) throw unreachable('leases')
    this.#leases ??= this.#open(this.#engine)
    return this.#leases
  }

  #open(engine: Engine): Promise<Leases> {
    const opening = engine.register('leases', leaseTtlMs).then((register) => new Leases(register))
    opening.catch(() => {
      if (this.#leases === opening) this.#leases = undefined // the next claim tries again
    })
    return opening
  }

  /** Asks another host. */
  async ask(host: string, question: Uint8Array, timeoutMs: number): Promise<Uint8Array> {
    if (this.#engine === undefined) throw unreachable(`host ${host}`)
    return this.#engine.ask(host, question, timeoutMs)
  }

  /**
   * Connects the host until the signal is aborted.
   *
   * @param drain called before it disconnects: requests of other processes that have come are taken
   */
  async run(signal: AbortSignal, drain: () => Promise<void> = async () => {}): Promise<void> {
    const { spec, memory, warn } = this.#home
    const connected = memory.number(connectedName)
    connected.set(0)
    const over = new AbortController()
    const announcing = this.#announce(AbortSignal.any([signal, over.signal]))
    const engine = await NatsEngine.open({ ...spec, options: spec.connection }, signal, (error) =>
      warn('ORBIT_BRIDGE_UNREACHABLE', `no NATS server can be reached: ${messageOf(error)}. It tries again.`),
    )
    if (engine === undefined) return announcing
    this.#engine = engine
    try {
      this.#listen(engine)
      engine.onChange = (isConnected) => this.#change(isConnected)
      engine.onFailure = (error) =>
        warn('ORBIT_BRIDGE_MESSAGE', `a message of another host was dropped: ${messageOf(error)}`)
      this.#change(engine.isConnected)
      const work = this.#links.map((link) => link.send(engine, signal))
      await Promise.all([...work, announcing])
    } finally {
      over.abort()
      connected.set(0)
      this.#online.abort()
      await drain()
      await this.#leases?.then((leases) => leases.released()).catch(() => {})
      this.#engine = undefined
      await engine.close()
    }
  }

  #listen(engine: Engine): void {
    for (const link of this.#links) link.listen(engine)
    engine.listen('hosts', (host, bytes) => this.#noteHost(host, announcementIn(bytes)))
    engine.answer((question) => this.#home.answer(question))
  }

  #noteHost(host: string, announcement: Announcement | undefined): void {
    if (announcement === undefined) return
    const { spec, warn } = this.#home
    if (host !== spec.host) {
      // A host that has just come learns at once which others there are.
      if (this.neighbors.note(host, announcement, monotonicMs())) this.#introduce()
      for (const link of this.#links) link.noteProgress(host, announcement.sent)
    } else if (announcement.id !== this.#id) {
      const other = `pid ${announcement.pid}, fleet ${announcement.fleet}`
      warn(
        'ORBIT_BRIDGE_NAME',
        `two bridges of cluster ${spec.cluster} have host=${host} (the other: ${other}): events and changes are lost until each host has a name of its own`,
      )
    }
  }

  #change(isConnected: boolean): void {
    const { memory } = this.#home
    memory.number(connectedName).set(isConnected ? 1 : 0)
    this.#online.abort()
    if (!isConnected) {
      memory.count('outages', 'connection', 1)
      return
    }
    // The server may be another one now, or have lost what it stored: buckets and logs are opened anew.
    this.#leases = undefined
    const online = new AbortController()
    this.#online = online
    this.#introduce()
    for (const link of this.#links) void this.#follow(link, online.signal)
  }

  async #follow(link: Link, signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      try {
        await link.follow(this.#engine as Engine, signal)
        return
      } catch (error) {
        if (!signal.aborted && link.isNeeded) {
          const text = `the log of ${link.name} cannot be followed: ${messageOf(error)}. The server needs JetStream. It tries again.`
          this.#home.warn('ORBIT_BRIDGE_LOG', text)
        }
        await pause(retryMs, signal)
      }
    }
  }

  /** Says once a second that this host is there, and how far its events have come; here also without a connection. */
  async #announce(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      this.#introduce()
      for (const link of this.#links) this.#home.memory.setWaiting(link.name, link.waiting)
      await pause(announceMs, signal)
    }
  }

  #introduce(): void {
    const { fleet, spec, memory } = this.#home
    const sent = Object.fromEntries(this.#links.flatMap((link) => link.progress))
    const lost: Record<string, number> = {}
    for (const { name } of this.#links) {
      for (const [host, count] of Object.entries(memory.countedByHost('lost', name))) {
        lost[host] = (lost[host] ?? 0) + count
      }
    }
    const { pid } = process
    const announcement: Announcement = { id: this.#id, fleet: fleet.name, pid, unixMs: Date.now(), sent, lost }
    this.#engine?.send('hosts', spec.host, Buffer.from(JSON.stringify(announcement)))
  }
}
