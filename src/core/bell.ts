import { runtime } from '../base/runtime.js'
import { AbortListeners } from './abortlisteners.js'
import { DeathWatch, type MemberId } from './deathwatch.js'
import { Fifo } from './fifo.js'
import { native } from './native.js'

/**
 * How often a sleeper looks for news by itself. It bounds the delay if a publisher dies before it signals the bell.
 */
const backupPollMs = 1000
/** How often a sleeper looks that waits for the death of a process: not every death is told (deathwatch.ts). */
const deathPollMs = 50
/** How often a sleeper looks without a bell: in an observer, or on a system that has no place for FIFOs. */
const pollWithoutBellMs = 20

/**
 * What a sleeper waits for: a ring with frames from a position on, or anything else that publishers can be asked to
 * signal.
 */
export interface Wakeable {
  readonly kind: number
  readonly closed: boolean
  /** The members of which a death is news; absent: none. */
  members?(): Iterable<MemberId>
  /** Whether there is anything new since `since`. */
  hasNews(since: number): boolean
  /**
   * Whether there is anything new since `since`. If not, asks publishers to signal the bell of this node before it
   * looks once more; in this order no publication is missed.
   */
  fallAsleep(since: number): boolean
  /** No longer asks publishers to signal the bell. */
  disarm(): void
}

/** What sleeps on a bell: a cursor, or a claim that waits. */
export interface BellSleeper {
  /** Whether the news may be the death of a process. */
  readonly watchesDeath: boolean
  /** What publishers signal the bell for on its behalf; undefined: nothing yet. */
  readonly armed: Wakeable | undefined
  /** Looks for news, and wakes if there is any. */
  look(): void
  /** Wakes; true says that there is news. */
  end(hasNews: boolean): void
}

/**
 * The bell of one fleet handle, on which all its cursors and claims sleep. It is a FIFO: publishers write a byte to
 * it, and the event loop of this thread reads it. native/protocol/wake.h describes the protocol.
 */
export class Bell {
  readonly #fleet: number
  /** What the signals of its waits abort. */
  readonly signals = new AbortListeners()
  readonly #sleepers = new Set<BellSleeper>()
  readonly deaths: DeathWatch
  /** What is armed, by KIND: two equal types have two Rings, but one ring in shared memory with one arm per node. */
  readonly #armed = new Map<number, Wakeable>()
  #fifo: Fifo | undefined
  #timer: NodeJS.Timeout | undefined
  #tickMs = 0
  /** How many waits keep the process alive. */
  #refs = 0
  /** How many sleepers wait for a death. */
  #deathWatches = 0
  /** Raised when a process may have ended: at each death that is told, and at each tick. */
  deathRound = 0
  #closed = false

  /** @param fleet the addon's handle of the fleet; it is closed after this bell */
  constructor(fleet: number) {
    this.#fleet = fleet
    this.deaths = new DeathWatch(fleet)
    this.deaths.onDeath.add(() => this.#lookForDeaths())
  }

  get closed(): boolean {
    return this.#closed
  }

  /** Ends all sleeps with false. Idempotent. */
  close(): void {
    this.#closed = true
    for (const sleeper of [...this.#sleepers]) sleeper.end(false)
    this.#sleepers.clear() // they leave later
    this.#disarmIdle()
    this.#stopTicking()
    this.#closeFifo()
    this.deaths.close()
  }

  /**
   * A sleeper has its first wait: from now on it looks when this bell is signalled, and at each tick.
   *
   * @returns whether this has tried to open the bell: then the sleeper must look again, so that publishers signal it
   */
  enter(sleeper: BellSleeper): boolean {
    this.#sleepers.add(sleeper)
    const wasClosed = this.#fifo === undefined
    if (wasClosed) this.#openFifo()
    if (sleeper.watchesDeath) this.#deathWatches++
    if (this.#timer === undefined || this.#pollMs < this.#tickMs) this.#startTicking()
    return wasClosed
  }

  /** A sleeper has no wait any more. */
  leave(sleeper: BellSleeper): void {
    if (this.#sleepers.delete(sleeper) && sleeper.watchesDeath) this.#deathWatches--
  }

  /** Keeps the process alive until `unref` was called as often: by the timer, never by the FIFO. */
  ref(): void {
    if (++this.#refs === 1) this.#timer?.ref()
  }

  unref(): void {
    if (--this.#refs === 0) this.#timer?.unref()
  }

  /**
   * Whether the source has news since `since`. Without any, publishers signal this bell from now on, if it is open, and
   * the deaths of its members are told.
   */
  look(source: Wakeable, since: number): boolean {
    if (this.#fifo === undefined ? source.hasNews(since) : source.fallAsleep(since)) return true
    if (this.#fifo !== undefined) this.#armed.set(source.kind, source)
    let areAlive = true
    const members = source.members?.()
    if (members !== undefined) for (const member of members) areAlive = this.deaths.add(member) && areAlive
    return !areAlive
  }

  get #pollMs(): number {
    if (this.#fifo === undefined) return pollWithoutBellMs
    return this.#deathWatches > 0 ? deathPollMs : backupPollMs
  }

  #startTicking(): void {
    this.#stopTicking()
    this.#tickMs = this.#pollMs
    this.#timer = runtime.setInterval(() => this.#tick(), this.#tickMs)
    if (this.#refs === 0) this.#timer.unref()
  }

  #stopTicking(): void {
    runtime.clearInterval(this.#timer)
    this.#timer = undefined
  }

  #openFifo(): void {
    const descriptor = native.openBell(this.#fleet)
    if (descriptor < 0) return
    const fifo = new Fifo(
      descriptor,
      () => this.#lookAll(),
      () => {
        if (this.#fifo === fifo) this.#fifo = undefined // the timer goes on, and opens a new FIFO
      },
    )
    this.#fifo = fifo
  }

  #closeFifo(): void {
    this.#fifo?.close()
    this.#fifo = undefined
  }

  #tick(): void {
    this.#disarmIdle()
    // The timer outlives a sleep: starting one for each sleep would cost more than one tick a second.
    if (this.#sleepers.size === 0) {
      this.#stopTicking()
      return
    }
    if (this.#fifo !== undefined && !native.hasBell(this.#fleet, this.#fifo.descriptor)) this.#closeFifo()
    if (this.#fifo === undefined) this.#openFifo()
    if (this.#tickMs !== this.#pollMs) this.#startTicking()
    this.#lookForDeaths()
  }

  #lookForDeaths(): void {
    this.deathRound++
    this.#lookAll()
  }

  #lookAll(): void {
    for (const sleeper of this.#sleepers) sleeper.look()
  }

  /**
   * Disarms what no sleeper waits for. Not done at the end of a sleep: most sleepers come back at once, and an arm
   * that stays costs a publisher one signal at most.
   */
  #disarmIdle(): void {
    const awaited = new Set<number>()
    for (const { armed } of this.#sleepers) if (armed !== undefined) awaited.add(armed.kind)
    for (const [kind, target] of this.#armed) {
      if (awaited.has(kind)) continue
      this.#armed.delete(kind)
      target.disarm()
    }
  }
}
