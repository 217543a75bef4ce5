import { type CallContext, Client, Contest, type Fleet, FleetHeartbeat, type Server, serve } from 'orbit-node'
import type { ActorType } from '../actor/methods.js'
import { childOf } from '../base/childid.js'
import type { Deadlines } from '../base/deadlines.js'
import { partitionCount } from '../base/partitions.js'
import type { Refusal } from '../base/wire.js'
import type { Store } from '../store/store.js'
import type { Activation } from './activation.js'
import { waitsOf } from './counts.js'
import type { MonitorTag } from './home.js'
import { Hosts } from './hosts.js'
import { LocalClaims } from './localclaims.js'
import { Locals } from './locals.js'
import { type ActorMetrics, actorMetrics } from './metrics.js'
import { type Household, Partition, workerId } from './partition.js'
import type { PartitionState } from './partitionstate.js'
import { partitionOf } from './placement.js'
import { Prober } from './probe.js'
import { Reception } from './reception.js'
import { type HostReport, type ReportQuery, reportOn } from './report.js'
import { Seeker } from './seeker.js'
import { type BackupRequest, type HostService, names } from './service.js'
import { StuckHosts } from './stuck.js'
import type { Turn } from './turn.js'

/** How often a host looks whether partitions ought to be elsewhere. */
const lookMs = 100
/** How often a host says that its event loop runs. */
const beatMs = 500
/** How long a partition may be without a host before one takes it that ought not to have it. */
const orphanMs = 500

/** The part of a system that runs actors: the partitions that this process has, and how it gets and gives them. */
export class Host {
  readonly partitions: readonly Partition[]
  /** The actors that each process has for itself. */
  readonly #own: Partition
  /** The actors that are where they were called first; undefined: there are no such types. */
  readonly locals: Locals | undefined
  readonly id: string
  readonly #types: ReadonlyMap<string, ActorType>
  readonly #system: string
  readonly #fleet: Fleet
  readonly #household: Household
  readonly #store: Store | undefined
  readonly #contest: Contest
  readonly #hosts: Hosts
  readonly #server: Server<HostService>
  readonly #seeker: Seeker
  /** Since when partitions have been without a host, by partition. */
  readonly #orphanedMs = new Map<number, number>()
  readonly #closing = new AbortController()
  readonly #reception: Reception
  readonly #prober: Prober
  #timer: NodeJS.Timeout
  readonly #stuck: StuckHosts
  readonly #heartbeat: FleetHeartbeat
  #draining = 0
  #left: Promise<void> | undefined
  #monitored = 0

