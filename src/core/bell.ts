import type { Socket, SocketConstructorOpts } from 'node:net'
import { runtime } from '../base/runtime.js'
import { native } from './native.js'

/** How often a sleeper looks for news by itself. It bounds the delay if a publisher dies before it signals the bell. */
const backupPollMs = 1000
/** How often a sleeper looks that waits for the death of a process: a death signals no bell. */
const deathPollMs = 50
/** How often a sleeper looks without a bell: in an observer, or on a system that has no place for FIFOs. */
const pollWithoutBellMs = 20

/** How a sleep may end early, and what it costs. */
export interface SleepOptions {
  /** Aborting it rejects the sleep with the signal's reason. */
  signal?: AbortSignal | undefined
  /** The longest time to sleep, in milliseconds; default no limit. */
  timeoutMs?: number | undefined
  /** Keeps the process alive during the sleep; default false. */
  keepAlive?: boolean | undefined
  /** The news may be the death of a process; default false. */
  watchesDeath?: boolean | undefined
}

/**
 * What a sleeper waits for: a ring with frames from a position on, or anything else that publishers can be asked to
 * signal.
 */
export interface Wakeable {
  readonly kind: number
  readonly closed: boolean
  /** Whether there is anything new since `since`. */
  hasNews(since: number): boolean
  /** Asks publishers to signal the bell of this node. Look for news once more before sleeping. */
  arm(): void
  /** Takes `arm` back. */
  disarm(): void
}

/** One sleep. It ends once: by news, by its time limit, by its signal, or by a failed look. */
class Sleeper {
  readonly promise: Promise<boolean>
  /** The cursor or contest that sleeps, for `Bell.cancel`. */
  readonly owner: object
  readonly target: () => Wakeable | undefined
  readonly since: number
  readonly keepAlive: boolean
  readonly watchesDeath: boolean
  /** Where publishers know of this sleep; undefined: not armed yet. */
  armed: Wakeable | undefined = undefined
  readonly #signal: AbortSignal | undefined
  readonly #onAbort: (() => void) | undefined
  readonly #timeout: NodeJS.Timeout | undefined
  readonly #onEnd: (sleeper: Sleeper) => void
  #resolve!: (hasNews: boolean) => void
  #reject!: (error: unknown) => void

