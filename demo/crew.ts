// The child processes of the demo, which the primary starts and ends. They exchange no messages: all data is in shared
// memory.
import { type ChildProcess, spawn } from 'node:child_process'
import cluster from 'node:cluster'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { environment, nodes } from './types.js'

const fileOf = (name: string): string => fileURLToPath(new URL(name, import.meta.url))

/** A process that does not end on SIGTERM is killed after this time. */
const killAfterMs = 1500

export class Crew {
  /** One line for each process that ended unexpectedly. */
  readonly unexpected: string[] = []
  readonly #fleet: string
  readonly #running = new Map<number, { process: ChildProcess; expected: boolean }>()

  constructor(fleet: string) {
    this.#fleet = fleet
    cluster.setupPrimary({ exec: fileOf('./worker.ts'), args: [] })
  }

  /** Forks a cluster worker for a node, and returns its pid. */
  startWorker(node: number): number {
    const worker = cluster.fork(this.#environment(node))
    // The channel of a killed worker breaks. Only its exit matters.
    worker.on('error', () => {})
    return this.#add(node, worker.process, 'http worker')
  }

  /** Starts the HTTP clients as a plain child process, which has no channel to this one. Returns its pid. */
  startLoad(): number {
    const env = { ...process.env, ...this.#environment(nodes.load) }
    const child = spawn(process.execPath, [...process.execArgv, fileOf('./load.ts')], {
      env,
      stdio: ['ignore', 'inherit', 'inherit'],
    })
    return this.#add(nodes.load, child, 'http load')
  }

  #environment(node: number): Record<string, string> {
    return { [environment.fleet]: this.#fleet, [environment.node]: String(node) }
  }

  #add(node: number, child: ChildProcess, what: string): number {
    const entry = { process: child, expected: false }
    this.#running.set(node, entry)
    child.once('exit', (code, signal) => {
      if (this.#running.get(node) === entry) this.#running.delete(node)
      if (!entry.expected) this.unexpected.push(`${what} ${child.pid} on node ${node} ended with ${signal ?? code}`)
    })
    child.once('error', (error) => {
      if (child.pid === undefined) this.#running.delete(node)
      this.unexpected.push(`${what} on node ${node}: ${error.message}`)
    })
    return child.pid ?? 0
  }

  /** Kills by SIGKILL: no handler runs, nothing is closed, and no process is notified. */
  kill(node: number): void {
    const entry = this.#running.get(node)
    if (entry === undefined) return
    entry.expected = true
    entry.process.kill('SIGKILL')
  }

  async stopLoad(): Promise<void> {
    await this.#stop([nodes.load])
  }

  async stopAll(): Promise<void> {
    await this.#stop([...this.#running.keys()])
  }

  async #stop(members: number[]): Promise<void> {
    const entries = members.flatMap((node) => this.#running.get(node) ?? [])
    const ends = entries.map((entry) => {
      entry.expected = true
      entry.process.kill('SIGTERM')
      return entry.process.exitCode ?? entry.process.signalCode ?? once(entry.process, 'exit')
    })
    const killer = setTimeout(() => {
      for (const entry of entries) entry.process.kill('SIGKILL')
    }, killAfterMs)
    await Promise.all(ends)
    clearTimeout(killer)
  }
}
