import type { SqlDatabase } from './sqlitedriver.js'

/** Raised when the tables change. A file of a newer number is refused. */
const schemaVersion = 1

const tables = `
  create table if not exists actor (
    type text not null, key text not null, version integer not null, token integer not null,
    primary key (type, key)
  ) without rowid;
  create table if not exists class (type text primary key, version integer not null) without rowid;
  create table if not exists entry (
    type text not null, key text not null, name text not null, value blob not null,
    primary key (type, key, name)
  ) without rowid;
  create table if not exists page (
    type text not null, key text not null, page integer not null, bytes blob not null,
    primary key (type, key, page)
  ) without rowid;
  create table if not exists alarm (
    type text not null, key text not null, name text not null, at integer not null, scheduled integer not null,
    attempt integer not null, cron text not null, zone text not null,
    primary key (type, key, name)
  ) without rowid;
  create index if not exists alarm_at on alarm (at);
  create table if not exists reply (
    type text not null, key text not null, id text not null, reply blob not null, at integer not null,
    primary key (type, key, id)
  ) without rowid;
  create index if not exists reply_at on reply (at);
  create table if not exists message (
    sequence integer primary key, id text not null, origin text not null, type text not null, key text not null,
    method text not null, args blob not null
  );
  create table if not exists owner (one integer primary key check (one = 1), token integer not null) without rowid;
`

/**
 * Brings a file up to date that was just opened, and notes its new owner.
 *
 * @returns the token of this opening
 */
export function prepareFile(database: SqlDatabase, path: string, claimToken: number): number {
  const pragma = (name: string) => Object.values(database.prepare(`pragma ${name}`).get() as object)[0] as unknown
  const found = pragma('user_version') as number
  if (found > schemaVersion) {
    throw new Error(`${path} was written by a newer orbit-actors (schema ${found}, known ${schemaVersion})`)
  }
  database.exec('begin immediate')
  database.exec(tables)
  database.exec(`pragma user_version = ${schemaVersion}`)
  const last = database.prepare('select token from owner').get() as { token: number } | undefined
  const token = Math.max(claimToken, (last?.token ?? 0) + 1)
  database.prepare('replace into owner values (1, ?)').run(token)
  database.exec('commit')
  return token
}

/** Opens the write-ahead log. We sync it ourselves: NORMAL syncs where the order of writes demands it. */
export function configure(database: SqlDatabase): void {
  const pragmas = ['locking_mode = exclusive', 'journal_mode = wal', 'synchronous = normal', 'wal_autocheckpoint = 0']
  for (const each of pragmas) database.exec(`pragma ${each}`)
}
