import { loadDriver, type SqlLibrary } from '../store/sqlitedriver.js'

/** What has a database open. */
export interface DatabaseUser {
  readonly isIdle: boolean
  /** When it was used last, in milliseconds of the clock. */
  readonly usedMs: number
  end(reason: 'idle'): unknown
}

/** The databases of actors that are open in a process. */
export class Databases {
  readonly #limit: number
  readonly #users = new Set<DatabaseUser>()
  /** Those of the users that are on their way to close theirs. */
  readonly #ending = new Set<DatabaseUser>()
  #library: SqlLibrary | undefined

  /** @param limit so many may be open; above it, idle activations end, those first that were used least recently */
  constructor(limit = 128) {
    this.#limit = limit
  }

  /** What opens them. Throws if there is no SQLite in this process. */
  get library(): SqlLibrary {
    this.#library ??= loadDriver(undefined)
    return this.#library
  }

  /** An activation opens one. */
  enter(user: DatabaseUser): void {
    this.#users.add(user)
    this.trim()
  }

  /** An activation has closed one. */
  leave(user: DatabaseUser): void {
    this.#users.delete(user)
    this.#ending.delete(user)
  }

  /** Ends as many idle activations as are above the limit: those that opened them may all have been busy then. */
  trim(): void {
    const excess = this.#users.size - this.#ending.size - this.#limit
    if (excess <= 0) return
    const idle = [...this.#users].filter((each) => each.isIdle)
    for (const user of idle.sort((one, other) => one.usedMs - other.usedMs).slice(0, excess)) {
      this.#ending.add(user)
      void user.end('idle')
    }
  }
}
