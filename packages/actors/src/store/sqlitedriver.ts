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

/** Opens a file, which is created if it is missing. */
export type OpenDatabase = (path: string) => SqlDatabase

const loaders: Readonly<Record<SqliteDriver, () => OpenDatabase>> = {
  'better-sqlite3': () => {
    const require = nodeModule.createRequire(import.meta.url)
    const Database = require('better-sqlite3') as new (path: string, options?: object) => SqlDatabase
    new Database(':memory:').close() // its addon is loaded here, and may be one for another version of Node
    return (path) => new Database(path, { timeout: 0 })
  },
  'node:sqlite': () => {
    const { getBuiltinModule } = process as { getBuiltinModule?: (id: string) => unknown }
    type NodeSqlite = { DatabaseSync: new (path: string) => SqlDatabase }
    const sqlite = getBuiltinModule?.('node:sqlite') as NodeSqlite | undefined
    if (sqlite === undefined) throw new Error('Node has node:sqlite since 22.13')
    return (path) => new sqlite.DatabaseSync(path)
  },
}

/**
 * Loads a library for SQLite. Both may never have one file open in one process: SQLite's locks would end.
 *
 * @param driver undefined: better-sqlite3 if it is installed and fits this Node, else node:sqlite
 */
export function loadDriver(driver: SqliteDriver | undefined): { driver: SqliteDriver; open: OpenDatabase } {
  const failures: string[] = []
  for (const name of driver === undefined ? (['better-sqlite3', 'node:sqlite'] as const) : [driver]) {
    try {
      return { driver: name, open: loaders[name]() }
    } catch (error) {
      failures.push(`${name}: ${(error as Error).message.split('\n', 1)[0]}`)
    }
  }
  const advice = 'npm install better-sqlite3, or use Node 22.13 or newer'
  throw new Error(`there is no SQLite in this process: ${advice} (${failures.join('; ')})`)
}
