import type { StoreChange, StoredAlarm, StoredMessage } from '../store/store.js'

/** A message of the outbox that has no number yet. */
export type Message = Omit<StoredMessage, 'sequence' | 'id' | 'from'>

/** What one turn has changed, before it has ended. */
export class Draft {
  /** By name; undefined: the entry is deleted. */
  readonly entries = new Map<string, Uint8Array | undefined>()
  /** By name; undefined: the alarm is taken back. */
  readonly alarms = new Map<string, StoredAlarm | undefined>()
  readonly messages: Message[] = []
  /** What leaves once it is committed. */
  readonly leaving: (() => void)[] = []

  get isEmpty(): boolean {
    return this.entries.size === 0 && this.alarms.size === 0 && this.messages.length === 0
  }

  /** What a store is given, but the messages. */
  changesOf(type: string, key: string): StoreChange[] {
    const changes: StoreChange[] = []
    for (const [name, value] of this.entries) changes.push({ kind: 'entry', type, key, name, value })
    for (const [name, alarm] of this.alarms) {
      changes.push(alarm === undefined ? { kind: 'no alarm', type, key, name } : { kind: 'alarm', alarm })
    }
    return changes
  }
}
