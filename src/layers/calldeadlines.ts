import { monotonicMs } from '../base/clock.js'
import { runtime } from '../base/runtime.js'
import type { OpenCall } from './opencall.js'

/** Gives calls up when their time is over, by one timer for all of them. */
export class CallDeadlines {
  readonly #all: () => OpenCall[]
  readonly #giveUp: (call: OpenCall) => void
  /** Calls that were begun in this turn of the event loop. */
  readonly #begun: OpenCall[] = []
  #timer: NodeJS.Timeout | undefined
  #dueMs = Number.POSITIVE_INFINITY

  constructor(all: () => OpenCall[], giveUp: (call: OpenCall) => void) {
    this.#all = all
    this.#giveUp = giveUp
  }

  /** A call was begun. Its time runs from the end of this turn on, since one look at the clock costs 50 ns. */
  begin(call: OpenCall): void {
    this.#begun.push(call)
  }

  /** This turn has ended. */
  turned(): void {
    if (this.#begun.length === 0) return
    const nowMs = monotonicMs()
    for (const call of this.#begun) {
      call.deadlineMs = nowMs + call.request.timeoutMs
      if (call.isOpen) this.watch(call)
    }
    this.#begun.length = 0
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
