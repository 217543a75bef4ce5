import { checkFlag, checkInteger, checkOptions, checkSignal, printable } from '../base/check.js'
import { monotonicMs } from '../base/clock.js'
import { OrbitError } from '../base/errors.js'
import type { Fleet } from '../core/fleet.js'
import { closedError } from '../core/handle.js'
import { type Layer, reservedLayer } from '../core/layer.js'
import { abi } from '../core/native.js'
import type { FleetObserver } from '../core/observer.js'
import { Sleeper } from '../core/sleeper.js'
import { claimIncarnation, claimOwner, claimStamp, claimToken, type Subject, Table } from '../core/table.js'
import { checkTtl, type Holder, loadedHolder, ownerOf, subjectOf } from './claim.js'
import { Guard } from './guard.js'

/** Options of a `Contest`: how many claims its table can hold. */
export interface ContestOptions {
  /**
   * How many claims of the largest size the contest can hold at a time, a power of two in 1..2^19; more of them fit if
   * they are smaller. Default: that of the fleet's existing contest, or 1024.
   */
  capacity?: number
}

/** Options of `tryClaim`: a time to live, and an owner label. */
export interface TryClaimOptions {
  /** The claim expires after so many milliseconds of monotonic time unless it is renewed, 1..2^31-1. */
  ttlMs: number
  /**
   * A label that other processes see, at most 64 bytes of UTF-8; it is never compared. Default the process title, cut.
   */
  owner?: string
}

/** Options of `claim`: a time to live, an owner label, and how long to wait. */
export interface ClaimOptions extends TryClaimOptions {
  /** Aborting it rejects the claim with the signal's reason. */
  signal?: AbortSignal
  /** The longest time to wait, in milliseconds, 0..2^31-1; default no limit. */
  timeoutMs?: number
  /** Keeps the process alive while the claim waits; default true. */
  keepAlive?: boolean
}

/** A try that was refused: the holder, and what tells when its claim ends. @internal */
export interface Refusal {
  readonly holder: Holder
  readonly stamp: number
  readonly incarnation: number
}

const tryOptions = ['ttlMs', 'owner']

/**
 * Gives each subject to one holder at a time, in the whole fleet. The first to claim a subject holds it until it
 * releases it, its process ends in any way, or its time expires. The others learn who holds it, or wait. Every guard
 * has a fencing token.
 */
export class Contest {
  readonly #layer: Layer<Table>
  /** The owner label that was decoded last: a caller that tries again and again finds the same holder. */
  #lastHolder = { token: 0, owner: '' }

