import type { Outcome } from '../base/errors.js'

/** A value, or a promise of it: a store may answer at once or later. */
export type Eventually<T> = T | Promise<T>

/** An alarm as a store keeps it. */
export interface StoredAlarm {
  /** The type of the actor. */
  readonly type: string
  /** The key of the actor. */
  readonly key: string
  /** The name of the alarm, which tells the alarms of an actor apart. */
  readonly name: string
  /** When it is due, in milliseconds since 1970. */
  readonly atMs: number
  /** The time that it was set for, in milliseconds since 1970; earlier than `atMs` while it is tried again. */
  readonly scheduledMs: number
  /** How often it has been tried and has failed since. */
  readonly attempt: number
  /** The cron pattern and time zone by which it is set anew; '' for an alarm that fires once. */
  readonly cron: string
  /** The IANA time zone of `cron`; '' for that of the process. */
  readonly zone: string
}

/** A message of the outbox as a store keeps it. */
export interface StoredMessage {
  /** The number of the message, 1..2^53-1, which grows within a partition. */
  readonly sequence: number
  /** Tells it apart from all other messages that its partition has ever had. */
  readonly id: string
  /** The actor that sent it: its type, "/", and its key. */
  readonly from: string
  /** The type of the actor that it is for. */
  readonly type: string
  /** The key of the actor that it is for. */
  readonly key: string
  /** The method to call. */
  readonly method: string
  /** The arguments, serialized. */
  readonly args: Uint8Array
}

/** What a store keeps of one actor, except replies and messages. */
export interface StoredActor {
  /** The version of the class that wrote it, 1..2^31-1. */
  readonly version: number
  /** The entries of `ctx.storage` by name, serialized. */
  readonly entries: readonly (readonly [name: string, value: Uint8Array])[]
  /** The alarms of the actor. */
  readonly alarms: readonly StoredAlarm[]
}

/** One change of a commit. All changes of a commit take effect together, in their order. */
export type StoreChange =
  | { readonly kind: 'actor'; readonly type: string; readonly key: string; readonly version: number }
  | {
      readonly kind: 'entry'
      readonly type: string
      readonly key: string
      readonly name: string
      /** undefined: the entry is deleted. */
      readonly value: Uint8Array | undefined
    }
  | { readonly kind: 'alarm'; readonly alarm: StoredAlarm }
  | { readonly kind: 'no alarm'; readonly type: string; readonly key: string; readonly name: string }
  | {
      readonly kind: 'reply'
      readonly type: string
      readonly key: string
      readonly idempotencyKey: string
      readonly reply: Uint8Array
      /** When, in milliseconds since 1970. */
      readonly atMs: number
    }
  /** A page of the database of an actor. */
  | {
      readonly kind: 'page'
      readonly type: string
      readonly key: string
      /** The number of the page, 1..32,768. */
      readonly page: number
      /** 4096 bytes. */
      readonly bytes: Uint8Array
    }
  /** The pages with higher numbers than `after` are deleted. */
  | { readonly kind: 'no pages'; readonly type: string; readonly key: string; readonly after: number }
  | { readonly kind: 'no replies'; readonly beforeMs: number }
  | { readonly kind: 'message'; readonly message: StoredMessage }
  | { readonly kind: 'no message'; readonly sequence: number }

/** How much a store keeps of a partition. */
export interface StoredCounts {
  /** Actors. */
  readonly actors: number
  /** Alarms that are set. */
  readonly alarms: number
  /** When the first alarm is due, in milliseconds since 1970; undefined: none is set. */
  readonly nextAlarmMs: number | undefined
  /** Messages of the outbox that have not been taken. */
  readonly messages: number
  /** Replies that are kept for their idempotency keys. */
  readonly replies: number
  /** The size of its files, in bytes. */
  readonly bytes: number
}

/**
 * The data of one partition, open in one process. Only one call of `commit` is open at a time. A partition that has
 * failed, as StoreError tells, is closed and opened anew.
 */
export interface PartitionStore {
  /** The fencing token of this opening: higher than those of all earlier ones, in any process. */
  readonly token: number
  /** The highest number of its messages when it was opened; 0: there were none. */
  readonly lastSequence: number
  /** The highest version of each class of which it had state when it was opened, by the type of the actors. */
  readonly versions: ReadonlyMap<string, number>
  /** What is kept of an actor; undefined: nothing. */
  read(type: string, key: string): Eventually<StoredActor | undefined>
  /**
   * The pages of the database of an actor, in the order of their numbers; none: it has none. Absent: the store keeps no
   * databases.
   */
  pages?(type: string, key: string): Eventually<readonly Uint8Array[]>
  /** The reply that was kept for an idempotency key of an actor; undefined: none. */
  reply(type: string, key: string, idempotencyKey: string): Eventually<Uint8Array | undefined>
  /** The alarms that are due first, at most `limit`, the earliest first. */
  alarms(limit: number): Eventually<readonly StoredAlarm[]>
  /** Messages with higher numbers than `after`, at most `limit`, in order. */
  messages(after: number, limit: number): Eventually<readonly StoredMessage[]>
  /**
   * Makes changes, all or none, and returns or resolves once they would outlive what the store protects from.
   *
   * @throws StoreError with what became of the changes; another error counts as 'unknown'
   */
  commit(changes: readonly StoreChange[]): Eventually<void>
  /** How much is kept. It may take long: it is called for inspection only. */
  counts(): Eventually<StoredCounts>
  /**
   * Copies the data, as it is at one instant, into a folder that the store can open in place of its own. Absent: the
   * store makes no backups.
   *
   * @param folder an absolute path; a folder that has data of the partition is left as it is
   * @returns the size of the copy, in bytes
   * @throws Error when the copy could not be made
   */
  backup?(folder: string): Promise<number>
  /** Closes the data, and lets other processes open it. */
  close(): Eventually<void>
}

/** Where the state of actors is kept. */
export interface Store {
  /**
   * Opens the data of a partition, which only one process has open at a time.
   *
   * @param system the name of the actor system
   * @param partition 0..255
   * @param token the token of the claim under which it is opened; that of the partition must not be lower
   * @returns undefined: another process has it open
   */
  open(system: string, partition: number, token: number): Eventually<PartitionStore | undefined>
  /** The process that has, or had last, a partition open, for messages; undefined: not known. */
  holder?(system: string, partition: number): string | undefined
}

/** What a store throws when it could not make changes, or cannot read. */
export class StoreError extends Error {
  /**
   * What became of the changes. 'rolled-back': none was made. 'unknown': they may be there or not, and the partition
   * must be opened anew.
   */
  readonly outcome: Extract<Outcome, 'rolled-back' | 'unknown'>

  /** Makes an error of a store. */
  constructor(message: string, outcome: 'rolled-back' | 'unknown', options?: { cause?: unknown }) {
    super(message, options)
    this.name = 'StoreError'
    this.outcome = outcome
  }
}
