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
  #library: SqlLibrary | undefined

  /** @param limit so many may be open; above it, the idle activation that was used least recently ends */
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
    if (this.#users.size <= this.#limit) return
    const idle = [...this.#users].filter((each) => each !== user && each.isIdle)
    const first = idle.reduce((one: DatabaseUser | undefined, other) => (isOlder(one, other) ? one : other), undefined)
    void first?.end('idle')
  }

  /** An activation has closed one. */
  leave(user: DatabaseUser): void {
    this.#users.delete(user)
  }
}

const isOlder = (one: DatabaseUser | undefined, other: DatabaseUser): boolean =>
  one !== undefined && one.usedMs <= other.usedMs
