/** Which entries `list` returns; all conditions must hold. */
export interface ListOptions {
  /** Entries with names that begin with it. */
  prefix?: string
  /** Entries from this name on. */
  start?: string
  /** Entries before this name. */
  end?: string
  /** The most entries, 1..2^31-1; default all. */
  limit?: number
  /** From the last name to the first; default false. */
  reverse?: boolean
}

/**
 * Entries of an actor by name that outlive its process. Values are what structured clone takes, and each `get` returns
 * a copy. All changes of a method take effect together when it has returned, and its result leaves after that. If it
 * throws, none takes effect. The entries of an actor are in memory while it is active: for much data use several
 * actors.
 */
export interface ActorStorage<State> {
  /** The value of an entry; undefined: there is none. */
  get<Name extends keyof State & string>(name: Name): State[Name] | undefined
  /**
   * Sets an entry.
   *
   * @param name 1..1024 bytes of UTF-8
   * @param value what structured clone takes, but undefined
   * @throws TypeError or RangeError for wrong arguments, outside a turn of the actor, and in a method of `readonly`;
   *   DataCloneError for a value that cannot be kept
   */
  put<Name extends keyof State & string>(name: Name, value: State[Name]): void
  /** Deletes an entry; false: there is none. Throws as `put` does. */
  delete(name: keyof State & string): boolean
  /** Deletes all entries. Throws as `put` does. */
  deleteAll(): void
  /** Entries in the order of their names, which is that of their UTF-16 code units. */
  list<Name extends keyof State & string>(options?: ListOptions): Map<Name, State[Name]>
}

/** An alarm, as `onAlarm` is given it. */
export interface Alarm {
  /** The name under which it was set. */
  readonly name: string
  /** When it was to fire. It may be late: the process was ended, or busy. */
  readonly scheduledAt: Date
  /** How often `onAlarm` has failed for this time before. */
  readonly attempt: number
}

/** When an alarm fires: once at a time, or each time that a cron pattern names. */
export type AlarmTime = Date | number | CronTime

/** A cron pattern of 5 fields, or of 6 with seconds first. */
export interface CronTime {
  /** The pattern, such as '0 3 * * *'. */
  readonly cron: string
  /** An IANA time zone, such as 'Europe/Berlin'; default that of the process. */
  readonly zone?: string
}

/** An alarm that is set. */
export interface AlarmEntry {
  /** The name that `setAlarm` was given. */
  readonly name: string
  /** When the alarm fires next. */
  readonly at: Date
}
