// npm run bench:durable [-- PART ...]: what durable calls cost; parts are group (beside commits that are not grouped),
// redis (beside Redis with appendfsync always, if there is a redis-server), normal (beside calls without storage), sql,
// activation and takeover, default all. The ways of a part take turns in one run: compare ratios. A part takes at most a
// minute. ORBIT_SYNC_US=5000 makes each fdatasync 5 ms slower, as on a slower disk.
import { type ChildProcess, execFileSync, fork, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { closeSync, fdatasyncSync, mkdtempSync, openSync, rmSync, writeSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { Actor, type ActorSystem, actors, type StoreChange } from 'orbit-actors'
import { sqlite } from 'orbit-actors/sqlite'
import { Fleet } from 'orbit-node'
import type { Counter, Plain, Table } from './durablehost.js'

type Classes = { Counter: typeof Counter; Plain: typeof Plain; Table: typeof Table }
const [rounds, roundMs, inFlight, manyKeys, partitions] = [3, 700, 64, 1000, 16]
type Kind = 'full' | 'each' | 'normal' | 'nothing' | 'none'

const folders: string[] = []
const newFolder = (): string => {
  const folder = mkdtempSync(join(tmpdir(), 'orbit-bench-durable-'))
  folders.push(folder)
  return folder
}
/** What makes the syncs of a process slower, if that was asked for. */
function slowDisk(): Record<string, string> {
  if (process.env['ORBIT_SYNC_US'] === undefined) return {}
  const library = join(newFolder(), 'slowdisk.so')
  const source = fileURLToPath(new URL('slowdisk.cc', import.meta.url))
  execFileSync('g++', ['-O1', '-shared', '-fPIC', source, '-o', library, '-ldl'])
  return { LD_PRELOAD: library }
}
const env = { ...process.env, ...slowDisk() }

const quantile = (values: readonly number[], part: number): number =>
  [...values].sort((a, b) => a - b)[Math.floor(values.length * part)] as number
const median = (values: readonly number[]): number => quantile(values, 0.5)

async function startHost(name: string, folder: string, kind: Kind, label = 'owner'): Promise<ChildProcess> {
  const host = fork(new URL('durablehost.ts', import.meta.url), [name, folder, kind, label], {
    execArgv: ['--import', 'tsx'],
    env,
  })
  await once(host, 'message')
  return host
}

/** A host in another process, and what calls it. */
class Way {
  readonly #kind: Kind
  readonly #fleet: Fleet
  readonly #system: ActorSystem<Classes>
  readonly #host: ChildProcess
  readonly delays: number[] = []

  private constructor(kind: Kind, fleet: Fleet, host: ChildProcess) {
    this.#kind = kind
    this.#fleet = fleet
    this.#host = host
    this.#system = actors<Classes>({ fleet, host: false })
  }

  static async start(kind: Kind): Promise<Way> {
    const name = `bench-durable-${kind}-${process.pid}`
    const host = await startHost(name, newFolder(), kind)
    return new Way(kind, Fleet.joinShm(name), host)
  }

  /** Calls a second with so many under way, of so many actors, or of those of them in one partition. */
  async rate(underWay: number, count: number, isOnePartition = false, durable: 'Counter' | 'Table' = 'Counter') {
    const type = this.#kind === 'none' ? 'Plain' : durable
    const all = Array.from({ length: count }, (_, i) => `counter ${i}`)
    const names = all.filter((key) => !isOnePartition || this.#system.partitionOf(type, key) === 0)
    const [refs, keys] = [names.map((key) => this.#system.get(type, key)), names.length]
    await Promise.all(refs.map((ref) => ref.add(0)))
    await this.#delay()
    const [begunMs, endMs] = [performance.now(), performance.now() + roundMs]
    let calls = 0
    const lane = async (first: number) => {
      for (let i = first; performance.now() < endMs; i += underWay) {
        await refs[i % keys]?.add(1)
        calls++
      }
    }
    await Promise.all(Array.from({ length: underWay }, (_, i) => lane(i)))
    const tookMs = performance.now() - begunMs
    this.delays.push(await this.#delay())
    return (calls * 1000) / tookMs
  }

  async #delay(): Promise<number> {
    this.#host.send('delay')
    const [{ p99 }] = (await once(this.#host, 'message')) as [{ p99: number }]
    return p99
  }

  async close(): Promise<void> {
    this.#host.disconnect()
    await once(this.#host, 'exit')
    await this.#system.close()
    this.#fleet.close()
  }
}

/** Redis with the same promise: INCR is acknowledged when it is on the disk. Many clients share a sync. */
class Redis {
  readonly #port = 20_000 + (process.pid % 10_000)
  readonly #server: ChildProcess

  constructor() {
    const options = ['--port', `${this.#port}`, '--appendonly', 'yes', '--appendfsync', 'always', '--save', '']
    this.#server = spawn('redis-server', [...options, '--dir', newFolder()], { stdio: 'ignore', env })
  }

  rate(): number {
    const args = ['-p', `${this.#port}`, '-t', 'incr', '-c', `${inFlight}`, '-n', '20000', '-q']
    const text = execFileSync('redis-benchmark', args, { encoding: 'utf8' })
    return Number(/([\d.]+) requests per second/.exec(text)?.[1])
  }

  close(): void {
    this.#server.kill('SIGKILL')
  }
}

/** Microseconds until 4 KiB that were appended to a file are on the disk. */
function syncTime(): number {
  const descriptor = openSync(join(newFolder(), 'file'), 'w')
  const times: number[] = []
  for (let i = 0; i < 100; i++) {
    const begunMs = performance.now()
    writeSync(descriptor, Buffer.alloc(4096))
    fdatasyncSync(descriptor)
    times.push((performance.now() - begunMs) * 1000)
  }
  closeSync(descriptor)
  return median(times)
}

const print = (title: string, value: number, unit: string, note = ''): void =>
  console.log(`  ${title.padEnd(58)} ${value.toFixed(value < 100 ? 2 : 0).padStart(9)} ${unit.padEnd(4)} ${note}`)

type Measure = readonly [title: string, measure: () => number | Promise<number>]

/** The medians of several measures, made in turn. */
async function inTurn(measures: readonly Measure[]): Promise<(title: string) => number> {
  const results = new Map<string, number[]>(measures.map(([title]) => [title, []]))
  for (let round = 0; round < rounds; round++) {
    for (const [title, measure] of measures) results.get(title)?.push(await measure())
  }
  console.log(`\n${inFlight} calls of a sibling process under way, medians of ${rounds} rounds`)
  return (title) => median(results.get(title) ?? [Number.NaN])
}

async function withWays(needed: readonly Kind[], run: (way: (kind: Kind) => Way) => Promise<void>): Promise<void> {
  const ways = new Map<Kind, Way>()
  for (const kind of needed) ways.set(kind, await Way.start(kind))
  await run((kind) => ways.get(kind) as Way)
  for (const way of ways.values()) await way.close()
}

const measureGroup = () =>
  withWays(['full', 'each', 'nothing'], async (way) => {
    const of = await inTurn([
      ['each', () => way('each').rate(inFlight, manyKeys, true)],
      ['full', () => way('full').rate(inFlight, manyKeys, true)],
      ['nothing', () => way('nothing').rate(inFlight, manyKeys, true)],
      ['sync', syncTime],
    ])
    print('a commit for each call, actors of one partition', of('each'), '/s')
    print('group commit, actors of one partition', of('full'), '/s', `${(of('full') / of('each')).toFixed(1)} x`)
    const most = `${(of('nothing') / of('each')).toFixed(1)} x: the most there is`
    print('a store that writes nothing', of('nothing'), '/s', most)
    print('an append of 4 KiB and its fdatasync', of('sync'), 'us')
  })

const measureRedis = () =>
  withWays(['full', 'nothing', 'none'], async (way) => {
    const redis = spawnSync('redis-server', ['--version']).status === 0 ? new Redis() : undefined
    const full = way('full')
    const of = await inTurn([
      ['one', () => full.rate(inFlight, 1)],
      ['redis', () => redis?.rate() ?? Number.NaN],
      ['many', () => full.rate(inFlight, manyKeys)],
      ['alone', () => full.rate(1, 1)],
      ['nothing', () => way('nothing').rate(inFlight, 1)],
      ['none', () => way('none').rate(inFlight, 1)],
      ['sync', syncTime],
    ])
    redis?.close()
    const ratio = (title: string) => `${(of(title) / of('redis')).toFixed(2)} x Redis`
    print('group commit, one actor', of('one'), '/s', ratio('one'))
    print(`group commit, ${manyKeys} actors in ${partitions} files`, of('many'), '/s', ratio('many'))
    print('group commit, one call at a time', of('alone'), '/s')
    print('Redis, INCR, appendfsync always', of('redis'), '/s')
    print('a store that writes nothing, one actor', of('nothing'), '/s', ratio('nothing'))
    print('without storage, one actor', of('none'), '/s', ratio('none'))
    print('an append of 4 KiB and its fdatasync', of('sync'), 'us')
    const delays = full.delays
    const every = (nth: number) => median(delays.filter((_, i) => i % 3 === nth))
    print('loop delay, p99, one actor', every(0), 'ms')
    print(`loop delay, p99, ${manyKeys} actors`, every(1), 'ms')
  })

const measureNormal = () =>
  withWays(['normal', 'nothing', 'none'], async (way) => {
    const of = await inTurn(
      [1, manyKeys].flatMap((count) =>
        (['normal', 'nothing', 'none'] as const).map(
          (kind): Measure => [`${kind} ${count}`, () => way(kind).rate(inFlight, count)],
        ),
      ),
    )
    for (const count of [1, manyKeys]) {
      const ratio = (kind: Kind) => `${(of(`${kind} ${count}`) / of(`none ${count}`)).toFixed(2)} x without storage`
      print(`normal, actors: ${count}`, of(`normal ${count}`), '/s', ratio('normal'))
      print(`a store that writes nothing, actors: ${count}`, of(`nothing ${count}`), '/s', ratio('nothing'))
      print(`without storage, actors: ${count}`, of(`none ${count}`), '/s')
    }
  })

const measureSql = () =>
  withWays(['full', 'normal'], async (way) => {
    const of = await inTurn(
      (['full', 'normal'] as const).flatMap((kind): Measure[] => [
        [`${kind} sql`, () => way(kind).rate(inFlight, 1, false, 'Table')],
        [`${kind} entry`, () => way(kind).rate(inFlight, 1)],
      ]),
    )
    for (const kind of ['full', 'normal']) {
      const ratio = of(`${kind} sql`) / of(`${kind} entry`)
      print(`${kind}, an update of a row, one actor`, of(`${kind} sql`), '/s', `${ratio.toFixed(2)} x an entry`)
      print(`${kind}, an entry, one actor`, of(`${kind} entry`), '/s')
    }
  })

class Note extends Actor<{ text: string }> {
  length(): number {
    return this.ctx.storage.get('text')?.length ?? 0
  }
}

/** Writes the state of actors, 1 KB each, as a system would. */
async function fill(folder: string, type: string, count: number, partitionOf: (key: string) => number): Promise<void> {
  const { serialize } = await import('node:v8')
  const changes = Array.from({ length: partitions }, (): StoreChange[] => [])
  for (let i = 0; i < count; i++) {
    const [key, value] = [`counter ${i}`, serialize(type === 'Note' ? 'x'.repeat(1000) : 1)]
    const name = type === 'Note' ? 'text' : 'n'
    changes[partitionOf(key)]?.push({ kind: 'actor', type, key, version: 1 }, { kind: 'entry', type, key, name, value })
  }
  for (const [partition, each] of changes.entries()) {
    const opened = await sqlite(folder).open('default', partition, 1)
    await opened?.commit(each)
    await opened?.close()
  }
}

/** Microseconds of the first call in this process of an actor with state on the disk. */
async function measureActivation(): Promise<void> {
  const [folder, count] = [newFolder(), 2000]
  const fleet = Fleet.joinShm(`bench-cold-${process.pid}`)
  const hash = actors<{ Note: typeof Note }>({ fleet, host: false, name: 'hash' })
  await fill(folder, 'Note', count, (key) => hash.partitionOf('Note', key))
  const system = actors({ fleet, actors: { Note }, store: sqlite(folder) })
  for (let i = 0; i < 100; i++) await system.get('Note', `warm ${i}`).length()
  const times: number[] = []
  for (let i = 0; i < count; i++) {
    const begunMs = performance.now()
    if ((await system.get('Note', `counter ${i}`).length()) !== 1000) throw new Error('the state is missing')
    times.push((performance.now() - begunMs) * 1000)
  }
  console.log('\nthe first call of an actor with 1 KB of state, in this process')
  print('p50', median(times), 'us')
  print('p99', quantile(times, 0.99), 'us')
  await system.close()
  await hash.close()
  fleet.close()
}

/** Milliseconds from SIGKILL to an answer from each partition, in the process that takes over. */
async function measureTakeover(): Promise<void> {
  const [count, times] = [100_000, [] as number[]]
  const [folder, name] = [newFolder(), `bench-takeover-${process.pid}`]
  const fleet = Fleet.joinShm(name)
  const system = actors<Classes>({ fleet, host: false })
  await fill(folder, 'Counter', count, (key) => system.partitionOf('Counter', key))
  const firsts = Array.from({ length: partitions }, (_, partition) => {
    for (let i = 0; ; i++) if (system.partitionOf('Counter', `counter ${i}`) === partition) return `counter ${i}`
  })
  const touch = () => Promise.all(firsts.map((key) => system.get('Counter', key).add(0)))
  for (let round = 0; round < rounds; round++) {
    const owner = await startHost(name, folder, 'full', 'owner')
    const heir = await startHost(name, folder, 'full', 'heir')
    await touch()
    const { hosts } = await system.inspect()
    if (!hosts.some((host) => host.partitions.length === partitions)) throw new Error('no process has all partitions')
    const begunMs = performance.now()
    owner.kill('SIGKILL')
    await touch()
    times.push(performance.now() - begunMs)
    heir.disconnect()
    await once(heir, 'exit')
  }
  console.log(`\ntakeover of ${partitions} partitions with ${count} actors from a process that is killed`)
  print('SIGKILL to an answer from each of the 16, median', median(times), 'ms')
  await system.close()
  fleet.close()
}

const parts: Record<string, () => Promise<void>> = {
  group: measureGroup,
  redis: measureRedis,
  normal: measureNormal,
  sql: measureSql,
  activation: measureActivation,
  takeover: measureTakeover,
}
const asked = process.argv.slice(2)
const unknown = asked.filter((part) => parts[part] === undefined)
if (unknown.length > 0) {
  console.error(`usage: npm run bench:durable [-- PART ...]\nparts: ${Object.keys(parts).join(', ')}`)
  process.exit(2)
}
try {
  for (const part of asked.length > 0 ? asked : Object.keys(parts)) await parts[part]?.()
} finally {
  for (const folder of folders) rmSync(folder, { recursive: true, force: true })
}
