import type { ActorLog, DeactivateReason, MonitorEnd } from '../actor/actor.js'
import type { ActorType } from '../actor/methods.js'
import type { CallOptions } from '../actor/ref.js'
import type { Clock } from '../base/clock.js'
import type { Crashes } from '../base/crashes.js'
import type { PartitionStore, StoredMessage } from '../store/store.js'
import { Activation } from './activation.js'
import type { Commits } from './commits.js'
import type { Databases } from './databases.js'
import { Durable } from './durable.js'
import type { Filter } from './filter.js'
import type { CallTaker, Home, MonitorTag, Origin } from './home.js'
import type { PlacementOptions } from './hosts.js'
import { closeUnused } from './opening.js'
import type { Overflow } from './overflow.js'
import type { PartitionState } from './partitionstate.js'
import type { StuckOptions } from './stuck.js'
import type { Tally } from './tally.js'
import type { Turn } from './turn.js'

/** What all partitions of a process share. */
export interface Household extends Omit<Home, 'noteCrash' | 'forget' | 'commits'> {
  readonly crashes: Crashes
  readonly stuck: StuckOptions
  readonly placement: PlacementOptions
  /** A monitored activation has ended. */
  onEnd(monitor: MonitorTag, reason: DeactivateReason): void
  readonly types: ReadonlyMap<string, ActorType>
  /** How long replies are kept for their idempotency keys, in milliseconds. */
  readonly keepRepliesMs: number
}

/** What makes a process the only one that runs the actors of a partition. */
export interface Claim {
  readonly token: number
  release(): unknown
  /** Opens the data, however long that takes; undefined: the system closes. Absent: there is no store. */
  openStore?(): Promise<PartitionStore | undefined>
}

/** What holds each actor of a partition by itself; such a partition has no data. */
export interface ActorClaims {
  tokenOf(id: string): number
  /** No activation of this actor is left. */
  forget(id: string): void
}

/** How long turns may take to end before their signals are aborted, when their partition moves or the system closes. */
const drainMs = 15_000

/** The id of one of several activations of an actor. */
export const workerId = (id: string, worker: number): string => (worker === 0 ? id : `${id}#${worker}`)

/**
 * What a partition does in a process. 'away': it has no claim of it. 'open': it runs the actors. 'leaving': it lets the
 * turns end that run, and runs the calls that they may wait for. 'failed': it is not known what the store has, and the
 * turns that run must end; 'reopening': they have, and the data is opened anew. 'closing': nothing runs any more, and
 * the data is closed.
 */
type Phase = 'away' | 'open' | 'leaving' | 'failed' | 'reopening' | 'closing'

/** One partition in one process: the activations of its actors, while this process holds its claim. */
export class Partition implements Home {
  readonly clock: Clock
  readonly log: ActorLog
  readonly filters: readonly Filter[]
  readonly overflow: Overflow
  readonly databases: Databases
  readonly blocked: Set<Activation>
  readonly tally: Tally
  readonly #household: Household
  readonly #activations = new Map<string, Activation>()
  /** How many calls it has taken so far. */
  calls = 0
  #claim: Claim | undefined
  #phase: Phase = 'away'
  readonly #index: number
  readonly #actorClaims: ActorClaims | undefined
  #durable: Durable | undefined
  #reopening: Promise<void> | undefined
  /** Whether it leaves, so that its data is not opened anew. */
  #mustLeave = false
  /** Whether leaving has taken so long that it takes only calls for which its own actors wait. */
  #isOverdue = false

  /** @param index that of the partition; -1: its actors have no storage */
  constructor(household: Household, index: number, actorClaims?: ActorClaims) {
    this.#household = household
    this.#index = index
    this.#actorClaims = actorClaims
    this.clock = household.clock
    this.log = household.log
    this.filters = household.filters
    this.overflow = household.overflow
    this.databases = household.databases
    this.blocked = household.blocked
    this.tally = household.tally
  }

  /** Whether this process runs its actors. */
  get isOpen(): boolean {
    return this.#phase === 'open'
  }

  /** Whether this process takes this turn: it runs it, or refuses it. */
  accepts(turn: Turn): boolean {
    return this.isOpen || this.needs(turn)
  }

