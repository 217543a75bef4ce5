// The child processes of the demo, which the primary starts and ends: this command again, as cluster workers. They
// exchange no messages, all data is in shared memory. If the primary dies, they end.
import cluster, { type Worker } from 'node:cluster'
import { once } from 'node:events'
import { nodes } from './contract.js'
import { variable } from './member.js'

/** A process that does not end on SIGTERM is killed after this time. */
const killAfterMs = 1500

export class Crew {
  /** One line for each process that ended unexpectedly. */
  readonly unexpected: string[] = []
  readonly #fleet: string
  readonly #running = new Map<number, { readonly worker: Worker; isExpected: boolean }>()

  constructor(fleet: string) {
    this.#fleet = fleet
    cluster.setupPrimary({ args: ['demo'], stdio: ['ignore', 'ignore', 'inherit', 'ipc'] })
  }

  /** Starts the process of a node, and returns its pid. */
  start(node: number): number {
    const worker = cluster.fork({ [variable]: `${this.#fleet} ${node}` })
    const entry = { worker, isExpected: false }
    this.#running.set(node, entry)
    worker.on('error', () => {}) // the channel of a killed worker breaks: only its exit matters
    worker.process.once('exit', (code, signal) => {
      if (this.#running.get(node) === entry) this.#running.delete(node)
      if (!entry.isExpected) this.unexpected.push(`the process of node ${node} ended with ${signal ?? code}`)
    })
    return worker.process.pid ?? 0
  }

  /** Ends the processes of these nodes and waits for it; default: all. */
  async stop(which = [...this.#running.keys()]): Promise<void> {
    const ends = which.map((node) => {
      this.signal(node, 'SIGTERM')
      const killer = setTimeout(() => this.signal(node, 'SIGKILL'), killAfterMs)
      const child = this.#running.get(node)?.worker.process
      return child && once(child, 'exit').finally(() => clearTimeout(killer))
    })
    await Promise.all(ends)
  }

  /** Ends a process by a signal. By SIGKILL no handler runs, nothing is closed, and no process is notified. */
  signal(node: number, signal: 'SIGTERM' | 'SIGKILL'): void {
    const entry = this.#running.get(node)
    if (entry === undefined) return
    entry.isExpected = true
    entry.worker.process.kill(signal)
  }

  stopClients(): Promise<void> {
    return this.stop([nodes.clients])
  }
}
