import { printable } from '../base/check.js'
import { runtime } from '../base/runtime.js'
import type { Subject, Table } from '../core/table.js'
import { checkTtl, type Holder } from './claim.js'
import { GuardWatch } from './guardwatch.js'

/** A guard that was garbage-collected without `release`. */
interface Abandoned {
  readonly table: Table
  /** The claim as it was when it was made. */
  readonly holder: Holder
}

const abandoned = new FinalizationRegistry<Abandoned>(({ table, holder: { subject, token } }) => {
  if (table.closed) return
  const text = `the guard of ${printable(subject.label)} (token ${token}) was garbage-collected without release()`
  process.emitWarning(`${text}; the subject stays held until the claim ends`, {
    type: 'OrbitWarning',
    code: 'ORBIT_GUARD_DROPPED',
  })
})

/** Guards that are younger than `youngMs`, or than `maxYoung` others. Most are released before they leave this list. */
const young: Guard[] = []
const maxYoung = 64
const youngMs = 100
let isSweepDue = false

/** A registration costs as much as the claim itself, so only guards that live for a while are registered. */
function sweepYoung(): void {
  for (const guard of young.splice(0)) guard.expectRelease()
}

function noteYoung(guard: Guard): void {
  if (young.push(guard) >= maxYoung) sweepYoung()
  if (isSweepDue) return
  isSweepDue = true
  const sweep = () => {
    isSweepDue = false
    sweepYoung()
  }
  runtime.setTimeout(sweep, youngMs).unref()
}

/** A claim that was granted. `held` and `renew` ask the shared table each time; nothing is answered from memory. */
export class Guard implements Disposable {
  /** Keeps the fleet handle alive: if it were collected, the member would leave and its claims would end. */
  readonly #table: Table
  /** The holder when the subject was claimed. */
  readonly holder: Holder
  #isOver = false
  /** Its loss was told to the caller, or it was released: no warning is needed if it is collected. */
  #isSettled = false
  #isRegistered = false
  #watch: GuardWatch | undefined = undefined

  /** @internal */
  constructor(table: Table, holder: Holder) {
    this.#table = table
    this.holder = holder
    noteYoung(this)
  }

  /** Warns if this guard is collected from now on without `release`. @internal */
  expectRelease(): void {
    if (this.#isSettled) return
    this.#isRegistered = true
    abandoned.register(this, { table: this.#table, holder: this.holder }, this)
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
   * Aborted when the claim is lost: its time expired before it was renewed, or its fleet handle was closed. The reason
   * is an OrbitError ERR_ORBIT_CLAIM_LOST. A release does not abort it.
   */
  get signal(): AbortSignal {
    return (this.#watch ?? this.#watching(undefined)).signal
  }

  /** Renews the claim until it is released, to expire `ttlMs` milliseconds after each renewal. @internal */
  keep(ttlMs: number): AbortSignal {
    return this.#watching(ttlMs).signal
  }

  #watching(ttlMs: number | undefined): GuardWatch {
    this.#watch = new GuardWatch({ table: this.#table, subject: this.subject, token: this.token }, ttlMs)
    if (!this.#isOver) this.#watch.start()
    return this.#watch
  }

  /**
   * Extends the claim, to expire `ttlMs` milliseconds from now.
   *
   * @param ttlMs 1..2^31-1; 'life' or Infinity: never
   * @returns false: the claim had ended, and stays so
   * @throws TypeError or RangeError for a wrong `ttlMs`; ERR_ORBIT_RETIRED, ERR_ORBIT_CORRUPT
   */
  renew(ttlMs: number | 'life'): boolean {
    const wanted = checkTtl(ttlMs)
    if (this.#isOver || this.#table.closed) return false
    const isRenewed = this.#noteIfLost(this.#table.renew(this.subject, this.token, wanted))
    if (isRenewed) this.#watch?.check() // it may expire earlier now
    return isRenewed
  }

  /** Once the caller knows that the claim has ended, no warning is needed if the guard is collected. */
  #noteIfLost(isHeld: boolean): boolean {
    if (isHeld) return true
    this.#settle()
    this.#watch?.check()
    return false
  }

  #settle(): void {
    this.#isSettled = true
    if (this.#isRegistered) abandoned.unregister(this)
  }

  /**
   * Ends the claim and wakes the processes that wait for the subject. Idempotent.
   *
   * @returns true: this call ended the claim; false: it had ended before
   */
  release(): boolean {
    if (this.#isOver) return false
    this.#isOver = true
    this.#settle()
    this.#watch?.end()
    if (this.#table.closed) return false
    return this.#table.release(this.subject, this.token)
  }

  /** Calls `release()`, for `using`. */
  [Symbol.dispose](): void {
    this.release()
  }
}
