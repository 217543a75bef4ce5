import type { Clock } from './clock.js'

/** So many crashes within the time are the limit; after that there is a rest, each time a longer one. */
export interface CrashLimits {
  readonly restarts: number
  readonly withinMs: number
  readonly firstRestMs: number
  readonly longestRestMs: number
}

export const defaultLimits: CrashLimits = { restarts: 3, withinMs: 5000, firstRestMs: 100, longestRestMs: 60_000 }

interface Record {
  /** When it crashed lately. */
  times: number[]
  restMs: number
  /** Until when it is not activated. */
  untilMs: number
}

/** The crashes of actors or workers, and which of them rest. */
export class Crashes {
  readonly #clock: Clock
  readonly #limits: CrashLimits
  readonly #records = new Map<string, Record>()

  constructor(clock: Clock, limits = defaultLimits) {
    this.#clock = clock
    this.#limits = limits
  }

  /** One more crash. Returns whether it is over the limit. */
  note(id: string): boolean {
    const { restarts, withinMs, firstRestMs, longestRestMs } = this.#limits
    const now = this.#clock.now()
    const record = this.#records.get(id) ?? { times: [], restMs: 0, untilMs: 0 }
    this.#records.set(id, record)
    record.times = [...record.times.filter((time) => time > now - withinMs), now]
    if (record.times.length <= restarts) return false
    record.restMs = Math.min(record.restMs === 0 ? firstRestMs : record.restMs * 2, longestRestMs)
    record.untilMs = now + record.restMs
    return true
  }

  /** How long one still rests, in milliseconds; 0: it may begin anew. */
  restOf(id: string): number {
    const record = this.#records.get(id)
    return record === undefined ? 0 : Math.max(0, Math.ceil(record.untilMs - this.#clock.now()))
  }

  /** Forgets what no longer counts. */
  sweep(): void {
    const { withinMs, longestRestMs } = this.#limits
    const now = this.#clock.now()
    for (const [id, { untilMs, times }] of this.#records) {
      const last = Math.max(untilMs, times.at(-1) ?? 0)
      if (last < now - Math.max(withinMs, longestRestMs)) this.#records.delete(id)
    }
  }
}
