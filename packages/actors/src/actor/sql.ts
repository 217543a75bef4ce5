/** A value that a database takes and returns. Integers beyond 2^53 are refused, or lose digits: keep them as text. */
export type SqlValue = null | number | bigint | string | Uint8Array

/** The values of the parameters of a statement: one for each `?`, or an object for names such as `@name` or `:name`. */
export type SqlValues = readonly SqlValue[] | readonly [Readonly<Record<string, SqlValue>>]

/** A row, by the names of its columns. */
export type SqlRow = Record<string, SqlValue>

/** What a statement has changed. */
export interface SqlChanges {
  /** How many rows it has inserted, updated or deleted. */
  readonly changes: number | bigint
  /** The rowid of the row that was inserted last. */
  readonly lastInsertRowid: number | bigint
}

/** A statement of `ctx.sql.prepare`. It can be used until the activation ends. */
export interface SqlStatement<Row = SqlRow> {
  /** Runs it, and returns what it has changed. Throws as `all` does. */
  run(...values: SqlValues): SqlChanges
  /** The first row; undefined: there is none. Throws as `all` does. */
  get(...values: SqlValues): Row | undefined
  /**
   * All rows.
   *
   * @throws TypeError outside a method or hook of the actor, and in a generator method; the errors of SQLite
   */
  all(...values: SqlValues): Row[]
}

/**
 * The database of an actor of a class with `static readonly storage = 'sql'`: tables of SQLite that outlive its
 * process. What a method changes is one transaction, which is committed when the method has returned, with its entries,
 * alarms and messages; its result leaves after that. If the method throws, nothing has changed. Statements that begin
 * or end transactions fail the method; savepoints may be used. A method of `readonly` can only read.
 */
export interface ActorSql {
  /** Runs statements without parameters, separated by semicolons. Throws as `all` does. */
  exec(sql: string): void
  /** Runs a statement, and returns what it has changed. Throws as `all` does. */
  run(sql: string, ...values: SqlValues): SqlChanges
  /** The first row of a query; undefined: there is none. Throws as `all` does. */
  get<Row = SqlRow>(sql: string, ...values: SqlValues): Row | undefined
  /**
   * All rows of a query.
   *
   * @throws TypeError outside a method or hook of the actor, and in a generator method; the errors of SQLite
   */
  all<Row = SqlRow>(sql: string, ...values: SqlValues): Row[]
  /** A statement to use several times. Throws as `all` does. */
  prepare<Row = SqlRow>(sql: string): SqlStatement<Row>
}
