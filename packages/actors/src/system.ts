import { resolve } from 'node:path'
import { Contest, Fleet, OrbitEventBus } from 'orbit-node'
import { checkInteger, checkName, checkOptions, checkSignal, outOfRange, wrongType } from '../../shared/check.js'
import type { ActorLog, DeactivateReason, MonitorEnd } from './actor/actor.js'
import { type ActorType, actorType } from './actor/methods.js'
import { type CallKind, type CallOptions, makeRef, type Ref } from './actor/ref.js'
import type { Clock, ClockTimer } from './base/clock.js'
import { Crashes } from './base/crashes.js'
import { Deadlines } from './base/deadlines.js'
import { partitionCount } from './base/partitions.js'
import { type BackupResult, backUpAll } from './caller/backup.js'
import { Call, type CallParts } from './caller/call.js'
import { Clients } from './caller/clients.js'
import { type ActorsReport, Inspector } from './caller/inspector.js'
import { endings, Monitors } from './caller/monitors.js'
import { type Roads, Route } from './caller/route.js'
import { submit, tell } from './caller/sending.js'
import { streamed } from './caller/stream.js'
import { LocalRoutes, partitionTarget, type TargetMeans } from './caller/targets.js'
import type { Activation } from './host/activation.js'
import { Databases } from './host/databases.js'
import type { Filter } from './host/filter.js'
import type { CallTaker, MonitorTag, Origin } from './host/home.js'
import { Host } from './host/host.js'
import type { ActorMetrics } from './host/metrics.js'
import { Overflow } from './host/overflow.js'
import { partitionOf } from './host/placement.js'
import { names } from './host/service.js'
import { newTally } from './host/tally.js'
import type { ActorClasses, CallerOptions, HostOptions } from './options.js'

/** The most calls of a process that wait over the limits of their mailboxes. */
const maxOverflow = 2048
const sweepMs = 1000
const maxChain = 64

/** Actors by type and key, of all processes that have a system of the same name in the same fleet. */
export class ActorSystem<C extends ActorClasses> implements AsyncDisposable {
  readonly #fleet: Fleet
  readonly #id: string
  readonly #name: string
  readonly #timeoutMs: number
  readonly #clock: Clock
  readonly #deadlines: Deadlines
  readonly #log: ActorLog
  readonly #types: ReadonlyMap<string, ActorType> | undefined
  readonly #filters: Filter[] = []
  readonly #contest: Contest
  readonly #host: Host | undefined
  readonly #routes: readonly Route[]
  readonly #locals: LocalRoutes
  readonly #means: TargetMeans & Roads
  readonly #monitors: Monitors
  readonly #inspector: Inspector
  #sweeper: ClockTimer
  #sequence = 0
  #epoch = 0
  #closing: Promise<void> | undefined
  #isClosed = false

