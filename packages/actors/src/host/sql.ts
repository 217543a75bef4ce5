import { wrongType } from '../../../shared/check.js'
import type { ActorSql, SqlChanges, SqlStatement, SqlValue, SqlValues } from '../actor/sql.js'
import type { SqlStatement as Prepared } from '../store/sqlitedriver.js'
import type { Ledger } from './ledger.js'

/** The most statements that are kept for the next call with the same text. */
const mostKept = 64

/** What changes nothing for certain. */
const query = /^\s*(select|explain|values)\b/i

/** `ctx.sql` of one activation. */
export class Sql implements ActorSql {
  readonly #ledger: Ledger
  readonly #kept = new Map<string, Prepared>()

  constructor(ledger: Ledger) {
    this.#ledger = ledger
  }

  exec(sql: string): void {
    checkText(sql)
    this.#ledger.useDatabase(true).exec(sql)
  }

  run(sql: string, ...values: SqlValues): SqlChanges {
    return this.#statement(sql).run(...values)
  }

  get<Row>(sql: string, ...values: SqlValues): Row | undefined {
    return this.#statement<Row>(sql).get(...values)
  }

  all<Row>(sql: string, ...values: SqlValues): Row[] {
    return this.#statement<Row>(sql).all(...values)
  }

  prepare<Row>(sql: string): SqlStatement<Row> {
    const statement = this.#statement<Row>(sql)
    this.#prepared(sql, false)
    return statement
  }

  #statement<Row>(sql: string): SqlStatement<Row> {
    checkText(sql)
    const use = () => this.#prepared(sql, !query.test(sql))
    return {
      run: (...values) => use().run(...(values as SqlValue[])) as SqlChanges,
      get: (...values) => use().get(...(values as SqlValue[])) as Row | undefined,
      all: (...values) => use().all(...(values as SqlValue[])) as Row[],
    }
  }

  #prepared(sql: string, mayChange: boolean): Prepared {
    const database = this.#ledger.useDatabase(mayChange)
    const kept = this.#kept.get(sql)
    if (kept !== undefined) return kept
    const statement = database.prepare(sql)
    this.#kept.set(sql, statement)
    const [oldest] = this.#kept.keys()
    if (this.#kept.size > mostKept) this.#kept.delete(oldest as string)
    return statement
  }
}

function checkText(sql: unknown): asserts sql is string {
  if (typeof sql !== 'string') throw wrongType('sql', sql, 'a string of SQL')
}
