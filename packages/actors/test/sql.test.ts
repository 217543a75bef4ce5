import { createHash } from 'node:crypto'
import { describe, expect, it, onTestFinished } from 'vitest'
import { generator, newSeed } from '../../../test/help/random.js'
import { VirtualClock } from '../src/base/virtualclock.js'
import { Actor, type ActorClass, memory, type PartitionStore, type SqlRow, type Store } from '../src/index.js'
import { sqlite } from '../src/sqlite.js'
import { startSystem } from '../src/start.js'
import { testActors } from '../src/testing.js'
import { dataFolder, drivers, HeldStore } from './help/stores.js'
import { Log, localFleet, start } from './help/systems.js'

class Book extends Actor<{ title: string }> {
  static readonly storage = 'sql'
  static readonly actor = { readonly: ['count', 'write', 'scan', 'scanSlowly', 'readLater'], version: 1 }
  override onActivate() {
    if (this.ctx.sql.get<{ user_version: number }>('pragma user_version')?.user_version === 1) return
    this.ctx.sql.exec(`
      create table author (name text primary key);
      create table page (number integer primary key, text text, author text references author deferrable initially deferred);
      pragma user_version = 1`)
  }
  add(number: number, text: string, author: string | null = null) {
    return Number(this.ctx.sql.run('insert into page values (?, ?, ?)', number, text, author).changes)
  }
  addThenThrow(number: number) {
    this.add(number, 'never')
    throw new Error('no')
  }
  async addSlowly(...numbers: number[]) {
    const insert = this.ctx.sql.prepare('insert into page (number) values (@number)')
    for (const number of numbers) {
      insert.run({ number })
      await new Promise((resolve) => setImmediate(resolve))
    }
  }
  addWithTitle(number: number, title: string) {
    this.add(number, title)
    this.ctx.storage.put('title', title)
    this.ctx.setAlarm('read', 5)
  }
  title() {
    return this.ctx.storage.get('title')
  }
  count() {
    return this.ctx.sql.get<{ n: number }>('select count(*) as n from page')?.n
  }
  write() {
    this.add(1, 'x')
  }
  query(sql: string, ...values: string[]) {
    return this.ctx.sql.all(sql, ...values)
  }
  exec(sql: string) {
    this.ctx.sql.exec(sql)
  }
  scan(sql: string, ...others: string[]) {
    for (const each of [sql, ...others]) this.ctx.sql.exec(each)
    return this.count()
  }
  /** Runs a statement, and returns once `release` is called. */
  async scanSlowly(sql: string) {
    this.ctx.sql.exec(sql)
    await new Promise<void>((resolve) => {
      Book.release = resolve
    })
    return this.count()
  }
  static release = () => {}
  /** Runs statements, and goes on after one that fails. */
  tryAll(...statements: string[]) {
    for (const each of statements) {
      try {
        this.ctx.sql.exec(each)
      } catch {}
    }
  }
  /** Ends once as many have begun. */
  async meet(size: number) {
    await new Promise<void>((resolve) => {
      if (Book.meeting.push(resolve) === size) for (const each of Book.meeting.splice(0)) each()
    })
  }
  runSymbol() {
    this.ctx.sql.run(Symbol('sql') as never)
  }
  *lines() {
    yield this.ctx.sql.get('select 1')
  }
  later() {
    this.#useLater('delete from page')
  }
  readLater() {
    this.#useLater('select 1')
  }
  #useLater(statement: string) {
    const { sql } = this.ctx
    setImmediate(() => {
      try {
        sql.all(statement)
      } catch (error) {
        Book.thrown = error
      }
    })
  }
  override onAlarm() {}
  static thrown: unknown
  static readonly meeting: (() => void)[] = []
}

const ended = 'a statement has ended the transaction of this method'

class Plain extends Actor {
  use() {
    this.ctx.sql.exec('select 1')
  }
}

/** Reads a book in a stream. */
class Reader extends Actor {
  async *counts(key: string) {
    yield await this.ctx.actor<Book>('Book', key).count()
  }
}

const actors = { Book, Plain, Reader }
/** Rows may have no prototype. */
const plain = (rows: SqlRow[]) => rows.map((row) => ({ ...row }))