  /**
   * Whether a turn must be taken here although the partition is on its way to another process, or its data has failed.
   * An actor waits for it, and an actor of this partition may wait for that one: the partition could not leave or open
   * otherwise.
   */
  needs({ chain }: Turn): boolean {
    if (chain.length === 0) return false
    if (this.#phase !== 'leaving') return this.#phase === 'failed'
    return !this.#isOverdue || chain.some((id) => this.#activations.has(id))
  }

  /** Whether this process holds its claim. */
  get isHeld(): boolean {
    return this.#claim !== undefined
  }

  /** The activation of an actor. */
  find(id: string): Activation | undefined {
    return this.#activations.get(id)
  }

  /** The activations of its actors. */
  get activations(): Iterable<Activation> {
    return this.#activations.values()
  }

  /** How many actors of it are active. */
  get size(): number {
    return this.#activations.size
  }

  /** Begins to run its actors, under a claim that is held from now on. */
  open(claim: Claim, store?: PartitionStore): void {
    this.#claim = claim
    this.#phase = 'open'
    if (store !== undefined) this.#start(store)
  }

  #start(store: PartitionStore): void {
    const { clock, log, keepRepliesMs, types, tally } = this.#household
    this.#durable = new Durable(this.#index, store, {
      clock,
      log,
      keepRepliesMs,
      tally,
      run: (type, key, turn) => this.#runAlarm(types.get(type), type, key, turn),
      send: (message, idempotencyKey, args) => this.#send(message, idempotencyKey, args),
      onUnknown: () => {
        if (this.#phase !== 'closing') this.#reopening = this.#reopen()
      },
    })
  }

  #runAlarm(type: ActorType | undefined, name: string, key: string, turn: Turn): void {
    if (type !== undefined) {
      this.take(type, key, `${name}/${key}`, turn)
      return
    }
    const message = `the process has no actors of type ${name}`
    turn.end({ how: 'refused', refusal: { code: 'ERR_ORBIT_ACTOR_UNKNOWN', message, outcome: 'not-run' } })
  }

  #send({ type, key, method }: StoredMessage, idempotencyKey: string, args: readonly unknown[]): Promise<unknown> {
    const target = this.refer(type, key, { idempotencyKey }, { chain: [], turn: undefined })
    return (target as Record<string, (...args: readonly unknown[]) => Promise<unknown>>)[method]?.(
      ...args,
    ) as Promise<unknown>
  }

  /** The commits of its data; undefined: there is no store. */
  get commits(): Commits | undefined {
    return this.#durable?.commits
  }

  /** What this process keeps of it; undefined: it has no data here. */
  state(): Promise<PartitionState> | undefined {
    return this.isOpen ? this.#durable?.state() : undefined
  }

  /** Copies its data into a folder, and returns the size of the copy in bytes; undefined: it is not here. */
  async backup(folder: string): Promise<number | undefined> {
    if (!this.isOpen) return undefined
    if (this.#durable === undefined) throw new Error('the actors have no store')
    return this.#durable.backup(folder)
  }

  /** Ends all activations, and opens the data anew: what is there counts. */
  async #reopen(): Promise<void> {
    this.#phase = 'failed'
    const durable = this.#durable
    durable?.stop()
    await this.#endAll('crashed')
    this.#phase = 'reopening'
    await durable?.close()
    const store = this.#mustLeave ? undefined : await this.#claim?.openStore?.()
    if (store === undefined) return // the partition leaves
    if (this.#mustLeave) {
      await closeUnused(store, this.log)
      return
    }
    this.#start(store)
    this.#isOverdue = false
    this.#phase = 'open'
  }

  /** Takes a call of an actor, and activates the actor if necessary. */
  take(type: ActorType, key: string, id: string, turn: Turn): Activation | undefined {
    if (!this.isOpen && (this.#phase === 'failed' || !this.needs(turn))) {
      this.#handBack(turn)
      return undefined
    }
    this.calls++
    this.tally.calls++
    const known = this.#activations.get(id)
    if (known !== undefined) {
      known.take(turn)
      return known
    }
    const restMs = this.#household.crashes.restOf(id)
    if (restMs > 0) {
      const message = `${id}: it failed too often, and rests for ${restMs} ms`
      turn.end({ how: 'refused', refusal: { code: 'ERR_ORBIT_ACTOR_CRASHING', message, outcome: 'not-run' } })
      return undefined
    }
    const token = this.commits?.store.token ?? this.#actorClaims?.tokenOf(id) ?? (this.#claim as Claim).token
    const activation = new Activation(this, type, key, id, token)
    this.#activations.set(id, activation)
    activation.take(turn)
    void activation.activate()
    return activation
  }

  /**
   * Takes a call by one of several activations of an actor: an idle one, a new one, or that in which the fewest wait.
   */
  takeAny(type: ActorType, key: string, id: string, turn: Turn): Activation | undefined {
    let [best, fewest] = [id, Number.POSITIVE_INFINITY]
    for (let i = 0; i < type.workers && fewest > 0; i++) {
      const each = workerId(id, i)
      const load = this.#activations.get(each)?.load ?? 0
      if (load < fewest) [best, fewest] = [each, load]
    }
    return this.take(type, key, best, turn)
  }

  /**
   * Ends a turn that has not begun. While the turns of a partition that has failed end, calls of actors are refused:
   * those turns may wait for them, and there is nothing that they could run on.
   */
  #handBack(turn: Turn): void {
    if (this.#phase !== 'failed' || !this.needs(turn)) {
      turn.end({ how: 'moved' })
      return
    }
    const message = `${turn.method} was not run: a commit of its partition has failed, and its data is opened anew`
    turn.end({ how: 'refused', refusal: { code: 'ERR_ORBIT_ACTOR_STORE', message, outcome: 'not-run' } })
  }

  /** Hands back what has not begun, lets the turns that run end, and deactivates all actors. */
  async empty(reason: DeactivateReason): Promise<void> {
    this.#mustLeave = true
    if (this.isOpen) this.#phase = 'leaving'
    this.#durable?.stop()
    await this.#endAll(reason)
  }

  async #endAll(reason: DeactivateReason): Promise<void> {
    for (const activation of this.#activations.values()) {
      for (const turn of [...activation.waiting]) {
        const mayRun = this.#phase === 'leaving' && this.needs(turn)
        if (!mayRun && activation.remove(turn)) this.#handBack(turn)
      }
    }
    const abort = () => {
      this.#isOverdue = true
      for (const activation of this.#activations.values()) activation.abort(new Error(`the actor must end: ${reason}`))
    }
    const timer = this.clock.setTimeout(abort, drainMs, false)
    while (this.#activations.size > 0) {
      await Promise.all([...this.#activations.values()].map((activation) => activation.end(reason)))
    }
    this.clock.clearTimeout(timer)
  }

  /** Lets other processes run its actors. It was emptied. */
  async release(reason: DeactivateReason): Promise<void> {
    for (let last: Promise<void> | undefined; this.#activations.size > 0 || last !== this.#reopening; ) {
      last = this.#reopening
      await last
      if (this.#activations.size > 0) await this.empty(reason) // calls of actors that came in between
    }
    this.#phase = 'closing'
    await this.#durable?.close()
    this.#durable = undefined
    this.#claim?.release()
    this.#claim = undefined
    this.#phase = 'away'
    this.#mustLeave = false
    this.#isOverdue = false
  }

  /** Leaves for another process. */
  async drain(reason: DeactivateReason): Promise<void> {
    await this.empty(reason)
    await this.release(reason)
  }

  /** Ends activations that nothing has needed for a while. */
  sweep(): void {
    const now = this.clock.now()
    for (const activation of this.#activations.values()) {
      if (activation.isIdle && now - activation.usedMs >= activation.type.idleMs) void activation.end('idle')
    }
  }

  /** Ends all activations at once, as with the death of the process. */
  abandon(): void {
    for (const activation of this.#activations.values()) activation.abandon()
    this.#activations.clear()
    this.#durable?.abandon()
    this.#durable = undefined
    this.#claim = undefined
    this.#phase = 'away'
    this.#mustLeave = true
  }

  refer(type: string, key: string, options: CallOptions, origin: Origin, to?: CallTaker): object {
    return this.#household.refer(type, key, options, origin, to)
  }

  emit(topic: string, value: unknown): void {
    this.#household.emit(topic, value)
  }

  monitor(type: string, id: string, fire: (end: MonitorEnd) => void, signal: AbortSignal): void {
    this.#household.monitor(type, id, fire, signal)
  }

  noteCrash(id: string): void {
    this.tally.crashes++
    this.#household.crashes.note(id)
  }

  forget(activation: Activation, reason: DeactivateReason, left: readonly Turn[]): void {
    const { id, type, key, monitor } = activation
    this.#activations.delete(id)
    if (monitor !== undefined) this.#household.onEnd(monitor, reason)
    // A timer ends with its activation.
    for (const turn of left) if (turn.method !== '') this.take(type, key, id, turn)
    if (!this.#activations.has(id)) this.#actorClaims?.forget(id)
  }
}
