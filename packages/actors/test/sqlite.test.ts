import { readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { FileLock } from 'orbit-node'
import { describe, expect, it } from 'vitest'
import { Actor, type ActorSystem, type Store } from '../src/index.js'
import { sqlite } from '../src/sqlite.js'
import { dataFolder, drivers } from './help/stores.js'
import { Log, localFleet, start, until } from './help/systems.js'

class Note extends Actor<{ text: string }> {
  write(text: string) {
    this.ctx.storage.put('text', text)
    return this.ctx.token
  }
  read() {
    return this.ctx.storage.get('text')
  }
}

const actors = { Note }

async function textsOf(system: ActorSystem<typeof actors>): Promise<(string | undefined)[]> {
  return Promise.all(Array.from({ length: 64 }, (_, i) => system.get('Note', `note ${i}`).read()))
}

async function writeAll(store: Store): Promise<number[]> {
  const system = start({ fleet: localFleet(), actors, store })
  const written = Array.from({ length: 64 }, (_, i) => system.get('Note', `note ${i}`).write(`text ${i}`))
  const tokens = await Promise.all(written)
  await system.close()
  return tokens
}

describe.skipIf(drivers.length > 0)('without SQLite', () => {
  it('names what to install', () => {
    expect(() => sqlite(dataFolder())).toThrow(/npm install better-sqlite3, or use Node 22.13 or newer/)
  })
})

describe.each(drivers)('a store of %s', (driver) => {
  it.each(['full', 'normal'] as const)('keeps state across systems, with rising tokens (%s)', async (durability) => {
    const folder = dataFolder()
    const before = await writeAll(sqlite(folder, { driver, durability }))
    const system = start({ fleet: localFleet(), actors, store: sqlite(folder, { driver, durability }) })
    expect(await textsOf(system)).toEqual(Array.from({ length: 64 }, (_, i) => `text ${i}`))
    const tokens = await Promise.all(before.map((_, i) => system.get('Note', `note ${i}`).write('new')))
    expect(tokens.every((token, i) => token > (before[i] as number))).toBe(true)
  })

  it('has one owner when two fleets use one folder, even after the owner has read its own files', async () => {
    const folder = dataFolder()
    const log = new Log()
    const first = start({ fleet: localFleet(), actors, store: sqlite(folder, { driver }) })
    await first.get('Note', 'note 0').write('first')
    for (let i = 0; i < 16; i++) readFileSync(join(folder, 'default', `${i}.db`))
    const second = start({ fleet: localFleet(), actors, store: sqlite(folder, { driver }), log })
    const early = second.get('Note', 'note 0').with({ timeoutMs: 50 }).read()
    await expect(early).rejects.toMatchObject({ code: 'ERR_ORBIT_ACTOR_TIMEOUT', outcome: 'not-run' })
    await until(() => log.lines.some(([line]) => String(line).includes(`the process ${process.pid} has it open`)))
    const read = second.get('Note', 'note 0').read()
    await first.close()
    expect(await read).toBe('first')
  })

  it('tells a damaged file and a missing one from an empty one', async () => {
    const folder = dataFolder()
    const log = new Log()
    await writeAll(sqlite(folder, { driver }))
    const all = Array.from({ length: 16 }, (_, i) => i)
    for (const i of all.slice(0, 8)) writeFileSync(join(folder, 'default', `${i}.db`), 'x'.repeat(8192))
    for (const i of all.slice(8)) rmSync(join(folder, 'default', `${i}.db`))
    const system = start({ fleet: localFleet(), actors, store: sqlite(folder, { driver }), log })
    const read = system.get('Note', 'note 0').with({ timeoutMs: 100 }).read()
    await expect(read).rejects.toMatchObject({ outcome: 'not-run' })
    const texts = () => log.lines.map((line) => String(line[1]))
    await until(() => texts().length >= 16)
    expect(texts().filter((text) => /not a database/.test(text))).toHaveLength(8)
    expect(texts().filter((text) => /is missing, and it was there before: restore a backup/.test(text))).toHaveLength(8)
  })

  it('refuses files of another number of partitions, and of a newer schema', async () => {
    const folder = dataFolder()
    const store = sqlite(folder, { driver })
    const opened = await store.open('default', 3, 1)
    await opened?.close()
    const path = join(folder, 'default', '3.db')
    const bytes = readFileSync(path)
    bytes.writeUInt32BE(99, 60) // user_version
    writeFileSync(path, bytes)
    expect(() => store.open('default', 3, 2)).toThrow(/written by a newer orbit-actors \(schema 99, known 1\)/)
    using lock = FileLock.tryAcquire(join(folder, 'default', '3.lock'))
    expect(lock?.isHeld).toBe(true)
    writeFileSync(join(folder, 'default', 'partitions'), '32\n')
    expect(() => sqlite(folder, { driver }).open('default', 3, 2)).toThrow(/has 32 partitions, and .* uses 16/)
  })

  it('survives more changes than its log keeps', async () => {
    const folder = dataFolder()
    const store = sqlite(folder, { driver })
    const partition = await store.open('default', 0, 1)
    const value = new Uint8Array(64 << 10).fill(7)
    for (let i = 0; i < 200; i++) {
      await partition?.commit([
        { kind: 'actor', type: 'A', key: 'a', version: 1 },
        { kind: 'entry', type: 'A', key: 'a', name: `${i % 20}`, value },
      ])
    }
    expect(readFileSync(join(folder, 'default', '0.db-wal')).length).toBeLessThan(12 << 20)
    await partition?.close()
    const again = await store.open('default', 0, 1)
    const actor = await again?.read('A', 'a')
    expect(actor?.entries).toHaveLength(20)
    expect(actor?.entries.every(([, bytes]) => Buffer.compare(bytes, value) === 0)).toBe(true)
    await again?.close()
  })

  it('refuses options that are none', () => {
    expect(() => sqlite('')).toThrow(/path="" must be/)
    expect(() => sqlite('x', { durability: 'some' as 'full' })).toThrow(/must be "full" or "normal"/)
    expect(() => sqlite('x', { driver: 'pg' as 'node:sqlite' })).toThrow(/must be "better-sqlite3" or "node:sqlite"/)
  })
})
