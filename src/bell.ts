import { Socket, type SocketConstructorOpts } from 'node:net'
import { native } from './native.js'
import type { Ring } from './ring.js'

/** How often a sleeper looks without being rung: it bounds the wake that a publisher's death swallows. */
const backupMs = 1000
/** And where nothing can ring: observers, and systems without a place for bells. */
const unrungMs = 20

export interface SleepOptions {
  /** Ends the sleep with the signal's reason, thrown. */
  signal?: AbortSignal | undefined
  /** At most so long. */
  timeoutMs?: number | undefined
  /** Keeps the process alive meanwhile; default false. */
  isRef?: boolean | undefined
}

interface Sleeper {
  /** Whose sleep it is, for cancel. */
  readonly owner: object
  readonly ring: () => Ring | undefined
  readonly position: number
  readonly isRef: boolean
  /** The ring on which publishers know of this sleep. */
  armed: Ring | undefined
  wake(hasNews: boolean): void
  fail(error: unknown): void
}

/**
 * The sleep of one fleet handle: all its cursors wait here, on one bell. The bell is a FIFO that publishers write a byte
 * to, read by this thread's own event loop: no native thread, no call into libuv (native/wake.h has the protocol).
 */
export class Bell {
  readonly #fleet: number
  readonly #sleepers = new Set<Sleeper>()
  #socket: Socket | undefined
  #descriptor = -1
  #timer: NodeJS.Timeout | undefined
  #closed = false

  /** @param fleet the addon's handle; it is closed after this bell. */
  constructor(fleet: number) {
    this.#fleet = fleet
  }

  /**
   * Sleeps until `ring` has something at `position`.
   *
   * @returns true: it has; false: the time is up, or the sleep was cancelled or its fleet closed
   */
  sleep(owner: object, ring: () => Ring | undefined, position: number, options: SleepOptions): Promise<boolean> {
    const { signal, timeoutMs, isRef = false } = options
    return new Promise((resolve, reject) => {
      const onAbort = () => sleeper.fail(signal?.reason)
      const timeout = timeoutMs === undefined ? undefined : setTimeout(() => sleeper.wake(false), timeoutMs)
      if (!isRef) timeout?.unref()
      const end = () => {
        clearTimeout(timeout)
        signal?.removeEventListener('abort', onAbort)
        this.#remove(sleeper)
      }
      const sleeper: Sleeper = {
        owner,
        ring,
        position,
        isRef,
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
      this.#open()
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
    this.#hangUp()
  }

  #open(): void {
    if (this.#socket === undefined) this.#hang()
    this.#timer ??= setInterval(() => this.#tick(), this.#socket === undefined ? unrungMs : backupMs)
    this.#keepAlive()
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
    if (this.#socket !== undefined && !native.hasBell(this.#fleet, this.#descriptor)) this.#hangUp()
    if (this.#socket === undefined) this.#hang()
    this.#lookAll()
  }

  #lookAll(): void {
    for (const sleeper of [...this.#sleepers]) this.#look(sleeper)
  }

  /** Without news, arms the sleeper's ring and looks once more: the order that cannot miss. */
  #look(sleeper: Sleeper): void {
    if (!this.#sleepers.has(sleeper)) return
    try {
      const ring = sleeper.ring()
      if (ring === undefined) return // an observer's, not there yet
      if (ring.closed) {
        sleeper.wake(false)
        return
      }
      if (!ring.hasNews(sleeper.position) && this.#socket !== undefined) {
        ring.arm()
        sleeper.armed = ring
      }
      if (ring.hasNews(sleeper.position)) sleeper.wake(true)
    } catch (error) {
      sleeper.fail(error)
    }
  }

  /** Nobody rings for a ring on which nobody sleeps, and nothing ticks for none. */
  #remove(gone: Sleeper): void {
    this.#sleepers.delete(gone)
    const ring = gone.armed
    // By KIND: two equal types are two Rings, but one ring with one arm.
    if (ring !== undefined && ![...this.#sleepers].some(({ armed }) => armed?.kind === ring.kind)) ring.disarm()
    if (this.#sleepers.size === 0) {
      clearInterval(this.#timer)
      this.#timer = undefined
    }
    this.#keepAlive()
  }

  /** While a sleeper asks for it the ticks keep the process alive; the bell itself never does. */
  #keepAlive(): void {
    const isWanted = [...this.#sleepers].some((sleeper) => sleeper.isRef)
    if (isWanted) this.#timer?.ref()
    else this.#timer?.unref()
  }
}
