/**
 * Tells what comes too late, however late the process runs: it is over only when the time is, and when all timers of
 * the event loop that were due have run.
 */
export class TimeLimit {
  isOver = false
  #timer
  #endMs

  /** @param {number} ms */
  constructor(ms) {
    this.#endMs = performance.now() + ms
    this.#wait()
  }

  #wait() {
    // Timers count from the begin of a turn of the event loop, so they may fire too early.
    const look = () => {
      if (performance.now() < this.#endMs) this.#wait()
      else setImmediate(() => this.#end())
    }
    this.#timer = setTimeout(look, Math.ceil(this.#endMs - performance.now()))
  }

  #end() {
    if (this.#timer !== undefined) this.isOver = true
  }

  clear() {
    clearTimeout(this.#timer)
    this.#timer = undefined
  }
}
