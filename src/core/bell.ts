import { Socket, type SocketConstructorOpts } from 'node:net'
import { runtime } from '../base/runtime.js'
import { native } from './native.js'

/** How often a sleeper looks without being rung: it bounds the wake that a publisher's death swallows. */
const backupMs = 1000
/** And one that waits for somebody's death, which rings nobody. */
const deathMs = 50
/** And where nothing can ring: observers, and systems without a place for bells. */
const unrungMs = 20

export interface SleepOptions {
  /** Ends the sleep with the signal's reason, thrown. */
  signal?: AbortSignal | undefined
  /** At most so long. */
  timeoutMs?: number | undefined
  /** Keeps the process alive meanwhile; default false. */
  isRef?: boolean | undefined
  /** Its news may be a death; default false. */
  mayBeDeath?: boolean | undefined
}

/** What one can sleep on: a ring until it has something at a position, or whatever else has arm words. */
export interface Source {
  readonly kind: number
  readonly closed: boolean
  hasNews(since: number): boolean
  /** Asks for a ring; look with hasNews before sleeping. */
  arm(): void
  disarm(): void
}

interface Sleeper {
  /** Whose sleep it is, for cancel. */
  readonly owner: object
  readonly source: () => Source | undefined
  readonly since: number
  readonly isRef: boolean
  readonly mayBeDeath: boolean
  /** Where publishers know of this sleep. */
  armed: Source | undefined
  wake(hasNews: boolean): void
  fail(error: unknown): void
}

/**
 * The sleep of one fleet handle: all its cursors wait here, on one bell. The bell is a FIFO that publishers write a byte
 * to, read by this thread's own event loop: no native thread, no call into libuv (native/protocol/wake.h has the protocol).
 */
export class Bell {
  readonly #fleet: number
  readonly #sleepers = new Set<Sleeper>()
  /** What publishers ring for, by KIND: two equal types are two Rings, but one ring with one arm. */
  readonly #armed = new Map<number, Source>()
  #socket: Socket | undefined
  #descriptor = -1
  #timer: NodeJS.Timeout | undefined
  #tickMs = 0
  /** How many sleepers keep the process alive. */
  #refs = 0
  /** How many wait for a death, among others. */
  #watches = 0
  #closed = false

  /** @param fleet the addon's handle; it is closed after this bell. */
  constructor(fleet: number) {
    this.#fleet = fleet
  }

  /**
   * Sleeps until `source` has news since `since`.
   *
   * @returns true: it has; false: the time is up, or the sleep was cancelled or its fleet closed
   */
  sleep(owner: object, source: () => Source | undefined, since: number, options: SleepOptions): Promise<boolean> {
    const { signal, timeoutMs, isRef = false, mayBeDeath = false } = options
    return new Promise((resolve, reject) => {
      const onAbort = () => sleeper.fail(signal?.reason)
      const timeout = timeoutMs === undefined ? undefined : runtime.setTimeout(() => sleeper.wake(false), timeoutMs)
      if (!isRef) timeout?.unref()
      const end = () => {
        if (timeout !== undefined) runtime.clearTimeout(timeout)
        signal?.removeEventListener('abort', onAbort)
        this.#remove(sleeper)
      }
      const sleeper: Sleeper = {
        owner,
        source,
        since,
        isRef,
        mayBeDeath,
        armed: undefined,
        wake(hasNews) {
          end()
          resolve(hasNews)
        },
        fail(error) {
          end()
          reject(error)
        },
      }
      signal?.addEventListener('abort', onAbort, { once: true })
      this.#sleepers.add(sleeper)
      this.#open(sleeper)
      this.#look(sleeper)
    })
  }

