import type { AsyncResource } from 'node:async_hooks'
import { runtime } from '../base/runtime.js'
import type { Bell, Wakeable } from './bell.js'
import type { Poll } from './poll.js'

/** Options of `listen`: how it ends, how large its polls are, and what it does to the process. */
export interface ListenOptions {
  /** Aborting it ends the listening. */
  signal?: AbortSignal
  /** The most frames per poll, 1..2^32-1; default 1024. */
  max?: number
  /** Keeps the process alive until the listening ends; default true. */
  keepAlive?: boolean
  /** Called when a poll fails, which ends the listening. Default: the error is an uncaught exception. */
  onError?: (error: unknown) => void
}

/** What a listener reads: a cursor. */
interface Source {
  readonly closed: boolean
  readonly position: number
  /** What publishers can be asked to signal; undefined: it does not exist yet. */
  target(): Wakeable | undefined
  poll(): Poll
  /** The listener was closed. */
  forget(listener: CursorListener): void
}

/**
 * A function that hears the frames of a cursor, until it is closed, its signal is aborted, or the cursor or its fleet
 * is closed. Made by `cursor.listen`.
 */
export class CursorListener implements Disposable {
  /** @internal */
  readonly watchesDeath = false
  /** @internal */
  armed: Wakeable | undefined = undefined
  readonly #bell: Bell
  readonly #source: Source
  readonly #scope: AsyncResource
  readonly #listener: (poll: Poll) => void
  readonly #options: ListenOptions
  #closed = false
  #isCalling = false
  #isSoon = false

  /** @internal */
  constructor(bell: Bell, source: Source, listener: (poll: Poll) => void, options: ListenOptions) {
    this.#bell = bell
    this.#source = source
    // What it starts belongs to the call of `listen`, not to the first wait of the fleet handle.
    const { AsyncResource } = process.getBuiltinModule('node:async_hooks')
    this.#scope = new AsyncResource('orbit:listener')
    this.#listener = listener
    this.#options = options
    const { signal, keepAlive = true } = options
    if (signal?.aborted) {
      this.#closed = true
      return
    }
    signal && bell.signals.add(signal, this)
    bell.enter(this)
    if (keepAlive) bell.ref()
    this.lookSoon()
  }

  /** In the next turn of the event loop: a listener that always has news starves no timer and no socket. @internal */
  lookSoon(): void {
    if (this.#isSoon) return
    this.#isSoon = true
    runtime.setImmediate(() => {
      this.#isSoon = false
      this.look()
    })
  }

  /** Calls the listener if there is news, and asks publishers to signal the bell. @internal */
  look(): void {
    if (this.#closed || this.#isCalling) return
    try {
      const poll = this.#source.poll()
      if (poll.to > poll.from) this.#call(poll)
      const target = this.#closed ? undefined : this.#source.target()
      if (target === undefined) return // an observer, and no member has created the ring
      if (this.#bell.look(target, this.#source.position)) this.lookSoon()
      else this.armed = target
    } catch (error) {
      const isOpen = !this.#source.closed
      this.close()
      if (isOpen) this.#refuse(error)
    }
  }

  #call(poll: Poll): void {
    this.#isCalling = true
    try {
      this.#scope.runInAsyncScope(this.#listener, undefined, poll)
    } catch (error) {
      throwLater(error) // other cursors hear the same signal
    } finally {
      this.#isCalling = false
    }
  }

  #refuse(error: unknown): void {
    const { onError = throwLater } = this.#options
    try {
      onError(error)
    } catch (thrown) {
      throwLater(thrown)
    }
  }

  /** The fleet was closed. @internal */
  end(): void {
    this.close()
  }

  /** The signal was aborted. @internal */
  fail(): void {
    this.close()
  }

  /** Ends the listening; allowed inside the listener. Idempotent. */
  close(): void {
    if (this.#closed) return
    this.#closed = true
    const { signal, keepAlive = true } = this.#options
    signal && this.#bell.signals.remove(signal, this)
    if (keepAlive) this.#bell.unref()
    this.#bell.leave(this)
    this.#source.forget(this)
  }

  /** Calls `close()`, for `using`. */
  [Symbol.dispose](): void {
    this.close()
  }
}

/** Throws an error that no caller can catch. */
function throwLater(error: unknown): void {
  runtime.setImmediate(() => {
    throw error
  })
}