  constructor(
    owner: object,
    target: () => Wakeable | undefined,
    since: number,
    { signal, timeoutMs, keepAlive = false, watchesDeath = false }: SleepOptions,
    onEnd: (sleeper: Sleeper) => void,
  ) {
    this.owner = owner
    this.target = target
    this.since = since
    this.keepAlive = keepAlive
    this.watchesDeath = watchesDeath
    this.#onEnd = onEnd
    this.promise = new Promise((resolve, reject) => {
      this.#resolve = resolve
      this.#reject = reject
    })
    if (timeoutMs !== undefined) {
      this.#timeout = runtime.setTimeout(() => this.wake(false), timeoutMs)
      if (!keepAlive) this.#timeout.unref()
    }
    if (signal !== undefined) {
      this.#signal = signal
      this.#onAbort = () => this.fail(signal.reason)
      signal.addEventListener('abort', this.#onAbort, { once: true })
    }
  }

  wake(hasNews: boolean): void {
    this.#end()
    this.#resolve(hasNews)
  }

  fail(error: unknown): void {
    this.#end()
    this.#reject(error)
  }

  #end(): void {
    if (this.#timeout !== undefined) runtime.clearTimeout(this.#timeout)
    if (this.#onAbort !== undefined) this.#signal?.removeEventListener('abort', this.#onAbort)
    this.#onEnd(this)
  }
}

/**
 * The bell of one fleet handle, on which all its cursors and claims sleep. It is a FIFO: publishers write a byte to it,
 * and the event loop of this thread reads it. No native thread and no call into libuv is needed. native/protocol/wake.h
 * describes the protocol.
 */
export class Bell {
  readonly #fleet: number
  readonly #sleepers = new Set<Sleeper>()
  /** What is armed, by KIND: two equal types have two Rings, but one ring in shared memory with one arm per node. */
  readonly #armed = new Map<number, Wakeable>()
  readonly #onEnd = (sleeper: Sleeper) => this.#remove(sleeper)
  #socket: Socket | undefined
  #descriptor = -1
  #timer: NodeJS.Timeout | undefined
  #tickMs = 0
  /** How many sleepers keep the process alive. */
  #refs = 0
  /** How many sleepers wait for a death. */
  #deathWatches = 0
  #closed = false

  /** @param fleet the addon's handle of the fleet; it is closed after this bell */
  constructor(fleet: number) {
    this.#fleet = fleet
  }

  /**
   * Sleeps until the target has news since `since`.
   *
   * @param owner the key for `cancel`
   * @param target looked up at each look; undefined: it does not exist yet
   * @returns true: there is news; false: the time is up, the sleep was cancelled, or the fleet was closed
   */
  sleep(owner: object, target: () => Wakeable | undefined, since: number, options: SleepOptions): Promise<boolean> {
    const sleeper = new Sleeper(owner, target, since, options, this.#onEnd)
    this.#sleepers.add(sleeper)
    this.#begin(sleeper)
    this.#look(sleeper)
    return sleeper.promise
  }

  /** Ends the sleeps of one owner with false. */
  cancel(owner: object): void {
    for (const sleeper of [...this.#sleepers]) if (sleeper.owner === owner) sleeper.wake(false)
  }

  get closed(): boolean {
    return this.#closed
  }

  /** Ends all sleeps with false. Idempotent. */
  close(): void {
    this.#closed = true
    for (const sleeper of [...this.#sleepers]) sleeper.wake(false)
    this.#disarmIdle()
    this.#stopTicking()
    this.#closeFifo()
  }

  #begin({ keepAlive, watchesDeath }: Sleeper): void {
    if (this.#socket === undefined) this.#openFifo()
    if (watchesDeath) this.#deathWatches++
    if (this.#timer === undefined || this.#pollMs < this.#tickMs) this.#startTicking()
    // The timer keeps the process alive while a sleeper asks for it; the FIFO never does.
    if (keepAlive && ++this.#refs === 1) this.#timer?.ref()
  }

  get #pollMs(): number {
    if (this.#socket === undefined) return pollWithoutBellMs
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
    this.#descriptor = native.openBell(this.#fleet)
    if (this.#descriptor < 0) return
    const buffer = Buffer.allocUnsafe(256) // one read takes all bytes of a burst; their values do not matter
    const onread = { buffer, callback: () => this.#signalled() }
    const options: SocketConstructorOpts & { onread: unknown } = {
      fd: this.#descriptor,
      readable: true,
      writable: false,
      onread,
    }
    const { Socket } = process.getBuiltinModule('node:net') // not imported: it loads slowly, and not all wait
    const socket = new Socket(options)
    socket.on('error', () => {}) // closes it
    socket.on('close', () => {
      if (this.#socket === socket) this.#closeFifo() // the timer goes on, and opens a new FIFO
    })
    socket.unref()
    this.#socket = socket
  }

  #closeFifo(): void {
    const socket = this.#socket
    this.#socket = undefined
    this.#descriptor = -1
    socket?.destroy()
  }

  #signalled(): boolean {
    this.#lookAll()
    return true
  }

  #tick(): void {
    this.#disarmIdle()
    // The timer outlives a sleep: starting one for each sleep would cost more than one tick a second.
    if (this.#sleepers.size === 0) {
      this.#stopTicking()
      return
    }
    if (this.#socket !== undefined && !native.hasBell(this.#fleet, this.#descriptor)) this.#closeFifo()
    if (this.#socket === undefined) this.#openFifo()
    if (this.#tickMs !== this.#pollMs) this.#startTicking()
    this.#lookAll()
  }

  #lookAll(): void {
    for (const sleeper of this.#sleepers) this.#look(sleeper)
  }

  /** Looks for news; without any, arms the target and looks again. In this order no publication is missed. */
  #look(sleeper: Sleeper): void {
    if (!this.#sleepers.has(sleeper)) return
    try {
      const target = sleeper.target()
      if (target === undefined) return // an observer, and no member has created the ring
      if (target.closed) {
        sleeper.wake(false)
      } else if (target.hasNews(sleeper.since)) {
        sleeper.wake(true)
      } else if (this.#socket !== undefined) {
        target.arm()
        sleeper.armed = target
        this.#armed.set(target.kind, target)
        if (target.hasNews(sleeper.since)) sleeper.wake(true)
      }
    } catch (error) {
      sleeper.fail(error)
    }
  }

  #remove(sleeper: Sleeper): void {
    if (!this.#sleepers.delete(sleeper)) return
    if (sleeper.watchesDeath) this.#deathWatches--
    if (sleeper.keepAlive && --this.#refs === 0) this.#timer?.unref()
  }

  /**
   * Disarms what no sleeper waits for. Not done at the end of a sleep: most sleepers come back at once, and an arm that
   * stays costs a publisher one signal at most.
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
