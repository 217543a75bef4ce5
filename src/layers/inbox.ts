import { checkFlag, checkInteger, checkOptions, checkSignal, printable } from '../base/check.js'
import { monotonicMs } from '../base/clock.js'
import { OrbitError } from '../base/errors.js'
import type { Boxes } from '../core/boxes.js'
import { nextTurn } from '../core/cursor.js'
import type { Fleet } from '../core/fleet.js'
import { closedError } from '../core/handle.js'
import type { Message } from '../core/message.js'
import { Sleeper } from '../core/sleeper.js'
import { type InboxOwner, type InboxType, type OpenInbox, openInbox, ownerOf } from './inboxtype.js'

/** Which of the inboxes of a type is meant. */
export interface InstanceOptions {
  /** The number of the inbox, 0..instances-1; default 0. */
  instance?: number
}

/** Options of `poll`: how many messages at most. */
export interface InboxPollOptions {
  /** The most messages to read, 1..2^32-1; default the capacity of the inbox. */
  max?: number
}

/** Options of `wait` and of the iteration of an inbox: how it ends, and whether it keeps the process alive. */
export interface InboxWaitOptions {
  /** Aborting it rejects the wait with the signal's reason, and ends an iteration. */
  signal?: AbortSignal
  /** The longest time to wait, in milliseconds, 0..2^31-1; default no limit. Not for an iteration. */
  timeoutMs?: number
  /** Keeps the process alive until the wait ends; default true. */
  keepAlive?: boolean
}

/** Options of `Inbox.own`: which inbox, and how long to wait. */
export interface OwnOptions extends InstanceOptions, InboxWaitOptions {}

/**
 * The side of an inbox that receives: one process at a time owns it, and is given each accepted message once, in order.
 * What the owner has not committed when it closes, or when its process ends in any way, is given to the next owner. So
 * a message is delivered at least once, and no message is lost while the fleet exists.
 */
export class Inbox implements AsyncIterable<Message>, Disposable {
  readonly #boxes: Boxes
  readonly #instance: number
  readonly #sleeper: Sleeper
  /** What the errors call it. */
  readonly #what: string
  #next: number
  #committed: number
  #malformed = 0
  #isClosed = false

  private constructor({ layer, instance }: OpenInbox, boxes: Boxes) {
    this.#boxes = boxes
    this.#instance = instance
    this.#what = layer.what
    const target = boxes.messagesOf(instance)
    this.#sleeper = new Sleeper(layer.fleet.bell, () => target)
    this.#next = this.#committed = boxes.look(instance).committed
  }

  /**
   * Becomes the owner of an inbox, or returns its owner at once. A process that owns it already is refused like any
   * other.
   *
   * @returns `inbox`: this process owns it; `ownedBy`: the living process that does
   * @throws TypeError or RangeError for wrong arguments; ERR_ORBIT_READ_ONLY for an observer, what opening a ring
   *   throws
   */
  static tryOwn(
    fleet: Fleet,
    type: InboxType,
    options: InstanceOptions = {},
  ): { inbox: Inbox } | { ownedBy: InboxOwner } {
    checkOptions('options', options, ['instance'])
    const open = openInbox(fleet, type, options.instance)
    return Inbox.#tryOwn(open)
  }

  /**
   * Becomes the owner of an inbox, and waits while another process owns it. It wakes at once when the owner closes it,
   * and within 50 ms of the death of its process. Waiters have no order.
   *
   * @throws TypeError or RangeError for wrong arguments; ERR_ORBIT_TIMEOUT, the signal's reason, ERR_ORBIT_READ_ONLY
   *   for an observer, what opening a ring throws
   */
  static async own(fleet: Fleet, type: InboxType, options: OwnOptions = {}): Promise<Inbox> {
    checkOptions('options', options, ['instance', 'signal', 'timeoutMs', 'keepAlive'])
    const { instance, ...waiting } = options
    checkWaiting(waiting)
    const { signal, timeoutMs = Number.POSITIVE_INFINITY, keepAlive } = waiting
    const open = openInbox(fleet, type, instance)
    const deadline = monotonicMs() + timeoutMs
    for (;;) {
      signal?.throwIfAborted()
      const result = Inbox.#tryOwn(open)
      if ('inbox' in result) return result.inbox
      const leftMs = deadline - monotonicMs()
      if (leftMs <= 0) throw timeoutError(open.layer.what, result.ownedBy, timeoutMs)
      const target = open.layer.writable().ownershipOf(open.instance)
      const limit = timeoutMs === Number.POSITIVE_INFINITY ? undefined : Math.ceil(Math.min(leftMs, 0x7fffffff))
      await new Sleeper(fleet.bell, () => target, true).wait(0, { signal, timeoutMs: limit, keepAlive })
      if (target.closed) throw closedError(open.layer.what)
    }
  }

