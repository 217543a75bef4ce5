import { monotonicMs, pause, runtime } from '../base/clock.js'
import type { Desk } from '../hub/service.js'

/** What the register has of a lock. */
interface LeaseValue {
  /** Tells the holders apart; '': the lock is free. */
  readonly id: string
  readonly host: string
  readonly owner: string
  /** How long the holder may go without a renewal. */
  readonly ttlMs: number
}

/** A lock that another host, or a lost process of this one, holds. */
export interface LeaseHolder {
  readonly host: string
  readonly owner: string
}

/** How long to wait for a lease, and what to do with it. */
export interface LeaseRequest {
  readonly key: string
  readonly host: string
  readonly owner: string
  readonly ttlMs: number
  readonly signal: AbortSignal
}

/** A refused try waits for a change for so long at a time. */
const maxWaitMs = 5000
const retryMs = 100
/** The longest `ttlMs`. */
export const longestTtlMs = 3_600_000
/** The value of a lock that no process holds. */
export const freeText = '{"id":"","host":"","owner":"","ttlMs":0}'
const free: LeaseValue = { id: '', host: '', owner: '', ttlMs: 0 }

/** A value that another version wrote, or another program: the lock may be held for as long as any can be. */
const unknown: LeaseValue = { id: '?', host: '?', owner: '?', ttlMs: longestTtlMs }

function valueIn(text: string): LeaseValue {
  if (text === '') return free
  try {
    const { id, host, owner, ttlMs } = JSON.parse(text)
    const isWhole = [id, host, owner].every((each) => typeof each === 'string') && Number.isSafeInteger(ttlMs)
    return isWhole && ttlMs <= longestTtlMs ? { id, host, owner, ttlMs } : unknown
  } catch {
    return unknown
  }
}

/** Whether this is the value of a lock that no process holds. */
export const isFree = (text: string): boolean => valueIn(text).id === ''

/** The attempts of one claim. The answer to any of them may be lost, and the lease be taken nevertheless. */
class Attempts {
  readonly #request: LeaseRequest
  readonly #id = Math.random().toString(36).slice(2) + process.pid.toString(36)
  /** The values that may have been written, with the ends of their leases. */
  readonly #ends = new Map<string, number>()
  #count = 0

  constructor(request: LeaseRequest) {
    this.#request = request
  }

  /** Begins an attempt: what to write, and until when the lease lasts. */
  begin(): { value: string; untilMs: number } {
    const { host, owner, ttlMs } = this.#request
    const nowMs = monotonicMs()
    for (const [value, endMs] of this.#ends) if (endMs <= nowMs) this.#ends.delete(value)
    const value = JSON.stringify({ id: `${this.#id}.${++this.#count}`, host, owner, ttlMs } satisfies LeaseValue)
    this.#ends.set(value, nowMs + ttlMs)
    return { value, untilMs: nowMs + ttlMs }
  }

  /** Until when the lease with this value lasts; undefined: it is over, or is not of this claim. */
  deadlineMs(value: string): number | undefined {
    const endMs = this.#ends.get(value)
    return endMs !== undefined && monotonicMs() < endMs ? endMs : undefined
  }
}

/**
 * The lease on a lock of several hosts: a key with the holder's name, which the holder writes anew before `ttlMs` have
 * passed. No clocks of two hosts are compared: the holder counts from before it wrote, and another host from after it
 * read what was written. So the other host waits longer, unless clocks run at different speeds.
 */
export class Lease {
  readonly #desk: Desk
  readonly #request: LeaseRequest
  readonly #value: string
  /** The fencing token: the revision of the write that took the lock. */
  readonly token: number
  #revision: number
  #deadlineMs: number
  #isOver = false
  #timer: NodeJS.Timeout | undefined
  /** The renewal that is on its way. */
  #renewing: Promise<void> | undefined
  readonly #abort = new AbortController()

  private constructor(desk: Desk, request: LeaseRequest, value: string, revision: number, deadlineMs: number) {
    this.#desk = desk
    this.#request = request
    this.#value = value
    this.token = revision
    this.#revision = revision
    this.#deadlineMs = deadlineMs
    this.#schedule()
  }

