import nodeModule from 'node:module'

/** A value that SQLite keeps. */
export type SqlValue = null | number | bigint | string | Uint8Array

/** A prepared statement. */
export interface SqlStatement {
  run(...values: SqlValue[]): unknown
  get(...values: SqlValue[]): unknown
  all(...values: SqlValue[]): unknown[]
}

/** A connection, in the part that both libraries have. */
export interface SqlDatabase {
  exec(sql: string): unknown
  prepare(sql: string): SqlStatement
  close(): unknown
}

/** The libraries that can be used. */
export type SqliteDriver = 'better-sqlite3' | 'node:sqlite'

/** What a library for SQLite is used for. */
export interface SqlLibrary {
  /** Opens a file, which is created if it is missing. */
  open(path: string): SqlDatabase
  /** Copies a database as it is at one instant into a file that is missing or empty. */
  copy(database: SqlDatabase, path: string): Promise<unknown>
}

/** Where the data of a partition has the library that it is kept with. */
export const libraryKey = Symbol('library')

const loaders: Readonly<Record<SqliteDriver, () => SqlLibrary>> = {
  'better-sqlite3': () => {
    const require = nodeModule.createRequire(import.meta.url)
    const Database = require('better-sqlite3') as new (path: string, options?: object) => SqlDatabase
    new Database(':memory:').close() // its addon is loaded here, and may be one for another version of Node
    return {
      open: (path) => new Database(path, { timeout: 0 }),
      // Some pages at a time. What is written in between is written to the copy, too.
      copy: (database, path) => (database as unknown as { backup(path: string): Promise<unknown> }).backup(path),
    }
  },
  'node:sqlite': () => {
    const { getBuiltinModule } = process as { getBuiltinModule?: (id: string) => unknown }
    type NodeSqlite = { DatabaseSync: new (path: string) => SqlDatabase }
    const sqlite = getBuiltinModule?.('node:sqlite') as NodeSqlite | undefined
    if (sqlite === undefined) throw new Error('Node has node:sqlite since 22.13')
    return {
      open: (path) => new sqlite.DatabaseSync(path),
      // Its backup runs in another thread, beside commits of this one.
      copy: async (database, path) => database.prepare('vacuum into ?').run(path),
    }
  },
}

/**
 * Loads a library for SQLite. Both may never have one file open in one process: SQLite's locks would end.
 *
 * @param driver undefined: better-sqlite3 if it is installed and fits this Node, else node:sqlite
 */
export function loadDriver(driver: SqliteDriver | undefined): SqlLibrary {
  const failures: string[] = []
  for (const name of driver === undefined ? (['better-sqlite3', 'node:sqlite'] as const) : [driver]) {
    try {
      return loaders[name]()
    } catch (error) {
      failures.push(`${name}: ${(error as Error).message.split('\n', 1)[0]}`)
    }
  }
  const advice = 'npm install better-sqlite3, or use Node 22.13 or newer'
  throw new Error(`there is no SQLite in this process: ${advice} (${failures.join('; ')})`)
}
