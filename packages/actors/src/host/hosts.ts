import { type Fleet, Presence } from 'orbit-node'
import {
  ableHosts,
  type HostView,
  isMeasured,
  leaderOf,
  type Pin,
  type PlacementPolicy,
  placed,
  rebalanced,
} from './balance.js'
import type { HostCounts } from './counts.js'
import { LoadMeter, type Measured } from './load.js'

/** How a system places its partitions; the same in all its processes. */
export interface PlacementOptions {
  readonly policy: PlacementPolicy
  readonly pin: Pin | undefined
  /** What pins name. */
  readonly label: string
}

/** What a host says about itself to the others. */
interface HostEntry {
  readonly pid: number
  readonly label: string
  readonly loads: readonly number[]
  readonly plan: readonly string[]
  readonly refuses: readonly number[]
  /** Read by the orbit command. */
  readonly counts: HostCounts
}

/** What a host counts, of which it says more than it decides by. */
export interface Measures {
  readonly partitions: readonly Measured[]
  /** How many calls its actors have taken so far. */
  readonly calls: number
  counts(): Omit<HostCounts, 'callsPerSecond'>
}

/** How often a host says what it counts, and a partition may move because of its load. */
const measureMs = 1000
const noCounts: HostCounts = { partitions: 0, active: 0, waiting: 0, oldestMs: 0, callsPerSecond: 0 }

/** The hosts of a system, and where they want its partitions. */
export class Hosts {
  readonly #id: string
  readonly #options: PlacementOptions
  readonly #presence: Presence<HostEntry>
  readonly #meter: LoadMeter
  #measuredMs = 0
  #loads: number[] = []
  #plan: string[] = []
  readonly #refuses: number[] = []
  #counts = noCounts
  #calls = 0
  #announced = ''

  constructor(fleet: Fleet, name: string, id: string, options: PlacementOptions) {
    this.#id = id
    this.#options = options
    this.#meter = new LoadMeter(options.policy)
    this.#presence = new Presence(fleet, { name, capacity: 256, entryBytes: 1024 })
  }

  /** From now on the others see this host. */
  announce(): void {
    const { label } = this.#options
    const [loads, plan, refuses, counts] = [this.#loads, this.#plan, this.#refuses, this.#counts]
    const entry: HostEntry = { pid: process.pid, label, loads, plan, refuses, counts }
    const text = JSON.stringify(entry)
    if (text === this.#announced) return // a change would wake all hosts
    this.#presence.set(this.#id, entry)
    this.#announced = text
  }

  /** The living hosts. */
  views(): HostView[] {
    const views: HostView[] = []
    for (const { id, node, incarnation, value } of this.#presence.list()) {
      if (id !== `${node}.${incarnation}`) continue
      const { label, plan, ...numbers } = (value ?? {}) as Partial<HostEntry>
      const [loads, refuses] = [numbersOf(numbers.loads), numbersOf(numbers.refuses)]
      views.push({ id, label: String(label ?? ''), loads, plan: Array.isArray(plan) ? plan.map(String) : [], refuses })
    }
    return views
  }

  /** Leaves a partition to other hosts from now on; false: no other one can have it. */
  refuse(partition: number): boolean {
    const others = this.views().filter(({ id, refuses }) => id !== this.#id && !refuses.includes(partition))
    if (!this.#refuses.includes(partition)) this.#refuses.push(partition)
    this.announce()
    return others.length > 0
  }

  /** Whether this host can read a partition, or no other one can. */
  mayHave(partition: number): boolean {
    return ableHosts(this.views(), partition).some(({ id }) => id === this.#id)
  }

  /** The ids of the living hosts. */
  ids(): string[] {
    return this.views().map(({ id }) => id)
  }

  /** Whether there is no other host; without a fleet, which may have been removed, there is none. */
  get isAlone(): boolean {
    try {
      return this.ids().length === 1
    } catch {
      return true
    }
  }

  /** The host that ought to have each partition; empty without hosts. */
  placement(): string[] {
    return placed(this.#options.policy, this.#options.pin, this.views())
  }

  /**
   * Says now and then what this host counts. With a policy that needs loads, it measures them, and decides for all if
   * this host is the first.
   *
   * @param owners the host that has each partition
   */
  measure(measures: Measures, owners: readonly (string | undefined)[]): void {
    const now = performance.now()
    const elapsedMs = now - this.#measuredMs
    if (elapsedMs < measureMs) return
    this.#measuredMs = now
    const callsPerSecond = Math.round(((measures.calls - this.#calls) * 1000) / elapsedMs)
    this.#calls = measures.calls
    this.#counts = { ...measures.counts(), callsPerSecond }
    if (isMeasured(this.#options.policy)) this.#balance(measures.partitions, owners)
    else this.announce()
  }

  #balance(partitions: readonly Measured[], owners: readonly (string | undefined)[]): void {
    this.#loads = this.#meter.measure(partitions)
    const views = this.views()
    const wanted = this.placement()
    this.#plan = wanted
    // It is announced by the others, too: one of them decides next, should this host end.
    this.announce()
    if (leaderOf(views)?.id !== this.#id) return
    // While a partition is on its way, its load is of no host.
    const isSettled = wanted.every((host, partition) => owners[partition] === host)
    if (!isSettled) return
    this.#plan = rebalanced(wanted, this.#options.pin, this.views())
    this.announce()
  }

  /** Calls a function when a host comes or goes. What it says in between is looked at in its turn. */
  async watch(signal: AbortSignal, onChange: () => void): Promise<void> {
    for await (const { change } of this.#presence.watch({ signal, keepAlive: false })) {
      if (change !== 'changed') onChange()
    }
  }

  close(): void {
    try {
      this.#presence.close()
    } catch {
      // The fleet was removed, and what this host has said with it.
    }
  }
}

/** The numbers of a list that another process has written. */
function numbersOf(list: unknown): number[] {
  return Array.isArray(list) ? list.map((each) => (Number.isFinite(each) ? Number(each) : 0)) : []
}
