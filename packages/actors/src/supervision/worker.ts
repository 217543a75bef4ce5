import { wrongType } from '../../../shared/check.js'
import { type AnyWorker, end } from './anyworker.js'
import { HealthCheck, type HealthOptions } from './health.js'
import type { Restart } from './supervision.js'

/** A worker that is supervised. */
export interface WorkerSpec {
  /** The name of the worker, 1..64 bytes of UTF-8, different from those of the other workers. */
  readonly name: string
  /** Starts it: `() => cluster.fork()`, `() => fork('job.js')`, `() => new Worker('job.js')`. */
  start(): AnyWorker
  /**
   * When it is started again. 'permanent': whenever it has ended. 'transient': when it has failed, with another exit
   * code than 0 or by a signal. 'temporary': never. Default 'permanent'.
   */
  readonly restart?: Restart
  /** Asks it now and then whether it is well; default: only its exit counts. */
  readonly health?: HealthOptions
}

/** What a supervisor has done. */
export interface WorkerEvent {
  /**
   * 'started', 'exited' by itself, 'stopped' by the supervisor, 'unhealthy': its health check failed, and it is killed;
   * 'resting': there were too many restarts, and the next one waits.
   */
  readonly what: 'started' | 'exited' | 'stopped' | 'unhealthy' | 'resting'
  /** The name of the worker. */
  readonly name: string
  /** How it has ended: its exit code, or the name of its signal; absent for other events. */
  readonly exit?: number | string
}

/** What a supervised worker needs of its supervisor. */
export interface WorkerOwner {
  readonly stopMs: number
  tell(event: WorkerEvent): void
  /** It has ended by itself. */
  ended(name: string, isFailure: boolean): void
}

/** One of the workers, from start to start. */
export class SupervisedWorker {
  readonly name: string
  readonly restart: Restart
  readonly #spec: WorkerSpec
  readonly #owner: WorkerOwner
  worker: AnyWorker | undefined
  #health: HealthCheck | undefined
  #onStopped: (() => void) | undefined

  constructor(spec: WorkerSpec, owner: WorkerOwner) {
    this.#spec = spec
    this.name = spec.name
    this.restart = spec.restart ?? 'permanent'
    this.#owner = owner
  }

  /** Starts it. One that cannot be started has failed. */
  start(): void {
    const { name } = this
    try {
      this.#begin(this.#spec.start())
      this.#owner.tell({ what: 'started', name })
    } catch (error) {
      queueMicrotask(() => this.#exited(undefined, String((error as Error).message)))
    }
  }

  #begin(worker: AnyWorker): void {
    const { name } = this
    const { health } = this.#spec
    if (typeof (worker as { once?: unknown } | undefined)?.once !== 'function') {
      throw wrongType('start()', worker, 'a worker of node:cluster, a child process or a worker thread')
    }
    const kill = () => {
      this.#owner.tell({ what: 'unhealthy', name })
      end(worker, 'SIGKILL')
    }
    this.worker = worker
    this.#health = health && new HealthCheck(() => health.check(worker), health, kill)
    const emitter = worker as unknown as { once(event: string, run: (...args: never[]) => void): void }
    emitter.once('exit', (code: number | null, signal?: string | null) => this.#exited(worker, signal ?? code ?? 0))
    // A process that cannot be started has no exit. Without a listener the error would end this process.
    emitter.once('error', (error: Error) => {
      if ('spawnfile' in worker && worker.pid === undefined) this.#exited(worker, error.message)
    })
  }

  #exited(worker: AnyWorker | undefined, exit: number | string): void {
    const { name } = this
    if (this.worker !== worker) return
    this.worker = undefined
    this.#health?.close()
    const onStopped = this.#onStopped
    this.#owner.tell({ what: onStopped === undefined ? 'exited' : 'stopped', name, exit })
    if (onStopped === undefined) this.#owner.ended(name, exit !== 0)
    else onStopped()
  }

  stop(): Promise<void> {
    const { worker } = this
    if (worker === undefined) return Promise.resolve()
    return new Promise((resolve) => {
      const timer = setTimeout(() => end(worker, 'SIGKILL'), this.#owner.stopMs)
      this.#onStopped = () => {
        clearTimeout(timer)
        this.#onStopped = undefined
        resolve()
      }
      end(worker, 'SIGTERM')
    })
  }

  removed(): void {}
}
