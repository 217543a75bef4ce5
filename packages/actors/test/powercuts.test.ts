// Power cuts: the writes and syncs of a process are recorded, and its files are made as a cut after any sync may leave
// them: with all, none or some of the writes that were not synced.
import { spawnSync } from 'node:child_process'
import { mkdirSync, realpathSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { start as startFixture } from '../../../test/help/processes.js'
import { generator, newSeed } from '../../../test/help/random.js'
import { canRun, isLinux, isSanitized, root } from '../../../test/help/system.js'
import { sqlite } from '../src/sqlite.js'
import { dataFolder, drivers } from './help/stores.js'
import { readTrace, TracedFolder, type TraceEvent } from './help/trace.js'

// ORBIT_POWER_CUTS=1: cuts after all syncs, and several of each
const isWhole = process.env['ORBIT_POWER_CUTS'] !== undefined
const commits = isWhole ? 300 : 80
const isTestable = isLinux && !isSanitized && drivers.length > 0 && canRun('g++', '--version')

async function recorded(durability: 'full' | 'normal'): Promise<TraceEvent[]> {
  const folder = realpathSync(dataFolder())
  const library = join(folder, 'tracedisk.so')
  const source = join(root, 'packages/actors/test/fixtures/tracedisk.cc')
  const { status, stderr } = spawnSync('g++', ['-O1', '-shared', '-fPIC', source, '-o', library, '-ldl'])
  expect(status, `${stderr}`).toBe(0)
  const [data, trace] = [join(folder, 'data'), join(folder, 'trace')]
  mkdirSync(data)
  const env = { LD_PRELOAD: library, ORBIT_TRACE_FOLDER: data, ORBIT_TRACE: trace }
  const writer = startFixture('../../packages/actors/test/fixtures/tracewriter.mjs', [data, commits, durability], {
    env,
  })
  expect(await writer.next()).toBe('done')
  return readTrace(trace)
}

/** Opens what a cut has left, and returns the number of the last commit in it. */
async function lastCommit(folder: string): Promise<number> {
  const partition = await sqlite(folder).open('default', 0, 1)
  const actor = await partition?.read('A', 'a')
  const counts = await partition?.counts()
  await partition?.close()
  const entries = new Map(actor?.entries ?? [])
  const numberOf = (name: string) => (entries.get(name)?.[0] ?? 0) + 256 * (entries.get(name)?.[1] ?? 0)
  const last = numberOf('left')
  expect(numberOf('right')).toBe(last)
  expect(counts?.actors).toBe(last === 0 ? 0 : 1)
  for (let n = last; n > Math.max(0, last - 5); n--) {
    const filler = entries.get(`filler ${n % 5}`)
    expect(Buffer.compare(filler ?? Buffer.alloc(0), Buffer.alloc(n % 3 === 0 ? 180_000 : 100, n))).toBe(0)
  }
  return last
}

describe.runIf(isTestable)('a power cut', () => {
  it.each(['full', 'normal'] as const)(
    'after any sync leaves a partition that opens, with whole commits and all that was acknowledged (%s)',
    async (durability) => {
      const events = await recorded(durability)
      const random = generator(newSeed('power cuts'))
      const keeps = [() => true, () => false, () => random(2) === 0]
      const disk = new TracedFolder()
      const base = dataFolder()
      let [acknowledged, cuts, syncs] = [0, 0, 0]
      for (const event of events) {
        if (event.file !== 'acks') disk.note(event)
        else if (event.what === 'write') acknowledged = Number.parseInt(Buffer.from(event.bytes).toString(), 10)
        if (event.what !== 'end' || (!isWhole && durability === 'full' && syncs++ % 5 !== 0)) continue
        for (const keep of isWhole ? keeps : [keeps[cuts % 3] as () => boolean]) {
          const folder = join(base, `${cuts++}`)
          disk.write(folder, keep)
          const last = await lastCommit(folder)
          if (durability === 'full') expect(last).toBeGreaterThanOrEqual(acknowledged)
          rmSync(folder, { recursive: true })
        }
      }
      console.log(JSON.stringify({ durability, cuts, acknowledged, events: events.length }))
      expect(acknowledged).toBe(commits)
      expect(cuts).toBeGreaterThan(5)
    },
    isWhole ? 900_000 : 240_000,
  )
})
