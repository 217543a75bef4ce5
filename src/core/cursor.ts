import { checkFlag, checkInteger, checkOptions, checkSignal } from '../base/check.js'
import { monotonicMs } from '../base/clock.js'
import { OrbitError } from '../base/errors.js'
import { runtime } from '../base/runtime.js'
import type { Bell } from './bell.js'
import { type Poll, pollRing } from './poll.js'
import type { Ring } from './ring.js'

/** How a wait may end before there is anything to poll, and what it may cost. */
export interface WaitOptions {
  /** Aborting it rejects the wait with the signal's reason. */
  signal?: AbortSignal
  /** At most so many milliseconds, 0..2^31-1; default for ever. */
  timeoutMs?: number
  /** Polls from every turn of the event loop instead of sleeping: a core for microseconds. Default false. */
  spin?: boolean
  /** Keeps the process alive until the wait ends; a spinning wait always does. Default false. */
  keepAlive?: boolean
}

/** How an iteration ends, and what its polls and waits may cost. */
export interface IterateOptions {
  /** Aborting it ends the iteration. */
  signal?: AbortSignal
  /** At most so many frames a poll, 1..2^32-1; default 1024: whoever is far behind needs no copy of the whole ring. */
  max?: number
  /** As for `wait`. */
  spin?: boolean
}

/** A spinning wait looks so often before it lets the event loop turn. */
const looksPerTurn = 32

const nextTurn = () => new Promise<void>((resolve) => runtime.setImmediate(resolve))

/**
 * A place in one ring that moves on with each poll. Any number of cursors walk a ring, each on its own; they cost the
 * publishers nothing while they poll, and a look while they sleep. Made by `fleet.cursor`.
 */
export class Cursor implements Disposable {
  readonly #resolve: () => Ring | undefined
  readonly #bell: Bell
  readonly #ringNow = () => this.#ring()
  #opened: Ring | undefined
  #position: number
  #closed = false

  /** @internal */
  constructor(resolve: () => Ring | undefined, bell: Bell, position: number) {
    this.#resolve = resolve
    this.#bell = bell
    this.#position = position
  }

  /** The position of the next frame to read. */
  get position(): number {
    return this.#position
  }

  /**
   * How many positions it is behind the head, those lost to newer frames included; 0: it has seen everything.
   *
   * @throws ERR_ORBIT_CLOSED after the cursor or its fleet was closed
   */
  get lag(): number {
    this.#checkOpen()
    return Math.max(0, (this.#ring()?.head() ?? 0) - this.#position)
  }

  /**
   * Reads what was published since the last poll.
   *
   * @param max at most so many frames, 1..2^32-1; default the ring's capacity, which is all that it can retain
   * @returns the frames and the exact account of what was lost; empty frames when there is nothing new
   * @throws ERR_ORBIT_CLOSED after the cursor or its fleet was closed; ERR_ORBIT_RETIRED after the ring was removed
   */
  poll(max?: number): Poll {
    return this.#poll(max)
  }

  /** Reads the frames that match a filter of the addon, and passes the others. @internal */
  pollMatching(filter: Uint8Array, max?: number): Poll {
    return this.#poll(max, filter)
  }

  #poll(max?: number, filter?: Uint8Array): Poll {
    if (max !== undefined) checkInteger('max', max, 1, 0xffffffff)
    this.#checkOpen()
    const from = this.#position
    const ring = this.#ring()
    if (ring === undefined) return { frames: [], lost: 0, malformed: 0, from, to: from }
    const poll = pollRing(ring, from, max ?? ring.capacity, filter)
    this.#position = poll.to
    return poll
  }

  /**
   * Waits until there is something to poll. Costs nothing while it sleeps, and does not keep the process alive
   * unless told to. Up to a second late come a wake that its publisher did not live to give, and the word that the
   * ring was removed.
   *
   * @returns true: a poll brings something (or tells of a loss); false: the time was up, or the cursor or its fleet was
   *   closed meanwhile
   * @throws the signal's reason; what poll throws
   */
  wait(options: WaitOptions = noOptions): Promise<boolean> {
    try {
      if (options !== noOptions) checkWait(options)
      this.#checkOpen()
      return this.#wait(options)
    } catch (error) {
      return Promise.reject(error)
    }
  }

  /** Polls and waits in turn, for ever: `iterate` with its defaults. */
  [Symbol.asyncIterator](): AsyncGenerator<Poll, void, undefined> {
    return this.iterate()
  }

  /**
   * Yields every poll that brings frames or tells of a loss, and waits in between. A slow body slows nobody down: the
   * cursor falls behind, and the next poll says by how much. The iteration keeps the process alive; it ends when the
   * signal is aborted, or the cursor or its fleet closed.
   *
   * @throws what poll throws but for ERR_ORBIT_CLOSED
   */
  iterate(options: IterateOptions = {}): AsyncGenerator<Poll, void, undefined> {
    return this.#iterate(options)
  }

  /** Iterates over the frames that match a filter of the addon; a poll may have no frames then. @internal */
  iterateMatching(filter: Uint8Array, options: IterateOptions): AsyncGenerator<Poll, void, undefined> {
    return this.#iterate(options, filter)
  }

  #iterate(options: IterateOptions, filter?: Uint8Array): AsyncGenerator<Poll, void, undefined> {
    checkOptions('options', options, ['signal', 'max', 'spin'])
    if (options.max !== undefined) checkInteger('max', options.max, 1, 0xffffffff)
    checkSignal(options.signal)
    checkFlag('spin', options.spin)
    this.#checkOpen()
    return this.#polls(options, filter)
  }

