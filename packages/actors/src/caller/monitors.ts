import { CallError, type Client, type EventCursor, type Fleet, OrbitEventBus } from 'orbit-node'
import type { DeactivateReason, MonitorEnd } from '../actor/actor.js'
import { ActorError } from '../base/errors.js'
import type { MonitorTag } from '../host/home.js'
import type { Host } from '../host/host.js'
import { partitionOf } from '../host/placement.js'
import type { HostService } from '../host/service.js'

/** Says that a monitored activation has ended. */
export interface EndNotice {
  readonly tag: MonitorTag
  readonly reason: DeactivateReason
}

/** What monitors need of their system. */
export interface MonitorMeans {
  readonly fleet: Fleet
  readonly host: Host | undefined
  ownerOf(partition: number): string | undefined
  /** The host of an actor with `placement: 'local'`; undefined: it is none, or not active. */
  localOwnerOf(id: string): string | undefined
  clientOf(host: string): Client<HostService>
}

/** The bus on which the ends of monitored activations are published. */
export const endings = {
  topic: 'ended' as const,
  busOf: (fleet: Fleet) =>
    new OrbitEventBus<{ ended: EndNotice }>(fleet, { name: 'actors', capacity: 1024, payloadBytes: 128 }),
}

interface Watched {
  readonly tag: MonitorTag
  readonly host: string
  fire(reason: MonitorEnd): void
}

/** How many notices are kept: one may come before the answer that says what to wait for. */
const keptNotices = 64
/** How often it is asked whether an activation still lives: only a notice that was overwritten is found so. */
const askAgainMs = 1000

/** The monitors of one process. */
export class Monitors {
  readonly #means: MonitorMeans
  readonly #watched = new Set<Watched>()
  readonly #closing = new AbortController()
  /** The newest notices, the oldest first. */
  readonly #notices = new Map<MonitorTag, DeactivateReason>()
  #cursor: EventCursor<{ ended: EndNotice }> | undefined

  constructor(means: MonitorMeans) {
    this.#means = means
  }

  /** Calls `fire` once the present activation of an actor has ended; it has if it is not active. */
  async watch(type: string, id: string, fire: (reason: MonitorEnd) => void, signal: AbortSignal): Promise<void> {
    this.#listen()
    const isOver = () => signal.aborted || this.#closing.signal.aborted
    let tag = await this.#tagOf(type, id, true)
    while (tag === 'unknown' && !isOver()) tag = await this.#tagOf(type, id, false)
    if (tag === 'unknown' || isOver()) return
    if (tag === undefined) {
      fire('absent')
      return
    }
    const timer = setInterval(() => void this.#askAgain(type, id, watched), askAgainMs).unref()
    const stop = () => {
      clearInterval(timer)
      signal.removeEventListener('abort', stop)
      this.#closing.signal.removeEventListener('abort', stop)
      return this.#watched.delete(watched)
    }
    const watched: Watched = {
      tag,
      host: tag.slice(0, tag.indexOf(' ')),
      fire: (reason) => {
        if (stop()) fire(reason)
      },
    }
    signal.addEventListener('abort', stop, { once: true })
    this.#closing.signal.addEventListener('abort', stop, { once: true })
    this.#watched.add(watched)
    const ended = this.#notices.get(tag)
    if (ended !== undefined) watched.fire(ended)
    else void this.#askAgain(type, id, watched) // it may have ended since it was asked
  }

  /** Resolves as `watch` calls `fire`, or when the monitors are closed. Rejects with the reason of the signal. */
  async end(type: string, id: string, signal: AbortSignal): Promise<MonitorEnd | 'closed'> {
    const closing = this.#closing.signal
    signal.throwIfAborted()
    if (closing.aborted) throw closedError(id)
    return new Promise((resolve, reject) => {
      const abort = () => settle(() => reject(signal.reason))
      const close = () => settle(() => resolve('closed'))
      const settle = (how: () => void) => {
        signal.removeEventListener('abort', abort)
        closing.removeEventListener('abort', close)
        how()
      }
      signal.addEventListener('abort', abort, { once: true })
      closing.addEventListener('abort', close, { once: true })
      const fire = (end: MonitorEnd) => settle(() => resolve(end))
      this.watch(type, id, fire, signal).catch((error) => settle(() => reject(error)))
    })
  }

  async #askAgain(type: string, id: string, watched: Watched): Promise<void> {
    const tag = await this.#tagOf(type, id, false)
    if (tag === watched.tag || tag === 'unknown') return
    this.#readNotices()
    watched.fire('lost')
  }

  /**
   * The activation of an actor, from now on monitored. Undefined: there is none; 'unknown': its host does not say.
   *
   * @param keepAlive whether the wait for the answer of its host keeps the process alive
   */
  async #tagOf(type: string, id: string, keepAlive: boolean): Promise<MonitorTag | undefined | 'unknown'> {
    const { host, ownerOf, localOwnerOf, clientOf } = this.#means
    const owner = localOwnerOf(id) ?? ownerOf(partitionOf(id))
    if (host !== undefined && (owner === host.id || host.isOwn(type))) return host.monitor(id)
    if (owner === undefined) return undefined
    try {
      return (await clientOf(owner).call('monitor', id, { keepAlive })) as MonitorTag | undefined
    } catch (error) {
      return error instanceof CallError && error.code === 'ERR_ORBIT_TIMEOUT' ? 'unknown' : undefined
    }
  }

  #listen(): void {
    if (this.#cursor !== undefined) return
    this.#cursor = endings.busOf(this.#means.fleet).cursor('head')
    // Without them it is asked again and again; they end when the fleet is closed or removed.
    this.#hearNotices().catch(() => {})
    this.#seeDeaths().catch(() => {})
  }

  async #hearNotices(): Promise<void> {
    const { signal } = this.#closing
    while (!signal.aborted) {
      this.#readNotices()
      await this.#cursor?.wait({ signal, keepAlive: false })
    }
  }

  /** Reads all notices. What has ended has published its own before it can be seen to have ended. */
  #readNotices(): void {
    if (this.#closing.signal.aborted) return
    for (const event of this.#cursor?.pollTopic(endings.topic).events ?? []) {
      const { tag, reason } = (event.json() ?? {}) as Partial<EndNotice>
      if (tag === undefined || reason === undefined) continue
      this.#keep(tag, reason)
      for (const each of [...this.#watched]) if (each.tag === tag) each.fire(reason)
    }
  }

  #keep(tag: MonitorTag, reason: DeactivateReason): void {
    this.#notices.set(tag, reason)
    if (this.#notices.size <= keptNotices) return
    for (const [oldest] of this.#notices) {
      this.#notices.delete(oldest)
      break
    }
  }

  async #seeDeaths(): Promise<void> {
    const { signal } = this.#closing
    for await (const { change, member } of this.#means.fleet.watchNodes({ signal, keepAlive: false })) {
      if (change === 'joined') continue
      this.#readNotices()
      const host = `${member.node}.${member.incarnation}`
      for (const each of [...this.#watched]) if (each.host === host) each.fire('lost')
    }
  }

  close(): void {
    this.#readLastNotices()
    this.#closing.abort()
  }

  /** Actors of this process may have ended just before. */
  #readLastNotices(): void {
    try {
      this.#readNotices()
    } catch {
      // The fleet was removed.
    }
  }
}

const closedError = (id: string) =>
  new ActorError('ERR_ORBIT_ACTOR_CLOSED', `${id}: the system was closed`, { outcome: 'not-run', actor: id })
