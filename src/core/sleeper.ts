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
  /** Undefined: no call waits for it. */
  promise: Promise<boolean> | undefined
  keepAlive = false
  timer: NodeJS.Timeout | undefined
  resolve!: (hasNews: boolean) => void
  #reject: ((error: unknown) => void) | undefined
  readonly #sleeper: Sleeper

  /** @param key its signal if it has no time limit, otherwise a key of its own */
  constructor(
    sleeper: Sleeper,
    readonly key?: unknown,
    readonly signal?: AbortSignal,
  ) {
    this.#sleeper = sleeper
  }

  begin(): Promise<boolean> {
    this.promise = new Promise((resolve, reject) => {
      this.resolve = resolve
      this.#reject = reject
    })
    return this.promise
  }

  end(): void {
    this.#sleeper.remove(this)
    this.resolve(false)
  }

  fail(error: unknown): void {
    this.#sleeper.remove(this)
    this.#reject?.(error)
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
  /** The wait without a signal and a time limit, again and again: a map would make each wake 8 % more expensive. */
  readonly #plain = new Wait(this)
  /** The others, by their keys. */
  readonly #waits = new Map<unknown, Wait>()
  /** How many waits there are, and how many of them keep the process alive. */
  #count = 0
  #keeping = 0
  /** What the bell knows of both. */
  #isEntered = false
  #isKept = false
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
    const wait = key === undefined ? this.#plain : (this.#waits.get(key) ?? new Wait(this, key, signal))
    if (wait.promise === undefined) return this.#hasNews() ? undefined : this.#begin(wait, timeoutMs, keepAlive)
    if (keepAlive) this.#keepAlive(wait)
    this.#update()
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

  #begin(wait: Wait, timeoutMs: number | undefined, keepAlive: boolean): Promise<boolean> {
    const promise = wait.begin()
    this.#count++
    if (timeoutMs !== undefined) {
      wait.timer = runtime.setTimeout(() => wait.end(), timeoutMs)
      if (!keepAlive) wait.timer.unref()
    }
    if (wait.signal !== undefined) this.#bell.signals.add(wait.signal, wait)
    if (wait !== this.#plain) this.#waits.set(wait.key, wait)
    if (keepAlive) this.#keepAlive(wait)
    this.#update()
    return promise
  }

  #keepAlive(wait: Wait): void {
    if (wait.keepAlive) return
    wait.keepAlive = true
    this.#keeping++
  }

  /** Lets the bell know what the waits need. */
  #update(): void {
    const isKept = this.#keeping > 0
    const isEntered = this.#count > 0
    if (isKept !== this.#isKept) isKept ? this.#bell.ref() : this.#bell.unref()
    this.#isKept = isKept
    if (isEntered === this.#isEntered) return
    this.#isEntered = isEntered
    if (!isEntered) this.#bell.leave(this)
    else if (this.#bell.enter(this)) this.look()
  }

  /** Most code waits again soon, after one microtask with `await`, and after four in a loop. */
  async #updateSoon(): Promise<void> {
    for (let i = 0; i < 4 && this.#count === 0; i++) await undefined
    this.#update()
  }

  /** Ends all waits if there is news. */
  look(): void {
    if (this.#count === 0) return
    try {
      if (this.#target()?.closed) this.end(false)
      else if (this.#hasNews()) this.end(true)
    } catch (error) {
      for (const wait of [this.#plain, ...this.#waits.values()]) wait.fail(error)
    }
  }

  /** Its waits go on for news since another position. */
  seek(since: number): void {
    this.#since = since
    this.look()
  }

  /** Ends all waits: true says that there is news. */
  end(hasNews: boolean): void {
    if (this.#count === 0) return
    if (this.#plain.promise !== undefined) this.#forget(this.#plain).resolve(hasNews)
    if (this.#count > 0) for (const wait of this.#waits.values()) this.#forget(wait).resolve(hasNews)
    void this.#updateSoon()
  }

  /** Takes a wait out that ends by itself. */
  remove(wait: Wait): void {
    this.#forget(wait)
    this.#update()
  }

  #forget(wait: Wait): Wait {
    if (wait.promise === undefined) return wait
    wait.promise = undefined
    this.#count--
    if (wait !== this.#plain) this.#waits.delete(wait.key)
    if (wait.timer !== undefined) runtime.clearTimeout(wait.timer)
    if (wait.signal !== undefined) this.#bell.signals.remove(wait.signal, wait)
    if (wait.keepAlive) this.#keeping--
    wait.keepAlive = false
    return wait
  }
}
