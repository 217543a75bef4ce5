import { checkBytes } from '../base/bytes.js'
import { checkFlag, checkInteger, checkOptions, checkSignal, outOfRange, wrongType } from '../base/check.js'
import { monotonicMs } from '../base/clock.js'
import { OrbitError } from '../base/errors.js'
import { runtime } from '../base/runtime.js'
import type { Bell } from './bell.js'
import { CursorListener, type ListenOptions } from './listener.js'
import { nothingAt, type Poll, pollRing, pollRingInto } from './poll.js'
import type { Ring } from './ring.js'
import { Sleeper } from './sleeper.js'

/** Options of `wait`: how it may end early, and what it costs. */
export interface WaitOptions {
  /** Aborting it rejects the wait with the signal's reason. */
  signal?: AbortSignal
  /** The longest time to wait, in milliseconds, 0..2^31-1; default no limit. */
  timeoutMs?: number
  /**
   * Looks for news in every turn of the event loop instead of sleeping: it saves microseconds and uses a whole core.
   * Default false.
   */
  spin?: boolean
  /** Keeps the process alive until the wait ends. Default true, and always true with `spin`. */
  keepAlive?: boolean
}

/** Options of `iterate`: how it ends, and how large its polls are. */
export interface IterateOptions extends Pick<WaitOptions, 'spin' | 'keepAlive'> {
  /** Aborting it ends the iteration. */
  signal?: AbortSignal
  /** The most frames per poll, 1..2^32-1; default 1024. */
  max?: number
}

/** A spinning wait looks this often in each turn of the event loop. */
const looksPerTurn = 32

/** Resolves in the next turn of the event loop. */
export const nextTurn = () => new Promise<void>((resolve) => runtime.setImmediate(resolve))

/**
 * A position in one ring that moves on with each poll. Cursors are independent of each other, and a ring may have any
 * number of them. A publisher pays nothing for a cursor that polls, and one look for a node that sleeps. Made by
 * `fleet.cursor`.
 */
export class Cursor<T = unknown> implements Disposable {
  readonly #resolve: () => Ring | undefined
  readonly #bell: Bell
  readonly #sleeper: Sleeper
  readonly #listeners = new Set<CursorListener>()
  #opened: Ring | undefined
  #position: number
  #closed = false

  /** @internal */
  constructor(resolve: () => Ring | undefined, bell: Bell, position: number) {
    this.#resolve = resolve
    this.#bell = bell
    this.#sleeper = new Sleeper(bell, () => this.#ring())
    this.#position = position
  }

  /** The position of the next frame to read, 0..2^53-1. */
  get position(): number {
    return this.#position
  }

