import type { ActorDatabase } from '../store/actordatabase.js'
import type { ChangedPages } from '../store/sqlitelog.js'
import type { StoredAlarm, StoredMessage } from '../store/store.js'

/** A message of the outbox that has no number yet. */
export type Message = Omit<StoredMessage, 'sequence' | 'id' | 'from'>

const noAlarms: ReadonlyMap<string, StoredAlarm | undefined> = new Map()

/** What one turn has changed, before it has ended. Most turns set entries, and nothing else. */
export class Draft {
  /** By name; undefined: the entry is deleted. */
  readonly entries = new Map<string, Uint8Array | undefined>()
  /** That in which it has a transaction. */
  database: ActorDatabase | undefined
  /** What the transaction has changed, once it has been committed. */
  pages: ChangedPages | undefined
  /** Whether a statement may have changed the database. */
  isDirty = false
  #alarms: Map<string, StoredAlarm | undefined> | undefined
  #messages: Message[] | undefined
  #leaving: (() => void)[] | undefined

  /** By name; undefined: the alarm is taken back. */
  get alarms(): ReadonlyMap<string, StoredAlarm | undefined> {
    return this.#alarms ?? noAlarms
  }

  /** Sets an alarm, or takes it back. */
  setAlarm(name: string, alarm: StoredAlarm | undefined): void {
    this.#alarms ??= new Map()
    this.#alarms.set(name, alarm)
  }

  /** Another turn has set the alarm since, or has taken it back. */
  forgetAlarm(name: string): void {
    this.#alarms?.delete(name)
  }

  get messages(): readonly Message[] {
    return this.#messages ?? []
  }

  addMessage(message: Message): void {
    this.#messages ??= []
    this.#messages.push(message)
  }

  /** What leaves once it is committed. */
  get leaving(): readonly (() => void)[] {
    return this.#leaving ?? []
  }

  leaveLater(send: () => void): void {
    this.#leaving ??= []
    this.#leaving.push(send)
  }

  get isEmpty(): boolean {
    return this.entries.size + this.alarms.size + this.messages.length === 0 && this.pages === undefined
  }

  /** Ends its transaction; nothing of it is kept. */
  rollBack(): void {
    this.database?.rollBack()
    this.database = undefined
  }

  /** Commits its transaction. Throws if that cannot be; then nothing of it is kept. */
  commit(): void {
    try {
      this.pages = this.database?.commit()
    } catch (error) {
      this.rollBack()
      throw error
    }
    this.database = undefined
  }
}
