// The state of the demo, which the primary reads from shared memory.
import {
  Contest,
  type Counter,
  Counters,
  type Cursor,
  type EventCursor,
  type Fleet,
  type Holder,
  type NodeRecord,
  Orbital,
  OrbitEventBus,
  RateLimiter,
} from '../src/index.js'
import { Ledger } from './ledger.js'
import {
  busOptions,
  ClientReport,
  counterNames,
  exportKey,
  exportLimit,
  type JobRan,
  job,
  RequestEvent,
  StepEvent,
  WorkerLoad,
  type WorkerLoadValue,
} from './types.js'

export class View {
  readonly requests = new Ledger()
  readonly steps = new Ledger()
  /** Members, alive or dead. */
  records: NodeRecord[] = []
  /** The newest load of each node. The last load of a dead worker stays until its successor stores one. */
  loads = new Map<number, WorkerLoadValue>()
  client = { sent: 0, answered: 0, failed: 0 }
  /** The worker that runs the job. */
  elected: Holder | undefined
  /** Events on the bus: answered requests, rendered pages, runs of the job, and runs with an outdated token. */
  bus = { requests: 0, rendered: 0, runs: 0, staleRuns: 0, lost: 0 }
  readonly #fleet: Fleet
  readonly #loads: Orbital<WorkerLoadValue>
  readonly #client: Orbital<{ sent: number; answered: number; failed: number }>
  readonly #requestCursor: Cursor
  readonly #stepCursor: Cursor
  readonly #contest: Contest
  readonly #counted: Counter
  readonly #allowed: Counter
  readonly #limiter: RateLimiter
  readonly #events: EventCursor
  #lastToken = 0
  /** How many frames each incarnation says that it has published, by `node:incarnation`. */
  readonly #stated = new Map<string, { load: WorkerLoadValue; node: number }>()

  constructor(fleet: Fleet) {
    this.#fleet = fleet
    this.#loads = new Orbital(fleet, WorkerLoad)
    this.#client = new Orbital(fleet, ClientReport)
    this.#requestCursor = fleet.cursor(RequestEvent)
    this.#stepCursor = fleet.cursor(StepEvent)
    this.#contest = new Contest(fleet)
    const counters = new Counters(fleet)
    this.#counted = counters.counter(counterNames.requests)
    this.#allowed = counters.counter(counterNames.exports)
    this.#limiter = new RateLimiter(fleet, exportLimit)
    this.#events = new OrbitEventBus(fleet, busOptions).cursor()
  }

  refresh(): void {
    this.records = this.#fleet.nodes()
    // Loads come before frames: a load counts published frames only, so the polls below must deliver them.
    this.client = this.#client.load() ?? this.client
    this.loads = this.#loads.loadPerNode()
    for (const [node, load] of this.loads) this.#stated.set(`${node}:${load.incarnation}`, { node, load })
    this.requests.take(this.#requestCursor.poll())
    this.steps.take(this.#stepCursor.poll())
    this.#takeEvents()
    this.elected = this.#contest.holder(job)
  }

  #takeEvents(): void {
    const { events, lost } = this.#events.poll()
    this.bus.lost += lost
    for (const event of events) {
      if (event.topic.startsWith('request.')) this.bus.requests++
      else if (event.topic === 'page.rendered') this.bus.rendered++
      else {
        const { token } = event.json() as JobRan
        this.bus.runs++
        if (token < this.#lastToken) this.bus.staleRuns++
        this.#lastToken = token
      }
    }
  }

  get frames(): number {
    return this.requests.frames + this.steps.frames
  }

  /** Gaps in the sequences, and frames that a worker has counted and that never came. */
  get lost(): number {
    let lost = this.requests.lost + this.steps.lost
    for (const { node, load } of this.#stated.values()) {
      const seen = this.requests.count(node, load.incarnation) + this.steps.count(node, load.incarnation)
      lost += Math.max(0, load.frames - seen)
    }
    return lost
  }

  get torn(): number {
    return this.requests.torn + this.steps.torn
  }

  record(node: number): NodeRecord | undefined {
    return this.records.find((record) => record.node === node)
  }

  /** Is the owner of the node alive, and has it stored the node's newest load? */
  isReporting(node: number): boolean {
    const record = this.record(node)
    return record?.alive === true && this.loads.get(node)?.incarnation === record.incarnation
  }

  /** Is the owner of the node alive, and has it answered requests? */
  isServing(node: number): boolean {
    return this.isReporting(node) && (this.loads.get(node)?.requests ?? 0) > 0
  }

  /** What all workers have counted together, and what the limit has counted. */
  counters() {
    const { count: taken, limit } = this.#limiter.peek(exportKey)
    return { counted: this.#counted.get(), exports: { limit, taken, allowed: this.#allowed.get() } }
  }

  counts() {
    const { requests, steps, frames, lost, torn } = this
    return {
      requests: requests.frames,
      frames,
      lost,
      torn,
      repeated: requests.repeated + steps.repeated,
      overrun: requests.overrun + steps.overrun,
      malformed: requests.malformed + steps.malformed,
      unaccounted: requests.unaccounted + steps.unaccounted,
      ...this.counters(),
    }
  }
}
