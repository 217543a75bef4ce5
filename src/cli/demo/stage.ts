// The run: four workers serve, one is killed, and a new worker takes its place.
import { setImmediate as nextTurn, setTimeout as sleep } from 'node:timers/promises'
import { Fleet } from '../../core/fleet.js'
import { findObjects } from '../../inspect/objects.js'
import { nodes, workerCount } from './contract.js'
import { Crew } from './crew.js'
import type { Totals } from './totals.js'
import { View } from './view.js'

const workers = Array.from({ length: workerCount }, (_, i) => nodes.firstWorker + i)
/** A run that takes longer is given up. On a busy machine processes may take many seconds to start. */
const limitSeconds = 45

export class Stage {
  readonly fleet: Fleet
  readonly #view: View
  readonly #crew: Crew
  readonly #begun = performance.now()
  readonly #seconds: number
  readonly #signal: AbortSignal
  readonly #say: (text: string) => void

  /**
   * @param say receives a line for each thing that happens
   * @param signal ends the run early
   */
  constructor(seconds: number, say: (text: string) => void, signal: AbortSignal) {
    const name = `demo-${process.pid}-${Date.now().toString(36)}`
    this.fleet = Fleet.joinShm(name, { size: nodes.firstWorker + workerCount, node: nodes.primary, label: 'demo' })
    this.#view = new View(this.fleet)
    this.#crew = new Crew(name)
    this.#seconds = seconds
    this.#say = (text) => say(`${((performance.now() - this.#begun) / 1000).toFixed(1).padStart(5)} s  ${text}`)
    this.#signal = signal
  }

  /** Runs to the end. Leaves no process; `close` removes the objects. */
  async run(): Promise<Omit<Totals, 'left'>> {
    const { count, sinceMs } = await this.#start()
    const { death, election } = await this.#killElected()
    const takeOver = await this.#replace(death)
    await this.#untilShare(1)
    await this.#crew.stopClients()
    this.#view.refresh()
    const framesPerSecond = Math.round((this.#view.ledger.frames * 1000) / (performance.now() - sinceMs))
    await this.#crew.stop()
    this.#view.refresh()
    const { clients, bus } = this.#view
    const { name } = this.fleet
    const seconds = Number(((performance.now() - this.#begun) / 1000).toFixed(1))
    const run = { fleet: name, seconds, workers: count, clients, framesPerSecond, bus, death, election, takeOver }
    return { ...this.#view.counts(), ...run, unexpected: this.#crew.unexpected, objects: this.names().length }
  }

  /** Ends all processes, and removes the objects: the last member that leaves does so. */
  async close(): Promise<void> {
    await this.#crew.stop()
    this.fleet.close()
  }

  /** The names of the fleet in shared memory. */
  names(): string[] {
    return findObjects().flatMap(({ fleet, file }) => (fleet === this.fleet.name ? file : []))
  }

  /** Starts four workers and their clients, and waits until all workers serve. */
  async #start(): Promise<{ count: number; sinceMs: number }> {
    for (const node of [...workers, nodes.clients]) this.#crew.start(node)
    this.#say(`fleet ${this.fleet.name}: ${workerCount} cluster workers and their clients start`)
    await this.#until(() => workers.every((node) => this.#view.isServing(node)))
    const serving = workers.filter((node) => this.#view.isServing(node))
    this.#say(`${serving.length} workers serve on 127.0.0.1:${this.#view.reports.get(nodes.firstWorker)?.port}`)
    return { count: serving.length, sinceMs: performance.now() }
  }

  /** Kills the worker that was elected for the job, and waits until another one is elected. */
  async #killElected(): Promise<Pick<Totals, 'death' | 'election'>> {
    await this.#untilShare(0.4)
    await this.#until(() => this.#view.elected !== undefined)
    const { node = nodes.firstWorker, token = 0 } = this.#view.elected ?? {}
    const { pid = 0, incarnation = 0 } = this.#view.record(node) ?? {}
    const killedAt = performance.now()
    const sinceKill = (digits: number) => Number((performance.now() - killedAt).toFixed(digits))
    this.#crew.signal(node, 'SIGKILL')
    while (!this.fleet.isDead(node) && performance.now() < this.#deadline) await nextTurn()
    const death = { node, pid, incarnation, seenAfterMs: this.fleet.isDead(node) ? sinceKill(2) : null }
    this.#say(`node ${node} (pid ${pid}), elected for the job, was killed: seen after ${death.seenAfterMs} ms`)
    const { runs } = this.#view.bus
    await this.#until(() => (this.#view.elected?.token ?? 0) > token && this.#view.bus.runs > runs)
    const { elected } = this.#view
    if (elected === undefined || elected.token <= token) return { death, election: null }
    const election = { to: elected.node, tokens: [token, elected.token] as const, tookMs: sinceKill(0) }
    this.#say(`node ${election.to} was elected in its place and runs the job, ${election.tookMs} ms after the kill`)
    return { death, election }
  }

  /** Starts a new worker on the node of the dead one. It reads the frames that its predecessor left. */
  async #replace({ node, incarnation: former }: Totals['death']): Promise<Totals['takeOver']> {
    await this.#untilShare(0.6)
    const pid = this.#crew.start(node)
    this.#say(`new worker pid ${pid} starts for node ${node}`)
    const isNew = () => (this.#view.reports.get(node)?.incarnation ?? 0) > former
    await this.#until(isNew)
    const report = this.#view.reports.get(node)
    if (!isNew() || report === undefined) return null
    const { incarnation, history, predecessors, counted, exported } = report
    this.#say(`it is incarnation ${incarnation} of the node, and found ${history} frames of history`)
    this.#say(`it counts on from ${counted} requests, and finds ${exported} exports taken of the limit`)
    const published = this.#view.ledger.count(node, former)
    return { pid, incarnation, history, predecessors, published, counted, exported }
  }

  get #deadline(): number {
    return this.#begun + limitSeconds * 1000
  }

  /** Waits until this share of the time is over. After a slow start, each step still gets a tenth of the time. */
  async #untilShare(share: number): Promise<void> {
    const wholeMs = this.#seconds * 1000
    const at = Math.max(this.#begun + wholeMs * share, performance.now() + wholeMs / 10)
    await this.#until(() => performance.now() >= at)
  }

  /** Refreshes until the condition holds, the time is over, or a process has failed. */
  async #until(condition: () => boolean): Promise<void> {
    for (;;) {
      this.#view.refresh()
      if (condition() || performance.now() > this.#deadline || this.#crew.unexpected.length > 0) return
      await sleep(20, undefined, { signal: this.#signal })
    }
  }
}
