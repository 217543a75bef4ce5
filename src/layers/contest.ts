import { checkInteger, checkOptions, checkSignal, shown } from '../base/check.js'
import { monotonicMs } from '../base/clock.js'
import { OrbitError } from '../base/errors.js'
import type { Fleet } from '../core/fleet.js'
import { closedError } from '../core/handle.js'
import { type Layer, reservedLayer } from '../core/layer.js'
import { abi } from '../core/native.js'
import type { FleetObserver } from '../core/observer.js'
import { claimIncarnation, claimOwner, claimStamp, claimToken, type Subject, Table } from '../core/table.js'
import { checkTtl, type Holder, loadedHolder, ownerOf, subjectOf } from './claim.js'
import { Guard } from './guard.js'

/** How large a table of claims is wanted. */
export interface ContestOptions {
  /**
   * Buckets, each with room for 8 claims of the largest size: a power of two in 1..2^19; default that of the fleet's contest,
   * if it has one, else 1024.
   */
  capacity?: number
}

/** For how long a claim is made, and by whom. */
export interface TryClaimOptions {
  /** The claim ends after so many milliseconds of monotonic time unless renewed, 1..2^31-1. */
  ttlMs: number
  /** Shown to others, never compared: at most 64 bytes in UTF-8; default the process title, cut. */
  owner?: string
}

/** The same, and how long to wait. */
export interface ClaimOptions extends TryClaimOptions {
  /** Aborting it rejects the claim with the signal's reason. */
  signal?: AbortSignal
  /** At most so many milliseconds, 0..2^31-1; default for ever. */
  timeoutMs?: number
}

/** A try that was refused: the holder, and what tells when its claim ends. @internal */
export interface Refusal {
  readonly holder: Holder
  readonly stamp: number
  readonly incarnation: number
}

const tryOptions = ['ttlMs', 'owner']

/**
 * Elects exactly one: the first to claim a subject holds it until it releases it, its process ends for whatever reason, or
 * its time is up. Others are told who holds it, or wait. Guards carry fencing tokens.
 */
export class Contest {
  readonly #layer: Layer<Table>
  /** The owner label that was decoded last: a caller that tries again and again finds the same holder. */
  #lastHolder = { token: 0, owner: '' }

  /**
   * @throws ERR_ORBIT_TYPE_MISMATCH when the fleet's contest has another capacity, and what else opening a ring throws
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
   * Claims a subject, or says who holds it: at once, and also to the process that holds it already.
   *
   * @returns `guard`: it is yours, with a token above all that were given for the subject before; `yieldTo`: the holder
   * @throws TypeError or RangeError for wrong arguments; ERR_ORBIT_TABLE_FULL; ERR_ORBIT_RETIRED, ERR_ORBIT_CLOSED,
   *   ERR_ORBIT_READ_ONLY for an observer
   */
  tryClaim(subject: string | Subject, options: TryClaimOptions): { guard: Guard } | { yieldTo: Holder } {
    if (typeof options !== 'object' || options === null) checkOptions('options', options, tryOptions)
    for (const key in options) if (key !== 'ttlMs' && key !== 'owner') checkOptions('options', options, tryOptions)
    const result = this.tryClaimChecked(subjectOf(subject), checkTtl(options.ttlMs), ownerOf(options.owner))
    return result instanceof Guard ? { guard: result } : { yieldTo: result.holder }
  }

  /**
   * Claims a subject, and waits for it while somebody else holds it; keeps the process alive meanwhile. It wakes when the
   * holder releases it or its time is up, and within 50 ms of the end of its process. Who waits longest has no precedence.
   *
   * @throws as tryClaim; ERR_ORBIT_TIMEOUT, ERR_ORBIT_CLOSED when the fleet is closed meanwhile, the signal's reason
   */
  async claim(subject: string | Subject, options: ClaimOptions): Promise<Guard> {
    checkOptions('options', options, ['ttlMs', 'owner', 'signal', 'timeoutMs'])
    const { signal, timeoutMs } = options
    const [wanted, ttlMs, owner] = [subjectOf(subject), checkTtl(options.ttlMs), ownerOf(options.owner)]
    checkSignal(signal)
    if (timeoutMs !== undefined) checkInteger('timeoutMs', timeoutMs, 0, 0x7fffffff)
    const deadline = timeoutMs === undefined ? Number.POSITIVE_INFINITY : monotonicMs() + timeoutMs
    for (;;) {
      signal?.throwIfAborted()
      const result = this.tryClaimChecked(wanted, ttlMs, owner)
      if (result instanceof Guard) return result
      const leftMs = deadline - monotonicMs()
      if (leftMs <= 0) throw timeoutError(result.holder, timeoutMs as number)
      await this.untilFree(result, leftMs, signal)
    }
  }

  /**
   * Who holds a subject.
   *
   * @returns undefined when nobody does
   * @throws ERR_ORBIT_CLOSED, ERR_ORBIT_RETIRED, ERR_ORBIT_CORRUPT
   */
  holder(subject: string | Subject): Holder | undefined {
    const wanted = subjectOf(subject)
    return this.#layer.open()?.load(wanted) ? this.#loaded(wanted) : undefined
  }

  /**
   * Everybody who holds a subject, in no order; each as it was at some instant during the call.
   *
   * @returns empty when nobody does
   * @throws as holder
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
  async untilFree(refusal: Refusal, leftMs: number, signal: AbortSignal | undefined): Promise<void> {
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
    await this.#layer.fleet.bell.sleep(this, () => source, 0, {
      signal,
      timeoutMs,
      keepAlive: true,
      watchesDeath: true,
    })
    if (table.closed) throw closedError(this.#layer.what)
  }
}

function timeoutError({ subject, owner, node, pid }: Holder, timeoutMs: number): OrbitError {
  return new OrbitError(
    'ERR_ORBIT_TIMEOUT',
    `subject=${shown(subject.label)} was not free in timeoutMs=${timeoutMs}: held by ${shown(owner)}, node=${node} pid=${pid}`,
  )
}
