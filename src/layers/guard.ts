import { shown } from '../base/check.js'
import { native, status } from '../core/native.js'
import type { Ring } from '../core/ring.js'
import { checkTtl, claimToken, type Holder, nothing, type Subject, writeShape } from './claim.js'

/** What is to be said of a guard that nobody holds any more. */
interface Abandoned {
  readonly table: Ring
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
  readonly #table: Ring
  /** As it was when it was claimed. */
  readonly holder: Holder
  #isOver = false

  /** @internal */
  constructor(table: Ring, holder: Holder) {
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
    const found = native.contestHolder(this.#table.handle, writeShape(this.subject, nothing))
    return this.#told(found === 1 && claimToken() === this.token)
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
    const shape = writeShape(this.subject, nothing)
    const result = native.contestRenew(this.#table.handle, shape, this.token, ttlMs)
    return this.#told(result !== status.closed && this.#table.answered(result) === 1) // closed: in a forked child
  }

  /** Who has heard that it is over needs no warning. */
  #told(isHeld: boolean): boolean {
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
    const shape = writeShape(this.subject, nothing)
    return native.contestRelease(this.#table.handle, shape, this.token) === 1
  }

  /** `release()`, for `using`. */
  [Symbol.dispose](): void {
    this.release()
  }
}