  constructor(
    fleet: Fleet,
    system: string,
    types: ReadonlyMap<string, ActorType>,
    household: Household,
    deadlines: Deadlines,
    store: Store | undefined,
  ) {
    this.#fleet = fleet
    this.#system = system
    this.#types = types
    this.#household = household
    this.id = names.host(fleet)
    this.#store = store
    this.partitions = Array.from({ length: partitionCount }, (_, index) => new Partition(household, index))
    this.#reception = new Reception({
      clock: household.clock,
      deadlines,
      take: (type, key, id, method, turn) => this.take(type, key, id, method, turn, false),
      needs: (partition, turn) => this.partitions[partition]?.needs(turn) === true,
    })
    this.#prober = new Prober({
      host: this.id,
      find: (actor, callId) => this.#find(actor, callId),
      probe: (actor, bytes) => this.#probe(actor, bytes),
      judge: (host, bytes) => (host === this.id ? this.#prober.judge(bytes) : this.#post(host, 'judge', bytes)),
    })
    this.#stuck = new StuckHosts(fleet, household.stuck, household.log)
    this.#heartbeat = new FleetHeartbeat(fleet)
    this.#heartbeat.start({ intervalMs: beatMs })
    this.#own = new Partition(household, -1)
    this.#own.open({ token: 0, release: () => {} })
    if (this.localTypes.length > 0) this.locals = new Locals(household, new LocalClaims(fleet, system), this.id)
    this.#contest = new Contest(fleet, names.contest)
    const handlers: HostService = {
      call: (message, context) => this.#reception.call(message, context),
      stream: (message, context) => this.#reception.stream(message, context),
      give: (partition, context) => this.#give(partition, context),
      locals: () => this.localTypes,
      probe: (bytes) => this.#prober.visit(bytes),
      monitor: (id) => this.monitor(String(id)),
      report: (query) => this.report((query ?? {}) as ReportQuery),
      state: () => this.#state(),
      backup: (request) => this.backup(request as BackupRequest),
      judge: (bytes) => this.#prober.judge(bytes),
    }
    this.#server = serve(fleet, names.service(system, this.id), handlers, { concurrency: 4096, begin: 'by-handler' })
    this.#hosts = new Hosts(fleet, names.presence(system), this.id, household.placement)
    this.#hosts.announce()
    this.#seeker = this.#newSeeker()
    this.#timer = setInterval(() => this.#look(), lookMs).unref()
    void this.#watch()
    this.#look()
  }

  #newSeeker(): Seeker {
    return new Seeker({
      contest: this.#contest,
      hosts: this.#hosts,
      store: this.#store,
      types: this.#types,
      log: this.#household.log,
      system: this.#system,
      host: this.id,
      closing: this.#closing.signal,
      subjectOf: (partition) => names.subject(this.#system, partition),
      open: (partition, claim, store) => this.partitions[partition]?.open(claim, store),
    })
  }

  /** The names of the types with `placement: 'local'`. */
  get localTypes(): string[] {
    return [...this.#types.values()].filter(({ placement }) => placement === 'local').map(({ name }) => name)
  }

  /** The activation of an actor or a child in this process; of several of an actor, the one that has a call. */
  #find(id: string, callId = ''): Activation | undefined {
    const child = childOf(id)
    if (child !== undefined) return this.#find(child.parent)?.children?.find(child.name)
    const inFleet = this.partitions[partitionOf(id)]?.find(id)
    return inFleet ?? this.locals?.partition.find(id) ?? this.#findOwn(id, callId)
  }

  /** The id may be that of the activation, or what was called; one key may look like the id of another one. */
  #findOwn(id: string, callId: string): Activation | undefined {
    const all = [this.#own.find(id), ...this.#workersOf(id)]
    return all.find((each) => each?.turnOf(callId) !== undefined) ?? all.find((each) => each !== undefined)
  }

  /** The activations in this process of what was called, an actor that each process has for itself. */
  #workersOf(id: string): (Activation | undefined)[] {
    const workers = this.#types.get(typeIn(id))?.workers ?? 0
    return Array.from({ length: workers }, (_, worker) => this.#own.find(workerId(this.#ownId(id), worker)))
  }

  /** Takes a call, for a partition that is open. */
  take(type: string, key: string, id: string, method: string, turn: Turn, isOfThisProcess: boolean) {
    const known = this.#types.get(type)
    const refusal = refusalOf(known, type, method, turn.isStream)
    if (known === undefined || refusal !== undefined) {
      turn.end({ how: 'refused', refusal: refusal as Refusal })
      return undefined
    }
    if (known.placement === 'process') return this.#own.takeAny(known, key, this.#ownId(id), turn)
    const partition = this.partitions[partitionOf(id)] as Partition
    // A process that runs actors activates it itself.
    if (known.placement === 'local')
      return this.locals?.take(known, key, id, turn, isOfThisProcess || partition.accepts(turn))
    return partition.take(known, key, id, turn)
  }

  /** Whether calls of this process to a type always run here. */
  isOwn(type: string): boolean {
    return this.#types.get(type)?.placement === 'process'
  }

  /** What this process says about its actors. */
  report(query: ReportQuery): HostReport {
    const { clock, tally } = this.#household
    return reportOn(this.#activations(), query, clock.now(), tally.calls)
  }

  *#activations() {
    for (const partition of this.#all) yield* partition.activations
  }

  /** The next replies to other processes are lost, for tests. */
  loseReplies(count: number): void {
    this.#reception.loseReplies(count)
  }

  async #state(): Promise<PartitionState[]> {
    const states = await Promise.all(this.partitions.map((partition) => partition.state()))
    return states.filter((state) => state !== undefined)
  }

  /** Copies a partition into a folder, and returns the size of the copy in bytes; undefined: it is not here. */
  async backup({ partition, folder }: BackupRequest): Promise<number | undefined> {
    return this.partitions[partition]?.backup(folder)
  }

  /** Metrics of this process. */
  metrics(): ActorMetrics {
    return actorMetrics(this.#system, this.report({}), this.#household.tally, this.#held)
  }

  /** The tag of the present activation of an actor, from now on monitored; undefined: there is none here. */
  monitor(id: string): MonitorTag | undefined {
    const activation = this.isOwn(typeIn(id)) ? this.#workersOf(id).find((each) => each !== undefined) : this.#find(id)
    if (activation === undefined) return undefined
    activation.monitor ??= `${this.id} ${++this.#monitored}`
    return activation.monitor
  }

  /** Other processes have an actor of this type and key, too. */
  #ownId(id: string): string {
    return `${id}@${this.id}`
  }

  get #all(): readonly Partition[] {
    return [...this.partitions, this.#own, ...(this.locals === undefined ? [] : [this.locals.partition])]
  }

  /** Another host asks for a partition. One at a time moves. */
  #give(partition: unknown, { node }: CallContext): boolean {
    const index = Number(partition)
    const held = this.partitions[index]
    const asker = this.#hosts.ids().find((host) => host.startsWith(`${node}.`))
    if (held?.isOpen !== true || asker === undefined || this.#draining > 0) return false
    if (this.#hosts.placement()[index] !== asker) return false
    this.#draining++
    void held.drain('moved').finally(() => this.#draining--)
    return true
  }

  async #watch(): Promise<void> {
    const { signal } = this.#closing
    try {
      await this.#hosts.watch(signal, () => this.#look())
    } catch (error) {
      this.#household.log.error('the hosts of actors cannot be watched:', error)
    }
  }

  #look(): void {
    if (this.#fleet.closed) return
    try {
      // A process that leaves waits for its turns: those that wait for each other must not keep it.
      this.#prober.look(this.#household.blocked)
      this.#dropGivenUp()
      if (!this.#closing.signal.aborted) this.#seekAll()
    } catch (error) {
      this.#household.log.error('the partitions of actors cannot be looked at:', error)
    }
  }

  /** Calls that nothing waits for any more must not fill mailboxes until their deadlines. */
  #dropGivenUp(): void {
    for (const { waiting } of this.#household.blocked) for (const turn of waiting) turn.leaveIfGivenUp()
  }

  /** Claims what this host ought to have, and asks those that have it. */
  #seekAll(): void {
    const placement = this.#hosts.placement()
    const now = this.#household.clock.now()
    const owners: (string | undefined)[] = []
    for (const [index, partition] of this.partitions.entries()) {
      owners[index] = partition.isHeld ? this.id : undefined
      if (partition.isHeld) continue
      const holder = this.#contest.holder(names.subject(this.#system, index))
      owners[index] = holder?.owner
      if (holder !== undefined) this.#orphanedMs.delete(index)
      else if (!this.#orphanedMs.has(index)) this.#orphanedMs.set(index, now)
      const isOrphan = now - (this.#orphanedMs.get(index) ?? now) >= orphanMs
      const isMine = placement[index] === this.id || (isOrphan && this.#hosts.mayHave(index))
      if (!isMine) this.#seeker.stop(index)
      else if (!this.#seeker.isSeeking(index)) void this.#seeker.seek(index)
      // Its own claim, of which the seeker does not know yet, is not to be given away.
      else if (holder !== undefined && holder.owner !== this.id) void this.#ask(index, holder.owner)
    }
    this.#stuck.look(new Set(owners))
    const { calls } = this.#household.tally
    this.#hosts.measure({ partitions: this.partitions, calls, counts: () => this.#counts() }, owners)
  }

  #counts() {
    const { blocked, clock } = this.#household
    return { partitions: this.#held, active: this.size, ...waitsOf(blocked, clock.now()) }
  }

  /** How many partitions this process has. */
  get #held(): number {
    return this.partitions.filter(({ isHeld }) => isHeld).length
  }

  async #ask(index: number, host: string): Promise<void> {
    const client = new Client<HostService>(this.#fleet, names.service(this.#system, host))
    try {
      await client.call('give', index, { timeoutMs: lookMs })
    } catch {
      // It has ended, or it is busy or stopped: it keeps the partition, and is asked again.
    }
  }

  /** Brings a probe to the process of an actor. A lost one is made again at the next look. */
  #probe(actor: string, bytes: Uint8Array): void {
    if (this.#find(actor) !== undefined) {
      this.#prober.visit(bytes)
      return
    }
    const holder = this.#contest.holder(names.subject(this.#system, partitionOf(actor)))
    const host = this.locals?.ownerOf(actor) ?? holder?.owner
    if (host !== undefined && host !== this.id) this.#post(host, 'probe', bytes)
  }

  #post(host: string, what: 'probe' | 'judge', bytes: Uint8Array): void {
    const client = new Client<HostService>(this.#fleet, names.service(this.#system, host))
    client.call(what, bytes, { timeoutMs: 1000 }).catch(() => {})
  }

  /** Ends activations that nothing has needed for a while. */
  sweep(): void {
    for (const partition of this.#all) partition.sweep()
    this.#household.databases.trim()
    this.#household.crashes.sweep()
    this.#reception.sweep()
  }

  /** How many actors are active in this process. */
  get size(): number {
    return this.#all.reduce((sum, { size }) => sum + size, 0)
  }

  /** Ends at once, as with the death of the process: what runs is not waited for. */
  abandon(): void {
    this.#closing.abort()
    clearInterval(this.#timer)
    this.#seeker.stopAll()
    for (const partition of this.#all) partition.abandon()
  }

  /** Empties partitions that no other process can run: actors of one may need those of another to end. */
  async #emptyAll(held: readonly Partition[]): Promise<void> {
    do await Promise.all(held.map((partition) => partition.empty('shutdown')))
    while (held.some(({ size }) => size > 0))
  }

  /** Lets the turns that run end, gives all partitions to other hosts, and takes none any more. Idempotent. */
  drain(): Promise<void> {
    this.#left ??= this.#leave(this.partitions)
    return this.#left
  }

  async #leave(all: readonly Partition[]): Promise<void> {
    this.#closing.abort()
    const isLast = this.#hosts.isAlone
    this.#hosts.close()
    this.#seeker.stopAll()
    const held = all.filter(({ isHeld }) => isHeld)
    if (isLast) await this.#emptyAll(held)
    else await Promise.all(held.map((partition) => partition.drain('shutdown')))
    await Promise.all(held.map((partition) => partition.release('shutdown')))
  }

  /** Leaves the system: it drains, and ends the actors that this process has for itself. */
  async close(): Promise<void> {
    this.#left ??= this.#leave(this.#all)
    await this.#left
    const left = this.#all.filter(({ isHeld }) => isHeld) // after a drain
    await Promise.all(left.map((partition) => partition.drain('shutdown')))
    // What the last calls returned is on its way to the call layer.
    await new Promise((resolve) => setImmediate(resolve))
    clearInterval(this.#timer)
    this.#server.close()
  }
}

/** The type in the id of an actor. */
const typeIn = (id: string): string => id.slice(0, id.indexOf('/'))

function refusalOf(known: ActorType | undefined, type: string, method: string, isStream: boolean): Refusal | undefined {
  if (known?.methods.has(method) && known.streams.has(method) === isStream) return undefined
  let message = `${type} has no method ${method}`
  if (known === undefined) message = `the process has no actors of type ${type}`
  else if (known.streams.has(method)) message = `${type}.${method} is a generator: call it by ref.stream`
  else if (known.methods.has(method)) message = `${type}.${method} is not a generator: call it without ref.stream`
  return { code: 'ERR_ORBIT_ACTOR_UNKNOWN', message, outcome: 'not-run' }
}