  static #tryOwn(open: OpenInbox): { inbox: Inbox } | { ownedBy: InboxOwner } {
    const boxes = open.layer.writable()
    for (;;) {
      if (boxes.own(open.instance)) return { inbox: new Inbox(open, boxes) }
      const ownedBy = ownerOf(boxes.look(open.instance))
      if (ownedBy?.isAlive) return { ownedBy } // else it has just left
    }
  }

  /** How many messages are accepted and not committed, 0..capacity. */
  get depth(): number {
    const { head, committed } = this.#open().look(this.#instance)
    return head - committed
  }

  /**
   * How many messages were passed because their shared bytes contradict the layout; 0 unless another program wrote
   * them.
   */
  get malformed(): number {
    return this.#malformed
  }

  /**
   * Reads the messages that this owner was not given yet.
   *
   * @returns the messages in the order in which they were accepted; empty if there is none
   * @throws TypeError or RangeError for wrong options; ERR_ORBIT_CLOSED, ERR_ORBIT_RETIRED
   */
  poll(options: InboxPollOptions = {}): Message[] {
    checkOptions('options', options, ['max'])
    const boxes = this.#open()
    const { max = boxes.perBox } = options
    checkInteger('max', max, 1, 0xffffffff)
    const messages: Message[] = []
    const malformed = boxes.poll(this.#instance, max, messages)
    this.#malformed += malformed
    this.#next += messages.length + malformed
    return messages
  }

  /**
   * Says that this process is done with all messages below a position. Their room becomes free, and no later owner is
   * given them.
   *
   * @param upTo 0 to one past the last message that was polled; default all that were polled
   * @throws TypeError or RangeError for a wrong position; ERR_ORBIT_CLOSED
   */
  commit(upTo: number = this.#next): void {
    checkInteger('upTo', upTo, 0, this.#next)
    const boxes = this.#open()
    if (upTo <= this.#committed) return
    boxes.commit(this.#instance, upTo)
    this.#committed = upTo
  }

  /**
   * Waits until there is a message to poll. It uses no CPU while it sleeps.
   *
   * @returns true: a poll finds a message; false: the time is up, or the inbox or its fleet was closed
   * @throws the signal's reason; TypeError or RangeError for wrong options; ERR_ORBIT_CLOSED, ERR_ORBIT_RETIRED
   */
  async wait(options: InboxWaitOptions = {}): Promise<boolean> {
    checkOptions('options', options, ['signal', 'timeoutMs', 'keepAlive'])
    checkWaiting(options)
    this.#open()
    options.signal?.throwIfAborted()
    return (await this.#sleeper.wait(this.#next, options)) ?? true
  }

  /** Iterates with the default options of `iterate`. */
  [Symbol.asyncIterator](): AsyncGenerator<Message, void, undefined> {
    return this.iterate()
  }

  /**
   * Yields message after message, and commits each when the loop asks for the next one. A message during which the loop
   * throws, or breaks, is not committed. The iteration ends when the signal is aborted, or the inbox or its fleet is
   * closed.
   *
   * @throws TypeError or RangeError for wrong options; ERR_ORBIT_CLOSED if the inbox was closed before the call
   */
  iterate(options: Omit<InboxWaitOptions, 'timeoutMs'> = {}): AsyncGenerator<Message, void, undefined> {
    checkOptions('options', options, ['signal', 'keepAlive'])
    checkWaiting(options)
    this.#open()
    return this.#messages(options)
  }

  async *#messages(options: InboxWaitOptions): AsyncGenerator<Message, void, undefined> {
    const isOver = () => this.closed || options.signal?.aborted === true
    while (!isOver()) {
      for (const message of this.poll()) {
        if (isOver()) return
        yield message
        if (this.closed) return
        this.commit(message.position + 1)
      }
      // Messages that always come would else run in microtasks, and starve timers and sockets.
      await nextTurn()
      if (isOver()) return
      try {
        await this.#sleeper.wait(this.#next, options)
      } catch (error) {
        if (!isOver()) throw error
      }
    }
  }

  /** Whether the inbox or its fleet was closed. */
  get closed(): boolean {
    return this.#isClosed || this.#boxes.closed
  }

  #open(): Boxes {
    if (this.#isClosed) throw new OrbitError('ERR_ORBIT_CLOSED', `${this.#what}: the inbox was closed; own it again`)
    if (this.#boxes.closed) throw closedError(this.#what)
    return this.#boxes
  }

  /** Ends the ownership. What is not committed is given to the next owner. Idempotent. */
  close(): void {
    if (this.#isClosed) return
    this.#isClosed = true
    this.#sleeper.end(false)
    this.#boxes.disown(this.#instance)
  }

  /** Calls `close()`, for `using`. */
  [Symbol.dispose](): void {
    this.close()
  }
}

/** Throws unless the options of a wait are right. */
export function checkWaiting({ signal, timeoutMs, keepAlive }: InboxWaitOptions): void {
  checkSignal(signal)
  checkFlag('keepAlive', keepAlive)
  if (timeoutMs !== undefined) checkInteger('timeoutMs', timeoutMs, 0, 0x7fffffff)
}

function timeoutError(what: string, { node, pid }: InboxOwner, timeoutMs: number): OrbitError {
  const expected = `${what}: the inbox must become free within timeoutMs=${printable(timeoutMs)}`
  return new OrbitError('ERR_ORBIT_TIMEOUT', `${expected}, but node=${node} pid=${pid} owns it: wait longer`)
}
