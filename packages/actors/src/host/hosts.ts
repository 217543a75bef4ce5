import { type Fleet, Presence } from 'orbit-node'
import { type HostView, isMeasured, leaderOf, type Pin, type PlacementPolicy, placed, rebalanced } from './balance.js'
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

  constructor(fleet: Fleet, name: string, id: string, options: PlacementOptions) {
    this.#id = id
    this.#options = options
    this.#meter = new LoadMeter(options.policy)
    this.#presence = new Presence(fleet, { name, capacity: 256, entryBytes: 1024 })
  }

  /** From now on the others see this host. */
  announce(): void {
    const { label } = this.#options
    this.#presence.set(this.#id, { pid: process.pid, label, loads: this.#loads, plan: this.#plan })
  }

  /** The living hosts. */
  views(): HostView[] {
    const views: HostView[] = []
    for (const { id, node, incarnation, value } of this.#presence.list()) {
      if (id !== `${node}.${incarnation}`) continue
      const { label, loads, plan } = (value ?? {}) as Partial<HostEntry>
      const numbers = Array.isArray(loads) ? loads.map((load) => (Number.isFinite(load) ? Number(load) : 0)) : []
      views.push({ id, label: String(label ?? ''), loads: numbers, plan: Array.isArray(plan) ? plan.map(String) : [] })
    }
    return views
  }

  /** The ids of the living hosts. */
  ids(): string[] {
    return this.views().map(({ id }) => id)
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
    this.#presence.close()
  }
}
