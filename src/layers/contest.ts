import { checkFlag, checkInteger, checkOptions, checkSignal, printable, wrongType } from '../base/check.js'
import { OrbitError } from '../base/errors.js'
import { runtime } from '../base/runtime.js'
import type { Fleet } from '../core/fleet.js'
import { closedError } from '../core/handle.js'
import { type Layer, reservedLayer } from '../core/layer.js'
import { abi } from '../core/native.js'
import type { FleetObserver } from '../core/observer.js'
import { Sleeper } from '../core/sleeper.js'
import { claimIncarnation, claimOwner, claimStamp, claimToken, type Subject, Table } from '../core/table.js'
import { checkTtl, type Holder, loadedHolder, ownerOf, subjectOf } from './claim.js'
import { Guard } from './guard.js'
import { type ClaimRequest, endOfAny, type LineTarget, type Refusal, untilExpiry, WaitingLine } from './waitingline.js'

/** Options of a `Contest`: its name, and how many claims its table can hold. */
export interface ContestOptions {
  /**
   * The name of the contest, 1..48 bytes of UTF-8: each name is a contest of its own in the fleet. Default: the one
   * contest without a name.
   */
  name?: string
  /**
   * How many claims of the largest size the contest can hold at a time, a power of two in 1..2^19; more of them fit if
   * they are smaller. Default: that of the fleet's existing contest, or 1024.
   */
  capacity?: number
}

/** Options of `tryClaim`: a time to live, and an owner label. */
export interface TryClaimOptions {
  /**
   * The claim expires after so many milliseconds of monotonic time unless it is renewed, 1..2^31-1. 'life' or Infinity:
   * it ends only by its release or with its fleet handle or process, even if that is stopped for long.
   */
  ttlMs: number | 'life'
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

/** Options of `run`: a time to live between renewals, an owner label, and how long to wait for the subject. */
export interface RunOptions extends Omit<ClaimOptions, 'ttlMs'> {
  /**
   * The claim is renewed after each third of so many milliseconds of monotonic time, 1..2^31-1; default 30,000. It is
   * lost if the event loop is blocked, or the process stopped, for longer. 'life' or Infinity: it never expires.
   */
  ttlMs?: number | 'life'
}

/** What a task of `run` gets. */
export interface RunContext {
  /**
   * Aborted when the claim is lost, with an OrbitError ERR_ORBIT_CLAIM_LOST as its reason, or with the reason of the
   * caller's signal. Pass it to everything that the task waits for.
   */
  readonly signal: AbortSignal
  /** The fencing token of the claim, 1..2^53-1. Send it with every write, and let a `Fence` compare it. */
  readonly token: number
}

const tryOptions = ['ttlMs', 'owner']
const claimOptions = [...tryOptions, 'signal', 'timeoutMs', 'keepAlive']

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
    checkOptions('options', options, ['name', 'capacity'])
    this.#layer = reservedLayer(fleet, Table, {
      name: 'orbit.contest',
      kind: abi.contestKind,
      ownName: options.name,
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
   * @throws TypeError or RangeError for wrong arguments; ERR_ORBIT_TABLE_FULL, ERR_ORBIT_NO_SPACE, ERR_ORBIT_RETIRED,
   *   ERR_ORBIT_CLOSED, ERR_ORBIT_READ_ONLY for an observer
   */
  tryClaim(subject: string | Subject, options: TryClaimOptions): { guard: Guard } | { yieldTo: Holder } {
    if (typeof options !== 'object' || options === null) checkOptions('options', options, tryOptions)
    for (const key in options) if (key !== 'ttlMs' && key !== 'owner') checkOptions('options', options, tryOptions)
    const result = this.tryClaimChecked(subjectOf(subject), checkTtl(options.ttlMs), ownerOf(options.owner))
    return result instanceof Guard ? { guard: result } : { yieldTo: result.holder }
  }

