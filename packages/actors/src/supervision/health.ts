import { checkInteger, checkOptions, wrongType } from '../../../shared/check.js'
import type { AnyWorker } from './anyworker.js'

/** How a worker is asked whether it is well. */
export interface HealthOptions {
  /** Asks it, for example by a message or a request. It is well if this returns true, or a promise of it. */
  check(worker: AnyWorker): boolean | Promise<boolean>
  /** The time between two questions, in milliseconds, 1..2^31-1; default 5000. */
  readonly everyMs?: number
  /** How long an answer may take, in milliseconds, 1..2^31-1; default 1000. */
  readonly timeoutMs?: number
  /** After so many failures in a row it is killed, 1..1000; default 3. */
  readonly failures?: number
}

/** Asks one worker now and then whether it is well. */
export class HealthCheck {
  readonly #ask: () => boolean | Promise<boolean>
  readonly #options: HealthOptions
  readonly #onUnhealthy: () => void
  #failures = 0
  #timer: NodeJS.Timeout | undefined
  #isClosed = false

  constructor(ask: () => boolean | Promise<boolean>, options: HealthOptions, onUnhealthy: () => void) {
    this.#ask = ask
    this.#options = options
    this.#onUnhealthy = onUnhealthy
    this.#schedule()
  }

  /** Throws a TypeError or RangeError for wrong options. */
  static check(name: string, options: HealthOptions): void {
    checkOptions(name, options, ['check', 'everyMs', 'timeoutMs', 'failures'])
    const { check, everyMs = 5000, timeoutMs = 1000, failures = 3 } = options
    if (typeof check !== 'function') throw wrongType(`${name}.check`, check, 'a function')
    checkInteger(`${name}.everyMs`, everyMs, 1, 0x7fffffff)
    checkInteger(`${name}.timeoutMs`, timeoutMs, 1, 0x7fffffff)
    checkInteger(`${name}.failures`, failures, 1, 1000)
  }

  #schedule(): void {
    const { everyMs = 5000 } = this.#options
    this.#timer = setTimeout(() => void this.#look(), everyMs).unref()
  }

  async #look(): Promise<void> {
    const isWell = await this.#answer()
    if (this.#isClosed) return
    this.#failures = isWell ? 0 : this.#failures + 1
    if (this.#failures >= (this.#options.failures ?? 3)) this.#onUnhealthy()
    else this.#schedule()
  }

  async #answer(): Promise<boolean> {
    let timer: NodeJS.Timeout | undefined
    const late = new Promise<boolean>((resolve) => {
      timer = setTimeout(() => resolve(false), this.#options.timeoutMs ?? 1000)
    })
    try {
      return (await Promise.race([this.#ask(), late])) === true
    } catch {
      return false
    } finally {
      clearTimeout(timer)
    }
  }

  close(): void {
    this.#isClosed = true
    clearTimeout(this.#timer)
  }
}
