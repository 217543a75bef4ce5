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
}

/** How often loads are measured, and a partition may move because of them. */
const measureMs = 1000

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

  constructor(fleet: Fleet, name: string, id: string, options: PlacementOptions) {
    this.#id = id
    this.#options = options
    this.#meter = new LoadMeter(options.policy)
    this.#presence = new Presence(fleet, { name, capacity: 256, entryBytes: 1024 })
  }

  /** From now on the others see this host. */
  announce(): void {
    const { label } = this.#options
    this.#presence.set(this.#id, {
      pid: process.pid,
      label,
      loads: this.#loads,
      plan: this.#plan,
      refuses: this.#refuses,
    })
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
   * Measures the loads of this host now and then, and decides for all if this host is the first.
   *
   * @param owners the host that has each partition
   */
  measure(partitions: readonly Measured[], owners: readonly (string | undefined)[]): void {
    const now = performance.now()
    if (!isMeasured(this.#options.policy) || now - this.#measuredMs < measureMs) return
    this.#measuredMs = now
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

  /** Calls a function when a host comes or goes. */
  async watch(signal: AbortSignal, onChange: () => void): Promise<void> {
    for await (const _ of this.#presence.watch({ signal, keepAlive: false })) onChange()
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
