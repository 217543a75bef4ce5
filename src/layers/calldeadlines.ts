import { monotonicMs } from '../base/clock.js'
import { runtime } from '../base/runtime.js'
import type { OpenCall } from './opencall.js'

/** Gives calls up when their time is over, by one timer for all of them. */
export class CallDeadlines {
  readonly #all: () => OpenCall[]
  readonly #giveUp: (call: OpenCall) => void
  #timer: NodeJS.Timeout | undefined
  #dueMs = Number.POSITIVE_INFINITY

  constructor(all: () => OpenCall[], giveUp: (call: OpenCall) => void) {
    this.#all = all
    this.#giveUp = giveUp
  }

  /** The deadline of a call was set. */
  watch({ deadlineMs }: OpenCall): void {
    if (deadlineMs >= this.#dueMs) return
    runtime.clearTimeout(this.#timer)
    this.#dueMs = deadlineMs
    this.#timer = runtime.setTimeout(() => this.#expire(), Math.max(1, Math.ceil(deadlineMs - monotonicMs())))
    this.#timer.unref() // the calls keep the process alive
  }

  #expire(): void {
    const nowMs = monotonicMs()
    this.#dueMs = Number.POSITIVE_INFINITY
    for (const call of this.#all()) if (call.deadlineMs <= nowMs) this.#giveUp(call)
    for (const call of this.#all()) this.watch(call)
  }

  close(): void {
    runtime.clearTimeout(this.#timer)
  }
}
