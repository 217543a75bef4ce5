import { join } from 'node:path'
import { onTestFinished } from 'vitest'
import { Child } from '../help/processes.js'
import { root } from '../help/system.js'
import { unpack } from './recipe.js'

export interface ClusterOptions {
  /** The files that the reader would supply, and those of the test: contents by name. */
  files?: Record<string, string>
  /** The file that every worker runs. */
  worker?: string
  workers?: number
  env?: NodeJS.ProcessEnv
}

/** An event of a worker. */
export interface WorkerEvent {
  worker: number
  pid: number
  online?: true
  /** A message that it sent to its primary. */
  said?: unknown
  /** The port on which it listens. */
  port?: number
  /** Its exit code or signal; the kernel has dropped its locks. */
  ended?: number | string
}

/** Starts a cluster of a recipe's workers; it ends with the test. */
export async function runCluster(
  name: string,
  { files, worker = 'worker.ts', workers = 4, env = {} }: ClusterOptions = {},
) {
  const exec = join(unpack(name, files), worker)
  const primary = new Child(process.execPath, [join(root, 'test/recipes/primary.mjs'), JSON.stringify(exec)], env)
  onTestFinished(async () => {
    primary.process.stdin?.end()
    await primary.ended
  })
  const cluster = new Cluster(primary)
  for (let i = 0; i < workers; i++) await cluster.fork()
  return cluster
}

export class Cluster {
  readonly #primary: Child
  readonly #events: WorkerEvent[] = []

  constructor(primary: Child) {
    this.#primary = primary
  }

  /** Starts one more worker. */
  async fork(): Promise<WorkerEvent> {
    this.#primary.tell('fork')
    return this.next((event) => event.online === true)
  }

  tell(worker: number, ...words: unknown[]): void {
    this.#primary.tell(worker, ...words)
  }

  /** Sends words to a worker and waits for its next message. */
  async ask<T = unknown>(worker: number, ...words: unknown[]): Promise<T> {
    this.tell(worker, ...words)
    return (await this.next((event) => event.worker === worker && 'said' in event)).said as T
  }

  /** Kills a worker, and returns after it has ended. */
  async kill({ worker, pid }: WorkerEvent): Promise<void> {
    process.kill(pid, 'SIGKILL')
    await this.next((event) => event.worker === worker && event.ended !== undefined)
  }

  /** The next event that matches; other events are kept. Throws when a worker ends by itself. */
  async next(matches: (event: WorkerEvent) => boolean): Promise<WorkerEvent> {
    for (let at = this.#events.findIndex(matches); ; at = this.#events.findIndex(matches)) {
      if (at >= 0) return this.#events.splice(at, 1)[0] as WorkerEvent
      const event = await this.#primary.next<WorkerEvent>()
      if (event.ended !== undefined && event.ended !== 'SIGKILL') {
        throw new Error(`worker ${event.worker} ended: ${event.ended}\n${this.#primary.stderr}`)
      }
      this.#events.push(event)
    }
  }
}