  /**
   * If other members use a contest with another capacity, it is taken as it is, and the process gets one warning with
   * the code ORBIT_GEOMETRY_DIFFERS. A member that is alone makes the contest anew with what it asks for.
   *
   * @throws what opening a table throws
   */
  constructor(fleet: Fleet | FleetObserver, options: ContestOptions = {}) {
    checkOptions('options', options, ['capacity'])
    this.#layer = reservedLayer(fleet, Table, {
      name: 'orbit.contest',
      kind: abi.contestKind,
      capacity: options.capacity,
      defaults: { capacity: 1024, payloadBytes: abi.cardBytes },
    })
  }

  /**
   * Claims a subject, or returns its holder at once. A process that holds the subject already is refused like any
   * other.
   *
   * @param subject a label, or a label with a kind
   * @returns `guard`: the subject is yours, and its token is higher than all that were given for it before; `yieldTo`:
   *   the holder
   * @throws TypeError or RangeError for wrong arguments; ERR_ORBIT_TABLE_FULL, ERR_ORBIT_RETIRED, ERR_ORBIT_CLOSED,
   *   ERR_ORBIT_READ_ONLY for an observer
   */
  tryClaim(subject: string | Subject, options: TryClaimOptions): { guard: Guard } | { yieldTo: Holder } {
    if (typeof options !== 'object' || options === null) checkOptions('options', options, tryOptions)
    for (const key in options) if (key !== 'ttlMs' && key !== 'owner') checkOptions('options', options, tryOptions)
    const result = this.tryClaimChecked(subjectOf(subject), checkTtl(options.ttlMs), ownerOf(options.owner))
    return result instanceof Guard ? { guard: result } : { yieldTo: result.holder }
  }

  /**
   * Claims a subject, and waits while another process holds it. The wait keeps the process alive unless `keepAlive` is
   * false. It wakes as soon as the holder releases the subject or its time expires, and within about 50 ms of the death
   * of its process. Waiters have no order.
   *
   * @param subject a label, or a label with a kind
   * @throws TypeError or RangeError for wrong arguments; ERR_ORBIT_TIMEOUT, the signal's reason, ERR_ORBIT_TABLE_FULL,
   *   ERR_ORBIT_RETIRED, ERR_ORBIT_CLOSED (also if the fleet is closed during the wait), ERR_ORBIT_READ_ONLY for an
   *   observer
   */
  async claim(subject: string | Subject, options: ClaimOptions): Promise<Guard> {
    checkOptions('options', options, ['ttlMs', 'owner', 'signal', 'timeoutMs', 'keepAlive'])
    const { signal, timeoutMs, keepAlive } = options
    const [wanted, ttlMs, owner] = [subjectOf(subject), checkTtl(options.ttlMs), ownerOf(options.owner)]
    checkSignal(signal)
    checkFlag('keepAlive', keepAlive)
    if (timeoutMs !== undefined) checkInteger('timeoutMs', timeoutMs, 0, 0x7fffffff)
    const deadline = timeoutMs === undefined ? Number.POSITIVE_INFINITY : monotonicMs() + timeoutMs
    for (;;) {
      signal?.throwIfAborted()
      const result = this.tryClaimChecked(wanted, ttlMs, owner)
      if (result instanceof Guard) return result
      const leftMs = deadline - monotonicMs()
      if (leftMs <= 0) throw timeoutError(result.holder, timeoutMs as number)
      await this.untilFree(result, leftMs, signal, keepAlive)
    }
  }

  /**
   * Looks up the holder of a subject.
   *
   * @param subject a label, or a label with a kind
   * @returns undefined if the subject is free
   * @throws TypeError or RangeError for a wrong subject; ERR_ORBIT_CLOSED, ERR_ORBIT_RETIRED, ERR_ORBIT_CORRUPT
   */
  holder(subject: string | Subject): Holder | undefined {
    const wanted = subjectOf(subject)
    return this.#layer.open()?.load(wanted) ? this.#loaded(wanted) : undefined
  }

  /**
   * Lists all holders, in no order. Each was the holder at some instant during the call.
   *
   * @returns empty if no subject is held
   * @throws ERR_ORBIT_CLOSED, ERR_ORBIT_RETIRED, ERR_ORBIT_CORRUPT
   */
  holders(): Holder[] {
    const claims = this.#layer.open()?.claims() ?? []
    return claims.map(({ subjectKind: kind, subject: label, ...claim }) => ({ subject: { kind, label }, ...claim }))
  }

  /** `tryClaim` with arguments that were checked. @internal */
  tryClaimChecked(subject: Subject, ttlMs: number, owner: string): Guard | Refusal {
    const table = this.#layer.writable()
    if (table.claim(subject, owner, ttlMs)) return new Guard(table, loadedHolder(subject, owner))
    const holder = this.#loaded(subject)
    return { holder, stamp: claimStamp(), incarnation: claimIncarnation() }
  }

  /** The holder that the table loaded. */
  #loaded(subject: Subject): Holder {
    const token = claimToken()
    if (token !== this.#lastHolder.token) this.#lastHolder = { token, owner: claimOwner() }
    return loadedHolder(subject, this.#lastHolder.owner)
  }

  /** Sleeps until the subject may be free, or the time is up. @internal */
  async untilFree(refusal: Refusal, leftMs: number, signal: AbortSignal | undefined, keepAlive = true): Promise<void> {
    const { holder, stamp, incarnation } = refusal
    const table = this.#layer.writable()
    const { subject, token, node, expiresInMs } = holder
    const source = {
      kind: table.kind,
      get closed() {
        return table.closed
      },
      hasNews: () => table.hasEnded(subject, token, stamp, node, incarnation),
      arm: () => table.arm(),
      disarm: () => table.disarm(),
    }
    // A claim has expired when one more millisecond has begun.
    const timeoutMs = Math.ceil(Math.min(leftMs, expiresInMs + 1, 0x7fffffff))
    await new Sleeper(this.#layer.fleet.bell, () => source, true).wait(0, { signal, timeoutMs, keepAlive })
    if (table.closed) throw closedError(this.#layer.what)
  }
}

function timeoutError({ subject, owner, node, pid }: Holder, timeoutMs: number): OrbitError {
  const expected = `subject=${printable(subject.label)} must become free within timeoutMs=${timeoutMs}`
  const holder = `${printable(owner)} holds it (node=${node} pid=${pid})`
  return new OrbitError('ERR_ORBIT_TIMEOUT', `${expected}, but ${holder}: wait longer, or try again`)
}