  /**
   * Claims a subject, and waits while another process holds it. The wait keeps the process alive unless `keepAlive` is
   * false. It wakes as soon as the holder releases the subject or its time expires, and within 50 ms of the death
   * of its process. The waiting claims of one fleet handle are served in the order in which they came; those of
   * different processes have no order.
   *
   * @param subject a label, or a label with a kind
   * @throws TypeError or RangeError for wrong arguments; ERR_ORBIT_TIMEOUT, the signal's reason, ERR_ORBIT_TABLE_FULL,
   *   ERR_ORBIT_NO_SPACE, ERR_ORBIT_RETIRED, ERR_ORBIT_CLOSED (also if the fleet is closed during the wait),
   *   ERR_ORBIT_READ_ONLY for an observer
   */
  async claim(subject: string | Subject, options: ClaimOptions): Promise<Guard> {
    checkOptions('options', options, claimOptions)
    const wanted = subjectOf(subject)
    const request = checkRequest(options)
    request.signal?.throwIfAborted()
    const table = this.#layer.writable()
    // A claim without time to wait is a try: it does not queue.
    const line = request.timeoutMs === 0 ? undefined : WaitingLine.of(table, wanted)
    if (line !== undefined) return line.join(request)
    const result = this.tryClaimChecked(wanted, request.ttlMs, request.owner)
    if (result instanceof Guard) return result
    if (request.timeoutMs === 0) throw timeoutError(result.holder, 0)
    return WaitingLine.begin(this.#lineTarget(wanted, table), result, request)
  }

  /**
   * Claims a subject, waiting for it if necessary, runs a task, and releases the subject. The claim is renewed while
   * the task runs.
   *
   * @param subject a label, or a label with a kind
   * @param task called with a signal that is aborted when the claim is lost, and the fencing token
   * @returns what the task returns
   * @throws what the task throws; ERR_ORBIT_CLAIM_LOST if the claim was lost before the task ended; what `claim` throws
   */
  async run<T>(
    subject: string | Subject,
    options: RunOptions,
    task: (context: RunContext) => T | PromiseLike<T>,
  ): Promise<T> {
    checkOptions('options', options, claimOptions)
    if (typeof task !== 'function') throw wrongType('task', task, 'a function')
    const { signal } = options
    const ttlMs = checkTtl(options.ttlMs ?? 30_000)
    const guard = await this.claim(subject, { ...options, ttlMs })
    const lost = ttlMs === Number.POSITIVE_INFINITY ? guard.signal : guard.keep(ttlMs)
    const abort = new AbortController()
    const { signals } = this.#layer.fleet.bell
    const onAbort = { fail: (reason: unknown) => abort.abort(reason) }
    for (const each of [lost, signal]) {
      if (each?.aborted) abort.abort(each.reason)
      else if (each !== undefined) signals.add(each, onAbort)
    }
    try {
      signal?.throwIfAborted()
      const value = await task({ signal: abort.signal, token: guard.token })
      if (!guard.held) lost.throwIfAborted()
      return value
    } finally {
      for (const each of [lost, signal]) if (each !== undefined) signals.remove(each, onAbort)
      guard.release()
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
   * Lists all holders, in no order. Each was the holder at some instant during the call. It takes about a millisecond
   * for each 2,000 holders; `iterateHolders` does not block the event loop for that long.
   *
   * @returns empty if no subject is held
   * @throws ERR_ORBIT_CLOSED, ERR_ORBIT_RETIRED
   */
  holders(): Holder[] {
    const holders: Holder[] = []
    for (let at = 0; at >= 0; ) at = this.#listHolders(at, holders)
    return holders
  }

  /**
   * Iterates over all holders, in no order, and returns to the event loop after each few hundred of them. Each was the
   * holder at some instant during the iteration.
   *
   * @throws ERR_ORBIT_CLOSED, ERR_ORBIT_RETIRED
   */
  async *iterateHolders(): AsyncGenerator<Holder, void, undefined> {
    for (let at = 0; at >= 0; ) {
      const holders: Holder[] = []
      at = this.#listHolders(at, holders)
      yield* holders
      if (at >= 0) await new Promise<void>((resolve) => runtime.setImmediate(resolve))
    }
  }

  #listHolders(at: number, holders: Holder[]): number {
    return this.#layer.open()?.listClaims(at, (claim) => holders.push(claim)) ?? -1
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

  #lineTarget(subject: Subject, table: Table): LineTarget {
    return {
      subject,
      table,
      bell: this.#layer.fleet.bell,
      what: this.#layer.what,
      tryClaim: ({ ttlMs, owner }) => this.tryClaimChecked(subject, ttlMs, owner),
      timeoutError,
    }
  }

  /** Sleeps until the subject may be free, or the time is up. @internal */
  async untilFree(refusal: Refusal, leftMs: number, signal: AbortSignal | undefined, keepAlive = true): Promise<void> {
    return this.untilOneFree([refusal], leftMs, signal, keepAlive)
  }

  /** Sleeps until one of several subjects may be free, or the time is up. @internal */
  async untilOneFree(
    refusals: readonly Refusal[],
    leftMs: number,
    signal: AbortSignal | undefined,
    keepAlive: boolean,
  ): Promise<void> {
    const table = this.#layer.writable()
    const source = endOfAny(table, refusals)
    const timeoutMs = Math.min(...refusals.map((refusal) => untilExpiry(refusal, leftMs)))
    const options = { signal, timeoutMs, keepAlive }
    await new Sleeper(this.#layer.fleet.bell, () => source, true).wait(0, options)
    if (table.closed) throw closedError(this.#layer.what)
  }
}

/** The options of a claim, checked. */
function checkRequest({ owner, signal, timeoutMs, keepAlive, ...options }: ClaimOptions): ClaimRequest {
  const ttlMs = checkTtl(options.ttlMs)
  checkSignal(signal)
  checkFlag('keepAlive', keepAlive)
  if (timeoutMs !== undefined) checkInteger('timeoutMs', timeoutMs, 0, 0x7fffffff)
  return { ttlMs, owner: ownerOf(owner), signal, timeoutMs, keepAlive: keepAlive ?? true }
}

function timeoutError({ subject, owner, node, pid }: Holder, timeoutMs: number): OrbitError {
  const expected = `subject=${printable(subject.label)} must become free within timeoutMs=${timeoutMs}`
  const holder = `${printable(owner)} holds it (node=${node} pid=${pid})`
  return new OrbitError('ERR_ORBIT_TIMEOUT', `${expected}, but ${holder}: wait longer, or try again`)
}
