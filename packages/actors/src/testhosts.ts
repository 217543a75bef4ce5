import { type ChildProcess, fork } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { isAbsolute } from 'node:path'
import { pathToFileURL } from 'node:url'
import { Fleet } from 'orbit-node'
import { checkInteger, checkOptions, outOfRange, wrongType } from '../../shared/check.js'
import type { Ref } from './actor/ref.js'
import type { ActorClasses } from './options.js'
import { actors } from './start.js'
import type { ActorSystem } from './system.js'
import type { HostNews, HostOrder } from './testhost.js'

/** Options of `testActors` for actors in processes of their own. */
export interface TestHostsOptions<C extends ActorClasses> {
  /** The classes of actors, by the names under which they are called, and under which `module` exports them. */
  actors: C
  /** How many processes run the actors, 1..16. */
  hosts: number
  /**
   * The module that these processes import, a file URL or an absolute path. It exports the classes by their names, and
   * may export `store`, where the actors keep their storage.
   */
  module: string | URL
  /** The time limit of calls that have none of their own, in milliseconds, 1..2^31-1; default 30,000. */
  timeoutMs?: number
  /**
   * The options of Node for these processes, `['--import', 'tsx']` for example. Default those of this process, without
   * `--eval`, `--test`, `--watch` and others that say what this process runs.
   */
  execArgv?: readonly string[]
}

/** An actor as `kill` and `pidOf` take it: a reference, or its type and key. */
type Named = { readonly type: string; readonly key: string }

/** Actors under test, in processes of their own, which can be killed. */
export class TestHosts<C extends ActorClasses> implements AsyncDisposable {
  readonly #hosts: number
  readonly #execArgv: readonly string[]
  readonly #order: HostOrder
  readonly #fleet = Fleet.joinShm(`test-actors-${randomUUID()}`)
  readonly #processes = new Set<ChildProcess>()
  /** Processes on their way to run actors. */
  readonly #starting = new Set<Promise<void>>()
  /** Calls the actors, and runs none. */
  readonly system: ActorSystem<C>
  #closing: Promise<void> | undefined

