import type { ActorLog } from '../actor/actor.js'
import { type Clock, type ClockTimer, hostClock } from '../base/clock.js'
import { reasonOf } from '../base/errors.js'
import { type Eventually, type PartitionStore, type StoreChange, StoreError } from '../store/store.js'
import { nextRound } from './commitround.js'
import type { Message } from './draft.js'
import { type CommitCounts, newCounts, type Tally } from './tally.js'

/** Called once a commit has ended: with undefined, or with why it failed. */
export type OnCommit = (failure: StoreError | undefined) => void

/** The changes of several turns, which take effect together. */
export class CommitGroup {
  readonly changes: StoreChange[] = []
  readonly #waiting: OnCommit[] = []
  #failure: StoreError | undefined
  isOver = false
  /** How many turns have added to it. */
  turns = 0

  /** Calls `onEnd` when the commit of the group has ended; at once, if it has. */
  wait(onEnd: OnCommit): void {
    if (this.isOver) onEnd(this.#failure)
    else this.#waiting.push(onEnd)
  }

  /** The commit has ended. What one of those that wait throws harms no other, nor does a log that throws. */
  end(failure: StoreError | undefined, log: ActorLog): void {
    this.isOver = true
    this.#failure = failure
    for (const onEnd of this.#waiting.splice(0)) follow(() => onEnd(failure), log)
  }
}

/** Does what follows from a commit. The next commit must not depend on whether it fails. */
function follow(run: () => void, log: ActorLog): void {
  try {
    run()
  } catch (error) {
    report(log, 'what follows from a commit of actors has failed:', error)
  }
}

/** Writes to a log that may throw. */
function report(log: ActorLog, ...values: unknown[]): void {
  try {
    log.error(...values)
  } catch {
    // There is no other place to say so.
  }
}

/** What a partition does when a commit has ended. */
export interface CommitListener {
  /** These changes were made. */
  committed(changes: readonly StoreChange[]): void
  /** It is not known whether changes were made: the data must be opened anew. */
  unknown(): void
}

/** A commit that takes longer is worth a pause before the next one, and how long that is. */
const [slowMs, pauseMs] = [0.5, 1]

/**
 * The commits of one partition, one at a time. Turns that end while one is under way, or in one turn of the event loop,
 * share the next one. What leaves a turn waits for its commit: see `CommitGroup.wait`.
 *
 * Callers that a commit has answered call again a moment later. If commits are slow, the next one waits for them: else
 * two halves of the callers would take turns, and a sync would serve only half of them.
 */
export class Commits {
  readonly store: PartitionStore
  /** Since the data was opened. */
  readonly counts: CommitCounts = newCounts()
  readonly #log: ActorLog
  readonly #tally: Tally
  readonly #listener: CommitListener
  readonly #clock: Clock
  /** So many turns may share the next commit; 1: it is not worth a pause. */
  #expected = 1
  /** The pause before the next commit. */
  #pause: ClockTimer
  #sequence: number
  #open = new CommitGroup()
  #isScheduled = false
  #isCommitting = false
  #isClosed = false
  #onIdle: (() => void)[] = []

  /** @param clock for the pause between commits: that of the host, also where actors have a virtual one */
  constructor(store: PartitionStore, log: ActorLog, tally: Tally, listener: CommitListener, clock = hostClock) {
    this.store = store
    this.#log = log
    this.#tally = tally
    this.#listener = listener
    this.#clock = clock
    this.#sequence = store.lastSequence
  }

  /** Gives a message of the outbox its number. */
  numbered(message: Message, from: string): StoreChange {
    const sequence = ++this.#sequence
    return { kind: 'message', message: { ...message, from, sequence, id: `${this.store.token}.${sequence}` } }
  }

  /** Adds changes to the next commit, and returns its group. */
  add(changes: readonly StoreChange[]): CommitGroup {
    const group = this.#open
    if (this.#isClosed || group.isOver) return group // a closed one never ends, as after the death of the process
    for (const change of changes) group.changes.push(change)
    group.turns++
    if (this.#pause !== undefined && group.turns >= this.#expected) this.#endPause()
    if (!this.#isScheduled && !this.#isCommitting) this.#schedule()
    return group
  }

  /** Whether changes can still be added to a group. */
  isOpen(group: CommitGroup | undefined): boolean {
    return group === this.#open
  }

  #schedule(): void {
    this.#isScheduled = true
    if (this.#open.turns < this.#expected) {
      this.#pause = this.#clock.setTimeout(() => this.#endPause(), pauseMs, true)
      return
    }
    nextRound(() => {
      this.#isScheduled = false
      this.#commit()
    })
  }

  #endPause(): void {
    this.#clock.clearTimeout(this.#pause)
    this.#pause = undefined
    this.#expected = 1
    this.#schedule()
  }

  #commit(): void {
    if (this.#isClosed || this.#isCommitting) return
    const group = this.#open
    if (group.isOver) return
    this.#open = new CommitGroup()
    this.#isCommitting = true
    const begunMs = this.#clock.now()
    const made = this.#made(group)
    if (!(made instanceof Promise)) this.#ended(group, this.#clock.now() - begunMs, made)
    else void made.then((failure) => this.#ended(group, this.#clock.now() - begunMs, failure))
  }

  /** Why the changes of a group could not be made; undefined: they are. */
  #made({ changes }: CommitGroup): Eventually<StoreError | undefined> {
    try {
      const committed = this.store.commit(changes)
      return committed === undefined ? undefined : failureIn(committed)
    } catch (thrown) {
      return storeErrorOf(thrown)
    }
  }

  #ended(group: CommitGroup, ms: number, failure: StoreError | undefined): void {
    if (this.#isClosed) return
    if (failure === undefined) this.#succeeded(group, ms)
    else this.#failed(group, failure)
    this.#isCommitting = false
    this.#expected = ms < slowMs ? 1 : group.turns + this.#open.turns
    if (this.#open.changes.length > 0) this.#schedule()
    else for (const resolve of this.#onIdle.splice(0)) resolve()
  }

  #succeeded(group: CommitGroup, ms: number): void {
    for (const counts of [this.counts, this.#tally.commits]) {
      counts.commits++
      counts.changes += group.changes.length
      counts.totalMs += ms
      counts.longestMs = Math.max(counts.longestMs, ms)
    }
    group.end(undefined, this.#log)
    follow(() => this.#listener.committed(group.changes), this.#log)
  }

  #failed(group: CommitGroup, error: StoreError): void {
    this.counts.failures++
    this.#tally.commits.failures++
    report(this.#log, 'a commit of actors has failed:', error)
    // What has been added since builds on what was lost.
    const next = this.#open
    this.#open = new CommitGroup()
    const lost = new StoreError(error.message, 'rolled-back', { cause: error })
    if (error.outcome === 'unknown') this.#open.end(lost, this.#log) // and so will all be that is added from now on
    group.end(error, this.#log)
    next.end(lost, this.#log)
    if (error.outcome === 'unknown') follow(() => this.#listener.unknown(), this.#log)
  }

  /** Resolves once all that was added has been committed, or has failed. */
  async idle(): Promise<void> {
    while (!this.#isClosed && (this.#isCommitting || this.#open.changes.length > 0)) {
      await new Promise<void>((resolve) => this.#onIdle.push(resolve))
    }
  }

  /** Makes what was added, and closes the data. */
  async close(): Promise<void> {
    await this.idle()
    if (this.#isClosed) return
    this.#isClosed = true
    await this.#closeStore()
  }

  /** Closes the data. A store that fails to is left to itself: it lets no other process open what it holds. */
  async #closeStore(): Promise<void> {
    try {
      await this.store.close()
    } catch (error) {
      report(this.#log, 'the data of a partition of actors could not be closed:', error)
    }
  }

  /** Closes the data at once: what was not committed is lost, as with the death of the process. */
  abandon(): void {
    if (this.#isClosed) return
    this.#isClosed = true
    for (const resolve of this.#onIdle.splice(0)) resolve()
    void this.#closeStore()
  }
}

async function failureIn(committed: PromiseLike<void>): Promise<StoreError | undefined> {
  try {
    await committed
    return undefined
  } catch (thrown) {
    return storeErrorOf(thrown)
  }
}

/** It throws for nothing: other partitions wait in the same round. */
function storeErrorOf(thrown: unknown): StoreError {
  try {
    if (thrown instanceof StoreError && typeof thrown.message === 'string' && isOutcome(thrown.outcome)) return thrown
  } catch {
    // its getters throw
  }
  return new StoreError(reasonOf(thrown), 'unknown', { cause: thrown })
}

const isOutcome = (outcome: unknown): boolean => outcome === 'rolled-back' || outcome === 'unknown'
