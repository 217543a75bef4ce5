import { deserialize } from 'node:v8'
import { OrbitError } from 'orbit-node'
import type { ActorLog } from '../actor/actor.js'
import type { Clock, ClockTimer } from '../base/clock.js'
import type { StoreChange, StoredMessage } from '../store/store.js'
import type { Commits } from './commits.js'

/** The most messages of a partition that are in memory. The others wait in the store. */
const inMemory = 1024
/** The pause before a message that was not taken is sent again, at first and at most. */
const [firstPauseMs, longestPauseMs] = [100, 300_000]

/** Calls a method of an actor with an idempotency key. */
export type SendMessage = (message: StoredMessage, idempotencyKey: string, args: readonly unknown[]) => Promise<unknown>

/** The messages to one actor, in order; the first one is under way. */
interface Line {
  readonly messages: StoredMessage[]
  failures: number
  timer: ClockTimer | undefined
}

/**
 * Sends the messages that turns of a partition have committed, in order for each actor that they are for, until each
 * has been taken. One that was sent before its process ended is sent again with the same idempotency key.
 */
export class Outbox {
  readonly #partition: number
  readonly #commits: Commits
  readonly #clock: Clock
  readonly #log: ActorLog
  readonly #send: SendMessage
  readonly #lines = new Map<string, Line>()
  #size = 0
  /** The number of the last message that is or was in memory. */
  #last = 0
  /** Whether the store may have messages after the last one. */
  #hasMore = true
  #isLoading = false
  #isStopped = false

  constructor(partition: number, commits: Commits, clock: Clock, log: ActorLog, send: SendMessage) {
    this.#partition = partition
    this.#commits = commits
    this.#clock = clock
    this.#log = log
    this.#send = send
    void this.#load()
  }

  /** How many messages are in memory. */
  get size(): number {
    return this.#size
  }

  /** These changes were made. */
  noteChanges(changes: readonly StoreChange[]): void {
    for (const change of changes) {
      if (change.kind !== 'message') continue
      if (this.#hasMore || this.#size >= inMemory) this.#hasMore = true
      else this.#enter(change.message)
    }
    if (this.#hasMore && this.#size === 0) void this.#load()
  }

  async #load(): Promise<void> {
    if (this.#isLoading || this.#isStopped || !this.#hasMore) return
    this.#isLoading = true
    try {
      const read = this.#commits.store.messages(this.#last, inMemory)
      const messages = read instanceof Promise ? await read : read
      this.#hasMore = messages.length === inMemory
      for (const message of messages) this.#enter(message)
    } catch (error) {
      this.#log.error('the outbox of a partition cannot be read:', error)
      this.#clock.setTimeout(() => void this.#load(), longestPauseMs, false)
    }
    this.#isLoading = false
  }

  #enter(message: StoredMessage): void {
    if (message.sequence <= this.#last) return // a page of the store had it
    this.#last = message.sequence
    this.#size++
    const target = JSON.stringify([message.type, message.key])
    const line = this.#lines.get(target)
    if (line !== undefined) {
      line.messages.push(message)
      return
    }
    const first = { messages: [message], failures: 0, timer: undefined }
    this.#lines.set(target, first)
    void this.#sendFirst(target, first)
  }

  async #sendFirst(target: string, line: Line): Promise<void> {
    const [message] = line.messages
    if (message === undefined || this.#isStopped) return
    try {
      await this.#send(message, `outbox ${this.#partition} ${message.id}`, deserialize(message.args) as unknown[])
    } catch (error) {
      if (!this.#isStopped) this.#failed(target, line, message, error)
      return
    }
    this.#taken(target, line, message)
  }

  #taken(target: string, line: Line, message: StoredMessage): void {
    if (this.#isStopped) return
    this.#commits.add([{ kind: 'no message', sequence: message.sequence }])
    line.messages.shift()
    line.failures = 0
    this.#size--
    if (line.messages.length === 0) this.#lines.delete(target)
    else void this.#sendFirst(target, line)
    if (this.#hasMore && this.#size <= inMemory / 2) void this.#load()
  }

  /** It has not been taken: those after it wait. */
  #failed(target: string, line: Line, message: StoredMessage, error: unknown): void {
    const pauseMs = Math.min(firstPauseMs * 2 ** Math.min(line.failures, 20), longestPauseMs)
    line.failures++
    const isUsual = error instanceof OrbitError || (error as { outcome?: string }).outcome === 'not-run'
    const text = `a message to ${message.type}/${message.key}.${message.method} was not taken, and is sent again:`
    this.#log[isUsual ? 'debug' : 'error'](message.from, text, error)
    line.timer = this.#clock.setTimeout(() => void this.#sendFirst(target, line), pauseMs, false)
  }

  /** Sends nothing from now on. */
  stop(): void {
    this.#isStopped = true
    for (const { timer } of this.#lines.values()) this.#clock.clearTimeout(timer)
  }
}
