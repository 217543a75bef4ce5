import { type Fleet, OrbitEventBus } from 'orbit-node'
import { pause } from '../base/clock.js'
import { unreachable } from '../base/errors.js'
import type { Engine, Log } from '../engine/engine.js'
import { type Batch, decodeBatch } from '../events/batch.js'
import type { Route, Spec } from '../options.js'
import { Follower } from './follower.js'
import { batchLimit, type Link } from './link.js'
import type { Memory } from './memory.js'
import { Progress } from './progress.js'
import { type Received, Receiver } from './receiver.js'
import { Sender } from './sender.js'

/** Of so many bytes that were sent, the server must have read all before twice as many are sent. */
const windowBytes = 1024 * 1024
/** Subscribers of this host get a moment after so many of the events that their bus retains. */
const paceShare = 0.5
const paceMs = 10

/** The events of one route. */
export class EventLink implements Link {
  readonly isNeeded = true
  readonly #spec: Spec
  readonly #route: Route
  readonly #memory: Memory
  readonly #bus: OrbitEventBus
  readonly #sender: Sender
  readonly #receiver: Receiver
  #engine: Engine | undefined
  #log: Log | undefined
  #follower: Follower | undefined
  #unflushed = 0
  #flushed: Promise<void> | undefined
  #delivered = 0
  /** The position of the newest event that was delivered here. */
  #position = 0
  /** Events of other hosts that this process has delivered last, without one of this host between them. */
  #foreignFrom = 0
  #foreignTo = 0

  constructor(fleet: Fleet, spec: Spec, memory: Memory, route: Route) {
    this.#spec = spec
    this.#route = route
    this.#memory = memory
    this.#bus = new OrbitEventBus(fleet, route.bus === undefined ? {} : { name: route.bus })
    this.#sender = new Sender({
      route: route.name,
      topics: route.topics,
      isStored: route.isStored,
      bus: this.#bus,
      memory,
      maxBytes: () => batchLimit(this.#engine, route.isStored ? spec.limits.maxBytes : undefined),
      send: (bytes) => (route.isStored ? this.#append(bytes) : this.#sendLive(bytes)),
    })
    this.#receiver = new Receiver({
      route: route.name,
      memory,
      deliver: (origin, { topic, payload, timestampMs }) => this.#deliver(origin, topic, payload, timestampMs),
      onLoss: () => {},
    })
    this.#receiver.recover(this.#bus)
    using cursor = this.#bus.cursor('head')
    this.#position = cursor.position
  }

  get name(): string {
    return this.#route.name
  }

  get progress(): [string, Received][] {
    const { epoch, next } = this.#sender.progress
    return this.#route.isStored ? [] : [[this.name, { epoch, next }]]
  }

  get waiting(): number {
    return this.#sender.waiting
  }

  listen(engine: Engine): void {
    if (this.#route.isStored) return
    engine.listen(`live.${this.name}`, (host, bytes) => {
      const batch = host === this.#spec.host ? undefined : decodeBatch(bytes)
      if (batch !== undefined) this.#receive(host, batch)
    })
  }

  async send(engine: Engine, signal: AbortSignal): Promise<void> {
    this.#engine = engine
    await this.#sender.run(signal)
  }

  #sendLive(bytes: Uint8Array): Promise<void> | undefined {
    const engine = this.#engine as Engine
    if (!engine.send(`live.${this.name}`, this.#spec.host, bytes)) return Promise.reject(unreachable(this.name))
    this.#unflushed += bytes.length
    if (this.#unflushed < windowBytes) return undefined
    this.#unflushed = 0
    const before = this.#flushed
    this.#flushed = engine.flush()
    this.#flushed.catch(() => {}) // the next window rejects with it
    return before
  }

  async #append(bytes: Uint8Array): Promise<void> {
    if (this.#log === undefined) throw unreachable(this.name)
    await this.#log.append(this.#spec.host, bytes)
  }

  async follow(engine: Engine, signal: AbortSignal): Promise<void> {
    if (!this.#route.isStored) return
    this.#log = await engine.log(this.name, this.#spec.limits)
    const progress = await Progress.open(engine, this.name, this.#spec.host)
    this.#receiver.restore(progress.saved?.received ?? {})
    this.#follower ??= new Follower({
      route: this.name,
      log: () => this.#log as Log,
      memory: this.#memory,
      saved: progress.saved,
      onGap: () => {}, // the indexes of the next events show how many are missing
      take: async ({ host, bytes }) => {
        const batch = host === undefined || host === this.#spec.host ? undefined : decodeBatch(bytes)
        if (host === undefined || batch === undefined) return
        this.#receive(host, batch)
        if (this.#delivered < this.#bus.capacity * paceShare) return
        this.#delivered = 0
        await pause(paceMs, signal)
      },
    })
    const follower = this.#follower
    const state = () => follower.position && { ...follower.position, received: this.#receiver.received() }
    await Promise.all([follower.run(signal), progress.keep(state, signal)])
  }

  noteProgress(host: string, sent: Readonly<Record<string, Received>>): void {
    const progress = this.#route.isStored ? undefined : sent[this.name]
    if (progress !== undefined) this.#receiver.noteProgress(host, progress)
  }

  #receive(host: string, batch: Batch): void {
    this.#receiver.receive(host, batch, this.#position)
    this.#sender.pass(this.#foreignFrom, this.#foreignTo)
  }

  #deliver(origin: { host: string; epoch: number; index: number }, topic: string, payload: Uint8Array, ms: number) {
    try {
      this.#position = this.#bus.publishForeign(origin, topic, payload, ms).counter
      if (this.#position !== this.#foreignTo) this.#foreignFrom = this.#position
      this.#foreignTo = this.#position + 1
      this.#delivered++
      return true
    } catch (error) {
      if ((error as { code?: string }).code !== 'ERR_ORBIT_PAYLOAD_SIZE') throw error
      return false // the bus of this host takes only shorter events
    }
  }
}
