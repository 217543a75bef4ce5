import { Contest, Fleet, type NodeRecord, OrbitEventBus, type PresenceEntry } from 'orbit-node'
import { checkInteger, checkName, checkOptions, outOfRange, wrongType } from '../../shared/check.js'
import { monotonicMs, pause } from './base/clock.js'
import { BridgeError } from './base/errors.js'
import { Announcer } from './cache/announcer.js'
import { BridgedCache, type BridgedCacheOptions } from './cache/bridgedcache.js'
import { BridgedStore, type BridgedStoreOptions } from './cache/bridgedstore.js'
import { Freshness } from './cache/freshness.js'
import { type BridgeFinding, findingsOf } from './doctor.js'
import { cacheRoute } from './hub/cachelink.js'
import { placeName } from './hub/follower.js'
import { type BridgeHost, type HostRow, hostRows, hostsWithClocks } from './hub/hosts.js'
import { Hub } from './hub/hub.js'
import { Memory, roleName } from './hub/memory.js'
import { hostNames, labelOf, namesWarning } from './hub/names.js'
import { type Answers, answerTo, type Question } from './hub/questions.js'
import { beginSending } from './hub/sentstate.js'
import { type Desk, DeskServer, deskOf, RemoteDesk } from './hub/service.js'
import { ClusterLimiter, type ClusterLimiterOptions } from './limit/limiter.js'
import { Shares } from './limit/shares.js'
import { ClusterContest } from './lock/contest.js'
import { type BridgeMetrics, metricsOf } from './metrics.js'
import { type BridgeOptions, type Spec, specOf } from './options.js'
import { type BridgeStats, statsOf } from './stats.js'

/** Options of questions to other hosts. */
export interface AskOptions {
  /** How long to wait for the answers, or for the connection, in milliseconds, 1..2^31-1; default 2000. */
  timeoutMs?: number
}

/** What all hosts answered. */
export interface HostAnswers<T> {
  /** The answers, by host. */
  readonly hosts: ReadonlyMap<string, T>
  /** Hosts that were heard in the last day and have not answered. */
  readonly missing: readonly string[]
}

/** The sum of a counter over hosts. */
export interface HostSum extends HostAnswers<number> {
  /** The sum over the hosts that answered. */
  readonly value: number
}

const retryMs = 200
/** Of the name of a store and a namespace, as JSON. */
const maxSpaceBytes = 107
const changesBus = { name: 'orbit.bridge', capacity: 1024, payloadBytes: 4096 }

/**
 * Connects this host with the others of its cluster, made by `bridge`. One process of the host holds the connection;
 * when it ends in any way, another one takes it over. The other processes only use shared memory.
 */
export class Bridge implements AsyncDisposable {
  /** The name of this host. */
  readonly host: string
  readonly #user: Fleet
  readonly #fleet: Fleet
  readonly #spec: Spec
  readonly #memory: Memory
  readonly #changes: OrbitEventBus
  readonly #role: Contest
  readonly #remote: RemoteDesk
  readonly #closing = new AbortController()
  readonly #warned = new Set<string>()
  readonly #work: Promise<void>
  #desk: Desk | undefined
  #hub: Hub | undefined

