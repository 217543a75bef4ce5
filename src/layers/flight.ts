import { AsyncLocalStorage } from 'node:async_hooks'
import { printable } from '../base/check.js'
import { OrbitError } from '../base/errors.js'
import { runtime } from '../base/runtime.js'
import { AbortListeners } from '../core/abortlisteners.js'
import { Guard } from './guard.js'
import type { LoadContext } from './loadcontext.js'
import type { Refusal } from './waitingline.js'

/** One caller of a load. */
export interface LoadCaller {
  load(context: LoadContext): unknown
  /** The bytes of the loaded value. */
  encode(value: unknown): Uint8Array
  store(bytes: Uint8Array): void
  readonly leaseMs: number
  readonly loadTimeoutMs: number
  readonly signal: AbortSignal | undefined
  /** Whether it keeps the process alive. */
  readonly keepAlive: boolean
}

/** The key that is loaded, in its cache and in the contest of its fleet. */
export interface LoadTarget {
  /** For messages. */
  readonly key: string | Uint8Array
  /** The same for a key in all caches of this thread. */
  readonly id: string
  /** What another process has stored since the load began; it may have expired. */
  stored(): Uint8Array | undefined
  /** Undefined: the table of claims is full. */
  claim(leaseMs: number): Guard | Refusal | undefined
  /** Waits, and does not keep the process alive. */
  untilFree(refusal: Refusal, signal: AbortSignal): Promise<void>
  /** Lets a wait keep the process alive, or no longer. */
  keepAlive(isWanted: boolean): void
}

/** The flights of this thread that have not ended, by the id of their key. */
const underway = new Map<string, Set<Flight>>()
const aborts = new AbortListeners()
/** The flight that the code runs in: it is called by the load of that flight. */
const loading = new AsyncLocalStorage<Flight>()

/**
 * One load of a key for all callers in this thread: they get its result or its failure. It waits until no other process
 * loads the key, and then calls the `load` of one caller.
 */
export class Flight {
  readonly #target: LoadTarget
  readonly #callers = new Set<LoadCaller>()
  readonly #abandoned = new AbortController()
  readonly #onEnd: () => void
  /** The keys that the running load has asked for and waits for, with how many of its calls do. */
  readonly #waitsFor = new Map<string, number>()
  readonly #result: Promise<Uint8Array | undefined>
  /** How many callers keep the process alive. */
  #alive = 0
  #isKeptAlive = false
  #isWaiting = false
  #isLoading = false
  #limit: TimeLimit | undefined
  #isOver = false

  /** @param onEnd called once, before the callers get the result */
  constructor(target: LoadTarget, first: LoadCaller, onEnd: () => void) {
    this.#target = target
    this.#onEnd = onEnd
    this.#enter(first)
    const others = underway.get(target.id)
    if (others === undefined) underway.set(target.id, new Set([this]))
    else others.add(this)
    this.#result = this.#fly(first).finally(() => this.#end())
    this.#result.catch(() => {}) // every caller may have left
  }

  /** The bytes of the value; undefined: the load returned undefined. Rejects when the caller's signal is aborted. */
  join(caller: LoadCaller): Promise<Uint8Array | undefined> {
    this.#enter(caller)
    const { signal } = caller
    if (signal === undefined) return this.#result
    return new Promise((resolve, reject) => {
      const wait = {
        fail: (reason: unknown) => {
          aborts.remove(signal, wait)
          this.#leave(caller)
          reject(reason)
        },
      }
      aborts.add(signal, wait)
      this.#result.then(resolve, reject).finally(() => aborts.remove(signal, wait))
    })
  }

  #enter(caller: LoadCaller): void {
    if (this.#callers.has(caller)) return
    this.#callers.add(caller)
    if (caller.keepAlive) this.#alive++
    this.#keepAlive()
  }

  /** A load that runs goes on without callers, and stores its value; one that has not begun ends. */
  #leave(caller: LoadCaller): void {
    this.#callers.delete(caller)
    if (caller.keepAlive) this.#alive--
    this.#keepAlive()
    if (this.#callers.size > 0 || this.#isLoading) return
    this.#end()
    this.#abandoned.abort()
  }

  #keepAlive(): void {
    this.#limit?.keepAlive(this.#alive > 0)
    const isWanted = this.#isWaiting && this.#alive > 0
    if (isWanted !== this.#isKeptAlive) this.#target.keepAlive(isWanted)
    this.#isKeptAlive = isWanted
  }

  #end(): void {
    if (this.#isOver) return
    this.#isOver = true
    const { id } = this.#target
    const flights = underway.get(id)
    flights?.delete(this)
    if (flights?.size === 0) underway.delete(id)
    this.#onEnd()
  }

