import { randomBytes } from 'node:crypto'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { SqlDatabase, SqlLibrary, SqlStatement } from './sqlitedriver.js'
import { type ChangedPages, SqliteLog } from './sqlitelog.js'

const pageBytes = 4096
/** 128 MiB: an actor reads its pages when it is activated. */
const maxPages = 32_768
/** The log is copied into the file when it is longer. */
const longestLog = 4 << 20

const pragmas = [
  'synchronous = off', // a new file is made of the pages that the store has
  `page_size = ${pageBytes}`,
  'locking_mode = exclusive',
  'journal_mode = wal',
  'wal_autocheckpoint = 0',
  'cache_size = -1000',
  'foreign_keys = on',
  `max_page_count = ${maxPages}`,
]

/**
 * The database of one actor while that is active: a file without a name, made of the pages that the store has. Each
 * transaction says which pages it has changed, so that the store can keep them in a commit of its partition.
 */
export class ActorDatabase {
  readonly #database: SqlDatabase
  readonly #log: SqliteLog
  readonly #pageCount: SqlStatement
  readonly #journalMode: SqlStatement
  readonly #savepoint = `orbit_${randomBytes(8).toString('hex')}`
  #isReading = false
  /** Whether a transaction is open. */
  #isOpen = false
  #isClosed = false
  /** How many pages it has, as its log says. */
  #count: number
  /** Why it is broken, or closed. */
  #failure: Error | undefined

  /** @param pages all of them, in order; none: it is new */
  constructor(library: SqlLibrary, pages: readonly Uint8Array[]) {
    checkPages(pages)
    const folder = mkdtempSync(join(tmpdir(), 'orbit-actors-'))
    let database: SqlDatabase | undefined
    try {
      const path = join(folder, 'db')
      writeFileSync(path, Buffer.concat(pages))
      database = library.open(path)
      if (pages.length === 0) database.exec('pragma auto_vacuum = full') // before it has its first page
      for (const pragma of pragmas) database.exec(`pragma ${pragma}`)
      database.exec('begin immediate; commit') // the log is there from now on
      this.#pageCount = database.prepare('pragma page_count')
      this.#journalMode = database.prepare('pragma journal_mode')
      this.#count = (this.#pageCount.get() as { page_count: number }).page_count
      this.#log = new SqliteLog(`${path}-wal`, pageBytes)
    } catch (error) {
      database?.close()
      throw error
    } finally {
      rmSync(folder, { recursive: true, force: true })
    }
    this.#database = database
  }

  /** Whether statements may only read. */
  set isReading(value: boolean) {
    if (value === this.#isReading) return
    this.#database.exec(`pragma query_only = ${value ? 'on' : 'off'}`)
    this.#isReading = value
  }

  exec(sql: string): void {
    this.#database.exec(sql)
  }

  prepare(sql: string): SqlStatement {
    return this.#database.prepare(sql)
  }

  /** Whether what it has may differ from what its transactions have said. It must be opened anew. */
  get isBroken(): boolean {
    return this.#failure !== undefined
  }

  /** Begins a transaction, unless one is open. */
  begin(): void {
    if (this.#failure !== undefined) throw this.#failure
    if (this.#isOpen) return
    try {
      this.#database.exec(`begin; savepoint ${this.#savepoint}`)
    } catch (error) {
      this.#failure = error as Error
      throw error
    }
    this.#isOpen = true
  }

  /**
   * Ends the transaction, and returns what it has changed; undefined: nothing. Throws if it cannot be committed, if a
   * statement has ended it before, and if it has changed what may only be read. Then it is broken.
   */
  commit(): ChangedPages | undefined {
    if (this.#failure !== undefined) throw this.#failure
    if (!this.#isOpen) return undefined
    try {
      return this.#commit()
    } catch (error) {
      this.#failure = error as Error
      this.rollBack()
      throw error
    }
  }

  #commit(): ChangedPages | undefined {
    this.#release()
    this.#database.exec('commit')
    this.#isOpen = false
    const changed = this.#log.next()
    this.#count = changed?.count ?? this.#count
    this.#check(changed)
    if (this.#log.bytes > longestLog) this.#database.prepare('pragma wal_checkpoint(truncate)').get()
    return changed
  }

  /** Fails if a statement has ended the transaction: no statement knows the name of the savepoint. */
  #release(): void {
    try {
      this.#database.exec(`release ${this.#savepoint}`)
    } catch (cause) {
      throw new Error('a statement has ended the transaction of this method', { cause })
    }
  }

  /** Throws for changes that may not be, and if the database may have some that are not in its log. */
  #check(changed: ChangedPages | undefined): void {
    if (changed !== undefined) {
      if (this.#isReading) throw new TypeError('the method is in readonly, and may not change the database')
      if (this.#count > maxPages) throw new Error(`the database of an actor may have ${maxPages * pageBytes} bytes`)
      return
    }
    const { page_count: count } = this.#pageCount.get() as { page_count: number }
    const { journal_mode: mode } = this.#journalMode.get() as { journal_mode: string }
    if (count === this.#count && mode === 'wal') return
    throw new Error(`the log of the database lacks changes: it has ${this.#count} pages of ${count}, in mode ${mode}`)
  }

  /** Ends the transaction; nothing has changed. If a statement has ended it before, the database is broken. */
  rollBack(): void {
    if (!this.#isOpen) return
    this.#isOpen = false
    try {
      if (this.#failure === undefined) this.#database.exec(`rollback to ${this.#savepoint}`)
    } catch (error) {
      this.#failure = error as Error
    }
    try {
      this.#database.exec('rollback')
    } catch {} // the failure of a statement may have ended it
  }

  /** Closes it, unless it is closed. */
  close(): void {
    if (this.#isClosed) return
    this.#isClosed = true
    this.#failure = new Error('the database is closed: its actor has ended')
    try {
      this.#database.close()
    } finally {
      this.#log.close()
    }
  }
}

/** Throws if they are not what a database has. */
function checkPages(pages: readonly Uint8Array[]): void {
  const [first] = pages
  if (first === undefined) return
  const isWhole = pages.every(({ length }) => length === pageBytes)
  const count = isWhole ? Buffer.from(first.buffer, first.byteOffset, first.length).readUInt32BE(28) : undefined
  if (count !== pages.length) throw new Error(`its database is damaged: pages are missing`)
}
