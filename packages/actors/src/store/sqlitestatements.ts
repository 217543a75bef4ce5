import type { SqlDatabase, SqlStatement } from './sqlitedriver.js'
import type { StoreChange, StoredActor, StoredAlarm, StoredCounts, StoredMessage } from './store.js'

const texts = {
  actor: 'select version from actor where type = ? and key = ?',
  entries: 'select name, value from entry where type = ? and key = ?',
  pages: 'select bytes from page where type = ? and key = ? order by page',
  alarmsOf: 'select * from alarm where type = ? and key = ?',
  alarms: 'select * from alarm order by at limit ?',
  reply: 'select reply from reply where type = ? and key = ? and id = ?',
  lastSequence: 'select max(sequence) as last from message',
  messages: 'select * from message where sequence > ? order by sequence limit ?',
  versions: 'select type, version from class',
  counts: `select (select count(*) from actor) as actors, (select count(*) from alarm) as alarms,
    (select min(at) from alarm) as nextAlarmMs, (select count(*) from message) as messages,
    (select count(*) from reply) as replies`,
  putClass: 'insert into class values (?, ?) on conflict do update set version = max(version, excluded.version)',
  putActor: 'replace into actor values (?, ?, ?, ?)',
  putEntry: 'insert into entry values (?, ?, ?, ?) on conflict do update set value = excluded.value',
  deleteEntry: 'delete from entry where type = ? and key = ? and name = ?',
  putPage: 'insert into page values (?, ?, ?, ?) on conflict do update set bytes = excluded.bytes',
  deletePages: 'delete from page where type = ? and key = ? and page > ?',
  putAlarm: 'replace into alarm values (?, ?, ?, ?, ?, ?, ?, ?)',
  deleteAlarm: 'delete from alarm where type = ? and key = ? and name = ?',
  putReply: 'replace into reply values (?, ?, ?, ?, ?)',
  deleteReplies: 'delete from reply where at < ?',
  putMessage: 'insert into message values (?, ?, ?, ?, ?, ?, ?)',
  deleteMessage: 'delete from message where sequence = ?',
} as const

interface AlarmRow {
  readonly type: string
  readonly key: string
  readonly name: string
  readonly at: number
  readonly scheduled: number
  readonly attempt: number
  readonly cron: string
  readonly zone: string
}

interface MessageRow extends Omit<StoredMessage, 'from'> {
  readonly origin: string
}

const alarmOf = ({ at, scheduled, ...same }: AlarmRow): StoredAlarm => ({ ...same, atMs: at, scheduledMs: scheduled })
const messageOf = ({ origin, ...same }: MessageRow): StoredMessage => ({ ...same, from: origin })

/** The statements of one partition's file, each prepared when it is used first. */
export class SqliteStatements {
  readonly #database: SqlDatabase
  readonly #token: number
  readonly #prepared = new Map<keyof typeof texts, SqlStatement>()

  constructor(database: SqlDatabase, token: number) {
    this.#database = database
    this.#token = token
  }

  #statement(name: keyof typeof texts): SqlStatement {
    let statement = this.#prepared.get(name)
    if (statement === undefined) {
      statement = this.#database.prepare(texts[name])
      this.#prepared.set(name, statement)
    }
    return statement
  }

  lastSequence(): number {
    return (this.#statement('lastSequence').get() as { last: number | null }).last ?? 0
  }

  read(type: string, key: string): StoredActor | undefined {
    const actor = this.#statement('actor').get(type, key) as { version: number } | undefined
    if (actor === undefined) return undefined
    const entries = this.#statement('entries').all(type, key) as { name: string; value: Uint8Array }[]
    const alarms = this.#statement('alarmsOf').all(type, key) as AlarmRow[]
    const pairs = entries.map(({ name, value }) => [name, value] as const)
    return { version: actor.version, entries: pairs, alarms: alarms.map(alarmOf) }
  }

  pages(type: string, key: string): Uint8Array[] {
    return (this.#statement('pages').all(type, key) as { bytes: Uint8Array }[]).map(({ bytes }) => bytes)
  }

  versions(): Map<string, number> {
    const rows = this.#statement('versions').all() as { type: string; version: number }[]
    return new Map(rows.map(({ type, version }) => [type, version]))
  }

  counts(): Omit<StoredCounts, 'bytes'> {
    const counts = this.#statement('counts').get() as Omit<StoredCounts, 'bytes'> & { nextAlarmMs: number | null }
    return { ...counts, nextAlarmMs: counts.nextAlarmMs ?? undefined }
  }

  reply(type: string, key: string, idempotencyKey: string): Uint8Array | undefined {
    const row = this.#statement('reply').get(type, key, idempotencyKey) as { reply: Uint8Array } | undefined
    return row?.reply
  }

  alarms(limit: number): StoredAlarm[] {
    return (this.#statement('alarms').all(limit) as AlarmRow[]).map(alarmOf)
  }

  messages(after: number, limit: number): StoredMessage[] {
    return (this.#statement('messages').all(after, limit) as MessageRow[]).map(messageOf)
  }

  apply(change: StoreChange): void {
    switch (change.kind) {
      case 'actor':
        this.#statement('putClass').run(change.type, change.version)
        this.#statement('putActor').run(change.type, change.key, change.version, this.#token)
        break
      case 'entry':
        this.#enter(change)
        break
      case 'page':
        this.#statement('putPage').run(change.type, change.key, change.page, change.bytes)
        break
      case 'no pages':
        this.#statement('deletePages').run(change.type, change.key, change.after)
        break
      case 'alarm': {
        const { type, key, name, atMs, scheduledMs, attempt, cron, zone } = change.alarm
        this.#statement('putAlarm').run(type, key, name, atMs, scheduledMs, attempt, cron, zone)
        break
      }
      case 'no alarm':
        this.#statement('deleteAlarm').run(change.type, change.key, change.name)
        break
      case 'reply':
        this.#statement('putReply').run(change.type, change.key, change.idempotencyKey, change.reply, change.atMs)
        break
      case 'no replies':
        this.#statement('deleteReplies').run(change.beforeMs)
        break
      case 'message': {
        const { sequence, id, from, type, key, method, args } = change.message
        this.#statement('putMessage').run(sequence, id, from, type, key, method, args)
        break
      }
      case 'no message':
        this.#statement('deleteMessage').run(change.sequence)
        break
    }
  }

  #enter({ type, key, name, value }: Extract<StoreChange, { kind: 'entry' }>): void {
    if (value === undefined) this.#statement('deleteEntry').run(type, key, name)
    else this.#statement('putEntry').run(type, key, name, value)
  }
}