  /** @internal */
  constructor(options: HostOptions<C> | CallerOptions, clock: Clock) {
    const { fleet, name = 'default', timeoutMs = 30_000, log = console, host } = options
    this.#name = name
    this.#timeoutMs = timeoutMs
    this.#clock = clock
    this.#deadlines = new Deadlines(clock)
    const actors = 'actors' in options ? Object.entries(options.actors) : undefined
    this.#types = actors && new Map(actors.map(([type, Class]) => [type, actorType(type, Class)]))
    // Its own: claims, which live as long as their handle, must outlive the turns of the actors.
    const join = { label: `actors ${name}` }
    this.#fleet = fleet.isShared ? Fleet.joinShm(fleet.name, join) : Fleet.join(fleet.name, join)
    this.#id = names.host(this.#fleet)
    this.#log = log
    try {
      this.#contest = new Contest(this.#fleet, names.contest)
      if (host !== false) this.#host = this.#startHost(options as HostOptions<C>)
    } catch (error) {
      this.#fleet.close()
      throw error
    }
    const clients = new Clients(this.#fleet, name)
    const roads: Roads = {
      host: this.#host,
      now: () => this.#clock.now(),
      clientOf: (host) => clients.of(host),
      pause: (ms) => new Promise((resolve) => setTimeout(resolve, ms)),
      nextEpoch: () => ++this.#epoch,
    }
    const means = { fleet: this.#fleet, system: name, ...roads, ownerOf: this.#ownerOf }
    this.#means = means
    this.#locals = new LocalRoutes(means, roads)
    const targetOf = (partition: number) => partitionTarget(partition, means, this.#locals)
    this.#routes = Array.from({ length: partitionCount }, (_, partition) => new Route(targetOf(partition), roads))
    this.#monitors = new Monitors({ ...means, localOwnerOf: (id) => this.#locals.ownerOf(id) })
    this.#inspector = new Inspector({ ...means, presence: names.presence(name) })
    this.#sweeper = clock.setTimeout(() => this.#sweep(), sweepMs, false)
  }

  #startHost(options: HostOptions<C>): Host {
    const { onStuck = 'wait', stuckMs = 30_000, placement = 'hash', pin, label = '' } = options
    const { store, keepRepliesMs = 86_400_000 } = options
    let bus: OrbitEventBus | undefined
    let notices: ReturnType<typeof endings.busOf> | undefined
    const types = this.#types as ReadonlyMap<string, ActorType>
    const household = {
      types,
      keepRepliesMs,
      clock: this.#clock,
      log: this.#log,
      filters: this.#filters,
      overflow: new Overflow(maxOverflow),
      databases: new Databases(),
      blocked: new Set<Activation>(),
      crashes: new Crashes(this.#clock),
      tally: newTally(),
      stuck: { onStuck, stuckMs },
      placement: { policy: placement, pin, label },
      refer: (type: string, key: string, options: CallOptions, origin: Origin, to?: CallTaker) =>
        this.#refer(type, key, options, origin, to),
      emit: (topic: string, value: unknown) => {
        bus ??= new OrbitEventBus(this.#fleet)
        bus.publishJson(topic, value)
      },
      onEnd: (tag: MonitorTag, reason: DeactivateReason) => {
        notices ??= endings.busOf(this.#fleet)
        notices.publishJson(endings.topic, { tag, reason })
      },
      monitor: (type: string, id: string, fire: (end: MonitorEnd) => void, signal: AbortSignal) =>
        void this.#monitors.watch(type, id, fire, signal).catch((error) => this.#log.error(id, error)),
    }
    return new Host(this.#fleet, this.#name, types, household, this.#deadlines, store)
  }

  /** The host that has a partition; undefined: none. */
  readonly #ownerOf = (partition: number) => this.#contest.holder(names.subject(this.#name, partition))?.owner

  /**
   * A reference to an actor. It costs no call: the actor is activated by its first call.
   *
   * @param type the name under which its class is registered
   * @param key 1..256 bytes of UTF-8
   * @throws TypeError or RangeError for wrong arguments
   */
  get<N extends keyof C & string>(type: N, key: string): Ref<InstanceType<C[N]>> {
    return this.#refer(type, key, {}, noOrigin) as Ref<InstanceType<C[N]>>
  }

  /**
   * Adds a filter around all calls that actors of this process get from now on. The first one is the outermost.
   *
   * @throws TypeError unless it is a function
   */
  use(filter: Filter): void {
    if (typeof filter !== 'function') throw wrongType('filter', filter, 'a function')
    this.#filters.push(filter)
  }

  /**
   * Waits until the present activation of an actor has ended; it has if the actor is not active. It does not activate
   * the actor, and does not keep the process alive. A death is noticed when the kernel says it.
   *
   * @param actor a reference, or a type and a key
   * @returns why it has ended; 'closed': this system was closed before
   * @throws TypeError or RangeError for wrong arguments; the signal's reason; ERR_ORBIT_ACTOR_CLOSED if this system was
   *   closed before the call
   */
  async monitor(
    actor: { readonly type: string; readonly key: string },
    options: { signal?: AbortSignal } = {},
  ): Promise<MonitorEnd | 'closed'> {
    const { type, key } = actor ?? {}
    this.#checkActor(type, key)
    checkOptions('options', options, ['signal'])
    const { signal = new AbortController().signal } = options
    checkSignal(signal)
    return this.#monitors.end(type, `${type}/${key}`, signal)
  }

  /**
   * The partition of an actor, 0..15: what `pin` is asked about.
   *
   * @throws TypeError or RangeError for wrong arguments
   */
  partitionOf(type: keyof C & string, key: string): number {
    this.#checkActor(type, key)
    return partitionOf(`${type}/${key}`)
  }

  /**
   * What all processes of the system say about their actors: where they are, and which calls wait or run, for how long,
   * and for which actors. One that is stopped or blocked has no report.
   *
   * @param query only actors of this type, or only one actor, default all; `state`: what the processes keep of their
   *   partitions, too; `timeoutMs`: how long one may take to answer, 1..2^31-1, default 1000
   * @throws TypeError or RangeError for wrong arguments
   */
  async inspect(
    query: { type?: string; key?: string; state?: boolean; timeoutMs?: number } = {},
  ): Promise<ActorsReport> {
    checkOptions('query', query, ['type', 'key', 'state', 'timeoutMs'])
    const { type, key, state = false, timeoutMs = 1000 } = query
    if (typeof state !== 'boolean') throw wrongType('state', state, 'a boolean')
    if (type !== undefined) checkName('type', type, 128)
    if (key !== undefined) checkName('key', key, 256)
    checkInteger('timeoutMs', timeoutMs, 1, 0x7fffffff)
    return this.#inspector.inspect({ type, key }, state, timeoutMs)
  }

  /**
   * Has the processes of the system copy their durable state into a folder of this host, while they go on. Each
   * partition is copied as it is at one instant, the partitions one after another. See the guide for how to restore it.
   *
   * @param folder a new folder, or one without copies of this system; relative paths begin in that of this process
   * @param options how long all of it may take, in milliseconds, 1..2^31-1; default an hour
   * @throws TypeError or RangeError for wrong arguments; ERR_ORBIT_TIMEOUT; an Error or RemoteError of a process that
   *   could not copy a partition: then remove the folder, and try again
   */
  async backup(folder: string, options: { timeoutMs?: number } = {}): Promise<BackupResult> {
    checkName('folder', folder, 4000)
    checkOptions('options', options, ['timeoutMs'])
    const { timeoutMs = 3_600_000 } = options
    checkInteger('timeoutMs', timeoutMs, 1, 0x7fffffff)
    return backUpAll(this.#means, resolve(folder), timeoutMs)
  }

  /**
   * Metrics of the actors of this process, `orbit_actors_...`: how many are active, how many calls wait and run, and
   * counts of calls, failures, refused calls and crashes. Every process exports its own.
   *
   * @returns undefined in a process that runs no actors
   */
  metrics(): ActorMetrics | undefined {
    return this.#host?.metrics()
  }

  /** How many actors are active in this process. */
  get size(): number {
    return this.#host?.size ?? 0
  }

  /** The host that has an actor, by its id; undefined: none. @internal */
  readonly hostOf = (id: string): string | undefined => this.#locals.ownerOf(id) ?? this.#ownerOf(partitionOf(id))

  #checkActor(type: string, key: string): void {
    checkName('type', type, 128)
    checkName('key', key, 256)
    if (this.#types !== undefined && !this.#types.has(type)) {
      throw outOfRange('type', type, `one of ${[...this.#types.keys()].join(', ')}`)
    }
  }

  #refer(type: string, key: string, options: CallOptions, origin: Origin, to?: CallTaker): object {
    if (to === undefined) this.#checkActor(type, key)
    checkOptions('options', options, ['timeoutMs', 'signal', 'idempotencyKey'])
    const { timeoutMs = this.#timeoutMs, signal, idempotencyKey } = options
    checkInteger('timeoutMs', timeoutMs, 1, 0x7fffffff)
    checkSignal(signal)
    if (idempotencyKey !== undefined) checkName('idempotencyKey', idempotencyKey, 512)
    const id = to?.id ?? `${type}/${key}`
    const partitionRoute = this.#routes[partitionOf(id)] as Route
    const route = to ?? partitionRoute
    const caller = this.#id
    // A call with an origin or a signal needs more than its result.
    const isPlain = origin === noOrigin && to === undefined && signal === undefined && idempotencyKey === undefined
    const invoke = (method: string, args: readonly unknown[], kind: CallKind) => {
      const [isTell, isStream] = [kind === 'tell', kind === 'stream']
      const { chain, turn } = isTell ? noOrigin : origin
      const deadlineMs = this.#clock.now() + timeoutMs
      // In one literal: a spread takes longer than all the rest of a call within a process.
      // biome-ignore format: one line each would be a column
      const parts = { type, key, id, caller, timeoutMs, signal, idempotencyKey, method, args, deadlineMs, chain, origin: turn, isTell, isStream }
      if (kind === 'call') {
        const result =
          isPlain && this.#isOpen ? partitionRoute.trySend(parts, this.#sequence++, this.#deadlines) : undefined
        return result ?? this.#invoke(route, parts, origin)
      }
      if (isStream) return streamed(parts, options, this.#clock, (call) => this.#invoke(route, call, origin))
      const warn = (error: unknown) => this.#log.warn(id, `${method} was not called:`, error)
      try {
        tell(args, origin.ledger, (copies) => this.#invoke(route, { ...parts, args: copies }, origin, true).catch(warn))
      } catch (error) {
        warn(error)
      }
      return undefined
    }
    const change = (more: CallOptions) => this.#refer(type, key, { ...options, ...more }, origin, to)
    return makeRef({ type, key, with: change }, invoke)
  }

  get #isOpen(): boolean {
    return this.#closing === undefined && !this.#isClosed
  }

  /** @param isCommitted whether what the call was made from is committed */
  #invoke(route: CallTaker, parts: CallParts, origin: Origin, isCommitted = false): Promise<unknown> {
    return new Promise((resolve, reject) => {
      const { signal, chain } = parts
      if (signal?.aborted) {
        reject(signal.reason)
        return
      }
      const call = new Call(parts, this.#sequence++, this.#deadlines, resolve, reject)
      // Methods that run while the system closes may need others to end.
      if (this.#isClosed || (!this.#isOpen && origin === noOrigin)) {
        call.refuse('ERR_ORBIT_ACTOR_CLOSED', 'the system was closed')
        return
      }
      if (chain.length > maxChain) {
        call.refuse('ERR_ORBIT_ACTOR_CYCLE', `more than ${maxChain} actors wait for it`)
        return
      }
      try {
        submit(route, call, isCommitted ? undefined : origin.ledger)
      } catch (error) {
        call.fail(error)
      }
    })
  }

  #sweep(): void {
    this.#sweeper = this.#clock.setTimeout(() => this.#sweep(), sweepMs, false)
    this.#host?.sweep()
    this.#locals.sweep()
  }

  /**
   * Gives the actors of this process to the others, as `close` does, and takes none any more. Calls can still be made,
   * for requests that the process has yet to answer. In the last process of a system, actors end until one starts.
   * Idempotent; returns at once in a process that runs no actors.
   */
  async drain(): Promise<void> {
    await this.#host?.drain()
  }

  /**
   * Lets the turns that run here end, gives what has not begun to other processes, deactivates all actors, and leaves
   * the fleet. After 15 seconds the signals of turns that still run are aborted. Idempotent.
   */
  close(): Promise<void> {
    this.#closing ??= this.#close()
    return this.#closing
  }

  async #close(): Promise<void> {
    this.#clock.clearTimeout(this.#sweeper)
    await this.#host?.close()
    this.#isClosed = true
    for (const route of this.#routes) route.close()
    this.#locals.close()
    this.#monitors.close()
    this.#deadlines.close()
    this.#fleet.close()
  }

  /** The next replies to other processes are lost. @internal */
  loseReplies(count: number): void {
    this.#host?.loseReplies(count)
  }

  /** Leaves the fleet at once, as with the death of the process. @internal */
  abandon(): void {
    this.#closing ??= Promise.resolve()
    this.#isClosed = true
    this.#clock.clearTimeout(this.#sweeper)
    this.#host?.abandon()
    this.#monitors.close()
    this.#deadlines.close()
    this.#fleet.close()
  }

  /** Calls `close()`, for `await using`. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.close()
  }
}

const noOrigin: Origin = { chain: [], turn: undefined }
