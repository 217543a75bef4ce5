import type { Contest, Guard, Subject } from 'orbit-node'
import { checkInteger, checkName, checkOptions, checkSignal, wrongType } from '../../../shared/check.js'
import { runtime } from '../base/clock.js'
import { BridgeError } from '../base/errors.js'
import type { Desk } from '../hub/service.js'
import { Lease, type LeaseHolder, longestTtlMs } from './lease.js'

/** Options of `claim` of a `ClusterContest`: how long the lease lasts, and how long to wait. */
export interface ClusterClaimOptions {
  /**
   * How long the lease lasts without a renewal, in milliseconds, 500..3,600,000; default 10,000. It is renewed after
   * each third of it. After the death of a holder's process or host, other hosts wait for so long.
   */
  ttlMs?: number
  /** A label that other hosts see, at most 64 bytes of UTF-8. Default the process title, cut. */
  owner?: string
  /** Aborting it rejects the claim with the signal's reason. */
  signal?: AbortSignal
  /** The longest time to wait, in milliseconds, 0..2^31-1; default no limit. */
  timeoutMs?: number
}

/** What a task of `run` of a `ClusterContest` gets. */
export interface ClusterRunContext {
  /** Aborted when the lease is lost, or when the caller's signal is. Pass it to everything that the task waits for. */
  readonly signal: AbortSignal
  /** The fencing token, 1..2^53-1: higher than those of all earlier holders on all hosts. */
  readonly token: number
}

const claimKeys = ['ttlMs', 'owner', 'signal', 'timeoutMs']

/** A lock of several hosts that was granted. */
export class ClusterGuard implements AsyncDisposable {
  /** The subject that is held. */
  readonly subject: Subject
  readonly #guard: Guard
  readonly #lease: Lease
  #signal: AbortSignal | undefined

  /** @internal */
  constructor(subject: Subject, guard: Guard, lease: Lease) {
    this.subject = subject
    this.#guard = guard
    this.#lease = lease
  }

  /**
   * The fencing token, 1..2^53-1: higher than those of all earlier guards of this subject on all hosts. Send it with
   * every write, and let a `Fence` at the resource compare it.
   */
  get token(): number {
    return this.#lease.token
  }

  /**
   * Whether this guard still holds the subject, as far as this host knows. The answer may be out of date when you use
   * it: the process may be stopped in between. Only the token protects a resource then.
   */
  get held(): boolean {
    return this.#lease.held && this.#guard.held
  }

