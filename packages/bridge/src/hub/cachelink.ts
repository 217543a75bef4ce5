import type { OrbitEventBus } from 'orbit-node'
import { monotonicMs, pause } from '../base/clock.js'
import { unreachable } from '../base/errors.js'
import type { AppliedChanges } from '../cache/appliedchanges.js'
import { decodeChange } from '../cache/change.js'
import { freshName } from '../cache/freshness.js'
import type { Engine, Log, LogMessage } from '../engine/engine.js'
import { decodeBatch } from '../events/batch.js'
import type { Spec } from '../options.js'
import { Follower } from './follower.js'
import { batchLimit, type Link } from './link.js'
import type { Memory } from './memory.js'
import { type Received, Receiver } from './receiver.js'
import { Sender } from './sender.js'

/** The route of the changes of caches. */
export const cacheRoute = 'cache'

/**
 * The changes of caches and stores: a log that all hosts follow. A host that may have missed a change empties its
 * namespaces before it goes on.
 */
export class CacheLink implements Link {
  readonly name = cacheRoute
  readonly progress: [string, Received][] = []
  readonly #spec: Spec
  readonly #memory: Memory
  readonly #applied: AppliedChanges
  readonly #sender: Sender
  readonly #receiver: Receiver
  #engine: Engine | undefined
  #log: Log | undefined
  #follower: Follower | undefined

  constructor(spec: Spec, memory: Memory, changes: OrbitEventBus, applied: AppliedChanges) {
    this.#spec = spec
    this.#memory = memory
    this.#applied = applied
    this.#sender = new Sender({
      route: cacheRoute,
      topics: ['>'],
      isStored: true,
      bus: changes,
      memory,
      maxBytes: () => batchLimit(this.#engine, spec.limits.maxBytes),
      send: (bytes) => this.#append(bytes),
    })
    this.#receiver = new Receiver({
      route: cacheRoute,
      memory,
      deliver: (_, { payload }) => this.#apply(payload, false),
      onLoss: () => applied.resetAll(),
    })
  }

  get isNeeded(): boolean {
    return this.#memory.spaces().length > 0
  }

  get waiting(): number {
    return this.#sender.waiting
  }

  listen(): void {}

  noteProgress(): void {}

  async send(engine: Engine, signal: AbortSignal): Promise<void> {
    this.#engine = engine
    await this.#sender.run(signal)
  }

  async #append(bytes: Uint8Array): Promise<void> {
    if (this.#log === undefined) throw unreachable(cacheRoute)
    await this.#log.append(this.#spec.host, bytes)
  }

  async follow(engine: Engine, signal: AbortSignal): Promise<void> {
    this.#log = await engine.log(cacheRoute, this.#spec.limits)
    this.#follower ??= new Follower({
      route: cacheRoute,
      log: () => this.#log as Log,
      memory: this.#memory,
      saved: undefined, // without memory there are no entries
      onGap: () => this.#applied.resetAll(),
      take: (message) => this.#take(message),
    })
    await Promise.all([this.#follower.run(signal), this.#keepFresh(this.#follower, signal)])
  }

  #take({ host, bytes }: LogMessage): void {
    const batch = decodeBatch(bytes)
    if (batch === undefined || host === undefined)
      this.#applied.resetAll() // a newer version, or another program, wrote it
    else if (host !== this.#spec.host) this.#receiver.receive(host, batch)
    else for (const { payload } of batch.events) this.#apply(payload, true)
  }

  #apply(payload: Uint8Array, isOwn: boolean): boolean {
    const change = decodeChange(payload)
    if (change === undefined) this.#applied.resetAll()
    return change === undefined || this.#applied.apply(change, isOwn)
  }

  /** Confirms again and again that this host has all changes that the server has. */
  async #keepFresh(follower: Follower, signal: AbortSignal): Promise<void> {
    const fresh = this.#memory.number(freshName)
    while (!signal.aborted) {
      const nowMs = monotonicMs()
      try {
        await follower.caughtUp()
        if (!signal.aborted) fresh.set(nowMs)
      } catch {
        // Without an answer the entries of this host grow old, and are no longer served.
      }
      await pause(this.#spec.staleMs / 4, signal)
    }
  }
}
