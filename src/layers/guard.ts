import { printable } from '../base/check.js'
import type { Subject, Table } from '../core/table.js'
import { checkTtl, type Holder } from './claim.js'

/** A guard that was garbage-collected without `release`. */
interface Abandoned {
  readonly table: Table
  /** The claim as it was when it was made. */
  readonly holder: Holder
}

const abandoned = new FinalizationRegistry<Abandoned>(({ table, holder: { subject, token } }) => {
  if (table.closed) return
  const text = `the guard of ${printable(subject.label)} (token ${token}) was garbage-collected without release()`
  process.emitWarning(`${text}; the subject stays held until the claim expires`, {
    type: 'OrbitWarning',
    code: 'ORBIT_GUARD_DROPPED',
  })
})

/** A claim that was granted. `held` and `renew` ask the shared table each time; nothing is answered from memory. */
export class Guard implements Disposable {
  /** Keeps the fleet handle alive: if it were collected, the member would leave and its claims would end. */
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

  /**
   * The fencing token, 1..2^53-1: higher than those of all earlier guards of this subject. Send it with every write,
   * and let a `Fence` at the resource compare it.
   */
  get token(): number {
    return this.holder.token
  }

  /** The subject that is held. */
  get subject(): Subject {
    return this.holder.subject
  }

  /**
   * Whether this guard still holds the subject. False after it was released, after its time expired, or after its fleet
   * handle was closed. The answer may be out of date when you use it; the token protects you then.
   */
  get held(): boolean {
    if (this.#isOver || this.#table.closed) return false
    return this.#noteIfLost(this.#table.holds(this.subject, this.token))
  }

  /**
   * Extends the claim, to expire `ttlMs` milliseconds from now.
   *
   * @param ttlMs 1..2^31-1
   * @returns false: the claim had ended, and stays so
   * @throws TypeError or RangeError for a wrong `ttlMs`; ERR_ORBIT_RETIRED, ERR_ORBIT_CORRUPT
   */
  renew(ttlMs: number): boolean {
    checkTtl(ttlMs)
    if (this.#isOver || this.#table.closed) return false
    return this.#noteIfLost(this.#table.renew(this.subject, this.token, ttlMs))
  }

  /** Once the caller knows that the claim has ended, no warning is needed if the guard is collected. */
  #noteIfLost(isHeld: boolean): boolean {
    if (!isHeld) abandoned.unregister(this)
    return isHeld
  }

  /**
   * Ends the claim and wakes the processes that wait for the subject. Idempotent.
   *
   * @returns true: this call ended the claim; false: it had ended before
   */
  release(): boolean {
    if (this.#isOver) return false
    this.#isOver = true
    abandoned.unregister(this)
    if (this.#table.closed) return false
    return this.#table.release(this.subject, this.token)
  }

  /** Calls `release()`, for `using`. */
  [Symbol.dispose](): void {
    this.release()
  }
}