  /** Aborted when the lease has ended without `release`. The reason is a BridgeError ERR_ORBIT_BRIDGE_LOST. */
  get signal(): AbortSignal {
    if (this.#signal === undefined) {
      const abort = new AbortController()
      const onAbort = () => {
        const text = `the lock ${JSON.stringify(this.subject.label)} (token ${this.token}) was lost: its lease was not renewed in time`
        abort.abort(new BridgeError('ERR_ORBIT_BRIDGE_LOST', text))
      }
      for (const each of [this.#lease.signal, this.#guard.signal]) {
        if (each.aborted) onAbort()
        else each.addEventListener('abort', onAbort, { once: true })
      }
      this.#signal = abort.signal
    }
    return this.#signal
  }

  /**
   * Releases the lock: on this host, and for the others. In the process that holds the bridge it resolves when the
   * server has it, and in another process when that one has the request to tell the server; it waits two seconds at
   * most for such a process. If the server cannot be reached, or that process is killed before, the lock becomes free
   * when the lease expires. Never rejects. Idempotent.
   */
  async release(): Promise<void> {
    await this.#lease.release()
    this.#guard.release()
  }

  /** Calls `release()`, for `await using`. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.release()
  }
}

/**
 * Locks for several hosts, made by `bridge.contest`. A claim first wins the contest of its own host, in shared memory,
 * and then a lease on the server. Between hosts a lock is a lease: a holder that is stopped for longer than its lease
 * does not know that it has lost it. So there can be two holders for a moment, but never two writers that a `Fence`
 * admits: send `token` with every write.
 */
export class ClusterContest {
  readonly #contest: Contest
  readonly #desk: () => Desk
  readonly #host: string

  /** @internal */
  constructor(contest: Contest, desk: () => Desk, host: string) {
    this.#contest = contest
    this.#desk = desk
    this.#host = host
  }

  /**
   * Claims a subject in all hosts, and waits while another process of any host holds it.
   *
   * @param subject a label, or a label with a kind
   * @throws TypeError or RangeError for wrong arguments; BridgeError ERR_ORBIT_BRIDGE_TIMEOUT; the signal's reason;
   *   what `claim` of a Contest throws. While the server cannot be reached it waits.
   */
  async claim(subject: string | Subject, options: ClusterClaimOptions = {}): Promise<ClusterGuard> {
    const { ttlMs, owner, signal, timeoutMs } = checkedOptions(options)
    const wanted = subjectOf(subject)
    const limit = timeLimit(signal, timeoutMs)
    let holder: LeaseHolder | undefined
    try {
      const guard = await this.#contest.claim(wanted, { ttlMs: 'life', owner, signal: limit.signal })
      try {
        const request = { key: keyOf(wanted), host: this.#host, owner, ttlMs, signal: limit.signal }
        const lease = await Lease.take(this.#desk(), request, (each) => {
          holder = each
          return true
        })
        return new ClusterGuard(wanted, guard, lease as Lease)
      } catch (error) {
        guard.release()
        throw error
      }
    } catch (error) {
      throw limit.isOver ? timeoutError(wanted, timeoutMs as number, holder) : error
    } finally {
      limit.end()
    }
  }

  /**
   * Claims a subject in all hosts unless another process of any host holds it.
   *
   * @param subject a label, or a label with a kind
   * @returns the guard, or undefined: it is held
   * @throws TypeError or RangeError for wrong arguments; the signal's reason; BridgeError ERR_ORBIT_BRIDGE_TIMEOUT if
   *   the server cannot be reached within `timeoutMs`; what `tryClaim` of a Contest throws
   */
  async tryClaim(subject: string | Subject, options: ClusterClaimOptions = {}): Promise<ClusterGuard | undefined> {
    const { ttlMs, owner, signal, timeoutMs } = checkedOptions(options)
    const wanted = subjectOf(subject)
    const result = this.#contest.tryClaim(wanted, { ttlMs: 'life', owner })
    if (!('guard' in result)) return undefined
    const limit = timeLimit(signal, timeoutMs)
    let lease: Lease | undefined
    try {
      const request = { key: keyOf(wanted), host: this.#host, owner, ttlMs, signal: limit.signal }
      lease = await Lease.take(this.#desk(), request, () => false)
      return lease && new ClusterGuard(wanted, result.guard, lease)
    } catch (error) {
      throw limit.isOver ? timeoutError(wanted, timeoutMs as number, undefined) : error
    } finally {
      if (lease === undefined) result.guard.release()
      limit.end()
    }
  }

  /**
   * Claims a subject in all hosts, waiting for it if necessary, runs a task, and releases the subject.
   *
   * @param subject a label, or a label with a kind
   * @param task called with a signal that is aborted when the lease is lost, and the fencing token
   * @returns what the task returns
   * @throws what the task throws; BridgeError ERR_ORBIT_BRIDGE_LOST if the lease was lost before the task ended; what
   *   `claim` throws
   */
  async run<T>(
    subject: string | Subject,
    options: ClusterClaimOptions,
    task: (context: ClusterRunContext) => T | PromiseLike<T>,
  ): Promise<T> {
    if (typeof task !== 'function') throw wrongType('task', task, 'a function')
    const guard = await this.claim(subject, options)
    try {
      const { signal } = options
      const value = await task({
        signal: signal === undefined ? guard.signal : AbortSignal.any([guard.signal, signal]),
        token: guard.token,
      })
      if (!guard.held) guard.signal.throwIfAborted()
      return value
    } finally {
      await guard.release()
    }
  }
}

function checkedOptions(options: ClusterClaimOptions) {
  checkOptions('options', options, claimKeys)
  const { ttlMs = 10_000, owner = process.title.slice(0, 16), signal, timeoutMs } = options
  checkInteger('ttlMs', ttlMs, 500, longestTtlMs)
  checkName('owner', owner, 64)
  checkSignal(signal)
  if (timeoutMs !== undefined) checkInteger('timeoutMs', timeoutMs, 0, 0x7fffffff)
  return { ttlMs, owner, signal, timeoutMs }
}

function subjectOf(subject: string | Subject): Subject {
  if (typeof subject === 'string') return { kind: 0, label: subject }
  return subject // the contest of this host checks it
}

const keyOf = ({ kind = 0, label }: Subject): string => `lock.${kind}.${Buffer.from(label).toString('base64url')}`

/** A signal that is aborted with the caller's signal, and after a time. */
function timeLimit(signal: AbortSignal | undefined, timeoutMs: number | undefined) {
  const abort = new AbortController()
  const limit = { signal: abort.signal, isOver: false, end: () => {} }
  const onAbort = () => abort.abort(signal?.reason)
  const onTime = () => {
    limit.isOver = true
    abort.abort(new Error('the time is up'))
  }
  const timer = timeoutMs === undefined ? undefined : runtime.setTimeout(onTime, timeoutMs)
  if (signal?.aborted) onAbort()
  signal?.addEventListener('abort', onAbort, { once: true })
  limit.end = () => {
    runtime.clearTimeout(timer)
    signal?.removeEventListener('abort', onAbort)
  }
  return limit
}

function timeoutError({ label }: Subject, timeoutMs: number, holder: LeaseHolder | undefined): Error {
  const who =
    holder === undefined
      ? 'a process of this host holds it, or the server cannot be reached'
      : `${holder.owner} of host ${holder.host} holds it`
  const text = `subject=${JSON.stringify(label)} must become free within timeoutMs=${timeoutMs}, but ${who}: wait longer, or try again`
  return new BridgeError('ERR_ORBIT_BRIDGE_TIMEOUT', text)
}
