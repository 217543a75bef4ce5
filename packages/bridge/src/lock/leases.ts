import { monotonicMs, runtime } from '../base/clock.js'
import { unreachable } from '../base/errors.js'
import type { Register, RegisterEntry } from '../engine/engine.js'
import { freeText, isFree } from './lease.js'

/** A wish for a lease. */
export interface TakeRequest {
  readonly key: string
  /** Names the holder. */
  readonly value: string
  /** Nothing is written after this moment of the monotonic clock: the caller has given up by then. */
  readonly untilMs: number
}

/** How many keys are remembered. */
const mostKnown = 4096
/** A lease that was given back waits so long for a claim of this host, which takes it over with one request. */
const handMs = 1
/** So often in a row; then it is given back, so that other hosts get it too. */
const mostHanded = 16

/** A lease that is about to be given back. */
interface Given {
  readonly revision: number
  /** A claim tries to take it over, and says how that ended. */
  hold(): void
  /** It was taken over. */
  done(): void
  /** It is given back now. */
  end(): void
}

/**
 * The leases of the cluster, as the process that holds a bridge reads and writes them. It remembers which it has seen
 * become free, so it takes these again with one request to the server.
 */
export class Leases implements Register {
  readonly #register: Register
  /** The revisions at which keys were free. If one is out of date, the server refuses it. */
  readonly #free = new Map<string, number>()
  /** The releases that are on their way. */
  readonly #releasing = new Map<string, Promise<unknown>>()
  /** Keys that this host claims again as soon as it has given them back: how often they were taken over since then. */
  readonly #eager = new Map<string, number>()
  readonly #given = new Map<string, Given>()

  constructor(register: Register) {
    this.#register = register
  }

  get(key: string): Promise<RegisterEntry | undefined> {
    return this.#register.get(key)
  }

  changed(key: string, revision: number, signal: AbortSignal): Promise<void> {
    return this.#register.changed(key, revision, signal)
  }

  async swap(key: string, value: string, revision: number): Promise<number | undefined> {
    const swapped = await this.#register.swap(key, value, revision)
    this.#free.delete(key)
    if (swapped !== undefined && isFree(value)) this.#note(key, swapped)
    return swapped
  }

  /**
   * Gives a lease back, if the key still has this revision; a claim of this host waits from now on until it is written.
   * Rejects if the server cannot be reached.
   */
  async release(key: string, revision: number): Promise<void> {
    const released = this.swap(key, freeText, revision)
    const known = released.catch(() => {})
    this.#releasing.set(key, known)
    try {
      await released
    } finally {
      if (this.#releasing.get(key) === known) this.#releasing.delete(key)
    }
  }

  /**
   * Gives a lease back: within some milliseconds if this host often claims it again at once, and then only if no claim
   * takes it over first. Resolves when the server has one or the other; rejects if it cannot be reached.
   */
  releaseSoon(key: string, revision: number): Promise<void> {
    this.#given.get(key)?.end()
    const handed = this.#eager.get(key)
    if (handed === undefined || handed >= mostHanded) {
      if (handed !== undefined) this.#eager.set(key, 0)
      return this.release(key, revision)
    }
    return new Promise((resolve, reject) => {
      const hold = () => {
        runtime.clearTimeout(timer)
        this.#given.delete(key)
      }
      const end = () => {
        hold()
        this.release(key, revision).then(resolve, reject)
      }
      const timer = runtime.setTimeout(() => {
        this.#eager.delete(key)
        end()
      }, handMs)
      this.#given.set(key, { revision, hold, done: resolve, end })
    })
  }

  /** @returns the new revision; undefined: the lease had expired, and another host has it */
  async #takeOver(
    key: string,
    given: Given,
    swap: (revision: number) => Promise<number | undefined>,
  ): Promise<number | undefined> {
    given.hold()
    try {
      const taken = await swap(given.revision)
      const handed = this.#eager.get(key)
      if (handed !== undefined) this.#eager.set(key, handed + 1)
      given.done()
      return taken
    } catch (error) {
      given.end() // if it was taken over nevertheless, this changes nothing
      throw error
    }
  }

  /** Resolves when no release is on its way. */
  async released(): Promise<void> {
    for (const given of [...this.#given.values()]) given.end()
    await Promise.all(this.#releasing.values())
  }

  /**
   * Takes a lease if it is free.
   *
   * @returns what the key has now: `value`, if it was taken
   * @throws ERR_ORBIT_BRIDGE_UNREACHABLE; then it may have been taken
   */
  async take({ key, value, untilMs }: TakeRequest): Promise<RegisterEntry> {
    const swapInTime = async (revision: number) => {
      if (monotonicMs() > untilMs) throw unreachable(`key ${key}`)
      return this.swap(key, value, revision)
    }
    const given = this.#given.get(key)
    const handed = given && (await this.#takeOver(key, given, swapInTime))
    if (handed !== undefined) return { value, revision: handed }
    const releasing = this.#releasing.get(key)
    if (releasing !== undefined) {
      this.#noteEager(key)
      await releasing
    }
    const taken = await swapInTime(this.#free.get(key) ?? 0)
    if (taken !== undefined) return { value, revision: taken }
    const found = (await this.#register.get(key)) ?? { value: '', revision: 0 }
    if (!isFree(found.value)) return found
    const revision = await swapInTime(found.revision)
    return revision === undefined ? found : { value, revision }
  }

  #noteEager(key: string): void {
    if (this.#eager.has(key)) return
    if (this.#eager.size >= mostKnown) this.#eager.clear()
    this.#eager.set(key, 0)
  }

  #note(key: string, revision: number): void {
    this.#free.set(key, revision)
    if (this.#free.size <= mostKnown) return
    const [oldest] = this.#free.keys()
    this.#free.delete(oldest as string)
  }
}
