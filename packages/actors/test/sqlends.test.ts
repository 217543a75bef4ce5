import { closeSync, fstatSync, openSync, readdirSync, readlinkSync } from 'node:fs'
import { describe, expect, it, onTestFinished } from 'vitest'
import { Actor, memory, type PartitionStore, type Store } from '../src/index.js'
import { sqlite } from '../src/sqlite.js'
import { loadDriver } from '../src/store/sqlitedriver.js'
import { testActors } from '../src/testing.js'
import { dataFolder, drivers } from './help/stores.js'
import { Log, localFleet, start, until } from './help/systems.js'

/** A promise that the test resolves. */
class Gate {
  isReached = false
  open = () => {}
  readonly #opened = new Promise<void>((resolve) => {
    this.open = resolve
  })

  pass(): Promise<void> {
    this.isReached = true
    return this.#opened
  }
}

class Slow extends Actor {
  static readonly storage = 'sql'
  static gate = new Gate()
  override async onActivate() {
    await Slow.gate.pass()
    this.ctx.sql.exec('create table if not exists t (a)')
  }
  count() {
    return this.ctx.sql.get<{ n: number }>('select count(*) as n from t')?.n
  }
}

class Ticker extends Actor {
  static readonly storage = 'sql'
  override onActivate() {
    this.ctx.sql.exec('create table if not exists t (a)')
  }
  set() {
    this.ctx.setAlarm('tick', { cron: '*/10 * * * * *', zone: 'UTC' })
  }
  override onAlarm() {
    this.ctx.sql.run('insert into t values (1)')
  }
  count() {
    return this.ctx.sql.get<{ n: number }>('select count(*) as n from t')?.n
  }
  version() {
    return this.ctx.sql.get<{ version: string }>('select sqlite_version() as version')?.version
  }
}

const turns = async () => {
  for (let i = 0; i < 10; i++) await new Promise((resolve) => setImmediate(resolve))
}

/** A store in memory, with other methods. */
function storeWith(methods: (opened: PartitionStore) => Partial<PartitionStore>): Store {
  const kept = memory()
  return {
    open: async (...opening) => {
      const opened = (await kept.open(...opening)) as PartitionStore
      return Object.assign(opened, methods(opened))
    },
  }
}

/** How many descriptors of databases of actors are open in this process. */
function openDatabases(): number {
  const link = (name: string) => {
    try {
      return readlinkSync(`/proc/self/fd/${name}`)
    } catch {
      return '' // that of the folder itself
    }
  }
  return readdirSync('/proc/self/fd').filter((name) => link(name).includes('/orbit-actors-')).length
}

describe.skipIf(drivers.length === 0)('the database of an activation that ends', () => {
  it('is closed once, and closes no file of others', async () => {
    await using test = testActors({ actors: { Slow }, log: new Log() })
    const gate = new Gate()
    Slow.gate = gate
    const count = test.get('Slow', 'a').count()
    await until(() => gate.isReached)
    const before = openDatabases()
    expect(before).toBeGreaterThan(0)
    test.kill()
    expect(openDatabases()).toBe(0)
    const files = Array.from({ length: 16 }, () => openSync('/dev/null', 'r'))
    onTestFinished(() => files.forEach(closeSync))
    gate.open()
    await turns()
    for (const file of files) expect(fstatSync(file).isCharacterDevice()).toBe(true)
    await test.restart()
    expect(await count).toBe(0)
  })

  it('is closed when the store has read it after the end', async () => {
    const gate = new Gate()
    const store = storeWith((opened) => {
      const pages = opened.pages?.bind(opened)
      return { pages: async (...actor) => gate.pass().then(() => pages?.(...actor) ?? []) }
    })
    await using test = testActors({ actors: { Ticker }, store, log: new Log() })
    const count = test.get('Ticker', 'a').count()
    await until(() => gate.isReached)
    test.kill()
    gate.open()
    await turns()
    expect(openDatabases()).toBe(0)
    await test.restart()
    expect(await count).toBe(0)
  })

  it('keeps nothing of an alarm that cannot be set for its next time', async () => {
    let zone = 'UTC'
    const store = storeWith((opened) => {
      const alarms = opened.alarms.bind(opened)
      return { alarms: async (limit) => (await alarms(limit)).map((alarm) => ({ ...alarm, zone })) }
    })
    const log = new Log()
    await using test = testActors({ actors: { Ticker }, store, log })
    const ticker = test.get('Ticker', 'a')
    await ticker.set()
    zone = 'Mars/Base'
    await test.advance(10_500)
    expect(log.lines.flat().join(' ')).toMatch(/the alarm tick failed, and is tried again:.*Mars/s)
    expect(await ticker.count()).toBe(0)
    zone = 'UTC'
    await test.advance(1000)
    expect(await ticker.count()).toBe(1)
  })
})

describe.each(drivers)('a store of %s', (driver) => {
  it('opens the databases of actors with its own library', async () => {
    const system = start({ fleet: localFleet(), actors: { Ticker }, store: sqlite(dataFolder(), { driver }) })
    const database = loadDriver(driver).open(':memory:')
    onTestFinished(() => void database.close())
    const { version } = database.prepare('select sqlite_version() as version').get() as { version: string }
    expect(await system.get('Ticker', 'a').version()).toBe(version)
  })
})