describe.skipIf(drivers.length === 0)('the database of an actor', () => {
  it('outlives the process of the actor, and belongs to it alone', async () => {
    await using test = testActors({ actors })
    const book = test.get('Book', 'a')
    expect(await book.add(1, 'one')).toBe(1)
    await book.addSlowly(2, 3)
    test.kill()
    await test.restart()
    expect(plain(await book.query('select number, text from page'))).toEqual([
      { number: 1, text: 'one' },
      { number: 2, text: null },
      { number: 3, text: null },
    ])
    expect(await test.get('Book', 'b').count()).toBe(0)
  })

  it('keeps nothing of a method that throws, or of a transaction that cannot be committed', async () => {
    await using test = testActors({ actors })
    const book = test.get('Book', 'a')
    await book.add(1, 'one')
    await expect(book.addThenThrow(2)).rejects.toThrow('no')
    await expect(book.add(1, 'again')).rejects.toThrow(/UNIQUE constraint failed: page.number/)
    await expect(book.add(3, 'three', 'Ada')).rejects.toThrow(/FOREIGN KEY constraint failed/)
    expect(await book.count()).toBe(1)
    test.kill()
    await test.restart()
    expect(await book.count()).toBe(1)
  })

  it('fails a method that ends its transaction, and permits savepoints', async () => {
    await using test = testActors({ actors })
    const book = test.get('Book', 'a')
    const insert = "insert into page values (7, 'seven', null)"
    for (const sql of ['commit', 'rollback', 'commit; begin', 'release orbit']) {
      await expect(book.exec(`${insert}; ${sql}`)).rejects.toThrow(/orbit|transaction/)
      expect(await book.count()).toBe(0)
    }
    await book.exec(`savepoint mine; ${insert}; rollback to mine; insert into page (number) values (8); release mine`)
    await expect(book.exec('vacuum')).rejects.toThrow(/VACUUM/)
    await expect(book.exec('pragma journal_mode = delete')).rejects.toThrow(/journal|wal/i)
    test.kill()
    await test.restart()
    expect(plain(await book.query('select number from page'))).toEqual([{ number: 8 }])
  })

  it('loses no change of a later method after one that has ended its transaction', async () => {
    await using test = testActors({ actors })
    const book = test.get('Book', 'a')
    const insert = (number: number) => `insert into page (number) values (${number})`
    const begin = 'commit; begin; savepoint orbit; savepoint s'
    await book.add(1, 'one')
    await expect(book.exec(`${insert(2)}; ${begin}; ${insert(3)}`)).rejects.toThrow(ended)
    await book.add(4, 'four')
    await expect(book.tryAll(insert(5), 'rollback', insert(6), 'pragma journal_mode = memory')).rejects.toThrow(ended)
    await book.add(7, 'seven')
    await expect(book.tryAll(`insert or rollback into page (number) values (7)`, insert(8))).rejects.toThrow(ended)
    await book.add(9, 'nine')
    test.kill()
    await test.restart()
    expect((await book.query('select number from page')).map(({ number }) => number)).toEqual([1, 4, 7, 9])
  })

  it('loses no change after a reader that changes it, its journal or its transaction', async () => {
    await using test = testActors({ actors, log: new Log() })
    const book = test.get('Book', 'a')
    const writes = 'pragma query_only = off; insert into page (number) values (50)'
    const readers: [string, string | RegExp][] = [
      [writes, /readonly, and may not change/],
      ['pragma query_only = off; pragma user_version = 9; pragma query_only = on', /readonly, and may not change/],
      [`${writes}; commit; begin`, ended],
      ['commit; pragma journal_mode = memory', ended],
      ['pragma journal_mode = memory', /journal|wal/i],
      ['commit; begin; select nothing', /nothing/],
      ['begin', /within a transaction/],
      ['rollback; pragma foreign_keys = off; begin', ended],
    ]
    for (const [number, [sql, message]] of readers.entries()) {
      await expect(book.scan(sql)).rejects.toThrow(message)
      await book.add(number, sql)
    }
    await expect(book.add(60, 'x', 'Ada')).rejects.toThrow(/FOREIGN KEY/)
    test.kill()
    await test.restart()
    const { length } = readers
    expect((await book.query('select number from page')).map(({ number }) => number)).toEqual([...Array(length).keys()])
    expect(plain(await book.query('pragma user_version'))).toEqual([{ user_version: 1 }])
  })

  it('fails all readers that run beside one that has changed it', async () => {
    await using test = testActors({ actors })
    const book = test.get('Book', 'a')
    await book.add(1, 'one')
    const writer = book.scanSlowly('pragma query_only = off; insert into page (number) values (50)').catch(String)
    await expect(book.scan('select 1')).rejects.toThrow(/readonly, and may not change/)
    Book.release()
    expect(await writer).toMatch(/readonly, and may not change/)
    expect(await book.count()).toBe(1)
    const [slow, quick] = [book.scanSlowly('select 1'), book.scan('select 1')]
    expect(await quick).toBe(1)
    Book.release()
    expect(await slow).toBe(1)
  })

  it('shrinks when rows are deleted', async () => {
    await using test = testActors({ actors })
    const book = test.get('Book', 'a')
    const pages = async () => Number((await book.query('pragma page_count'))[0]?.page_count)
    await book.count()
    const before = await pages()
    await book.exec("insert into page (number, text) values (1, printf('%.*c', 400000, 'x'))")
    expect(await pages()).toBeGreaterThan(before + 90)
    await book.exec('delete from page')
    expect(await pages()).toBe(before)
    test.kill()
    await test.restart()
    expect(await pages()).toBe(before)
    expect(plain(await book.query('pragma integrity_check'))).toEqual([{ integrity_check: 'ok' }])
  })

  it('never grows beyond 128 MiB', async () => {
    await using test = testActors({ actors })
    const book = test.get('Book', 'a')
    await book.add(1, 'one')
    const grow = 'insert into page (number, text) values (2, zeroblob(135000000))'
    await expect(book.exec(`pragma max_page_count = 40000; ${grow}`)).rejects.toThrow(/134217728 bytes/)
    expect(await book.count()).toBe(1)
  })

  it('changes in the commit of its entries and alarms, and before the result leaves', async () => {
    const store = new HeldStore()
    const system = start({ fleet: localFleet(), actors, store })
    const book = system.get('Book', 'a')
    await book.count()
    store.isFree = false
    const answers: string[] = []
    const written = book.addWithTitle(1, 'title').then(() => answers.push('written'))
    const commit = await store.next()
    const second = Promise.all([book.add(2, 'two'), book.add(3, 'three')])
    const read = book.count()
    expect(new Set(commit.changes.map(({ kind }) => kind))).toEqual(new Set(['entry', 'alarm', 'page']))
    expect(answers).toEqual([])
    await commit.succeed()
    await written
    const next = await store.next()
    const pages = next.changes.flatMap((change) => (change.kind === 'page' ? [change.page] : []))
    expect(pages.length).toBe(new Set(pages).size) // once for both methods
    store.isFree = true
    await next.succeed()
    expect([await second, await read]).toEqual([[1, 1], 3])
  })

  it('is as the store has it after a commit that fails', async () => {
    const store = new HeldStore()
    const system = start({ fleet: localFleet(), actors, store, log: new Log() })
    const book = system.get('Book', 'a')
    await book.add(1, 'one')
    store.isFree = false
    const failed = book.add(2, 'two').catch((error) => error)
    ;(await store.next()).fail(new Error('EIO'))
    store.isFree = true
    expect(await failed).toMatchObject({ code: 'ERR_ORBIT_ACTOR_STORE', outcome: 'unknown' })
    expect(await book.count()).toBe(1)
  })

  it('is read by methods of readonly, and used by no stream and by nothing outside of methods', async () => {
    await using test = testActors({ actors })
    const book = test.get('Book', 'a')
    await book.add(1, 'one')
    await expect(book.write()).rejects.toThrow(/readonly database/)
    expect(await book.count()).toBe(1)
    await expect(
      test
        .get('Book', 'a')
        .with({})
        .query(5 as never),
    ).rejects.toThrow('sql=5 must be a string of SQL')
    await expect(book.runSymbol()).rejects.toThrow('sql=Symbol(sql) must be a string of SQL')
    for (const use of [() => book.later(), () => book.readLater()]) {
      Book.thrown = undefined
      await use()
      await new Promise((resolve) => setImmediate(resolve))
      expect(Book.thrown).toMatchObject({ message: expect.stringContaining('only while a method runs') })
    }
    await expect(test.get('Plain', 'a').use()).rejects.toThrow('Plain/a has no database: its class needs')
  })
})

