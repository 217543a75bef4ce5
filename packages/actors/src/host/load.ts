import type { PlacementPolicy } from './balance.js'

/** What a partition says about its load. */
export interface Measured {
  /** How many of its actors are active. */
  readonly size: number
  /** How many calls it has taken so far. */
  readonly calls: number
}

/** Measures the load of the partitions of a process, from one call to the next. */
export class LoadMeter {
  readonly #policy: PlacementPolicy
  #calls: number[] = []
  #cpu = process.cpuUsage()
  #atMs = performance.now()

  constructor(policy: PlacementPolicy) {
    this.#policy = policy
  }

  /** The load of each partition since the last call, in units that only compare. */
  measure(partitions: readonly Measured[]): number[] {
    if (this.#policy === 'least-connections') return partitions.map(({ size }) => size)
    const now = performance.now()
    const elapsedMs = Math.max(1, now - this.#atMs)
    this.#atMs = now
    const rates = partitions.map(({ calls }, i) => ((calls - (this.#calls[i] ?? 0)) * 1000) / elapsedMs)
    this.#calls = partitions.map(({ calls }) => calls)
    if (this.#policy === 'least-loaded') return rates.map(Math.round)
    const { user, system } = process.cpuUsage(this.#cpu)
    this.#cpu = process.cpuUsage()
    const total = rates.reduce((sum, rate) => sum + rate, 0)
    if (total === 0) return rates
    // Thousandths of a processor, by the calls of each partition.
    const used = (user + system) / elapsedMs
    return rates.map((rate) => Math.round((used * rate) / total))
  }
}
