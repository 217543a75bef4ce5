import type { ActorStorage } from '../actor/storage.js'
import { type Ending, failureOf, type Refusal } from '../base/wire.js'
import { ActorDatabase } from '../store/actordatabase.js'
import { libraryKey, type SqlLibrary } from '../store/sqlitedriver.js'
import type { Eventually, PartitionStore, StoreChange, StoredActor, StoredAlarm, StoreError } from '../store/store.js'
import type { Activation } from './activation.js'
import type { CommitGroup, Commits } from './commits.js'
import { Draft } from './draft.js'
import { encodedReply, endingOf, KeptReply, keptOr, readReply } from './keptreply.js'
import { NewerState, UnreadableState } from './refusedstate.js'
import type { Turn } from './turn.js'
import { Unwritten } from './unwritten.js'

type Pages = readonly Uint8Array[]

/** What one activation has in its store: what is committed or on its way there, and the drafts of turns that run. */
export class Ledger {
  readonly #activation: Activation
  readonly #commits: Commits
  readonly #entries = new Map<string, Uint8Array>()
  readonly #alarms = new Map<string, StoredAlarm>()
  readonly #drafts = new Map<Turn, Draft>()
  /** That of onActivate, migrate or onDeactivate while one of them runs. */
  #hookDraft: Draft | undefined
  /** The last group that has changes of this activation. */
  #lastGroup: CommitGroup | undefined
  /** The version that the store has; 0: it has nothing of this actor. */
  readonly #storedVersion: number
  #hasNewVersion: boolean
  /** Replies on their way to the store, by idempotency key. */
  readonly #replies = new Map<string, Uint8Array>()
  /** Keyed calls that run, for classes with several turns at a time. */
  readonly #runningKeys = new Map<string, Promise<unknown>>()
  /** What the last group sets, while it is open. */
  readonly #unwritten: Unwritten
  readonly #database: ActorDatabase | undefined
  #failure: StoreError | undefined

  constructor(activation: Activation, commits: Commits, stored: StoredActor | undefined, pages: Pages | undefined) {
    this.#activation = activation
    this.#commits = commits
    for (const [name, value] of stored?.entries ?? []) this.#entries.set(name, value)
    for (const alarm of stored?.alarms ?? []) this.#alarms.set(alarm.name, alarm)
    this.#storedVersion = stored?.version ?? 0
    this.#hasNewVersion = this.#storedVersion !== activation.type.version
    this.#unwritten = new Unwritten(activation.type.name, activation.key, pages?.length ?? 0)
    if (pages === undefined) return
    const { databases } = activation.home
    const { [libraryKey]: library = databases.library } = commits.store as { readonly [libraryKey]?: SqlLibrary }
    this.#database = new ActorDatabase(library, pages)
    databases.enter(activation)
  }

  /** Reads what is kept of an actor. */
  static open(activation: Activation, commits: Commits): Eventually<Ledger> {
    const { type, key, id } = activation
    const { store } = commits
    const unreadable = (cause: unknown) => new UnreadableState(id, cause)
    try {
      const stored = store.read(type.name, key)
      const pages = type.storage === 'sql' ? pagesOf(store, type.name, key) : undefined
      if (!(stored instanceof Promise || pages instanceof Promise))
        return new Ledger(activation, commits, stored, pages)
      const opened = Promise.all([stored, pages]).then((read) => new Ledger(activation, commits, ...read))
      return opened.catch((error: unknown) => Promise.reject(unreadable(error)))
    } catch (error) {
      throw unreadable(error)
    }
  }

  /** The database, for a statement of the turn or hook that runs. Throws outside of one, and in streams. */
  useDatabase(mayChange: boolean): ActorDatabase {
    const { turn, type } = this.#activation
    const database = this.#database as ActorDatabase
    if (turn?.isStream)
      throw new TypeError(`${turn.method} is a stream, and may not use the database: read in a method`)
    const reader = this.#hookDraft === undefined && type.readonly.has(turn?.method as string) ? turn : undefined
    if (reader !== undefined && !this.#activation.isRunning(reader)) {
      throw new TypeError('the database of an actor can be used only while a method runs')
    }
    const draft = reader === undefined ? this.draft() : this.#draftOf(reader)
    try {
      database.begin()
      database.isReading = reader !== undefined
    } catch (error) {
      this.#activation.restart()
      throw error
    }
    draft.database = database
    draft.isDirty ||= mayChange && reader === undefined
    return database
  }