describe.skipIf(drivers.length === 0)('a class with a database', () => {
  it('may use it in onActivate although a stream has made the first call', async () => {
    await using test = testActors({ actors })
    const counts: unknown[] = []
    for await (const count of test.get('Reader', 'r').stream.counts('a')) counts.push(count)
    expect(counts).toEqual([0])
  })

  it('is refused with other placements, when it is reentrant, and with another storage', () => {
    const start = (Class: object) => () => testActors({ actors: { A: Class as ActorClass } })
    const classWith = (actor: object, storage = 'sql') => Object.assign(class extends Actor {}, { actor, storage })
    expect(start(classWith({ placement: 'local' }))).toThrow(/A.storage="sql" must be absent with placement/)
    expect(start(classWith({ reentrant: 'chain' }))).toThrow(/A.storage="sql" must be absent with/)
    expect(start(classWith({}, 'file'))).toThrow(/A.storage="file" must be "sql", or absent/)
  })

  it('has at most 128 databases of idle actors open, a second after a burst', async () => {
    const clock = new VirtualClock()
    const system = startSystem({ fleet: localFleet(), actors, store: memory() }, clock)
    onTestFinished(() => system.close())
    await Promise.all(Array.from({ length: 140 }, (_, i) => system.get('Book', `book ${i}`).meet(140)))
    expect(system.size).toBe(140)
    for (const untilMs = clock.now() + 1000; clock.step(untilMs); );
    await new Promise((resolve) => setImmediate(resolve))
    expect(system.size).toBe(128)
    for (let i = 0; i < 3; i++) await system.get('Book', `late ${i}`).add(1, 'one')
    expect(system.size).toBeLessThanOrEqual(129) // one ends while the next begins
    expect(await system.get('Book', 'book 0').count()).toBe(0)
  })

  it('is not activated by a store that keeps no databases, or that has lost pages', async () => {
    const store = (pages: PartitionStore['pages']): Store => {
      const kept = memory()
      return {
        open: async (...opening) => Object.assign((await kept.open(...opening)) as PartitionStore, { pages }),
      }
    }
    const refusal = { code: 'ERR_ORBIT_ACTOR_STORE', outcome: 'not-run' }
    const none = start({ fleet: localFleet(), actors, store: store(undefined), log: new Log() })
    const kept = none.get('Book', 'a').count()
    await expect(kept).rejects.toMatchObject({ ...refusal, message: expect.stringContaining('cannot be read') })
    const page = new Uint8Array(4096)
    page[31] = 2 // its number of pages
    const damaged = start({ fleet: localFleet(), actors, store: store(() => [page]), log: new Log() })
    await expect(damaged.get('Book', 'a').count()).rejects.toMatchObject(refusal)
    const nonsense = start({ fleet: localFleet(), actors, store: store(() => [page, page]), log: new Log() })
    await expect(nonsense.get('Book', 'a').count()).rejects.toMatchObject(refusal)
  })
})