  /** @internal */
  constructor(fleet: Fleet, spec: Spec) {
    this.host = spec.host
    this.#user = fleet
    this.#spec = spec
    // Its own: the role, which lives as long as its handle, must not end with the caller's.
    this.#fleet = Fleet.joinShm(fleet.name, { label: labelOf(spec.host) })
    this.#memory = new Memory(this.#fleet)
    this.#changes = new OrbitEventBus(this.#fleet, changesBus)
    this.#role = new Contest(this.#fleet, { name: roleName.contest })
    this.#remote = new RemoteDesk(this.#fleet, this.#memory)
    beginSending(this.#memory.sent(cacheRoute), this.#changes, ['>'])
    for (const { name, bus, topics } of spec.routes) {
      const options = bus === undefined ? {} : { name: bus }
      beginSending(this.#memory.sent(name), new OrbitEventBus(this.#fleet, options), topics)
    }
    const names = namesWarning(this.#fleet)
    if (names !== undefined) this.#warn('ORBIT_BRIDGE_HOST', names)
    this.#work = spec.offers ? this.#offer() : Promise.resolve()
  }

  /** Whether this process holds the connection of its host now. */
  get isHub(): boolean {
    return this.#hub !== undefined
  }

  /** Holds the connection whenever no other process of this host does. */
  async #offer(): Promise<void> {
    const { signal } = this.#closing
    while (!signal.aborted) {
      try {
        await this.#role.run(roleName.subject, { ttlMs: 'life', owner: this.host, signal, keepAlive: false }, () =>
          this.#hold(signal),
        )
      } catch (error) {
        if (signal.aborted) return
        this.#warn('ORBIT_BRIDGE_FAILED', `the bridge failed, and begins again: ${(error as Error).stack}`)
        await pause(retryMs, signal, false)
      }
    }
  }

  async #hold(signal: AbortSignal): Promise<void> {
    const home = {
      fleet: this.#fleet,
      spec: this.#spec,
      memory: this.#memory,
      changes: this.#changes,
      answer: (question: Uint8Array) => this.#answer(question),
      warn: (code: string, text: string) => this.#warn(code, text),
    }
    const hub = new Hub(home)
    const local = { host: this.host, answer: home.answer, hosts: () => this.#rows(hub) }
    const desk = deskOf(hub, new Shares(this.#fleet), local)
    const server = new DeskServer(this.#fleet, this.#memory, hub, desk)
    try {
      this.#hub = hub
      this.#desk = desk
      await hub.run(signal, () => server.drain())
    } finally {
      this.#hub = this.#desk = undefined
      server.close()
    }
  }

  async #answer(question: Uint8Array): Promise<Uint8Array> {
    const answer = answerTo(this.#fleet, JSON.parse(Buffer.from(question).toString()))
    return Buffer.from(JSON.stringify(answer))
  }

  #rows(hub: Hub): HostRow[] {
    const own: HostRow = { host: this.host, alive: true, fleet: this.#fleet.name, pid: process.pid, ageMs: 0, lost: 0 }
    return hostRows(own, hub.neighbors, monotonicMs())
  }

  #warn(code: string, text: string): void {
    if (this.#warned.has(code)) return
    this.#warned.add(code)
    process.emitWarning(`bridge of host ${this.host}: ${text}`, { type: 'OrbitWarning', code })
  }

  #reach(): Desk {
    this.#checkOpen()
    return this.#desk ?? this.#remote
  }

  #checkOpen(): void {
    if (!this.#closing.signal.aborted) return
    throw new BridgeError('ERR_ORBIT_BRIDGE_CLOSED', `the bridge of host ${this.host} was closed: make another`)
  }

  /**
   * A cache that all hosts share the changes of: see `BridgedCache`. Use the same name, namespace and `puts` on every
   * host; name and namespace have at most 100 bytes together.
   *
   * @throws what `new TypedCache` throws; ERR_ORBIT_TABLE_FULL for too many namespaces; ERR_ORBIT_BRIDGE_CLOSED
   */
  cache<T>(options: BridgedCacheOptions<T>): BridgedCache<T> {
    this.#checkOpen()
    return new BridgedCache(this.#user, options, this.#cacheLink(options))
  }

  /**
   * A store that all hosts share the changes of: see `BridgedStore`. Use the same name, namespace and `puts` on every
   * host; name and namespace have at most 100 bytes together.
   *
   * @throws what `new OrbitStore` throws; ERR_ORBIT_TABLE_FULL for too many namespaces; ERR_ORBIT_BRIDGE_CLOSED
   */
  store(options: BridgedStoreOptions = {}): BridgedStore {
    this.#checkOpen()
    return new BridgedStore(this.#user, options, this.#cacheLink(options))
  }

  #cacheLink({ name = '', namespace = '', puts = false }: BridgedStoreOptions) {
    if (typeof puts !== 'boolean') throw wrongType('puts', puts, 'a boolean')
    const space = { store: name, namespace }
    const bytes = Buffer.byteLength(JSON.stringify([name, namespace]))
    if (bytes > maxSpaceBytes)
      throw outOfRange('namespace', namespace, `at most 100 bytes as JSON, together with the name of the store`)
    this.#memory.addSpace(space)
    const bus = () => {
      this.#checkOpen()
      return this.#changes
    }
    return {
      announcer: new Announcer(bus, space, puts),
      freshness: new Freshness(this.#user, this.#memory, space, this.#spec.staleMs),
    }
  }

  /** Locks of all hosts: see `ClusterContest`. @throws ERR_ORBIT_BRIDGE_CLOSED */
  contest(): ClusterContest {
    this.#checkOpen()
    return new ClusterContest(new Contest(this.#fleet, { name: roleName.contest }), () => this.#reach(), this.host)
  }

  /**
   * A rate limit of all hosts: see `ClusterLimiter`.
   *
   * @throws TypeError or RangeError for wrong options; what opening counters throws; ERR_ORBIT_BRIDGE_CLOSED
   */
  limiter(options: ClusterLimiterOptions): ClusterLimiter {
    this.#checkOpen()
    return new ClusterLimiter(this.#fleet, () => this.#reach(), options)
  }

  /**
   * Resolves when this host is connected, and has its place in the logs of its 'stored' routes. It gets every event
   * that other hosts send from then on. A host that was there before has kept its place. `timeoutMs` is 2000 by
   * default.
   *
   * @throws BridgeError ERR_ORBIT_BRIDGE_TIMEOUT, ERR_ORBIT_BRIDGE_CLOSED
   */
  async ready(options: AskOptions = {}): Promise<void> {
    const logs = this.#spec.routes.filter(({ isStored }) => isStored)
    const hasPlaces = () => logs.every(({ name }) => this.#memory.number(placeName(name)).get() !== undefined)
    const text = 'this host must be connected to a server with JetStream'
    await this.#until(() => this.stats().connected && hasPlaces(), text, askTimeout(options))
  }

  async #until(condition: () => boolean, what: string, timeoutMs: number): Promise<void> {
    const deadlineMs = monotonicMs() + timeoutMs
    while (!condition()) {
      this.#checkOpen()
      if (monotonicMs() > deadlineMs) {
        const text = `${what} within timeoutMs=${timeoutMs}: wait longer, or see bridge.stats()`
        throw new BridgeError('ERR_ORBIT_BRIDGE_TIMEOUT', text)
      }
      await pause(2)
    }
  }

  /**
   * Resolves when the server has all events and changes that this host had published when this was called. From then on
   * the staleness bound of caches holds.
   *
   * @throws BridgeError ERR_ORBIT_BRIDGE_TIMEOUT, ERR_ORBIT_BRIDGE_CLOSED
   */
  async flush(options: AskOptions = {}): Promise<void> {
    const timeoutMs = askTimeout(options)
    const buses = [
      { route: cacheRoute, bus: this.#changes },
      ...this.#spec.routes.map(({ name, bus }) => ({
        route: name,
        bus: new OrbitEventBus(this.#fleet, bus === undefined ? {} : { name: bus }),
      })),
    ]
    const reached = buses.map(({ route, bus }) => {
      using cursor = bus.cursor('head')
      const { position } = cursor
      const state = this.#memory.sent(route)
      return () => (state.load()?.position ?? 0) >= position
    })
    const text = 'what this host has published must reach the server'
    await this.#until(() => reached.every((each) => each()), text, timeoutMs)
  }

  /**
   * The hosts of the cluster, this one first, with their clocks: those that were heard in the last day.
   *
   * @throws BridgeError ERR_ORBIT_BRIDGE_UNREACHABLE if no process of this host holds its bridge
   */
  async hosts(options: AskOptions = {}): Promise<BridgeHost[]> {
    return hostsWithClocks(this.#reach(), askTimeout(options))
  }

  /**
   * The members of the fleets of all hosts.
   *
   * @throws BridgeError ERR_ORBIT_BRIDGE_UNREACHABLE if no process of this host holds its bridge
   */
  async members(options: AskOptions = {}): Promise<HostAnswers<NodeRecord[]>> {
    return this.#askAll({ op: 'members' }, options)
  }

  /**
   * The entries of a `Presence` on all hosts.
   *
   * @param name the name of the presence; default 'default'
   * @throws BridgeError ERR_ORBIT_BRIDGE_UNREACHABLE if no process of this host holds its bridge
   */
  async presence(name = 'default', options: AskOptions = {}): Promise<HostAnswers<PresenceEntry<unknown>[]>> {
    checkName('name', name, 48)
    return this.#askAll({ op: 'presence', name }, options)
  }

  /**
   * The sum of a counter over all hosts. Each host counts exactly, for itself; they are added when this is called.
   *
   * @param name the name of the counter
   * @param options.table the name of the `Counters`; default: those without a name
   * @returns the sum, and which hosts answered
   * @throws BridgeError ERR_ORBIT_BRIDGE_UNREACHABLE if no process of this host holds its bridge
   */
  async count(name: string, options: AskOptions & { table?: string } = {}): Promise<HostSum> {
    const { table = '', ...ask } = options
    checkName('name', name, 128)
    const { hosts, missing } = await this.#askAll({ op: 'counter', name, table }, ask)
    const values = new Map([...hosts].map(([host, { value }]) => [host, value]))
    return { value: [...values.values()].reduce((sum, value) => sum + value, 0), hosts: values, missing }
  }

  async #askAll<Q extends Question>(question: Q, options: AskOptions): Promise<HostAnswers<Answers[Q['op']]>> {
    const timeoutMs = askTimeout(options)
    const rows = await this.#reach().hosts()
    const answers = await Promise.all(rows.map(({ host }) => this.#ask(host, question, timeoutMs)))
    const hosts = new Map<string, Answers[Q['op']]>()
    const missing: string[] = []
    for (const [i, { host }] of rows.entries()) {
      const answer = answers[i]
      if (answer === undefined) missing.push(host)
      else hosts.set(host, answer)
    }
    return { hosts, missing }
  }

  async #ask<Q extends Question>(host: string, question: Q, ms: number): Promise<Answers[Q['op']] | undefined> {
    try {
      return JSON.parse(await this.#reach().ask({ host, question: JSON.stringify(question), ms }))
    } catch {
      return undefined // it is listed as missing
    }
  }

  /**
   * What the bridge of this host has done since the fleet was made, over all processes that held it.
   *
   * @throws BridgeError ERR_ORBIT_BRIDGE_CLOSED
   */
  stats(): BridgeStats {
    this.#checkOpen()
    const holder = this.#role.holder(roleName.subject)
    const names = [...this.#spec.routes.map(({ name }) => name), cacheRoute]
    return statsOf(this.#memory, names, holder?.pid)
  }

  /** The numbers of `stats` for Prometheus. One process of each host needs to report them. */
  metrics(): BridgeMetrics {
    return metricsOf(this.host, this.stats())
  }

  /**
   * What is wrong between this host and the others: the server cannot be reached, events wait, hosts are silent, clocks
   * differ. `orbit hosts FLEET` shows the same.
   *
   * @returns empty if nothing is wrong
   */
  async doctor(options: AskOptions = {}): Promise<BridgeFinding[]> {
    const timeoutMs = askTimeout(options)
    const hosts = await this.hosts({ timeoutMs }).catch(() => undefined)
    return findingsOf(this.stats(), hosts, hostNames(this.#fleet))
  }

  /**
   * Gives the connection to another process of this host, and leaves the fleet. Locks that this process holds end when
   * their leases expire: release them first. Idempotent.
   */
  async close(): Promise<void> {
    this.#closing.abort()
    await this.#work
    this.#fleet.close()
  }

  /** Calls `close()`, for `await using`. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.close()
  }
}

function askTimeout(options: AskOptions): number {
  checkOptions('options', options, ['timeoutMs'])
  const { timeoutMs = 2000 } = options
  checkInteger('timeoutMs', timeoutMs, 1, 0x7fffffff)
  return timeoutMs
}

/**
 * Connects the fleet of this host with those of other hosts through NATS. Call it in every process of the fleet; one of
 * them holds the connection. Returns at once: until the server can be reached, events and changes of caches wait in
 * shared memory, as far as it retains them.
 *
 * @throws TypeError or RangeError for wrong options; what joining the fleet and opening its objects throws
 */
export function bridge(fleet: Fleet, options: BridgeOptions): Bridge {
  if (!(fleet instanceof Fleet) || !fleet.isShared) throw wrongType('fleet', fleet, 'a Fleet of Fleet.joinShm')
  return new Bridge(fleet, specOf(options))
}