  /**
   * Takes the lease, and waits while another host holds it.
   *
   * @param onHeld called with the holder when there is one; returns whether to wait for it
   * @throws the reason of the signal; ERR_ORBIT_BRIDGE_UNREACHABLE for the first try
   */
  static async take(
    desk: Desk,
    request: LeaseRequest,
    onHeld: (holder: LeaseHolder) => boolean,
  ): Promise<Lease | undefined> {
    const { key, signal } = request
    const attempts = new Attempts(request)
    let seen = { revision: -1, sinceMs: 0 }
    for (;;) {
      const attempt = () => desk.take({ key, ...attempts.begin() })
      const { value: text, revision } = await untilReached(attempt, signal)
      const deadlineMs = attempts.deadlineMs(text)
      if (deadlineMs !== undefined) return new Lease(desk, request, text, revision, deadlineMs)
      if (isFree(text)) continue // another holder came and went
      const holder = valueIn(text)
      const nowMs = monotonicMs()
      if (revision !== seen.revision) seen = { revision, sinceMs: nowMs }
      const leftMs = seen.sinceMs + holder.ttlMs - nowMs
      if (leftMs <= 0) {
        const { value, untilMs } = attempts.begin()
        const taken = await desk.swap({ key, value, revision }).catch(() => undefined)
        if (taken !== undefined) return new Lease(desk, request, value, taken, untilMs)
        continue
      }
      if (!onHeld(holder)) return undefined
      await untilChanged(desk, { key, revision, ms: Math.ceil(Math.min(leftMs, maxWaitMs)) }, signal)
    }
  }

  /** Aborted when the lease has ended before its release. */
  get signal(): AbortSignal {
    return this.#abort.signal
  }

  /** Whether the lease has not ended, by this host's clock. */
  get held(): boolean {
    if (!this.#isOver && monotonicMs() >= this.#deadlineMs) this.#end()
    return !this.#isOver
  }

  /** Ends the lease, and lets other hosts have it at once if the server can be reached; else when it expires. */
  async release(): Promise<void> {
    if (!this.held) return
    this.#isOver = true
    runtime.clearTimeout(this.#timer)
    const { key } = this.#request
    // It changes the revision, and the server releases no other one.
    await this.#renewing
    await this.#desk.release({ key, revision: this.#revision, untilMs: this.#deadlineMs }).catch(() => {})
  }

  #end(): void {
    this.#isOver = true
    runtime.clearTimeout(this.#timer)
    this.#abort.abort()
  }

  #schedule(): void {
    const leftMs = this.#deadlineMs - monotonicMs()
    const inMs = Math.min(leftMs, Math.max(leftMs - (this.#request.ttlMs * 2) / 3, retryMs))
    this.#timer = runtime.setTimeout(
      () => {
        this.#renewing = this.#renew()
      },
      Math.max(0, inMs),
    )
    this.#timer.unref()
  }

  async #renew(): Promise<void> {
    if (!this.held) return
    const { key, ttlMs } = this.#request
    const begunMs = monotonicMs()
    // An attempt may take as long as the lease still lasts.
    const deadline = runtime.setTimeout(() => void this.held, Math.max(0, this.#deadlineMs - begunMs))
    deadline.unref()
    try {
      const revision = await this.#desk.swap({ key, value: this.#value, revision: this.#revision })
      if (revision !== undefined) this.#extend(revision, begunMs + ttlMs)
      else await this.#look()
    } catch {
      // The server cannot be reached: the lease lasts until its deadline.
    } finally {
      runtime.clearTimeout(deadline)
    }
    if (this.held) this.#schedule()
  }

  #extend(revision: number, deadlineMs: number): void {
    this.#revision = revision
    if (!this.#isOver) this.#deadlineMs = deadlineMs
  }

  /** The revision is another one: an earlier renewal with a lost answer, or another holder. */
  async #look(): Promise<void> {
    const entry = await this.#desk.get(this.#request.key)
    if (entry?.value === this.#value) this.#revision = entry.revision
    else this.#end()
  }
}

/** Tries again while the server cannot be reached. */
async function untilReached<T>(attempt: () => Promise<T>, signal: AbortSignal): Promise<T> {
  for (;;) {
    signal.throwIfAborted()
    try {
      return await attempt()
    } catch {
      await pause(retryMs, signal)
    }
  }
}

/** Waits until a key changes, for a time at most, or until the signal is aborted. */
async function untilChanged(
  desk: Desk,
  request: { key: string; revision: number; ms: number },
  signal: AbortSignal,
): Promise<void> {
  const over = new AbortController()
  const either = AbortSignal.any([signal, over.signal])
  const changed = desk.changed(request).catch(() => pause(retryMs, either))
  await Promise.race([changed, pause(request.ms, either)])
  over.abort()
}
