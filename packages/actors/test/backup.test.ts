import { cpSync, existsSync, readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { Actor, memory } from '../src/index.js'
import { sqlite } from '../src/sqlite.js'
import { dataFolder, drivers } from './help/stores.js'
import { Log, localFleet, start } from './help/systems.js'

class Pair extends Actor<{ left: number; right: number; filler: Uint8Array }> {
  /** Two entries that are always the same. */
  write(n: number) {
    this.ctx.storage.put('left', n)
    this.ctx.storage.put('right', n)
    this.ctx.storage.put('filler', new Uint8Array(4000).fill(n))
    return this.ctx.token
  }
  remind() {
    this.ctx.setAlarm('later', Date.now() + 3_600_000)
  }
  read() {
    const { storage } = this.ctx
    return [storage.get('left'), storage.get('right'), this.ctx.alarms().length]
  }
  token() {
    return this.ctx.token
  }
}

const actors = { Pair }
const keys = Array.from({ length: 48 }, (_, i) => `pair ${i}`)

describe.each(drivers)('a backup of %s', (driver) => {
  it('has each partition as it was at one instant, while calls go on, and is restored by copying it', async () => {
    const [live, copy, restored] = [dataFolder(), join(dataFolder(), 'copy'), dataFolder()]
    const fleet = localFleet()
    // The backup is asked for by a process without actors, as orbit actors --backup is.
    const caller = start<typeof actors>({ fleet, host: false })
    const host = start({ fleet, actors, store: sqlite(live, { driver, durability: 'normal' }) })
    await Promise.all(keys.map((key) => caller.get('Pair', key).write(1)))
    await caller.get('Pair', 'pair 0').remind()
    let isOver = false
    let written = 1
    const load = (async () => {
      for (; !isOver; written++) await Promise.all(keys.map((key) => caller.get('Pair', key).write(written + 1)))
    })()
    const { folder, bytes } = await caller.backup(copy)
    expect([folder, bytes > 16 * 4096]).toEqual([copy, true])
    isOver = true
    await load
    const tokens = await Promise.all(keys.map((key) => caller.get('Pair', key).token()))
    await expect(caller.backup(copy)).rejects.toThrow(/0\.db exists: back up into a new folder/)
    await host.close()
    expect(
      readdirSync(join(copy, 'default')).filter((name) => !/^(\d+\.(db|lock)|created|partitions)$/.test(name)),
    ).toEqual([])

    cpSync(copy, restored, { recursive: true })
    const again = start({ fleet: localFleet(), actors, store: sqlite(restored, { driver }) })
    for (const key of keys) {
      const [left = 0, right, alarms] = await again.get('Pair', key).read()
      expect(left).toBe(right)
      expect(left >= 1 && left <= written).toBe(true)
      expect(alarms).toBe(key === 'pair 0' ? 1 : 0)
    }
    const later = await Promise.all(keys.map((key) => again.get('Pair', key).token()))
    expect(later.every((token, i) => token > (tokens[i] as number) + 999_000)).toBe(true)
  })

  it('leaves what a process has open and what another system keeps as they are', async () => {
    const folder = dataFolder()
    const fleet = localFleet()
    const host = start({ fleet, actors, store: sqlite(folder, { driver }), log: new Log() })
    await host.get('Pair', 'a').write(1)
    await expect(host.backup(folder)).rejects.toThrow(/0\.db is in use/)
    const unfinished = join(folder, 'copy', 'default', '0.db.part')
    await host.backup(join(folder, 'other'))
    cpSync(join(folder, 'other'), join(folder, 'copy'), { recursive: true, filter: (name) => !name.endsWith('/0.db') })
    writeFileSync(unfinished, 'a backup that was not finished')
    await expect(host.backup(join(folder, 'copy'))).rejects.toThrow(/1\.db exists/)
    expect([existsSync(unfinished), existsSync(join(folder, 'copy', 'default', '0.db'))]).toEqual([false, true])
  })
})

describe('a backup', () => {
  it('is refused by a store that makes none, and without a store or a process', async () => {
    const fleet = localFleet()
    const caller = start<typeof actors>({ fleet, host: false })
    const folder = dataFolder()
    await expect(caller.backup(folder, { timeoutMs: 20 })).rejects.toMatchObject({ code: 'ERR_ORBIT_TIMEOUT' })
    const kept = start({ fleet, actors, store: memory() })
    await expect(caller.backup(folder)).rejects.toThrow('the store of these actors makes no backups')
    await kept.close()
    start({ fleet, actors })
    await expect(caller.backup(folder)).rejects.toThrow('the actors have no store')
    await expect(caller.backup('')).rejects.toThrow('folder="" must be')
    await expect(caller.backup('x', { timeoutMs: 0 })).rejects.toThrow('timeoutMs=0')
  })
})
