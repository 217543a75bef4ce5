import type { ActorLog } from '../actor/actor.js'
import type { Clock, ClockTimer } from '../base/clock.js'
import type { PartitionStore, StoreChange } from '../store/store.js'
import { Alarms, type RunTurn } from './alarms.js'
import { type CommitListener, Commits } from './commits.js'
import { Outbox, type SendMessage } from './outbox.js'
import { type PartitionState, stateOf } from './partitionstate.js'
import type { Tally } from './tally.js'

/** How often old replies are removed. */
const sweepMs = 60_000

/** What the durable part of a partition needs of it. */
export interface DurableHome {
  readonly clock: Clock
  readonly log: ActorLog
  /** How long replies are kept for their idempotency keys, in milliseconds. */
  readonly keepRepliesMs: number
  readonly tally: Tally
  run: RunTurn
  send: SendMessage
  /** It is not known what the store has: it must be opened anew. */
  onUnknown(): void
}

/** The durable part of a partition while this process has its data open: commits, alarms, and the outbox. */
export class Durable implements CommitListener {
  readonly commits: Commits
  readonly #partition: number
  readonly #home: DurableHome
  readonly #alarms: Alarms
  readonly #outbox: Outbox
  #timer: ClockTimer
  /** Until when there may be replies to remove. */
  #repliesUntilMs: number

  constructor(partition: number, store: PartitionStore, home: DurableHome) {
    this.#partition = partition
    this.#home = home
    const { clock, log, tally } = home
    this.commits = new Commits(store, log, tally, this)
    this.#alarms = new Alarms(this.commits, clock, log, (type, key, turn) => home.run(type, key, turn))
    this.#outbox = new Outbox(partition, this.commits, clock, log, (...message) => home.send(...message))
    this.#repliesUntilMs = clock.date() + home.keepRepliesMs + sweepMs
    this.#timer = clock.setTimeout(() => this.#sweep(), sweepMs, false)
  }

  /** What there is to say about its data and its commits. */
  state(): Promise<PartitionState> {
    return stateOf(this.#partition, this.commits)
  }

  /** Copies its data into a folder, and returns the size of the copy in bytes. */
  async backup(folder: string): Promise<number> {
    const { store } = this.commits
    if (store.backup === undefined) throw new Error('the store of these actors makes no backups')
    return store.backup(folder)
  }

  committed(changes: readonly StoreChange[]): void {
    this.#alarms.noteChanges(changes)
    this.#outbox.noteChanges(changes)
    if (changes.some(({ kind }) => kind === 'reply')) {
      this.#repliesUntilMs = this.#home.clock.date() + this.#home.keepRepliesMs + 2 * sweepMs
    }
  }

  unknown(): void {
    this.#home.onUnknown()
  }

  #sweep(): void {
    const { clock, keepRepliesMs } = this.#home
    this.#timer = clock.setTimeout(() => this.#sweep(), sweepMs, false)
    if (clock.date() > this.#repliesUntilMs) return
    this.commits.add([{ kind: 'no replies', beforeMs: clock.date() - keepRepliesMs }])
  }

  /** Fires no alarms and sends no messages from now on. */
  stop(): void {
    this.#alarms.stop()
    this.#outbox.stop()
    this.#home.clock.clearTimeout(this.#timer)
  }

  /** Makes the changes that are left, and closes the data. */
  async close(): Promise<void> {
    this.stop()
    await this.commits.close()
  }

  /** Closes the data at once, as with the death of the process. */
  abandon(): void {
    this.stop()
    this.commits.abandon()
  }
}
