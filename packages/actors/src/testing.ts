/** @module orbit-actors/testing */
import { randomUUID } from 'node:crypto'
import { Fleet } from 'orbit-node'
import { checkInteger, checkOptions } from '../../shared/check.js'
import type { ActorLog } from './actor/actor.js'
import type { Ref } from './actor/ref.js'
import { VirtualClock } from './base/virtualclock.js'
import type { Filter } from './host/filter.js'
import type { ActorClasses } from './options.js'
import { startSystem } from './start.js'
import { memory } from './store/memory.js'
import type { Store } from './store/store.js'
import type { ActorSystem } from './system.js'
import { startHosts, type TestHosts, type TestHostsOptions } from './testhosts.js'

export type { TestHosts, TestHostsOptions } from './testhosts.js'

/** Options of `testActors`: the classes, and what a system takes. */
export interface TestOptions<C extends ActorClasses> {
  /** The classes of actors, by the names under which they are called. */
  actors: C
  /** The time limit of calls that have none of their own, in virtual milliseconds, 1..2^31-1; default 30,000. */
  timeoutMs?: number
  /** Where actors write to their log; default `console`. */
  log?: ActorLog
  /** Where actors keep their storage; default `memory()`. */
  store?: Store
}

const turn = () => new Promise((resolve) => setImmediate(resolve))

/** Actors under test, in the memory of this process and under a clock that only `advance` moves. */
export class TestActors<C extends ActorClasses> implements AsyncDisposable {
  readonly #options: TestOptions<C>
  readonly #clock = new VirtualClock()
  readonly #fleet = Fleet.join(`actors-${randomUUID()}`)
  readonly #caller: ActorSystem<C>
  readonly #filters: Filter[] = []
  #host: ActorSystem<C> | undefined

  /** @internal */
  constructor(options: TestOptions<C>) {
    this.#options = { store: memory(), ...options }
    this.#host = this.#start()
    const { timeoutMs = 30_000 } = options
    this.#caller = startSystem<C>({ fleet: this.#fleet, host: false, timeoutMs }, this.#clock)
  }

  #start(): ActorSystem<C> {
    const host = startSystem<C>({ ...this.#options, fleet: this.#fleet }, this.#clock)
    for (const filter of this.#filters) host.use(filter)
    return host
  }

  /**
   * A reference to an actor, called as from another process.
   *
   * @throws TypeError or RangeError for wrong arguments
   */
  get<N extends keyof C & string>(type: N, key: string): Ref<InstanceType<C[N]>> {
    return this.#caller.get(type, key)
  }

  /**
   * Adds a filter around all calls, also after a restart.
   *
   * @throws TypeError unless it is a function
   */
  use(filter: Filter): void {
    this.#host?.use(filter)
    this.#filters.push(filter)
  }

  /** How many actors are active. */
  get size(): number {
    return this.#host?.size ?? 0
  }

  /** The virtual date, by which alarms fire. It begins on 2030-01-01, in UTC. */
  get date(): Date {
    return new Date(this.#clock.date())
  }

  /**
   * Moves the clock, and runs what is due in its order: timers of actors, ends of idle activations, rests after
   * failures, and deadlines of calls.
   *
   * @param ms 0..2^31-1
   * @throws TypeError or RangeError for another value
   */
  async advance(ms: number): Promise<void> {
    checkInteger('ms', ms, 0, 0x7fffffff)
    const untilMs = this.#clock.now() + ms
    do await turn()
    while (this.#clock.step(untilMs))
    await turn()
  }

  /**
   * Ends the process of the actors as a SIGKILL does: no onDeactivate runs, the calls that run fail as 'unknown', and
   * those that wait go on after `restart`. Code of methods that is suspended goes on, which a real process would not.
   */
  kill(): void {
    this.#host?.abandon()
    this.#host = undefined
  }

  /**
   * Loses the replies of the next calls, as when the process of the actors ends between a method and its reply: the
   * method runs, and the call fails with ERR_ORBIT_ACTOR_LOST and the outcome 'done'.
   *
   * @param count how many, 0..2^31-1; default 1. Replaces the number before.
   * @throws TypeError or RangeError for another value
   */
  dropReplies(count = 1): void {
    checkInteger('count', count, 0, 0x7fffffff)
    this.#host?.loseReplies(count)
  }

  /** The fleet of the actors: its bus has the events of `ctx.emit`. */
  get fleet(): Fleet {
    return this.#fleet
  }

  /** Starts a new process of the actors, and closes the last one before if it lives. */
  async restart(): Promise<void> {
    const before = this.#host
    this.#host = undefined
    await before?.close()
    this.#host ??= this.#start()
  }

  /** Ends everything; it does not wait for methods that run. Idempotent. */
  async close(): Promise<void> {
    this.kill()
    await this.#caller.close()
    this.#fleet.close()
  }

  /** Calls `close()`, for `await using`. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.close()
  }
}

/**
 * Runs actors for a test: in the memory of this process, under a virtual clock, and with a process that can be killed.
 *
 * @throws TypeError or RangeError for wrong options
 */
export function testActors<C extends ActorClasses>(options: TestOptions<C>): TestActors<C>
/**
 * Runs actors for a test in processes of their own, by the clock of the host. Each of them imports the module of the
 * classes. Resolves when all run.
 *
 * @throws TypeError or RangeError for wrong options; Error if a process could not start
 */
export function testActors<C extends ActorClasses>(options: TestHostsOptions<C>): Promise<TestHosts<C>>
export function testActors<C extends ActorClasses>(
  options: TestOptions<C> | TestHostsOptions<C>,
): TestActors<C> | Promise<TestHosts<C>> {
  if (typeof options === 'object' && options !== null && 'hosts' in options) return startHosts(options)
  checkOptions('options', options, ['actors', 'timeoutMs', 'log', 'store'])
  return new TestActors(options)
}
