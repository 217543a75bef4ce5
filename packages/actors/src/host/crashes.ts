import type { Clock } from '../base/clock.js'

/** So many crashes within the time are the limit; then an actor rests, each time for longer. */
const [intensity, withinMs, firstRestMs, longestRestMs] = [3, 5000, 100, 60_000]

interface Record {
  /** When it crashed lately. */
  times: number[]
  restMs: number
  /** Until when it is not activated. */
  untilMs: number
}

/** The crashes of actors, and which of them rest. */
export class Crashes {
  readonly #clock: Clock
  readonly #records = new Map<string, Record>()

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** One more crash of an actor. */
  note(id: string): void {
    const now = this.#clock.now()
    const record = this.#records.get(id) ?? { times: [], restMs: 0, untilMs: 0 }
    this.#records.set(id, record)
    record.times = [...record.times.filter((time) => time > now - withinMs), now]
    if (record.times.length <= intensity) return
    record.restMs = Math.min(record.restMs === 0 ? firstRestMs : record.restMs * 2, longestRestMs)
    record.untilMs = now + record.restMs
  }

  /** How long an actor still rests, in milliseconds; 0: it may be activated. */
  restOf(id: string): number {
    const record = this.#records.get(id)
    return record === undefined ? 0 : Math.max(0, Math.ceil(record.untilMs - this.#clock.now()))
  }

  /** Forgets what no longer counts. */
  sweep(): void {
    const now = this.#clock.now()
    for (const [id, { untilMs, times }] of this.#records) {
      const last = Math.max(untilMs, times.at(-1) ?? 0)
      if (last < now - Math.max(withinMs, longestRestMs)) this.#records.delete(id)
    }
  }
}
