import { checkInteger, checkName, checkOptions, outOfRange, wrongType } from '../../../shared/check.js'
import type { ActorLog } from '../actor/actor.js'
import { hostClock } from '../base/clock.js'
import { type CrashLimits, defaultLimits } from '../base/crashes.js'
import { checkLog } from '../options.js'
import type { AnyWorker } from './anyworker.js'
import { HealthCheck } from './health.js'
import { type Strategy, Supervision } from './supervision.js'
import { SupervisedWorker, type WorkerEvent, type WorkerSpec } from './worker.js'

/** Options of `superviseWorkers`. */
export interface SuperviseOptions {
  /** The workers, in the order in which they are started; they are stopped in the opposite one. */
  readonly workers: readonly WorkerSpec[]
  /**
   * Which workers are started again when one is. 'one-for-one': that one. 'one-for-all': all, after the others were
   * stopped. 'rest-for-one': that one, and those after it. Default 'one-for-one'.
   */
  readonly strategy?: Strategy
  /** So many restarts within `withinMs` are made at once, 0..1000; default 3. */
  readonly restarts?: number
  /** In milliseconds, 1..2^31-1; default 5000. */
  readonly withinMs?: number
  /** How long the next one then waits at first, in milliseconds, 1..2^31-1; it doubles each time. Default 100. */
  readonly firstRestMs?: number
  /** The longest rest before a restart, in milliseconds, 1..2^31-1; default 60,000. */
  readonly longestRestMs?: number
  /**
   * How long a process may take to end after SIGTERM before it gets SIGKILL, in milliseconds, 1..2^31-1; default
   * 10,000.
   */
  readonly stopMs?: number
  /** Called for each event; default: they go to the log. */
  readonly onEvent?: (event: WorkerEvent) => void
  /** Where events go; default `console`. */
  readonly log?: ActorLog
}

const optionKeys = [
  ...['workers', 'strategy', 'restarts', 'withinMs', 'firstRestMs', 'longestRestMs', 'stopMs', 'onEvent', 'log'],
]
const specKeys = ['name', 'start', 'restart', 'health']

/** Keeps workers running. Made by `superviseWorkers`. */
export class WorkerSupervisor implements AsyncDisposable {
  readonly #supervision: Supervision
  readonly #workers = new Map<string, SupervisedWorker>()

  /** @internal */
  constructor(options: SuperviseOptions) {
    const { workers, strategy = 'one-for-one', stopMs = 10_000, log = console } = options
    const {
      onEvent = ({ what, name, exit }) => log.info(`worker ${name}:`, what, ...(exit === undefined ? [] : [exit])),
    } = options
    this.#supervision = new Supervision({
      strategy,
      limits: limitsOf(options),
      clock: hostClock,
      onLimit: (name) => {
        onEvent({ what: 'resting', name })
        return true
      },
    })
    const ended = (name: string, isFailure: boolean) =>
      this.#supervision.ended(name, this.#supervision.runOf(name) ?? 0, isFailure)
    for (const spec of workers)
      this.#workers.set(spec.name, new SupervisedWorker(spec, { stopMs, tell: onEvent, ended }))
    for (const worker of this.#workers.values()) this.#supervision.add(worker)
  }

  /**
   * The worker of a name.
   *
   * @returns undefined: there is no such worker, or it does not run at this moment
   */
  get(name: string): AnyWorker | undefined {
    return this.#workers.get(name)?.worker
  }

  /** Stops all workers, the last one first, and resolves when they have ended. Idempotent. */
  close(): Promise<void> {
    return this.#supervision.close()
  }

  /** Calls `close()`, for `await using`. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.close()
  }
}

function limitsOf(options: SuperviseOptions): CrashLimits {
  const { restarts, withinMs, firstRestMs, longestRestMs } = { ...defaultLimits, ...options }
  return { restarts, withinMs, firstRestMs, longestRestMs }
}

function checkChoice(name: string, value: unknown, known: readonly string[]): void {
  if (!known.includes(value as string)) {
    throw outOfRange(name, value, known.map((each) => JSON.stringify(each)).join(' or '))
  }
}

function checkSpecs(workers: unknown): void {
  if (!Array.isArray(workers)) throw wrongType('workers', workers, 'an array of { name, start }')
  const names = new Set<string>()
  for (const [i, spec] of (workers as WorkerSpec[]).entries()) {
    checkOptions(`workers[${i}]`, spec, specKeys)
    checkName(`workers[${i}].name`, spec.name, 64)
    if (names.has(spec.name)) throw outOfRange(`workers[${i}].name`, spec.name, 'another name than those before')
    names.add(spec.name)
    if (typeof spec.start !== 'function') throw wrongType(`workers[${i}].start`, spec.start, 'a function')
    checkChoice(`workers[${i}].restart`, spec.restart ?? 'permanent', ['permanent', 'transient', 'temporary'])
    if (spec.health !== undefined) HealthCheck.check(`workers[${i}].health`, spec.health)
  }
}

/**
 * Starts workers, and starts them again when they end: workers of `node:cluster`, child processes and worker threads.
 * It reacts to their exit at once. A worker that fails again and again is started less often.
 *
 * @throws TypeError or RangeError for wrong options
 */
export function superviseWorkers(options: SuperviseOptions): WorkerSupervisor {
  checkOptions('options', options, optionKeys)
  checkSpecs(options.workers)
  checkChoice('strategy', options.strategy ?? 'one-for-one', ['one-for-one', 'one-for-all', 'rest-for-one'])
  const { restarts, withinMs, firstRestMs, longestRestMs } = limitsOf(options)
  checkInteger('restarts', restarts, 0, 1000)
  for (const [name, ms] of Object.entries({ withinMs, firstRestMs, longestRestMs, stopMs: options.stopMs ?? 10_000 })) {
    checkInteger(name, ms, 1, 0x7fffffff)
  }
  checkLog(options.log)
  if (options.onEvent !== undefined && typeof options.onEvent !== 'function') {
    throw wrongType('onEvent', options.onEvent, 'a function')
  }
  return new WorkerSupervisor(options)
}
