import type { ActorLog } from '../actor/actor.js'
import type { Clock, ClockTimer } from '../base/clock.js'
import type { Ending } from '../base/wire.js'
import type { StoreChange, StoredAlarm } from '../store/store.js'
import { AlarmTurn, retryOf } from './alarmturn.js'
import type { Commits } from './commits.js'
import type { Turn } from './turn.js'

/** The most alarms that are read at a time. */
const pageSize = 256
/** The longest time for which a timer is set: the wall clock may be set. */
const longestWaitMs = 60_000
/** How long to wait when the store makes no changes. */
const pauseMs = 1000

/** Runs a turn of an actor. */
export type RunTurn = (type: string, key: string, turn: Turn) => void

/** The alarms of one partition: fires those that are due. */
export class Alarms {
  readonly #commits: Commits
  readonly #clock: Clock
  readonly #log: ActorLog
  readonly #run: RunTurn
  /** Those that fire now. */
  readonly #firing = new Set<string>()
  #timer: ClockTimer | undefined
  #nextMs = Number.POSITIVE_INFINITY
  #isLooking = false
  #mustLookAgain = false
  #isStopped = false

  constructor(commits: Commits, clock: Clock, log: ActorLog, run: RunTurn) {
    this.#commits = commits
    this.#clock = clock
    this.#log = log
    this.#run = run
    this.#setTimer(clock.date())
  }

  /** These changes were made. */
  noteChanges(changes: readonly StoreChange[]): void {
    for (const change of changes) if (change.kind === 'alarm') this.#setTimer(change.alarm.atMs)
  }

  #setTimer(atMs: number): void {
    if (this.#isStopped || atMs >= this.#nextMs) return
    this.#clock.clearTimeout(this.#timer)
    this.#nextMs = atMs
    const waitMs = Math.max(0, Math.min(atMs - this.#clock.date(), longestWaitMs))
    this.#timer = this.#clock.setTimeout(() => void this.#look(), waitMs, false)
  }

  async #look(): Promise<void> {
    this.#nextMs = Number.POSITIVE_INFINITY
    if (this.#isStopped) return
    if (this.#isLooking) {
      this.#mustLookAgain = true
      return
    }
    this.#isLooking = true
    try {
      const read = this.#commits.store.alarms(pageSize + this.#firing.size)
      const alarms = read instanceof Promise ? await read : read
      if (!this.#isStopped) this.#fireAll(alarms)
    } catch (error) {
      this.#log.error('the alarms of a partition cannot be read:', error)
      this.#setTimer(this.#clock.date() + longestWaitMs)
    }
    this.#isLooking = false
    if (this.#mustLookAgain) this.#setTimer(this.#clock.date())
    this.#mustLookAgain = false
  }

  #fireAll(alarms: readonly StoredAlarm[]): void {
    const now = this.#clock.date()
    for (const alarm of alarms) {
      if (alarm.atMs > now) {
        this.#setTimer(alarm.atMs)
        return
      }
      const id = JSON.stringify([alarm.type, alarm.key, alarm.name])
      if (!this.#firing.has(id)) this.#fire(id, alarm)
    }
    // Those that are due after this page come when one of it has ended.
  }

  #fire(id: string, alarm: StoredAlarm): void {
    this.#firing.add(id)
    const now = () => this.#clock.date()
    this.#run(alarm.type, alarm.key, new AlarmTurn(alarm, now, (ending) => this.#ended(id, alarm, ending)))
  }

  #ended(id: string, alarm: StoredAlarm, ending: Ending): void {
    if (this.#isStopped) return
    const over = (failure?: unknown) => {
      this.#firing.delete(id)
      this.#setTimer(this.#clock.date() + (failure === undefined ? 0 : pauseMs))
    }
    const actor = `${alarm.type}/${alarm.key}`
    if (ending.how === 'threw') {
      this.#log.error(actor, `the alarm ${alarm.name} failed, and is tried again:`, ending.failure.stack)
    }
    if (ending.how !== 'refused') {
      over()
      return
    }
    // It has not run, or its changes were not kept.
    this.#log.error(actor, `the alarm ${alarm.name} could not fire, and is tried again:`, ending.refusal.message)
    this.#commits.add([{ kind: 'alarm', alarm: retryOf(alarm, this.#clock.date()) }]).wait(over)
  }

  /** Fires none from now on. */
  stop(): void {
    this.#isStopped = true
    this.#clock.clearTimeout(this.#timer)
  }
}
