import { runtime } from '../base/runtime.js'
import type { Bell, BellSleeper, Wakeable } from './bell.js'

/** How a wait may end early, and whether it keeps the process alive. */
export interface SleepOptions {
  /** Aborting it rejects the wait with the signal's reason. */
  signal?: AbortSignal | undefined
  /** The longest time to wait, in milliseconds; default no limit. */
  timeoutMs?: number | undefined
  /** Keeps the process alive until the wait ends; default true. */
  keepAlive?: boolean | undefined
}

/** The promise of one or more calls that wait, until it ends by news, by its time limit, or by its signal. */
class Wait {
  readonly promise: Promise<boolean>
  readonly signal: AbortSignal | undefined
  keepAlive = false
  timer: NodeJS.Timeout | undefined
  resolve!: (hasNews: boolean) => void
  readonly #sleeper: Sleeper
  readonly #key: unknown
  #reject!: (error: unknown) => void

  constructor(sleeper: Sleeper, key: unknown, signal: AbortSignal | undefined) {
    this.#sleeper = sleeper
    this.#key = key
    this.signal = signal
    this.promise = new Promise((resolve, reject) => {
      this.resolve = resolve
      this.#reject = reject
    })
  }

  end(): void {
    this.#sleeper.remove(this.#key, this)
    this.resolve(false)
  }

  fail(error: unknown): void {
    this.#sleeper.remove(this.#key, this)
    this.#reject(error)
  }
}

/**
 * A cursor or a claim that sleeps. All its waits end with the next news. Waits without a time limit share one promise
 * for each signal, so waits that a caller has abandoned, in a Promise.race for example, do not pile up.
 */
export class Sleeper implements BellSleeper {
  readonly watchesDeath: boolean
  armed: Wakeable | undefined = undefined
  readonly #bell: Bell
  readonly #target: () => Wakeable | undefined
  /** By their signal if they have no time limit, otherwise by a key of their own. */
  readonly #waits = new Map<unknown, Wait>()
  #since = 0

  /** @param target looked up at each look; undefined: it does not exist yet */
  constructor(bell: Bell, target: () => Wakeable | undefined, watchesDeath = false) {
    this.#bell = bell
    this.#target = target
    this.watchesDeath = watchesDeath
  }

  /**
   * Waits until the target has news since `since`.
   *
   * @returns undefined: there is news already. Otherwise true: there is news; false: the time is up, or the sleeper,
   *   its target or its bell was closed
   */
  wait(since: number, { signal, timeoutMs, keepAlive = true }: SleepOptions): Promise<boolean> | undefined {
    if (since !== this.#since) this.end(true) // a poll took the news for which the earlier waits were there
    this.#since = since
    const key = timeoutMs === undefined ? signal : {}
    let wait = this.#waits.get(key)
    if (wait === undefined) {
      if (this.#hasNews()) return undefined
      wait = new Wait(this, key, signal)
      this.#begin(wait, key, timeoutMs, keepAlive)
    } else if (keepAlive) this.#keepAlive(wait)
    return wait.promise
  }

  /** Whether there is news; if not, publishers signal the bell for it, if it is open. */
  #hasNews(): boolean {
    const target = this.#target()
    if (target === undefined) return false // an observer, and no member has created the ring
    if (this.#bell.look(target, this.#since)) return true
    this.armed = target
    return false
  }

  #begin(wait: Wait, key: unknown, timeoutMs: number | undefined, keepAlive: boolean): void {
    if (timeoutMs !== undefined) {
      wait.timer = runtime.setTimeout(() => wait.end(), timeoutMs)
      if (!keepAlive) wait.timer.unref()
    }
    if (wait.signal !== undefined) this.#bell.signals.add(wait.signal, wait)
    this.#waits.set(key, wait)
    if (keepAlive) this.#keepAlive(wait)
    if (this.#waits.size === 1 && this.#bell.enter(this)) this.look()
  }

  #keepAlive(wait: Wait): void {
    if (wait.keepAlive) return
    wait.keepAlive = true
    this.#bell.ref()
  }

  /** Ends all waits if there is news. */
  look(): void {
    if (this.#waits.size === 0) return
    try {
      if (this.#target()?.closed) this.end(false)
      else if (this.#hasNews()) this.end(true)
    } catch (error) {
      for (const wait of [...this.#waits.values()]) wait.fail(error)
    }
  }

  /** Its waits go on for news since another position. */
  seek(since: number): void {
    this.#since = since
    this.look()
  }

  /** Ends all waits: true says that there is news. */
  end(hasNews: boolean): void {
    for (const [key, wait] of this.#waits) {
      this.remove(key, wait)
      wait.resolve(hasNews)
    }
  }

  /** Takes a wait out that ends. */
  remove(key: unknown, wait: Wait): void {
    if (!this.#waits.delete(key)) return
    if (wait.timer !== undefined) runtime.clearTimeout(wait.timer)
    if (wait.signal !== undefined) this.#bell.signals.remove(wait.signal, wait)
    if (wait.keepAlive) this.#bell.unref()
    if (this.#waits.size === 0) this.#bell.leave(this)
  }
}
