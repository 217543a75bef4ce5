// The run: four workers serve, one is killed, and a new worker takes its place.
import { setImmediate as nextTurn, setTimeout as sleep } from 'node:timers/promises'
import { Fleet } from '../src/index.js'
import { Crew } from './crew.js'
import type { Screen } from './screen.js'
import { namesInShm, type Totals } from './totals.js'
import { fleetSize, nodes, workerCount } from './types.js'
import { View } from './view.js'

const workers = Array.from({ length: workerCount }, (_, i) => nodes.firstWorker + i)
/** A run that takes longer is given up. */
const limitSeconds = 45

/** Runs for about `seconds`. Aborting the signal ends it early. In both cases it leaves no objects and no processes. */
export async function play(seconds: number, screen: Screen, signal: AbortSignal): Promise<Totals> {
  const name = `demo-${process.pid}-${Date.now().toString(36)}`
  const fleet = Fleet.joinShm(name, { size: fleetSize, node: nodes.primary, label: 'demo' })
  const stage = new Stage(fleet, seconds, screen, signal)
  try {
    const serving = await stage.start()
    const { death, election } = await stage.killElected()
    const takeOver = await stage.replace(death)
    const framesPerSecond = await stage.finish(serving.sinceMs)
    const { client, bus } = stage.view
    const counts = { workers: serving.count, ...client, ...stage.view.counts(), framesPerSecond, bus }
    const objects = namesInShm(name).length
    // The last member that leaves removes the objects.
    fleet.close()
    const unexpected = stage.crew.unexpected
    const left = namesInShm(name)
    return { fleet: name, seconds: stage.seconds(), ...counts, death, election, takeOver, unexpected, objects, left }
  } finally {
    await stage.crew.stopAll()
    fleet.close()
  }
}

class Stage {
  readonly view: View
  readonly crew: Crew
  readonly #begun = performance.now()
  readonly #fleet: Fleet
  readonly #seconds: number
  readonly #screen: Screen
  readonly #signal: AbortSignal

  constructor(fleet: Fleet, seconds: number, screen: Screen, signal: AbortSignal) {
    this.view = new View(fleet)
    this.crew = new Crew(fleet.name)
    this.#fleet = fleet
    this.#seconds = seconds
    this.#screen = screen
    this.#signal = signal
  }

  /** The time since the start. */
  seconds(): number {
    return round((performance.now() - this.#begun) / 1000, 1)
  }

  /** Starts four workers and their clients, and waits until all workers serve. */
  async start(): Promise<{ count: number; sinceMs: number }> {
    for (const node of workers) this.crew.startWorker(node)
    this.crew.startLoad()
    this.#screen.event(`fleet ${this.#fleet.name}: ${workerCount} workers and their clients start`)
    await this.#until(() => workers.every((node) => this.view.isServing(node)))
    const count = workers.filter((node) => this.view.isServing(node)).length
    this.#screen.event(`${count} workers serve on 127.0.0.1:${this.view.loads.get(nodes.firstWorker)?.port}`)
    return { count, sinceMs: performance.now() }
  }

  /** Kills the worker that was elected for the job, and waits until another one is elected. */
  async killElected(): Promise<Pick<Totals, 'death' | 'election'>> {
    await this.#untilShare(0.4)
    await this.#until(() => this.view.elected !== undefined)
    const { node: victim = nodes.firstWorker, token = 0 } = this.view.elected ?? {}
    const { pid = 0, incarnation = 0 } = this.view.record(victim) ?? {}
    const killedAt = performance.now()
    this.crew.kill(victim)
    while (!this.#fleet.isDead(victim) && performance.now() < this.#deadline) await nextTurn()
    const seenAfterMs = this.#fleet.isDead(victim) ? round(performance.now() - killedAt, 2) : null
    const seen = seenAfterMs === null ? 'does not show it' : `shows it after ${seenAfterMs} ms`
    this.#screen.event(`node ${victim} (pid ${pid}), elected for the job, was killed: the kernel's lock ${seen}`)
    const death = { node: victim, pid, incarnation, seenAfterMs }

    const runs = this.view.bus.runs
    await this.#until(() => this.view.elected !== undefined && this.view.bus.runs > runs)
    const { elected } = this.view
    if (elected === undefined || elected.token <= token) return { death, election: null }
    const tookMs = Math.round(performance.now() - killedAt)
    this.#screen.event(`node ${elected.node} was elected in its place and runs the job, ${tookMs} ms after the kill`)
    return { death, election: { from: victim, to: elected.node, tokens: [token, elected.token], tookMs } }
  }

  /** Starts a new worker on the node of the dead one. It reads the frames that its predecessor left. */
  async replace(death: Totals['death']): Promise<Totals['takeOver']> {
    const victim = death.node
    await this.#untilShare(0.6)
    const pid = this.crew.startWorker(victim)
    this.#screen.event(`new worker pid ${pid} is starting for node ${victim}`)
    const tookOver = await this.#until(() => this.view.record(victim)?.pid === pid && this.view.isReporting(victim))
    const load = this.view.loads.get(victim)
    if (!tookOver || load === undefined) return null
    const { incarnation, history, predecessors, counted, exported } = load
    this.#screen.event(
      `new worker pid ${pid} took node ${victim}, incarnation ${incarnation}, read ${history} frames of history`,
    )
    this.#screen.event(`it counts on from ${counted} requests, and finds ${exported} exports taken of the limit`)
    const published = this.view.requests.count(victim, death.incarnation)
    return { node: victim, pid, incarnation, history, predecessors, published, counted, exported }
  }

  /** Ends the clients, then the workers, and reads the last frames. Returns the frames per second. */
  async finish(sinceMs: number): Promise<number> {
    await this.#untilShare(1)
    await this.crew.stopLoad()
    this.view.refresh()
    const framesPerSecond = (this.view.frames * 1000) / (performance.now() - sinceMs)
    await this.crew.stopAll()
    this.view.refresh()
    return Math.round(framesPerSecond)
  }

  /** A generous limit: on a busy machine processes may take many seconds to start, which breaks no promise. */
  get #deadline(): number {
    return this.#begun + limitSeconds * 1000
  }

  /** Waits until this share of the time is over. After a slow start, each step still gets a tenth of the time. */
  async #untilShare(share: number): Promise<void> {
    const wholeMs = this.#seconds * 1000
    const at = Math.max(this.#begun + wholeMs * share, performance.now() + wholeMs / 10)
    await this.#until(() => performance.now() >= at)
  }

  /** Refreshes and draws until the condition holds. Returns false after the deadline, or when a process has failed. */
  async #until(condition: () => boolean, deadline = this.#deadline): Promise<boolean> {
    for (;;) {
      this.view.refresh()
      this.#screen.draw(this.view)
      if (condition()) return true
      if (performance.now() > deadline || this.crew.unexpected.length > 0) return false
      await sleep(20, undefined, { signal: this.#signal })
    }
  }
}

function round(value: number, digits: number): number {
  return Number(value.toFixed(digits))
}
