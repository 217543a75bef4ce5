/** What an aborted signal ends. */
export interface Abortable {
  fail(error: unknown): void
}

interface Listened {
  readonly waits: Set<Abortable>
  readonly onAbort: () => void
}

/**
 * The abort listeners of one fleet handle: one for each signal, however many waits it ends. Node warns of a leak at
 * the eleventh listener of a signal.
 */
export class AbortListeners {
  readonly #bySignal = new Map<AbortSignal, Listened>()

  /** Fails `wait` with the signal's reason when the signal is aborted. */
  add(signal: AbortSignal, wait: Abortable): void {
    let listened = this.#bySignal.get(signal)
    if (listened === undefined) {
      const waits = new Set<Abortable>()
      const onAbort = () => {
        for (const each of [...waits]) if (waits.has(each)) each.fail(signal.reason)
      }
      signal.addEventListener('abort', onAbort, { once: true })
      listened = { waits, onAbort }
      this.#bySignal.set(signal, listened)
    }
    listened.waits.add(wait)
  }

  /** Forgets a wait that has ended. */
  remove(signal: AbortSignal, wait: Abortable): void {
    const listened = this.#bySignal.get(signal)
    if (listened === undefined || !listened.waits.delete(wait) || listened.waits.size > 0) return
    this.#bySignal.delete(signal)
    signal.removeEventListener('abort', listened.onAbort)
  }
}
