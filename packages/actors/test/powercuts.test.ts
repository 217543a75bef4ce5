// Power cuts: the writes and syncs of a process are recorded, and its files are made as a cut after any sync or
// acknowledgement may leave them: with all, none or some of the writes that were not synced.
import { spawnSync } from 'node:child_process'
import { mkdirSync, realpathSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it, onTestFinished } from 'vitest'
import { fleetName } from '../../../test/help/fleets.js'
import { start as startFixture } from '../../../test/help/processes.js'
import { generator, newSeed } from '../../../test/help/random.js'
import { canRun, isLinux, isSanitized, root } from '../../../test/help/system.js'
import { decodeValue } from '../src/host/values.js'
import { sqlite } from '../src/sqlite.js'
import { ActorDatabase } from '../src/store/actordatabase.js'
import { loadDriver } from '../src/store/sqlitedriver.js'
import { dataFolder, drivers } from './help/stores.js'
import { readTrace, TracedFolder } from './help/trace.js'

// ORBIT_POWER_CUTS=1: more writes, cuts after each sync and acknowledgement, and several of each
const isWhole = process.env['ORBIT_POWER_CUTS'] !== undefined
const [writes, every] = isWhole ? [300, 1] : [80, 8]
const isTestable = isLinux && !isSanitized && drivers.length > 0 && canRun('g++', '--version')

type What = 'entries' | 'a database'

/** What a process has done to the files of one partition, and that partition. */
async function recorded(durability: 'full' | 'normal', what: What) {
  const folder = realpathSync(dataFolder())
  const library = join(folder, 'tracedisk.so')
  const source = join(root, 'packages/actors/test/fixtures/tracedisk.cc')
  const { status, stderr } = spawnSync('g++', ['-O1', '-shared', '-fPIC', source, '-o', library, '-ldl'])
  expect(status, `${stderr}`).toBe(0)
  const [data, trace] = [join(folder, 'data'), join(folder, 'trace')]
  mkdirSync(data)
  const env = { LD_PRELOAD: library, ORBIT_TRACE_FOLDER: data, ORBIT_TRACE: trace }
  const writerArgs = [data, writes, durability, what, fleetName('actors')]
  const writer = startFixture('../../packages/actors/test/fixtures/tracewriter.mjs', writerArgs, { env })
  const partition = (await writer.next()) as number
  const isOther = (file: string) => /\/(\d+)\.db/.test(file) && !file.includes(`/${partition}.db`)
  return { partition, events: readTrace(trace).filter(({ file }) => !isOther(file)) }
}

/** Opens what a cut has left, and returns the number of the last write in it. */
async function lastWrite(folder: string, partition: number, what: What): Promise<number> {
  const opened = await sqlite(folder).open('default', partition, 1)
  const actor = await opened?.read('A', 'a')
  const entries = new Map(actor?.entries ?? [])
  const pages = (await opened?.pages?.('A', 'a')) ?? []
  const counts = await opened?.counts()
  await opened?.close()
  const { last, fillerOf } = what === 'entries' ? ofEntries(entries) : ofDatabase(entries, pages)
  if (last > 0) expect(counts?.actors).toBe(1)
  for (let n = last; n > Math.max(0, last - 5); n--) {
    const filler = fillerOf(n % 5) ?? Buffer.alloc(0)
    expect(Buffer.compare(filler, Buffer.alloc(n % 3 === 0 ? 180_000 : 100, n))).toBe(0)
  }
  return last
}

type Entries = ReadonlyMap<string, Uint8Array>

function ofEntries(entries: Entries) {
  const numberOf = (name: string) => (entries.get(name)?.[0] ?? 0) + 256 * (entries.get(name)?.[1] ?? 0)
  const last = numberOf('left')
  expect(numberOf('right')).toBe(last)
  return { last, fillerOf: (i: number) => entries.get(`filler ${i}`) }
}

function ofDatabase(entries: Entries, pages: readonly Uint8Array[]) {
  const number = entries.get('number')
  const last = number === undefined ? 0 : (decodeValue(number) as number)
  if (pages.length === 0) {
    expect(last).toBe(0)
    return { last, fillerOf: () => undefined }
  }
  const database = new ActorDatabase(loadDriver(undefined), pages)
  onTestFinished(() => database.close())
  expect(database.prepare('pragma integrity_check').all()).toEqual([{ integrity_check: 'ok' }])
  const row = database.prepare('select n from number').get() as { n: number } | undefined
  expect(row?.n ?? 0).toBe(last)
  const fillers = database.prepare('select id, bytes from filler').all() as { id: number; bytes: Uint8Array }[]
  database.close()
  return { last, fillerOf: (i: number) => fillers.find(({ id }) => id === i)?.bytes }
}

const cases = [
  { durability: 'full', what: 'entries' },
  { durability: 'normal', what: 'entries' },
  { durability: 'full', what: 'a database' },
  { durability: 'normal', what: 'a database' },
] as const

describe.runIf(isTestable)('a power cut', () => {
  it.each(cases)(
    'after any sync or acknowledgement leaves $what with whole commits and all that was acknowledged ($durability)',
    async ({ durability, what }) => {
      const { partition, events } = await recorded(durability, what)
      const random = generator(newSeed('power cuts'))
      const keeps = [() => true, () => false, () => random(2) === 0]
      const disk = new TracedFolder()
      const base = dataFolder()
      let [acknowledged, cuts, instants] = [0, 0, 0]
      for (const event of events) {
        const isAck = event.file === 'acks' && event.what === 'write'
        if (event.file !== 'acks') disk.note(event)
        else if (isAck) acknowledged = Number.parseInt(Buffer.from(event.bytes).toString(), 10)
        if (!(isAck || event.what === 'end') || instants++ % every !== 0) continue
        for (const keep of isWhole ? keeps : [keeps[cuts % 3] as () => boolean]) {
          const folder = join(base, `${cuts++}`)
          disk.write(folder, keep)
          const last = await lastWrite(folder, partition, what)
          if (durability === 'full') expect(last).toBeGreaterThanOrEqual(acknowledged)
          rmSync(folder, { recursive: true })
        }
      }
      console.log(JSON.stringify({ durability, what, cuts, acknowledged, events: events.length }))
      expect(acknowledged).toBe(writes)
      expect(cuts).toBeGreaterThan(5)
    },
    isWhole ? 900_000 : 240_000,
  )
})
