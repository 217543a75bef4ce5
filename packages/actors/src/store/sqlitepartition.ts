import { closeSync, fdatasync, fstatSync, openSync, statSync } from 'node:fs'
import { promisify } from 'node:util'
import type { FileLock } from 'orbit-node'
import type { DataFolder } from './datafolder.js'
import { backUp } from './sqlitebackup.js'
import { libraryKey, type SqlDatabase, type SqlLibrary, type SqlStatement } from './sqlitedriver.js'
import { configure, prepareFile } from './sqliteschema.js'
import { SqliteStatements } from './sqlitestatements.js'
import type { PartitionStore, StoreChange, StoredActor, StoredAlarm, StoredCounts, StoredMessage } from './store.js'
import { StoreError } from './store.js'

/** The log is copied into the file when it has grown by so many bytes of changes. */
const checkpointBytes = 4 << 20
/** What a change takes in the log, beside its values: about a page and a half. */
const bytesOfChange = 512

/** How often it is looked whether the file still has its name. */
const lookMs = 1000

const syncAsync = promisify(fdatasync)

/** How a partition is opened. */
export interface SqlitePartitionOptions {
  readonly folder: DataFolder
  readonly partition: number
  readonly library: SqlLibrary
  readonly lock: FileLock
  readonly claimToken: number
  readonly isFull: boolean
}

/**
 * One partition in a file of SQLite. A commit writes to the log, which makes it outlive the process, and then syncs the
 * log in another thread, which makes it outlive the host; the event loop goes on. The log is copied into the file only
 * when all of it is synced, and overwritten only when the file is.
 */
export class SqlitePartition implements PartitionStore {
  readonly token: number
  readonly lastSequence: number
  readonly versions: ReadonlyMap<string, number>
  readonly [libraryKey]: SqlLibrary
  readonly #folder: DataFolder
  readonly #partition: number
  readonly #path: string
  readonly #database: SqlDatabase
  readonly #statements: SqliteStatements
  readonly #begin: SqlStatement
  readonly #commit: SqlStatement
  readonly #lock: FileLock
  readonly #isFull: boolean
  /** Of the log and of the file. They stay open as long as the database: SQLite's own locks would end. */
  readonly #log: number
  readonly #file: number
  #bytesSinceCheckpoint = 0
  #lookAtMs = 0
  /** Ends when all backups that were begun have ended. */
  #backups: Promise<unknown> = Promise.resolve()

  constructor({ folder, partition, library, lock, claimToken, isFull }: SqlitePartitionOptions) {
    const path = folder.dataOf(partition)
    this.#folder = folder
    this.#partition = partition
    this[libraryKey] = library
    this.#path = path
    this.#lock = lock
    this.#isFull = isFull
    this.#database = library.open(path)
    const opened: number[] = []
    try {
      configure(this.#database)
      this.token = prepareFile(this.#database, path, claimToken)
      this.#statements = new SqliteStatements(this.#database, this.token)
      this.#begin = this.#database.prepare('begin immediate')
      this.#commit = this.#database.prepare('commit')
      this.lastSequence = this.#statements.lastSequence()
      this.versions = this.#statements.versions()
      opened.push(openSync(`${path}-wal`, 'r+'), openSync(path, 'r+'))
    } catch (error) {
      this.#database.close()
      for (const descriptor of opened) closeSync(descriptor)
      throw error
    }
    const [log = -1, file = -1] = opened
    this.#log = log
    this.#file = file
  }

  read(type: string, key: string): StoredActor | undefined {
    return this.#statements.read(type, key)
  }

  pages(type: string, key: string): Uint8Array[] {
    return this.#statements.pages(type, key)
  }

  reply(type: string, key: string, idempotencyKey: string): Uint8Array | undefined {
    return this.#statements.reply(type, key, idempotencyKey)
  }

  alarms(limit: number): StoredAlarm[] {
    return this.#statements.alarms(limit)
  }

  messages(after: number, limit: number): StoredMessage[] {
    return this.#statements.messages(after, limit)
  }

  commit(changes: readonly StoreChange[]): void | Promise<void> {
    this.#checkName()
    this.#write(changes)
    const isLong = this.#bytesSinceCheckpoint >= checkpointBytes
    if (this.#isFull || isLong) return this.#sync(isLong)
  }

  /** Throws if another file, or none, has its name: what is written to this one would not be found again. */
  #checkName(): void {
    const now = performance.now()
    if (now < this.#lookAtMs) return
    this.#lookAtMs = now + lookMs
    if (statSync(this.#path, { throwIfNoEntry: false })?.ino === fstatSync(this.#file).ino) return
    throw new StoreError(`${this.#path} was moved or removed while it was open`, 'unknown')
  }

  /** One transaction, which is in the log of SQLite when it returns. */
  #write(changes: readonly StoreChange[]): void {
    try {
      this.#begin.run()
      for (const change of changes) {
        this.#statements.apply(change)
        this.#bytesSinceCheckpoint += bytesOfChange + sizeOf(change)
      }
      this.#commit.run()
    } catch (error) {
      throw new StoreError(`${this.#path}: ${(error as Error).message}`, this.#rollBack(), { cause: error })
    }
  }

  /** Whether the open transaction is gone for certain. */
  #rollBack(): 'rolled-back' | 'unknown' {
    try {
      // Some failures have rolled back already; then this one fails, and the next succeeds.
      this.#database.exec('rollback')
    } catch {}
    try {
      this.#database.exec('begin immediate; rollback')
      return 'rolled-back'
    } catch {
      return 'unknown'
    }
  }

  async #sync(isLong: boolean): Promise<void> {
    try {
      await syncAsync(this.#log)
      if (isLong) await this.#checkpoint()
    } catch (error) {
      throw new StoreError(`${this.#path}: ${(error as Error).message}`, 'unknown', { cause: error })
    }
  }

  /** Copies the log, which is synced, into the file. No commit runs then, so the log is not overwritten before. */
  async #checkpoint(): Promise<void> {
    this.#database.exec('pragma synchronous = off')
    this.#database.prepare('pragma wal_checkpoint(passive)').get()
    this.#database.exec('pragma synchronous = normal')
    await syncAsync(this.#file)
    this.#bytesSinceCheckpoint = 0
  }

  counts(): StoredCounts {
    const bytes = fstatSync(this.#file).size + fstatSync(this.#log).size
    return { ...this.#statements.counts(), bytes }
  }

  backup(folder: string): Promise<number> {
    const copy = () => backUp(this[libraryKey], this.#database, this.#folder.copyAt(folder), this.#partition)
    const made = this.#backups.then(copy)
    this.#backups = made.catch(() => {})
    return made
  }

  async close(): Promise<void> {
    await this.#backups
    if (!this.#lock.isHeld) return
    try {
      this.#database.close()
    } finally {
      closeSync(this.#log)
      closeSync(this.#file)
      this.#lock.release()
    }
  }
}

function sizeOf(change: StoreChange): number {
  if (change.kind === 'entry') return change.value?.length ?? 0
  if (change.kind === 'page') return change.bytes.length
  if (change.kind === 'reply') return change.reply.length
  return change.kind === 'message' ? change.message.args.length : 0
}
