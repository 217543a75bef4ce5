import { shown } from '../base/check.js'
import type { Subject, Table } from '../core/table.js'
import { checkTtl, type Holder } from './claim.js'

/** What is to be said of a guard that nobody holds any more. */
interface Abandoned {
  readonly table: Table
  readonly holder: Holder
}

const abandoned = new FinalizationRegistry<Abandoned>(({ table, holder: { subject, token } }) => {
  if (table.closed) return
  process.emitWarning(
    `the guard of ${shown(subject.label)} (token ${token}) was collected without release(); the subject is free when its time is up`,
    { type: 'OrbitWarning', code: 'ORBIT_GUARD_DROPPED' },
  )
})

/** A claim that was won. Nothing here trusts what it was: each look asks the table. */
export class Guard implements Disposable {
  /** It keeps its fleet handle: one that is collected leaves, and its claims go with it. */
  readonly #table: Table
  /** As it was when it was claimed. */
  readonly holder: Holder
  #isOver = false

  /** @internal */
  constructor(table: Table, holder: Holder) {
    this.#table = table
    this.holder = holder
    abandoned.register(this, { table, holder }, this)
  }

  /** The fencing token: above those of all earlier guards of this subject, 1..2^53-1. Hand it to whatever you write to. */
  get token(): number {
    return this.holder.token
  }

  /** What it guards. */
  get subject(): Subject {
    return this.holder.subject
  }

  /**
   * Is the subject still this guard's? False once it was released, its time is up, or its fleet handle was closed. By the time
   * you act on it, it can be late: that is what the token is for.
   */
  get held(): boolean {
    if (this.#isOver || this.#table.closed) return false
    return this.#noteIfLost(this.#table.holds(this.subject, this.token))
  }

  /**
   * Gives the claim another `ttlMs` milliseconds from now.
   *
   * @returns false: it was over, and stays so
   * @throws RangeError for a wrong ttlMs; ERR_ORBIT_RETIRED
   */
  renew(ttlMs: number): boolean {
    checkTtl(ttlMs)
    if (this.#isOver || this.#table.closed) return false
    return this.#noteIfLost(this.#table.renew(this.subject, this.token, ttlMs))
  }

  /** A caller that knows that the claim is over needs no warning. */
  #noteIfLost(isHeld: boolean): boolean {
    if (!isHeld) abandoned.unregister(this)
    return isHeld
  }

  /**
   * Frees the subject and wakes those who wait for it. Idempotent.
   *
   * @returns false: it was over already
   */
  release(): boolean {
    if (this.#isOver) return false
    this.#isOver = true
    abandoned.unregister(this)
    if (this.#table.closed) return false
    return this.#table.release(this.subject, this.token)
  }

  /** `release()`, for `using`. */
  [Symbol.dispose](): void {
    this.release()
  }
}