  /** Brings what an older version of the class has written up to date. Throws for what a newer one has written. */
  migrate({ storage }: { readonly storage: ActorStorage<unknown> }): Eventually<void> {
    const { type, id } = this.#activation
    const from = this.#storedVersion
    if (from > type.version) {
      throw new NewerState(`${id}: its state is of version ${from}, and this process has version ${type.version}`)
    }
    if (from === 0 || from === type.version) return
    const noteVersion = () => {
      if (this.#hasNewVersion) this.#commit(new Draft())
    }
    return Promise.resolve(this.runHook(() => type.migrate?.(storage, from))).then(noteVersion)
  }

  /** The drafts that a reader sees, its own first. */
  #visible(): Iterable<Draft> {
    if (this.#hookDraft !== undefined) return [this.#hookDraft]
    if (this.#drafts.size === 0) return []
    const { turn } = this.#activation
    if (turn?.isStream) return [] // it runs beside the method that writes
    if (this.#drafts.size === 1) return this.#drafts.values()
    const own = turn === undefined ? undefined : this.#drafts.get(turn)
    const others = [...this.#drafts.values()].filter((draft) => draft !== own).reverse()
    return own === undefined ? others : [own, ...others]
  }

  entry(name: string): Uint8Array | undefined {
    for (const { entries } of this.#visible()) if (entries.has(name)) return entries.get(name)
    return this.#entries.get(name)
  }

  names(): Set<string> {
    const names = new Set(this.#entries.keys())
    for (const { entries } of this.#visible()) for (const name of entries.keys()) names.add(name)
    for (const name of names) if (this.entry(name) === undefined) names.delete(name)
    return names
  }

  alarm(name: string): StoredAlarm | undefined {
    for (const { alarms } of this.#visible()) if (alarms.has(name)) return alarms.get(name)
    return this.#alarms.get(name)
  }

  alarmNames(): Set<string> {
    const names = new Set(this.#alarms.keys())
    for (const { alarms } of this.#visible()) for (const name of alarms.keys()) names.add(name)
    for (const name of names) if (this.alarm(name) === undefined) names.delete(name)
    return names
  }

  /** The draft of the turn or hook that runs. Throws outside of one, and in methods that only read. */
  draft(): Draft {
    if (this.#hookDraft !== undefined) return this.#hookDraft
    const { turn, type } = this.#activation
    if (turn === undefined || !(turn.isStream || this.#activation.isRunning(turn))) {
      throw new TypeError('the storage of an actor can be changed only while a method runs')
    }
    if (turn.isStream) throw new TypeError(`${turn.method} is a stream, and may not change storage`)
    if (type.readonly.has(turn.method)) throw new TypeError(`${turn.method} is in readonly, and may not change storage`)
    return this.#draftOf(turn)
  }

  #draftOf(turn: Turn): Draft {
    const draft = this.#drafts.get(turn) ?? new Draft()
    this.#drafts.set(turn, draft)
    return draft
  }

  /** Runs a hook; what it changes is committed if it does not fail. */
  runHook(hook: () => unknown, discards = false): Eventually<void> {
    const draft = new Draft()
    this.#hookDraft = draft
    const succeed = () => {
      this.#hookDraft = undefined
      if (discards || this.#failure !== undefined) {
        draft.rollBack()
        return
      }
      draft.commit()
      if (!draft.isEmpty) this.#commit(draft)
      this.#leave(draft)
    }
    const fail = (error: unknown) => {
      this.#hookDraft = undefined
      draft.rollBack()
      throw error
    }
    try {
      const result = hook()
      if (isPromise(result)) return Promise.resolve(result).then(succeed, fail)
    } catch (error) {
      fail(error)
    }
    succeed()
  }

  #commit(draft: Draft, reply?: StoreChange): CommitGroup {
    const { type, key, id } = this.#activation
    const changes: StoreChange[] = []
    if (this.#hasNewVersion) changes.push({ kind: 'actor', type: type.name, key, version: type.version })
    this.#hasNewVersion = false
    if (!this.#commits.isOpen(this.#lastGroup)) this.#unwritten.clear()
    this.#unwritten.add(draft, changes)
    for (const [name, alarm] of draft.alarms) {
      changes.push(alarm === undefined ? { kind: 'no alarm', type: type.name, key, name } : { kind: 'alarm', alarm })
    }
    for (const message of draft.messages) changes.push(this.#commits.numbered(message, id))
    if (reply !== undefined) changes.push(reply)
    this.#apply(draft)
    const last = this.#lastGroup
    const group = this.#commits.add(changes)
    this.#lastGroup = group
    if (group !== last) group.wait((failure) => failure !== undefined && this.#fail(failure))
    return group
  }

  #apply(draft: Draft): void {
    for (const [name, value] of draft.entries) {
      if (value === undefined) this.#entries.delete(name)
      else this.#entries.set(name, value)
      // What a suspended turn has written before is older.
      for (const other of this.#drafts.values()) if (other !== draft) other.entries.delete(name)
    }
    for (const [name, alarm] of draft.alarms) {
      if (alarm === undefined) this.#alarms.delete(name)
      else this.#alarms.set(name, alarm)
      for (const other of this.#drafts.values()) if (other !== draft) other.forgetAlarm(name)
    }
  }

  /** What it wrote was not kept: its memory is not what the store has. */
  #fail(failure: StoreError): void {
    this.#failure = failure
    this.#activation.restart()
  }

  /** Lets a draft's messages go once the changes that its turn has seen are committed. */
  #leave({ leaving }: Draft): void {
    if (leaving.length === 0) return
    this.hold((failure) => {
      if (failure === undefined) for (const each of leaving) each()
    })
  }

  /** Whether nothing of it is on its way to the store. */
  get isSettled(): boolean {
    return this.#failure === undefined && !this.isHeld
  }

  /** Whether `hold` calls later. */
  get isHeld(): boolean {
    return this.#lastGroup?.isOver === false
  }

  /** Calls `onCommit` once all that has been committed so far outlives the process; at once, if it does. */
  hold(onCommit: (failure: StoreError | undefined) => void): void {
    if (this.#lastGroup !== undefined && this.isHeld) this.#lastGroup.wait(onCommit)
    else onCommit(this.#failure)
  }

  /** Lets a message of the turn that runs leave after its commit; it never leaves if the turn fails. */
  leaveLater(send: () => void): void {
    const turn = this.#hookDraft === undefined ? this.#activation.turn : undefined
    if (this.#hookDraft !== undefined) {
      this.#hookDraft.leaveLater(send)
    } else if (turn === undefined || turn.isStream) {
      this.hold((failure) => failure === undefined && send())
    } else {
      this.#draftOf(turn).leaveLater(send)
    }
  }

  /** A turn has ended: its changes are committed, and then it is over for its caller. */
  finish(turn: Turn, returned: Ending): void {
    const draft = this.#drafts.get(turn)
    this.#drafts.delete(turn)
    if (this.#failure !== undefined) {
      draft?.rollBack()
      turn.end({ how: 'refused', refusal: this.#refusalOf(this.#failure, 'rolled-back') })
      return
    }
    const [ending, changed] = this.#endTransaction(turn, draft, returned)
    if (ending.how !== 'returned') {
      if (draft?.isEmpty === false || draft?.isDirty) this.#activation.restart()
      const after = turn.alarm?.afterFailure(this)
      if (after !== undefined) this.#commit(after)
      this.#end(turn, ending)
      return
    }
    if (ending.value instanceof KeptReply) {
      this.#end(turn, endingOf(ending.value, this.#activation.id))
      return
    }
    this.#finishReturned(turn, ending, changed)
  }

  /** How the turn has ended, now that the transaction of its database has, and what it has to commit. */
  #endTransaction(turn: Turn, draft: Draft | undefined, ending: Ending): [Ending, Draft | undefined] {
    const database = draft?.database
    try {
      if (ending.how !== 'returned') {
        draft?.rollBack()
        return [ending, draft]
      }
      const changed = turn.alarm === undefined ? draft : turn.alarm.afterReturn(this, draft)
      draft?.commit()
      return [ending, changed]
    } catch (error) {
      draft?.rollBack()
      this.#activation.home.tally.failures++
      return [{ how: 'threw', failure: failureOf(error) }, draft]
    } finally {
      if (database?.isBroken) this.#activation.restart()
    }
  }

  #finishReturned(turn: Turn, ending: Ending, draft: Draft | undefined): void {
    const { idempotencyKey } = turn
    if (idempotencyKey !== undefined) {
      const reply = this.#replyOf(idempotencyKey, ending)
      this.#commit(draft ?? new Draft(), reply).wait(() => this.#replies.delete(idempotencyKey))
    } else if (draft?.isEmpty === false) {
      this.#commit(draft)
    }
    if (draft !== undefined) this.#leave(draft)
    this.#end(turn, ending)
  }

  #end(turn: Turn, ending: Ending): void {
    if (this.isHeld && ending.how === 'returned') turn.keep(ending.value)
    this.hold((failure) => {
      if (failure === undefined) turn.end(ending)
      else turn.end({ how: 'refused', refusal: this.#refusalOf(failure, failure.outcome) })
    })
  }

  #refusalOf({ message }: StoreError, outcome: 'rolled-back' | 'unknown'): Refusal {
    const { id } = this.#activation
    return { code: 'ERR_ORBIT_ACTOR_STORE', message: `${id}: its changes were not kept: ${message}`, outcome }
  }

  /** What the reply table keeps for an idempotency key. */
  #replyOf(idempotencyKey: string, ending: Ending): StoreChange {
    const { type, key, home } = this.#activation
    const reply = encodedReply(ending)
    this.#replies.set(idempotencyKey, reply)
    return { kind: 'reply', type: type.name, key, idempotencyKey, reply, atMs: home.clock.date() }
  }

  /** Runs a turn, unless it has run before. */
  run(turn: Turn, invoke: () => unknown): unknown {
    if (turn.alarm?.isCurrent(this) === false) return undefined
    return turn.idempotencyKey === undefined ? invoke() : this.#once(turn.idempotencyKey, invoke)
  }

  /** Runs a method, or finds the reply of an earlier call with the same idempotency key. */
  #once(key: string, run: () => unknown): unknown {
    const earlier = this.#runningKeys.get(key)
    if (earlier !== undefined) return earlier.then(() => this.#once(key, run))
    const { type, key: actor } = this.#activation
    const found = this.#replies.get(key) ?? readReply(this.#commits.store, type.name, actor, key)
    const result = found instanceof Promise ? found.then((bytes) => keptOr(bytes, run)) : keptOr(found, run)
    if (!(result instanceof Promise)) return result
    const forget = () => this.#runningKeys.delete(key)
    this.#runningKeys.set(key, result.then(forget, forget))
    return result
  }

  /** The activation has ended. */
  close(): void {
    if (this.#database === undefined) return
    const { home, id } = this.#activation
    home.databases.leave(this.#activation)
    try {
      this.#database.close()
    } catch (error) {
      home.log.error(id, 'its database could not be closed:', error)
    }
  }

  /** Resolves once all that it has added is committed, or has failed. */
  settled(): Promise<void> {
    return new Promise((resolve) => this.hold(() => resolve()))
  }
}

function pagesOf(store: PartitionStore, type: string, key: string): Eventually<Pages> {
  if (store.pages === undefined) throw new Error('the store of these actors keeps no databases')
  return store.pages(type, key)
}

/** Whether a method or hook has returned a promise. */
export function isPromise(value: unknown): value is PromiseLike<unknown> {
  return typeof value === 'object' && value !== null && typeof (value as { then?: unknown }).then === 'function'
}