/** Any changes to tables. Half of the methods throw. */
class Scribble extends Actor {
  static readonly storage = 'sql'
  run(statements: string[], throws: boolean) {
    for (const each of statements) this.ctx.sql.exec(each)
    if (throws) throw new Error('no')
  }
  all() {
    const { sql } = this.ctx
    const names = sql.all<{ name: string }>("select name from sqlite_schema where type = 'table' order by name")
    const rows = names.map(({ name }) => [name, plain(sql.all(`select a, hex(b) as b from ${name} order by a`))])
    const { integrity_check } = sql.get<{ integrity_check: string }>('pragma integrity_check') ?? {}
    return `${integrity_check} ${createHash('sha256').update(JSON.stringify(rows)).digest('hex')}`
  }
}

describe.each(drivers)('databases in a store of %s', (driver) => {
  it('are the same after a restart and in a backup, after any changes', async () => {
    const random = generator(newSeed('sql'))
    const folder = dataFolder()
    const store = () => sqlite(folder, { driver, durability: 'normal' })
    await using test = testActors({ actors: { Scribble }, store: store(), log: new Log() })
    const ref = test.get('Scribble', 'a')
    await ref.run([random(2) === 0 ? 'pragma user_version = 3' : 'pragma auto_vacuum = incremental'], false)
    const statement = (): string => {
      const table = `t${random(3)}`
      const create = `create table if not exists ${table} (a integer primary key, b blob)`
      const fill = `insert into ${table} (b) select randomblob(${random(3) === 0 ? 20_000 : 50}) from
        (with recursive n(i) as (select 1 union all select i + 1 from n where i < ${1 + random(60)}) select i from n)`
      const all = [fill, fill, `delete from ${table} where a % 3 = ${random(3)}`, `drop table if exists ${table}`]
      return `${create}; ${all[random(4)]}`
    }
    for (let round = 0; round < 3; round++) {
      for (let i = 0; i < 6; i++) {
        const before = random(2) === 0 ? await ref.all() : undefined
        await ref.run([statement(), statement()], before !== undefined).catch(() => {})
        if (before !== undefined) expect(await ref.all()).toBe(before)
      }
      const before = await ref.all()
      expect(before).toMatch(/^ok /)
      test.kill()
      await test.restart()
      expect(await ref.all()).toBe(before)
    }
    const before = await ref.all()
    await test.close()
    const [host, copy] = [start({ fleet: localFleet(), actors: { Scribble }, store: store() }), dataFolder()]
    await host.backup(copy)
    const restored = start({ fleet: localFleet(), actors: { Scribble }, store: sqlite(copy, { driver }) })
    expect(await restored.get('Scribble', 'a').all()).toBe(before)
  })
})
