// Stores of tests: in folders that exist only for their time, and with commits that a test holds up or lets fail.
import { mkdtempSync, rmSync } from 'node:fs'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { onTestFinished } from 'vitest'
import { memory, type PartitionStore, type Store, type StoreChange } from '../../src/index.js'
import type { SqliteDriver } from '../../src/sqlite.js'

/** The libraries for SQLite that this Node can load. */
export const drivers: readonly SqliteDriver[] = (['better-sqlite3', 'node:sqlite'] as const).filter((name) => {
  try {
    const library = createRequire(import.meta.url)(name)
    if (name === 'better-sqlite3') new library(':memory:').close()
    return true
  } catch {
    return false
  }
})

/** A new folder, which is removed after the test. */
export function dataFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'orbit-actors-'))
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
  return folder
}

/** A store in memory in which the test ends each commit. */
export class HeldStore implements Store {
  /** The commits that are under way. */
  readonly commits: HeldCommit[] = []
  /** Whether commits end by themselves. */
  isFree = true
  readonly #store = memory()

  async open(...opening: Parameters<Store['open']>): Promise<PartitionStore | undefined> {
    const opened = await this.#store.open(...opening)
    if (opened === undefined) return undefined
    return {
      token: opened.token,
      lastSequence: opened.lastSequence,
      versions: opened.versions,
      counts: async () => opened.counts(),
      read: async (type, key) => opened.read(type, key),
      pages: async (type, key) => opened.pages?.(type, key) ?? [],
      reply: async (type, key, id) => opened.reply(type, key, id),
      alarms: async (limit) => opened.alarms(limit),
      messages: async (after, limit) => opened.messages(after, limit),
      commit: (changes) => this.#commit(opened, changes),
      close: () => opened.close(),
    }
  }

  #commit(opened: PartitionStore, changes: readonly StoreChange[]): Promise<void> {
    return new Promise((resolve, reject) => {
      const succeed = async () => {
        await opened.commit(changes)
        resolve()
      }
      if (this.isFree) void succeed()
      else this.commits.push({ changes, succeed, fail: reject, apply: async () => opened.commit(changes) })
    })
  }

  /** The next commit that is under way. */
  async next(): Promise<HeldCommit> {
    while (this.commits.length === 0) await new Promise((resolve) => setTimeout(resolve, 1))
    return this.commits.shift() as HeldCommit
  }
}

/** A commit under way. */
export interface HeldCommit {
  readonly changes: readonly StoreChange[]
  succeed(): Promise<void>
  fail(error: unknown): void
  /** Makes the changes, and leaves the commit open. */
  apply(): Promise<void>
}
