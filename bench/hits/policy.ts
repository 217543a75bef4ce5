// The caches that the hit rate of OrbitStore is compared with. They are exact, and charge each entry its key, its value
// and a fixed overhead.

/** A cache under a budget of bytes. `worker` is the process that asks, 0..workers-1. */
export interface Policy {
  readonly name: string
  get(key: number, worker: number): boolean
  put(key: number, bytes: number, worker: number): void
}

/** How many processes ask in turn, by chance. */
export const workers = 4
/** What an entry costs beside its value in the caches of this file: a key, and the objects that hold it. */
export const overheadBytes = 72

/** One least recently used cache for all workers: what a perfectly shared lru-cache would do. */
export class SharedLru implements Policy {
  readonly name: string = 'lru, shared'
  readonly #budget: number
  readonly #entries = new Map<number, number>()
  #used = 0

  constructor(budget: number) {
    this.#budget = budget
  }

  get(key: number): boolean {
    const cost = this.#entries.get(key)
    if (cost === undefined) return false
    this.#entries.delete(key)
    this.#entries.set(key, cost)
    return true
  }

  put(key: number, bytes: number): void {
    this.#remove(key)
    const cost = bytes + overheadBytes
    if (cost > this.#budget) return
    for (const oldest of this.#entries.keys()) {
      if (this.#used + cost <= this.#budget) break
      this.#remove(oldest)
    }
    this.#entries.set(key, cost)
    this.#used += cost
  }

  #remove(key: number): void {
    this.#used -= this.#entries.get(key) ?? 0
    this.#entries.delete(key)
  }
}

/** A least recently used cache in each worker, with its part of the budget. Updates elsewhere leave stale values. */
export class PrivateLrus implements Policy {
  readonly name = `lru, ${workers} private`
  readonly #each: SharedLru[]

  constructor(budget: number) {
    this.#each = Array.from({ length: workers }, () => new SharedLru(budget / workers))
  }

  get(key: number, worker: number): boolean {
    return (this.#each[worker] as SharedLru).get(key)
  }

  put(key: number, bytes: number, worker: number): void {
    this.#each[worker]?.put(key, bytes)
  }
}

interface Queued {
  cost: number
  hits: number
  inMain: boolean
}

/** A first-in, first-out queue with its bytes. Entries that were replaced elsewhere stay until they come first. */
class Fifo {
  #keys: number[] = []
  #next = 0
  bytes = 0

  push(key: number, cost: number): void {
    this.#keys.push(key)
    this.bytes += cost
  }

  shift(): number | undefined {
    const key = this.#keys[this.#next++]
    if (this.#next > 65_536 && this.#next * 2 > this.#keys.length) {
      this.#keys = this.#keys.slice(this.#next)
      this.#next = 0
    }
    return key
  }
}

/** S3-FIFO (Yang and others, 2023): a small queue of 10 %, a main queue with second chances, and ghosts. */
export class S3Fifo implements Policy {
  readonly name = 's3-fifo, shared'
  readonly #budget: number
  readonly #entries = new Map<number, Queued>()
  readonly #small = new Fifo()
  readonly #main = new Fifo()
  readonly #ghosts = new Set<number>()

  constructor(budget: number) {
    this.#budget = budget
  }

  get(key: number): boolean {
    const entry = this.#entries.get(key)
    if (entry === undefined) return false
    if (entry.hits < 3) entry.hits++
    return true
  }

  put(key: number, bytes: number): void {
    const cost = bytes + overheadBytes
    const entry = this.#entries.get(key)
    if (entry !== undefined) {
      this.#queueOf(entry).bytes += cost - entry.cost
      entry.cost = cost
      this.get(key)
      this.#makeRoom(0)
      return
    }
    if (cost > this.#budget) return
    this.#makeRoom(cost)
    const added = { cost, hits: 0, inMain: this.#ghosts.has(key) }
    this.#entries.set(key, added)
    this.#queueOf(added).push(key, cost)
  }

  #queueOf({ inMain }: Queued): Fifo {
    return inMain ? this.#main : this.#small
  }

  #makeRoom(cost: number): void {
    while (this.#small.bytes + this.#main.bytes + cost > this.#budget) {
      const isSmallFull = this.#small.bytes * 10 > this.#budget || this.#main.bytes === 0
      if (isSmallFull && this.#small.bytes > 0) this.#leaveSmall()
      else this.#leaveMain()
    }
  }

  #leaveSmall(): void {
    const key = this.#small.shift() as number
    const entry = this.#entries.get(key) as Queued
    this.#small.bytes -= entry.cost
    if (entry.hits === 0) {
      this.#entries.delete(key)
      this.#remember(key)
      return
    }
    entry.inMain = true
    entry.hits = 0
    this.#main.push(key, entry.cost)
  }

  #leaveMain(): void {
    const key = this.#main.shift() as number
    const entry = this.#entries.get(key) as Queued
    this.#main.bytes -= entry.cost
    if (entry.hits === 0) {
      this.#entries.delete(key)
      return
    }
    entry.hits--
    this.#main.push(key, entry.cost)
  }

  /** As many ghosts as entries. */
  #remember(key: number): void {
    this.#ghosts.delete(key)
    this.#ghosts.add(key)
    for (const oldest of this.#ghosts) {
      if (this.#ghosts.size <= this.#entries.size + 16) break
      this.#ghosts.delete(oldest)
    }
  }
}
