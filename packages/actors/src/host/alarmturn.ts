import type { Actor } from '../actor/actor.js'
import type { Ending } from '../base/wire.js'
import type { StoredAlarm } from '../store/store.js'
import { nextTime } from './alarmtime.js'
import { Draft } from './draft.js'
import { Turn } from './turn.js'

/** The pause before the first try after a failure, and the longest one. */
const [firstPauseMs, longestPauseMs] = [1000, 300_000]

/** What an actor knows of its alarms. */
interface AlarmTable {
  alarm(name: string): StoredAlarm | undefined
}

/** The alarm after a failure: it is tried again, each time later. */
export function retryOf(alarm: StoredAlarm, nowMs: number): StoredAlarm {
  const pauseMs = Math.min(firstPauseMs * 2 ** Math.min(alarm.attempt, 20), longestPauseMs)
  return { ...alarm, atMs: nowMs + pauseMs, attempt: alarm.attempt + 1 }
}

/** A firing of an alarm. */
export class AlarmTurn extends Turn {
  readonly method = 'onAlarm'
  readonly chain: readonly string[] = []
  readonly callId = ''
  readonly deadlineMs = Number.POSITIVE_INFINITY
  readonly #alarm: StoredAlarm
  readonly #now: () => number
  readonly #onEnd: (ending: Ending) => void

  constructor(alarm: StoredAlarm, now: () => number, onEnd: (ending: Ending) => void) {
    super()
    this.#alarm = alarm
    this.#now = now
    this.#onEnd = onEnd
  }

  override get alarm(): this {
    return this
  }

  get args(): readonly unknown[] {
    const { name, scheduledMs, attempt } = this.#alarm
    return [{ name, scheduledAt: new Date(scheduledMs), attempt }]
  }

  begin(): boolean {
    return true
  }

  invoke(actor: Actor): unknown {
    const { onAlarm } = actor as { onAlarm?: (...args: readonly unknown[]) => unknown }
    if (onAlarm === undefined) throw new Error(`${this.#alarm.type} has no onAlarm`)
    return onAlarm.apply(actor, this.args as unknown[])
  }

  end(ending: Ending): void {
    this.#onEnd(ending)
  }

  /** Whether it is still set as it was when it fired. */
  isCurrent(table: AlarmTable): boolean {
    const { name, atMs, scheduledMs } = this.#alarm
    const now = table.alarm(name)
    return now?.atMs === atMs && now.scheduledMs === scheduledMs
  }

  /** What its turn has changed, and its own end: it is gone, or set for the next time of its pattern. */
  afterReturn(table: AlarmTable, draft: Draft | undefined): Draft | undefined {
    const { name, cron, zone, scheduledMs } = this.#alarm
    if (draft?.alarms.has(name) === true || !this.isCurrent(table)) return draft
    const changed = draft ?? new Draft()
    const atMs = cron === '' ? undefined : nextTime(cron, zone, Math.max(this.#now(), scheduledMs))
    changed.setAlarm(name, atMs === undefined ? undefined : { ...this.#alarm, atMs, scheduledMs: atMs, attempt: 0 })
    return changed
  }

  /** It has failed, and is tried again; undefined: it was taken back. */
  afterFailure(table: AlarmTable): Draft | undefined {
    if (!this.isCurrent(table)) return undefined
    const draft = new Draft()
    draft.setAlarm(this.#alarm.name, retryOf(this.#alarm, this.#now()))
    return draft
  }
}