  /** Wakes the sleeps of one owner, with false. */
  cancel(owner: object): void {
    for (const sleeper of [...this.#sleepers]) if (sleeper.owner === owner) sleeper.wake(false)
  }

  get closed(): boolean {
    return this.#closed
  }

  /** Wakes all, with false. Idempotent. */
  close(): void {
    this.#closed = true
    for (const sleeper of [...this.#sleepers]) sleeper.wake(false)
    this.#disarmIdle()
    this.#stopTicking()
    this.#hangUp()
  }

  #open({ isRef, mayBeDeath }: Sleeper): void {
    if (this.#socket === undefined) this.#hang()
    if (mayBeDeath) this.#watches++
    if (this.#timer === undefined || this.#pace < this.#tickMs) this.#startTicking()
    // While a sleeper asks for it the ticks keep the process alive; the bell itself never does.
    if (isRef && ++this.#refs === 1) this.#timer?.ref()
  }

  get #pace(): number {
    if (this.#socket === undefined) return unrungMs
    return this.#watches > 0 ? deathMs : backupMs
  }

  #startTicking(): void {
    this.#stopTicking()
    this.#tickMs = this.#pace
    this.#timer = runtime.setInterval(() => this.#tick(), this.#tickMs)
    if (this.#refs === 0) this.#timer.unref()
  }

  #stopTicking(): void {
    runtime.clearInterval(this.#timer)
    this.#timer = undefined
  }

  #hang(): void {
    this.#descriptor = native.openBell(this.#fleet)
    if (this.#descriptor < 0) return
    const buffer = Buffer.allocUnsafe(256) // one read drains what a burst leaves; what it says does not matter
    const onread = { buffer, callback: () => this.#rung() }
    const options: SocketConstructorOpts & { onread: unknown } = {
      fd: this.#descriptor,
      readable: true,
      writable: false,
      onread,
    }
    const socket = new Socket(options)
    socket.on('error', () => {}) // closes it
    socket.on('close', () => {
      if (this.#socket === socket) this.#hangUp() // the timer carries on, and hangs a new one
    })
    socket.unref()
    this.#socket = socket
  }

  #hangUp(): void {
    const socket = this.#socket
    this.#socket = undefined
    this.#descriptor = -1
    socket?.destroy()
  }

  #rung(): boolean {
    this.#lookAll()
    return true
  }

  #tick(): void {
    this.#disarmIdle()
    // A timer for each sleep would cost more than a tick a second.
    if (this.#sleepers.size === 0) {
      this.#stopTicking()
      return
    }
    if (this.#socket !== undefined && !native.hasBell(this.#fleet, this.#descriptor)) this.#hangUp()
    if (this.#socket === undefined) this.#hang()
    if (this.#tickMs !== this.#pace) this.#startTicking()
    this.#lookAll()
  }

  #lookAll(): void {
    for (const sleeper of this.#sleepers) this.#look(sleeper)
  }

  /** Without news, arms the sleeper's source and looks once more: the order that cannot miss. */
  #look(sleeper: Sleeper): void {
    if (!this.#sleepers.has(sleeper)) return
    try {
      const source = sleeper.source()
      if (source === undefined) return // an observer's ring, not there yet
      if (source.closed) {
        sleeper.wake(false)
      } else if (source.hasNews(sleeper.since)) {
        sleeper.wake(true)
      } else if (this.#socket !== undefined) {
        source.arm()
        sleeper.armed = source
        this.#armed.set(source.kind, source)
        if (source.hasNews(sleeper.since)) sleeper.wake(true)
      }
    } catch (error) {
      sleeper.fail(error)
    }
  }

  #remove(gone: Sleeper): void {
    if (!this.#sleepers.delete(gone)) return
    if (gone.mayBeDeath) this.#watches--
    if (gone.isRef && --this.#refs === 0) this.#timer?.unref()
  }

  /** Not when a sleep ends: most sleepers come back at once, and an arm that lingers costs one ring at most. */
  #disarmIdle(): void {
    const awaited = new Set<number>()
    for (const { armed } of this.#sleepers) if (armed !== undefined) awaited.add(armed.kind)
    for (const [kind, source] of this.#armed) {
      if (awaited.has(kind)) continue
      this.#armed.delete(kind)
      source.disarm()
    }
  }
}
