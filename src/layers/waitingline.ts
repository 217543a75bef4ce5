import { runtime } from '../base/runtime.js'
import type { Abortable } from '../core/abortlisteners.js'
import type { Bell, Wakeable } from '../core/bell.js'
import { clockMs } from '../core/clock.js'
import { closedError } from '../core/handle.js'
import { Sleeper } from '../core/sleeper.js'
import type { Subject, Table } from '../core/table.js'
import type { Holder } from './claim.js'
import { Guard } from './guard.js'

/** A try that was refused: the holder, and what tells when its claim ends. */
export interface Refusal {
  readonly holder: Holder
  readonly stamp: number
  readonly incarnation: number
}

/** What a claim asks for, and how it may stop waiting. */
export interface ClaimRequest {
  readonly ttlMs: number
  readonly owner: string
  readonly signal: AbortSignal | undefined
  readonly timeoutMs: number | undefined
  readonly keepAlive: boolean
}

/** The subject that a line waits for, and how its claims are made. */
export interface LineTarget {
  readonly subject: Subject
  readonly table: Table
  readonly bell: Bell
  /** How the contest is named in errors. */
  readonly what: string
  tryClaim(request: ClaimRequest): Guard | Refusal
  timeoutError(holder: Holder, timeoutMs: number): Error
}

/** Whether the claim of the holder has ended. */
function endOf(table: Table, { holder, stamp, incarnation }: Refusal): () => boolean {
  const { subject, token, node, expiresInMs } = holder
  const expiresAtMs = clockMs() + expiresInMs // the timer of the sleeper does not follow the clock of a test
  return () => table.hasEnded(subject, token, stamp, node, incarnation) || clockMs() > expiresAtMs
}

/** Whether the claim of one of the holders has ended, for a sleeper. */
export function endOfAny(table: Table, refusals: readonly Refusal[]): Wakeable {
  const ends = refusals.map((refusal) => endOf(table, refusal))
  const hasNews = () => ends.some((hasEnded) => hasEnded())
  return {
    kind: table.kind,
    get closed() {
      return table.closed
    },
    members: () => refusals.map(({ holder, incarnation }) => ({ node: holder.node, incarnation })),
    hasNews,
    fallAsleep() {
      table.arm()
      return hasNews()
    },
    disarm: () => table.disarm(),
  }
}

/** How long to sleep for a holder: a claim has expired when one more millisecond has begun. */
export const untilExpiry = ({ holder }: Refusal, leftMs = Number.POSITIVE_INFINITY): number =>
  Math.ceil(Math.min(leftMs, holder.expiresInMs + 1, 0x7fffffff))

/** One claim that waits in a line. It ends once: with a guard, by its time limit, by its signal, or by an error. */
class WaitingClaim implements Abortable {
  readonly promise: Promise<Guard>
  readonly request: ClaimRequest
  readonly #line: WaitingLine
  readonly #bell: Bell
  #timer: NodeJS.Timeout | undefined
  #resolve!: (guard: Guard) => void
  #reject!: (error: unknown) => void

  constructor(line: WaitingLine, bell: Bell, request: ClaimRequest) {
    this.request = request
    this.#line = line
    this.#bell = bell
    this.promise = new Promise((resolve, reject) => {
      this.#resolve = resolve
      this.#reject = reject
    })
    const { signal, timeoutMs, keepAlive } = request
    if (signal !== undefined) bell.signals.add(signal, this)
    if (keepAlive) bell.ref()
    if (timeoutMs === undefined) return
    this.#timer = runtime.setTimeout(() => this.fail(line.timeoutError(timeoutMs)), timeoutMs)
    if (!keepAlive) this.#timer.unref()
  }

  win(guard: Guard): void {
    this.#end()
    this.#resolve(guard)
  }

  fail(error: unknown): void {
    this.#end()
    this.#reject(error)
  }

  #end(): void {
    const { signal, keepAlive } = this.request
    if (this.#timer !== undefined) runtime.clearTimeout(this.#timer)
    if (signal !== undefined) this.#bell.signals.remove(signal, this)
    if (keepAlive) this.#bell.unref()
    this.#line.leave(this)
  }
}

/** The lines of each table, by subject. */
const lines = new WeakMap<Table, Map<string, WaitingLine>>()

const keyOf = ({ kind, label }: Subject): string => `${kind} ${label}`

/**
 * The claims of one fleet handle that wait for one subject, in the order in which they came. The line has one sleeper
 * for all of them, and tries for the first.
 */
export class WaitingLine {
  readonly #target: LineTarget
  readonly #claims = new Set<WaitingClaim>()
  #refusal: Refusal
  #sleeper: Sleeper | undefined

  private constructor(target: LineTarget, refusal: Refusal) {
    this.#target = target
    this.#refusal = refusal
  }

  /** The line for a subject; undefined: no claim waits for it. */
  static of(table: Table, subject: Subject): WaitingLine | undefined {
    return lines.get(table)?.get(keyOf(subject))
  }

  /** Begins a line with a claim that was refused. */
  static begin(target: LineTarget, refusal: Refusal, request: ClaimRequest): Promise<Guard> {
    const line = new WaitingLine(target, refusal)
    const { table, subject } = target
    const ofTable = lines.get(table) ?? new Map<string, WaitingLine>()
    lines.set(table, ofTable.set(keyOf(subject), line))
    const promise = line.join(request)
    line.#serve()
    return promise
  }

  /** Waits behind the claims that came before. */
  join(request: ClaimRequest): Promise<Guard> {
    const claim = new WaitingClaim(this, this.#target.bell, request)
    this.#claims.add(claim)
    return claim.promise
  }

  timeoutError(timeoutMs: number): Error {
    return this.#target.timeoutError(this.#refusal.holder, timeoutMs)
  }

  /** Takes out a claim that has ended. */
  leave(claim: WaitingClaim): void {
    if (!this.#claims.delete(claim) || this.#claims.size > 0) return
    const { table, subject } = this.#target
    lines.get(table)?.delete(keyOf(subject))
    this.#sleeper?.end(false)
  }

  async #serve(): Promise<void> {
    const { table, bell, what } = this.#target
    while (this.#claims.size > 0) {
      try {
        const source = endOfAny(table, [this.#refusal])
        this.#sleeper = new Sleeper(bell, () => source, true)
        await this.#sleeper.wait(0, { timeoutMs: untilExpiry(this.#refusal), keepAlive: false })
        if (table.closed) throw closedError(what)
        this.#serveFirst()
      } catch (error) {
        for (const claim of [...this.#claims]) claim.fail(error)
      }
    }
  }

  /** Tries for the first claim, and for the next while tries succeed or fail: then the holder is known again. */
  #serveFirst(): void {
    for (const claim of this.#claims) {
      const result = this.#target.tryClaim(claim.request)
      if (!(result instanceof Guard)) {
        this.#refusal = result
        return
      }
      claim.win(result)
    }
  }
}