  async *#polls(
    { signal, max = 1024, spin }: IterateOptions,
    filter?: Uint8Array,
  ): AsyncGenerator<Poll, void, undefined> {
    const waiting: WaitOptions = { ...(signal && { signal }), ...(spin && { spin }), keepAlive: true }
    const isOver = () => this.closed || signal?.aborted === true
    let wasIdle = false
    while (!isOver()) {
      const poll = this.#poll(max, filter)
      if (poll.to > poll.from) {
        wasIdle = false
        yield poll
        // Polls that always bring something would else run in microtasks, and starve timers, sockets and the signal.
        await nextTurn()
      } else {
        if (wasIdle) await nextTurn() // news that no poll brings: foreign bytes
        wasIdle = true
        try {
          await this.#wait(waiting)
        } catch (error) {
          if (!isOver()) throw error
        }
      }
    }
  }

  /** Not async, nor is wait: each such layer takes the wake through more turns of the microtask queue. */
  #wait({ signal, timeoutMs, spin, keepAlive }: WaitOptions): Promise<boolean> {
    signal?.throwIfAborted()
    if (this.#ring()?.hasNews(this.#position)) return Promise.resolve(true)
    if (spin) return this.#spin(signal, timeoutMs ?? Number.POSITIVE_INFINITY)
    return this.#bell.sleep(this, this.#ringNow, this.#position, { signal, timeoutMs, keepAlive })
  }

  async #spin(signal: AbortSignal | undefined, timeoutMs: number): Promise<boolean> {
    const end = monotonicMs() + timeoutMs
    while (!this.closed && monotonicMs() < end) {
      const ring = this.#ring()
      for (let look = 0; look < looksPerTurn; look++) if (ring?.hasNews(this.#position)) return true
      await nextTurn()
      signal?.throwIfAborted()
    }
    return false
  }

  #ring(): Ring | undefined {
    this.#opened ??= this.#resolve()
    return this.#opened
  }

  /** By its own close or its fleet's. @internal */
  get closed(): boolean {
    return this.#closed || this.#opened?.closed === true || this.#bell.closed
  }

  #checkOpen(): void {
    if (this.#closed) throw new OrbitError('ERR_ORBIT_CLOSED', 'the cursor was closed')
    if (this.#bell.closed) throw new OrbitError('ERR_ORBIT_CLOSED', 'the fleet handle was closed')
  }

  /** Ends its waits and iterations. Idempotent; a later poll or wait fails with ERR_ORBIT_CLOSED. */
  close(): void {
    this.#closed = true
    this.#bell.cancel(this)
  }

  /** `close()`, for `using`. */
  [Symbol.dispose](): void {
    this.close()
  }
}

const noOptions: WaitOptions = Object.freeze({})

function checkWait(options: WaitOptions): void {
  checkOptions('options', options, ['signal', 'timeoutMs', 'spin', 'keepAlive'])
  if (options.timeoutMs !== undefined) checkInteger('timeoutMs', options.timeoutMs, 0, 0x7fffffff)
  checkSignal(options.signal)
  checkFlag('spin', options.spin)
  checkFlag('keepAlive', options.keepAlive)
}
