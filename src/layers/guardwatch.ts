import { printable } from '../base/check.js'
import { OrbitError } from '../base/errors.js'
import { runtime } from '../base/runtime.js'
import type { Subject, Table } from '../core/table.js'

/** The claim that a guard stands for. */
export interface WatchedClaim {
  readonly table: Table
  readonly subject: Subject
  readonly token: number
}

/** Renewed three times in its life, a claim survives two renewals that come late. */
const renewalsPerLife = 3
const maxTimerMs = 0x7fffffff

/** Watches whether a claim is still held, and aborts its signal when it was lost. It may renew the claim, too. */
export class GuardWatch {
  readonly #claim: WatchedClaim
  readonly #ttlMs: number | undefined
  readonly #abort = new AbortController()
  readonly #onClose = () => this.#lose('its fleet handle was closed')
  #timer: NodeJS.Timeout | undefined

  /** @param ttlMs renews the claim for so long, again and again; undefined: only watches */
  constructor(claim: WatchedClaim, ttlMs?: number) {
    this.#claim = claim
    this.#ttlMs = ttlMs
  }

  start(): void {
    const { table } = this.#claim
    table.onClose.add(this.#onClose)
    if (table.closed) this.#onClose()
    else if (this.#ttlMs === undefined) this.check()
    else this.#schedule()
  }

  /** Aborted when the claim was lost, with an OrbitError ERR_ORBIT_CLAIM_LOST as its reason. */
  get signal(): AbortSignal {
    return this.#abort.signal
  }

  /** Stops watching. Idempotent. */
  end(): void {
    runtime.clearTimeout(this.#timer)
    this.#timer = undefined
    this.#claim.table.onClose.delete(this.#onClose)
  }

  /** Looks now whether the claim is held. */
  check(): void {
    if (this.#abort.signal.aborted) return
    try {
      if (this.#isHeld()) this.#schedule()
      else this.#lose('it expired, or was removed: pass a larger ttlMs, or block the event loop for less time')
    } catch (error) {
      this.#lose('it could not be renewed', error)
    }
  }

  #isHeld(): boolean {
    const { table, subject, token } = this.#claim
    return this.#ttlMs === undefined ? table.holds(subject, token) : table.renew(subject, token, this.#ttlMs)
  }

  #schedule(): void {
    const { table, subject, token } = this.#claim
    const ttlMs = this.#ttlMs
    const dueMs = ttlMs === undefined ? table.leftMs(subject, token) + 1 : Math.ceil(ttlMs / renewalsPerLife)
    runtime.clearTimeout(this.#timer)
    this.#timer = runtime.setTimeout(() => this.check(), Math.min(dueMs, maxTimerMs)).unref()
  }

  #lose(why: string, cause?: unknown): void {
    this.end()
    const { subject, token } = this.#claim
    const text = `the claim of ${printable(subject.label)} (token ${token}) was lost: ${why}`
    this.#abort.abort(new OrbitError('ERR_ORBIT_CLAIM_LOST', text, { cause }))
  }
}