  async #fly({ leaseMs }: LoadCaller): Promise<Uint8Array | undefined> {
    for (;;) {
      const claim = this.#target.claim(leaseMs)
      if (claim === undefined || claim instanceof Guard) return this.#loadWith(claim, leaseMs)
      await this.#untilFree(claim)
      this.#abandoned.signal.throwIfAborted()
      const stored = this.#target.stored()
      if (stored !== undefined) return stored
    }
  }

  async #untilFree(refusal: Refusal): Promise<void> {
    this.#isWaiting = true
    this.#keepAlive()
    try {
      await this.#target.untilFree(refusal, this.#abandoned.signal)
    } finally {
      this.#isWaiting = false
      this.#keepAlive()
    }
  }

  /** Loads while this process holds the claim. Without a claim, other processes may load at the same time. */
  async #loadWith(guard: Guard | undefined, leaseMs: number): Promise<Uint8Array | undefined> {
    const renew = () => {
      try {
        guard?.renew(leaseMs)
      } catch {
        runtime.clearInterval(renewal) // storing fails for the same reason
      }
    }
    const renewal = runtime.setInterval(renew, Math.ceil(leaseMs / 3)).unref()
    this.#isLoading = true
    try {
      // The holder before may have stored it since this caller looked.
      return this.#target.stored() ?? (await this.#load(guard))
    } finally {
      runtime.clearInterval(renewal)
      guard?.release()
    }
  }

  async #load(guard: Guard | undefined): Promise<Uint8Array | undefined> {
    let caller = this.#next()
    const limit = new TimeLimit(caller.loadTimeoutMs, this.#target.key)
    this.#limit = limit
    this.#keepAlive()
    try {
      for (;;) {
        try {
          const value = await Promise.race([loading.run(this, load, caller, limit), limit.expired])
          if (value === undefined) return undefined
          const bytes = caller.encode(value)
          if (guard?.held !== false) caller.store(bytes) // else another process loads by now, and its value counts
          return bytes
        } catch (error) {
          // Its own caller has probably aborted it; the others have not.
          const isAborted = caller.signal?.aborted === true && this.#callers.size > 0
          if (!isAborted || limit.signal.aborted) throw error
          caller = this.#next()
        }
      }
    } finally {
      limit.end()
    }
  }

  #next(): LoadCaller {
    return this.#callers.values().next().value as LoadCaller
  }

  /** Begins a load that the load which the code runs in, if it does, is no part of. */
  static apart<T>(begin: () => T): T {
    return loading.run(undefined as unknown as Flight, begin)
  }

  /**
   * Waits, in the name of the load that the code runs in, if it does. Rejects if that load would wait for itself.
   *
   * @param target the key that the code asks for
   */
  static async within<T>({ id, key }: LoadTarget, wait: () => Promise<T>): Promise<T> {
    const asking = loading.getStore()
    if (asking === undefined || asking.#isOver) return wait()
    if (leadsTo(id, asking.#target.id)) {
      const keys = `key=${printableKey(asking.#target.key)} asks for key=${printableKey(key)}`
      throw new OrbitError('ERR_ORBIT_LOAD_CYCLE', `the load of ${keys}, and so waits for itself`)
    }
    const waits = asking.#waitsFor
    waits.set(id, (waits.get(id) ?? 0) + 1)
    try {
      return await wait()
    } finally {
      const left = (waits.get(id) as number) - 1
      if (left > 0) waits.set(id, left)
      else waits.delete(id)
    }
  }

  /** The keys that the load waits for. */
  get waitsFor(): Iterable<string> {
    return this.#waitsFor.keys()
  }
}

/** Whether the load of one key waits for the load of another, directly or through others. */
function leadsTo(from: string, to: string, seen = new Set<string>()): boolean {
  if (from === to) return true
  if (seen.has(from)) return false
  seen.add(from)
  for (const flight of underway.get(from) ?? []) {
    for (const next of flight.waitsFor) if (leadsTo(next, to, seen)) return true
  }
  return false
}

const load = async (caller: LoadCaller, { signal }: TimeLimit): Promise<unknown> => caller.load({ signal })

const printableKey = (key: string | Uint8Array): string =>
  typeof key === 'string' ? printable(key) : `${key.length} bytes`

/** The time for a load. */
class TimeLimit {
  /** Rejects when the time is up. */
  readonly expired: Promise<never>
  readonly #abort = new AbortController()
  readonly #timer: NodeJS.Timeout

  constructor(timeoutMs: number, key: string | Uint8Array) {
    const text = `the load of key=${printableKey(key)} must end within loadTimeoutMs=${timeoutMs}`
    let expire: (error: unknown) => void
    this.expired = new Promise((_, reject) => {
      expire = reject
    })
    this.expired.catch(() => {}) // the load may end in the same turn
    this.#timer = runtime.setTimeout(() => {
      const error = new OrbitError('ERR_ORBIT_TIMEOUT', `${text}: make it faster, or pass a larger loadTimeoutMs`)
      this.#abort.abort(error)
      expire(error)
    }, timeoutMs)
  }

  get signal(): AbortSignal {
    return this.#abort.signal
  }

  keepAlive(isWanted: boolean): void {
    if (isWanted) this.#timer.ref()
    else this.#timer.unref()
  }

  end(): void {
    runtime.clearTimeout(this.#timer)
  }
}
