import type { Clock } from '../base/clock.js'

/** How long it is remembered that calls were handed back: longer than calls are on their way. */
const rememberMs = 600_000

/**
 * Which callers were handed calls back, and must send them anew. A later call that the caller sent before it knew of
 * that is handed back, too: otherwise it would run before the earlier one.
 */
export class Returns {
  readonly #clock: Clock
  readonly #epochs = new Map<string, { epoch: number; atMs: number }>()

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** A call of this caller to this partition is handed back. */
  note(partition: number, caller: string, epoch: number): void {
    const key = `${partition} ${caller}`
    // One that was sent before others may come back after them.
    const newest = Math.max(epoch, this.#epochs.get(key)?.epoch ?? 0)
    this.#epochs.set(key, { epoch: newest, atMs: this.#clock.now() })
  }

  /** Whether a call was sent before the caller knew that an earlier one is handed back. */
  has(partition: number, caller: string, epoch: number): boolean {
    if (this.#epochs.size === 0) return false
    return epoch <= (this.#epochs.get(`${partition} ${caller}`)?.epoch ?? 0)
  }

  /** Forgets what is long over. */
  sweep(): void {
    const before = this.#clock.now() - rememberMs
    for (const [key, { atMs }] of this.#epochs) if (atMs < before) this.#epochs.delete(key)
  }
}