  /**
   * How many positions the cursor is behind the head; frames that it has lost count too. 0: it has read everything.
   *
   * @throws ERR_ORBIT_CLOSED after the cursor or its fleet was closed
   */
  get lag(): number {
    this.#checkOpen()
    return Math.max(0, (this.#ring()?.head() ?? 0) - this.#position)
  }

  /**
   * Reads the frames that were published since the last poll. A poll ends before a loss unless the loss comes first, so
   * a loss is always before the frames of its poll.
   *
   * @param max the most frames to read, 1..2^32-1; default the capacity of the ring
   * @returns the frames, and the exact number of those that were lost; no frames if there is nothing new
   * @throws TypeError or RangeError for a wrong `max`; ERR_ORBIT_CLOSED after the cursor or its fleet was closed,
   *   ERR_ORBIT_RETIRED after the ring was removed
   */
  poll(max?: number): Poll<T> {
    return this.#poll(max) as Poll<T>
  }

  /**
   * Reads the frames that were published since the last poll, as `poll` does, and writes their payloads into an array
   * of the caller, back to back. Use it for large payloads: it allocates no memory for them. The payloads of the frames
   * are views of the array, so the next call with the same array overwrites them; take `copy()` of a frame to keep it.
   * The poll ends when the array has no room for another payload of payloadBytes, or after 256 frames.
   *
   * @param target as many bytes as payloadBytes of the ring at least, 2^32-1 at most
   * @param max the most frames to read, 1..2^32-1; default the capacity of the ring
   * @returns the frames, and the exact number of those that were lost; no frames if there is nothing new
   * @throws TypeError or RangeError for a wrong `target` or `max`; ERR_ORBIT_CLOSED after the cursor or its fleet was
   *   closed, ERR_ORBIT_RETIRED after the ring was removed
   */
  pollInto(target: Uint8Array, max?: number): Poll<T> {
    if (max !== undefined) checkInteger('max', max, 1, 0xffffffff)
    checkBytes('target', target)
    this.#checkOpen()
    const from = this.#position
    const ring = this.#ring()
    if (ring === undefined) return nothingAt(from) as Poll<T>
    const poll = pollRingInto(ring, from, max ?? ring.capacity, target)
    this.#position = poll.to
    return poll as Poll<T>
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
    if (ring === undefined) return nothingAt(from)
    const poll = pollRing(ring, from, max ?? ring.capacity, filter)
    this.#position = poll.to
    return poll
  }

  /**
   * Waits until there is something to poll. It uses no CPU while it sleeps, and keeps the process alive unless
   * `keepAlive` is false. Calls that wait at the same time without a time limit, and with the same signal, get one
   * promise. It may resolve up to a second late: if a publisher is killed after publishing but before waking readers,
   * if a publisher has no file descriptor left, and if the ring is removed.
   *
   * @returns true: a poll finds frames or a loss; false: the time is up, or the cursor or its fleet was closed
   * @throws the signal's reason; TypeError or RangeError for wrong options; ERR_ORBIT_CLOSED, ERR_ORBIT_RETIRED
   */
  wait(options: WaitOptions = noOptions): Promise<boolean> {
    try {
      if (options !== noOptions) checkWait(options)
      this.#checkOpen()
      return this.#waitForNews(options) ?? Promise.resolve(true)
    } catch (error) {
      return Promise.reject(error)
    }
  }

  /** Iterates with the default options of `iterate`. */
  [Symbol.asyncIterator](): AsyncGenerator<Poll<T>, void, undefined> {
    return this.iterate()
  }

  /**
   * Calls a function with every poll that has frames or a loss, from now on. No promise comes before the call. It is
   * never called before `listen` returns, and not again before it has returned. An error that it throws is an uncaught
   * exception, and the listening continues. It keeps the process alive unless `keepAlive` is false.
   *
   * @returns what ends the listening; it ends too when the signal is aborted, or the cursor or its fleet is closed
   * @throws TypeError or RangeError for wrong arguments; ERR_ORBIT_CLOSED
   */
  listen(listener: (poll: Poll<T>) => void, options: ListenOptions = {}): CursorListener {
    return this.listenMatching(undefined, listener, options)
  }

  /** Listens for the frames that match a filter of the addon, and passes the others. @internal */
  listenMatching(
    filter: Uint8Array | undefined,
    listener: (poll: Poll<T>) => void,
    options: ListenOptions,
  ): CursorListener {
    if (typeof listener !== 'function') throw wrongType('listener', listener, 'a function')
    checkOptions('options', options, ['signal', 'max', 'keepAlive', 'onError'])
    const { max = 1024, signal, keepAlive, onError } = options
    checkInteger('max', max, 1, 0xffffffff)
    checkSignal(signal)
    checkFlag('keepAlive', keepAlive)
    if (onError !== undefined && typeof onError !== 'function') throw wrongType('onError', onError, 'a function')
    this.#checkOpen()
    const cursor = this
    const source = {
      get closed() {
        return cursor.closed
      },
      get position() {
        return cursor.#position
      },
      target: () => this.#ring(),
      poll: () => this.#poll(max, filter),
      forget: (ended: CursorListener) => this.#listeners.delete(ended),
    }
    const listening = new CursorListener(this.#bell, source, listener as (poll: Poll) => void, options)
    if (!signal?.aborted) this.#listeners.add(listening)
    return listening
  }

  /**
   * Yields every poll that has frames or a loss, and waits in between. A slow loop body slows no publisher down: the
   * cursor falls behind, and the next poll says how many frames it lost. The iteration keeps the process alive unless
   * `keepAlive` is false. It ends when the signal is aborted, or the cursor or its fleet is closed.
   *
   * @throws TypeError or RangeError for wrong options; ERR_ORBIT_CLOSED if the cursor was closed before the call,
   *   ERR_ORBIT_RETIRED after the ring was removed
   */
  iterate(options: IterateOptions = {}): AsyncGenerator<Poll<T>, void, undefined> {
    checkIterate(options)
    this.#checkOpen()
    return this.#polls(options)
  }

  async *#polls({
    signal,
    max = 1024,
    spin,
    keepAlive = true,
  }: IterateOptions): AsyncGenerator<Poll<T>, void, undefined> {
    const waiting: WaitOptions = { ...(signal && { signal }), ...(spin && { spin }), keepAlive }
    const isOver = () => this.closed || signal?.aborted === true
    while (!isOver()) {
      const poll = this.poll(max)
      if (poll.to > poll.from) yield poll
      if (isOver()) return
      try {
        // News that is there already would keep the loop in microtasks, and starve timers, sockets and the signal.
        if (spin) await nextTurn()
        await (this.#waitForNews(waiting) ?? nextTurn())
      } catch (error) {
        if (!isOver()) throw error
      }
    }
  }

  /**
   * Not async, like `wait`: each async function would take a wake through more turns of the microtask queue.
   *
   * @returns undefined: there is news
   */
  #waitForNews(options: WaitOptions): Promise<boolean> | undefined {
    const { signal, spin, timeoutMs = Number.POSITIVE_INFINITY } = options
    signal?.throwIfAborted()
    if (!spin) return this.#sleeper.wait(this.#position, options)
    return this.#ring()?.hasNews(this.#position) ? undefined : this.#spin(signal, timeoutMs)
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

  /** Whether the cursor or its fleet was closed. @internal */
  get closed(): boolean {
    return this.#closed || this.#opened?.closed === true || this.#bell.closed
  }

  #checkOpen(): void {
    if (this.#closed || this.#bell.closed) this.#refuseClosed()
  }

  #refuseClosed(): never {
    const cursor = 'the cursor was closed; make another with fleet.cursor, or bus.cursor for events'
    throw new OrbitError('ERR_ORBIT_CLOSED', this.#closed ? cursor : 'the fleet handle was closed')
  }

  /** Ends the waits of the cursor as news would. @internal */
  wake(): void {
    this.#sleeper.end(true)
  }

  /** Goes on at another position. @internal */
  moveTo(position: number): void {
    this.#position = position
  }

  /** Goes on at another position, and so do what waits and what listens. @internal */
  seek(position: number): void {
    this.#position = position
    this.#sleeper.seek(position)
    for (const listener of this.#listeners) listener.lookSoon()
  }

  /**
   * Ends the waits, iterations and listeners of the cursor. A later poll or wait throws ERR_ORBIT_CLOSED. Idempotent.
   */
  close(): void {
    this.#closed = true
    this.#sleeper.end(false)
    for (const listener of this.#listeners) listener.close()
  }

  /** Calls `close()`, for `using`. */
  [Symbol.dispose](): void {
    this.close()
  }
}

const noOptions: WaitOptions = Object.freeze({})

function checkWait(options: WaitOptions): void {
  checkOptions('options', options, ['signal', 'timeoutMs', 'spin', 'keepAlive'])
  if (options.timeoutMs !== undefined) checkInteger('timeoutMs', options.timeoutMs, 0, 0x7fffffff)
  checkSignal(options.signal)
  checkAlive(options)
}

/** Throws unless these are options of `iterate`. */
export function checkIterate(options: IterateOptions, more: readonly string[] = []): void {
  checkOptions('options', options, [...more, 'signal', 'max', 'spin', 'keepAlive'])
  if (options.max !== undefined) checkInteger('max', options.max, 1, 0xffffffff)
  checkSignal(options.signal)
  checkAlive(options)
}

function checkAlive({ spin, keepAlive }: WaitOptions): void {
  checkFlag('spin', spin)
  checkFlag('keepAlive', keepAlive)
  if (spin && keepAlive === false) throw outOfRange('keepAlive', keepAlive, 'true with spin, which runs the event loop')
}