  /** @internal */
  constructor(options: TestHostsOptions<C>, module: string) {
    const { actors: classes, hosts, timeoutMs = 30_000, execArgv = inheritedOptions() } = options
    this.#hosts = hosts
    this.#execArgv = execArgv
    this.#order = { fleet: this.#fleet.name, module, types: Object.keys(classes) }
    this.system = actors<C>({ fleet: this.#fleet, host: false, timeoutMs })
  }

  /**
   * A reference to an actor, called from this process.
   *
   * @throws TypeError or RangeError for wrong arguments
   */
  get<N extends keyof C & string>(type: N, key: string): Ref<InstanceType<C[N]>> {
    return this.system.get(type, key)
  }

  /** The fleet of the actors: its bus has the events of `ctx.emit`. */
  get fleet(): Fleet {
    return this.#fleet
  }

  /** The processes that run the actors, in the order in which they started. */
  get pids(): number[] {
    return [...this.#processes].map(({ pid }) => pid as number)
  }

  /**
   * The process that has an actor, to stop it for example. Partitions move for a moment after processes have started.
   *
   * @returns undefined if none has it
   * @throws TypeError or RangeError for wrong arguments
   */
  pidOf(actor: Named): number | undefined {
    const { type, key } = actor ?? {}
    this.system.partitionOf(type as keyof C & string, key) // checks them
    const host = this.system.hostOf(`${type}/${key}`)
    const member = this.#fleet.nodes().find(({ node, incarnation }) => `${node}.${incarnation}` === host)
    return member?.alive ? member.pid : undefined
  }

  /**
   * Ends processes by SIGKILL, and waits until the kernel has removed them.
   *
   * @param actor only the process that has this actor; default all processes
   * @returns how many processes were killed
   * @throws TypeError or RangeError for wrong arguments
   */
  async kill(actor?: Named): Promise<number> {
    const pid = actor === undefined ? undefined : this.pidOf(actor)
    const victims = [...this.#processes].filter((child) => actor === undefined || child.pid === pid)
    await Promise.all(victims.map((child) => this.#end(child)))
    return victims.length
  }

  async #end(child: ChildProcess): Promise<void> {
    this.#processes.delete(child)
    if (child.exitCode !== null || child.signalCode !== null) return
    const exited = once(child, 'exit')
    child.kill('SIGKILL')
    await exited
  }

  /**
   * Starts processes until as many run as were asked for, and waits until they run actors, also those that another
   * `restart` has started.
   *
   * @throws Error if one could not start
   */
  async restart(): Promise<void> {
    const missing = this.#closing === undefined ? this.#hosts - this.#processes.size : 0
    for (let i = 0; i < missing; i++) {
      const started = this.#start()
      this.#starting.add(started)
      const forget = () => this.#starting.delete(started)
      started.then(forget, forget)
    }
    await Promise.all(this.#starting)
  }

  async #start(): Promise<void> {
    // A source of this package is beside a source, and what was built beside what was built.
    const program = new URL('./testhost.js', import.meta.url)
    const child = fork(program, [JSON.stringify(this.#order)], { execArgv: [...this.#execArgv] })
    this.#processes.add(child)
    child.once('exit', () => this.#processes.delete(child))
    const [news] = (await Promise.race([once(child, 'message'), once(child, 'exit').then(() => [noNews])])) as [
      HostNews,
    ]
    if (news.failure !== undefined) throw new Error(`a process of the test could not start: ${news.failure}`)
  }

  /** Kills all processes, and removes the fleet. Idempotent. */
  close(): Promise<void> {
    this.#closing ??= this.#close()
    return this.#closing
  }

  async #close(): Promise<void> {
    await this.kill()
    await this.system.close()
    this.#fleet.close()
    Fleet.remove(this.#fleet.name)
  }

  /** Calls `close()`, for `await using`. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.close()
  }
}

const noNews: HostNews = { failure: 'it has ended, see its output' }

/** Options of Node that say what a process runs. */
const programOption = /^(-e|--eval|-pe?|--print|-i|--interactive|--input-type|--(test|watch)[-\w]*)(=|$)/

/** The options of Node of this process, for others that run another program. */
function inheritedOptions(): string[] {
  return process.execArgv.filter((each, i, { [i - 1]: before = '' }) => {
    const isValue = programOption.test(before) && !before.includes('=') && !each.startsWith('-')
    return !isValue && !programOption.test(each)
  })
}

/** The URL of a module, checked. */
function urlOf(module: unknown): string {
  const text = module instanceof URL ? module.href : module
  if (typeof text !== 'string') throw wrongType('module', module, 'a file URL, or an absolute path')
  if (text.startsWith('file:')) return text
  if (!isAbsolute(text)) throw outOfRange('module', text, 'a file URL, or an absolute path')
  return pathToFileURL(text).href
}

/** Starts the processes of a test. Throws a TypeError or RangeError for wrong options, and what `restart` throws. */
export async function startHosts<C extends ActorClasses>(options: TestHostsOptions<C>): Promise<TestHosts<C>> {
  checkOptions('options', options, ['actors', 'hosts', 'module', 'timeoutMs', 'execArgv'])
  const { actors: classes, hosts, module, timeoutMs = 1, execArgv = [] } = options
  checkInteger('hosts', hosts, 1, 16)
  if (typeof classes !== 'object' || classes === null) {
    throw wrongType('actors', classes, 'an object of classes that extend Actor')
  }
  checkInteger('timeoutMs', timeoutMs, 1, 0x7fffffff)
  if (!Array.isArray(execArgv)) throw wrongType('execArgv', execArgv, 'an array of strings')
  for (const [i, each] of execArgv.entries()) {
    if (typeof each !== 'string') throw wrongType(`execArgv[${i}]`, each, 'a string')
  }
  const test = new TestHosts(options, urlOf(module))
  try {
    await test.restart()
  } catch (error) {
    await test.close()
    throw error
  }
  return test
}
