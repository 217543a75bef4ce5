// What the primary reads from shared memory.
import type { Cursor } from '../../core/cursor.js'
import type { Fleet } from '../../core/fleet.js'
import type { NodeRecord } from '../../core/node.js'
import { OrbitEventBus } from '../../layers/bus.js'
import type { Holder } from '../../layers/claim.js'
import { Contest } from '../../layers/contest.js'
import { Counters } from '../../layers/counters.js'
import type { EventCursor } from '../../layers/eventcursor.js'
import { Orbital } from '../../layers/orbital.js'
import { RateLimiter } from '../../layers/ratelimiter.js'
import * as contract from './contract.js'
import { Ledger } from './ledger.js'

export class View {
  readonly ledger = new Ledger()
  /** The newest report of each node. */
  reports: Map<number, contract.Report> = new Map()
  clients: contract.ClientCounts = { sent: 0, answered: 0, failed: 0 }
  /** Events on the bus: served requests, rendered pages, runs of the job, and runs with an outdated token. */
  readonly bus = { served: 0, rendered: 0, runs: 0, staleRuns: 0, lost: 0 }
  readonly #fleet: Fleet
  readonly #reports: Orbital<contract.Report>
  readonly #clients: Orbital<contract.ClientCounts>
  readonly #steps: Cursor<contract.StepValue>
  readonly #events: EventCursor
  readonly #contest: Contest
  /** The newest report of each process, by `node:incarnation`. */
  readonly #stated = new Map<string, [node: number, report: contract.Report]>()
  #lastToken = 0

  constructor(fleet: Fleet) {
    this.#fleet = fleet
    this.#reports = new Orbital(fleet, contract.WorkerReport)
    this.#clients = new Orbital(fleet, contract.ClientReport)
    this.#steps = fleet.cursor(contract.Step)
    this.#events = new OrbitEventBus(fleet, contract.busOptions).cursor()
    this.#contest = new Contest(fleet)
  }

  refresh(): void {
    // Reports come before frames: a report counts published frames only, so the poll below must deliver them.
    this.clients = this.#clients.load() ?? this.clients
    this.reports = this.#reports.loadPerNode()
    for (const [node, report] of this.reports) this.#stated.set(`${node}:${report.incarnation}`, [node, report])
    this.ledger.take(this.#steps.poll())
    const { events, lost } = this.#events.poll()
    this.bus.lost += lost
    for (const { topic, ...event } of events) this.#count(topic, Number(Buffer.from(event.payload)))
  }

  #count(topic: string, token: number): void {
    if (topic === 'request.served') this.bus.served++
    else if (topic === 'page.rendered') this.bus.rendered++
    else {
      this.bus.runs++
      if (token < this.#lastToken) this.bus.staleRuns++
      this.#lastToken = token
    }
  }

  /** The worker that runs the job; undefined: none is elected. */
  get elected(): Holder | undefined {
    return this.#contest.holder(contract.job)
  }

  record(node: number): NodeRecord | undefined {
    return this.#fleet.nodes().find((record) => record.node === node)
  }

  /** Has the owner of the node reported that it answered requests? */
  isServing(node: number): boolean {
    return (this.reports.get(node)?.steps ?? 0) > 0
  }

  /** The numbers of the totals. `lost` are gaps in sequences, and frames that only their publisher has counted. */
  counts() {
    const { frames, requests, skipped, repeated, torn, unread, unaccounted } = this.ledger
    let lost = skipped
    for (const [node, { incarnation, steps }] of this.#stated.values())
      lost += Math.max(0, steps - this.ledger.count(node, incarnation))
    const counters = new Counters(this.#fleet)
    const [counted, allowed] = Object.values(contract.counterNames).map((name) => counters.counter(name).get())
    const { count: taken, limit } = new RateLimiter(this.#fleet, contract.exportLimit).peek(contract.exportKey)
    const exports = { limit, taken, allowed: allowed ?? 0 }
    return { frames, requests, lost, repeated, torn, unread, unaccounted, counted: counted ?? 0, exports }
  }
}
