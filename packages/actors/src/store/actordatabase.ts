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
  #isReading = false

  /** @param pages all of them, in order; none: it is new */
  constructor(library: SqlLibrary, pages: readonly Uint8Array[]) {
    checkPages(pages)
    const folder = mkdtempSync(join(tmpdir(), 'orbit-actors-'))
    let database: SqlDatabase | undefined
    try {
      const path = join(folder, 'db')
      writeFileSync(path, Buffer.concat(pages))
      database = library.open(path)
      for (const pragma of pragmas) database.exec(`pragma ${pragma}`)
      database.exec('begin immediate; commit') // the log is there from now on
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

  /** Begins a transaction. */
  begin(): void {
    this.#database.exec('begin; savepoint orbit')
  }

  /**
   * Ends the transaction, and returns what it has changed; undefined: nothing. Throws if it cannot be committed, and if
   * a statement has ended it before.
   */
  commit(): ChangedPages | undefined {
    this.#database.exec('release orbit; commit')
    const changed = this.#log.next()
    if (this.#log.bytes > longestLog) this.#database.prepare('pragma wal_checkpoint(truncate)').get()
    return changed
  }

  /** Ends the transaction; nothing has changed. */
  rollBack(): void {
    try {
      this.#database.exec('rollback')
    } catch {} // the failure of a statement may have ended it
  }

  close(): void {
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
