import { pause } from '../base/clock.js'
import type { Log, LogMessage } from '../engine/engine.js'
import type { Memory } from './memory.js'

/** What follows a log, and what it does with the messages. */
export interface FollowerSpec {
  readonly route: string
  /** The log as it was opened last. */
  log(): Log
  readonly memory: Memory
  /** Where this host stopped before its memory was lost; undefined: it has never followed this log. */
  readonly saved: { seq: number; identity: number } | undefined
  /** Takes a message. It may wait, so that subscribers of this host can keep up. */
  take(message: LogMessage): void | Promise<void>
  /** Called before the first message after some that this host can no longer get. */
  onGap(): void
}

const retryMs = 200

/** The name of the place of a host in the log of a route: the number of the last message that it took. */
export const placeName = (route: string): string => `q ${route}`

/**
 * Reads a log in order, each message once. How far it has come is in shared memory, so the next process of this host
 * goes on there; and in the register of hosts, for a host that begins with empty memory.
 */
export class Follower {
  readonly #spec: FollowerSpec
  readonly #applied: { get(): number | undefined; set(value: number): void }
  readonly #identity: { get(): number | undefined; set(value: number): void }
  #isReady = false
  #waiting: { seq: number; resolve: () => void }[] = []

  constructor(spec: FollowerSpec) {
    this.#spec = spec
    this.#applied = spec.memory.number(placeName(spec.route))
    this.#identity = spec.memory.number(`Q ${spec.route}`)
  }

  /** The number of the last message that was taken, and the log that it is in; undefined: it has not begun. */
  get position(): { seq: number; identity: number } | undefined {
    const [seq, identity] = [this.#applied.get(), this.#identity.get()]
    return seq === undefined || identity === undefined ? undefined : { seq, identity }
  }

  /** Follows until the signal is aborted. A lost connection is the caller's matter: it aborts, and calls again. */
  async run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      try {
        await this.#follow(signal)
      } catch {
        await pause(retryMs, signal) // the server did not answer, or is about to be lost
      }
    }
    this.#isReady = false
  }

  /** Resolves when all messages were taken that the log had when this was called. Rejects without a connection. */
  async caughtUp(): Promise<void> {
    const { last, identity } = await this.#spec.log().bounds()
    if (this.#isReady && identity === this.#identity.get() && (this.#applied.get() ?? -1) >= last) return
    await new Promise<void>((resolve) => this.#waiting.push({ seq: last, resolve }))
  }

  async #follow(signal: AbortSignal): Promise<void> {
    const { saved, onGap, take } = this.#spec
    const log = this.#spec.log()
    const { first, last, identity } = await log.bounds()
    const known = this.position ?? saved
    let from = known?.identity === identity ? known.seq + 1 : 1
    if (known === undefined) from = last + 1
    const isGap = known === undefined || known.identity !== identity || first > from || from > last + 1
    if (isGap) {
      onGap()
      if (from > last + 1) from = last + 1
    }
    this.#note(Math.max(from, first) - 1, identity)
    this.#isReady = true
    this.#wake()
    for await (const message of log.follow(Math.max(from, first, 1), signal)) {
      if (signal.aborted) return
      const next = (this.#applied.get() as number) + 1
      if (message.seq < next) continue
      if (message.seq > next) onGap() // the log forgot them while this host read it
      await take(message)
      this.#note(message.seq, identity)
      this.#wake()
    }
  }

  #note(seq: number, identity: number): void {
    this.#applied.set(seq)
    this.#identity.set(identity)
  }

  #wake(): void {
    const applied = this.#applied.get() as number
    const [ready, waiting]: [(() => void)[], { seq: number; resolve: () => void }[]] = [[], []]
    for (const each of this.#waiting) {
      if (each.seq <= applied) ready.push(each.resolve)
      else waiting.push(each)
    }
    this.#waiting = waiting
    for (const resolve of ready) resolve()
  }
}
