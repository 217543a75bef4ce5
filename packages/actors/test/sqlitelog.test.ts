import { statSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it, onTestFinished } from 'vitest'
import { loadDriver } from '../src/store/sqlitedriver.js'
import { SqliteLog } from '../src/store/sqlitelog.js'
import { dataFolder, drivers } from './help/stores.js'

describe.each(drivers)('the log of a database of %s', (driver) => {
  it('has what one commit has changed, and keeps nothing that was rolled back', () => {
    const path = join(dataFolder(), 'db')
    const database = loadDriver(driver).open(path)
    onTestFinished(() => void database.close())
    for (const each of ['page_size = 4096', 'cache_size = 10', 'journal_mode = wal']) database.exec(`pragma ${each}`)
    database.exec('create table t (a); begin immediate; commit')
    const log = new SqliteLog(`${path}-wal`, 4096)
    onTestFinished(() => log.close())
    log.next()
    const fill = 'insert into t values (zeroblob(400000))'
    database.exec(`begin; ${fill}; rollback`)
    expect(statSync(`${path}-wal`).size).toBeGreaterThan(300_000)
    expect(log.next()).toBe(undefined)
    expect(statSync(`${path}-wal`).size).toBe(log.bytes)
    database.exec(`begin; savepoint s; ${fill}; rollback to s; insert into t values (1); commit`)
    expect(log.next()?.pages.size).toBeLessThan(5)
    expect(statSync(`${path}-wal`).size).toBe(log.bytes)
    database.exec('insert into t values (2)')
    expect(log.next()?.count).toBe(2)
    expect(database.prepare('select count(*) as n from t').get()).toMatchObject({ n: 2 })
    database.exec('insert into t values (3); insert into t values (4)')
    expect(() => log.next()).toThrow('has a commit that was not made by its actor')
  })
})
