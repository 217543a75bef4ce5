// npm run bench:durable: what durable calls cost, beside calls without storage, commits that are not grouped, and Redis
// with appendfsync always. All ways take turns in one run: compare ratios. It needs about a minute, and redis-server for
// the part with Redis.
import { type ChildProcess, execFileSync, fork, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { closeSync, fdatasyncSync, mkdtempSync, openSync, rmSync, writeSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Actor, type ActorSystem, actors, type StoreChange } from 'orbit-actors'
import { sqlite } from 'orbit-actors/sqlite'
import { Fleet } from 'orbit-node'
import type { Counter, Plain } from './durablehost.js'

type Classes = { Counter: typeof Counter; Plain: typeof Plain }
const [rounds, roundMs, inFlight, manyKeys, partitions] = [3, 700, 64, 1000, 16]
const kinds = ['full', 'each', 'normal', 'none'] as const
type Kind = (typeof kinds)[number]

const folders: string[] = []
const newFolder = (): string => {
  const folder = mkdtempSync(join(tmpdir(), 'orbit-bench-durable-'))
  folders.push(folder)
  return folder
}
const quantile = (values: readonly number[], part: number): number =>
  [...values].sort((a, b) => a - b)[Math.floor(values.length * part)] as number
const median = (values: readonly number[]): number => quantile(values, 0.5)

async function startHost(name: string, folder: string, kind: Kind, label = 'owner'): Promise<ChildProcess> {
  const host = fork(new URL('durablehost.ts', import.meta.url), [name, folder, kind, label], {
    execArgv: ['--import', 'tsx'],
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
  async rate(underWay: number, count: number, isOnePartition = false): Promise<number> {
    const type = this.#kind === 'none' ? 'Plain' : 'Counter'
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
    this.#server = spawn('redis-server', [...options, '--dir', newFolder()], { stdio: 'ignore' })
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

async function compareRates(): Promise<void> {
  const ways = new Map<Kind, Way>()
  for (const kind of kinds) ways.set(kind, await Way.start(kind))
  const redis = spawnSync('redis-server', ['--version']).status === 0 ? new Redis() : undefined
  const results = new Map<string, number[]>()
  const note = (title: string, value: number) => results.set(title, [...(results.get(title) ?? []), value])
  for (let round = 0; round < rounds; round++) {
    for (const [kind, way] of ways) {
      if (kind !== 'each') note(`${kind} 1`, await way.rate(inFlight, 1))
      if (kind === 'full' || kind === 'each') note(`${kind} file`, await way.rate(inFlight, manyKeys, true))
      if (kind === 'full') note('alone', await way.rate(1, 1))
      if (kind !== 'each') note(`${kind} ${manyKeys}`, await way.rate(inFlight, manyKeys))
    }
    if (redis !== undefined) note('redis', redis.rate())
    note('sync', syncTime())
  }
  const of = (title: string): number => median(results.get(title) ?? [Number.NaN])
  console.log(`\ncalls a second from a sibling process, ${inFlight} under way, medians of ${rounds} rounds`)
  print('a commit for each call, actors of one partition', of('each file'), '/s')
  const gain = `${(of('full file') / of('each file')).toFixed(1)} x a commit for each`
  print('group commit, actors of one partition', of('full file'), '/s', gain)
  print('group commit, one actor', of('full 1'), '/s')
  print(`group commit, ${manyKeys} actors in ${partitions} files`, of(`full ${manyKeys}`), '/s')
  print('group commit, one call at a time', of('alone'), '/s')
  print('normal, one actor', of('normal 1'), '/s', `${(of('normal 1') / of('none 1')).toFixed(2)} x without storage`)
  const shareOfMany = of(`normal ${manyKeys}`) / of(`none ${manyKeys}`)
  print(`normal, ${manyKeys} actors`, of(`normal ${manyKeys}`), '/s', `${shareOfMany.toFixed(2)} x without storage`)
  print('without storage, one actor', of('none 1'), '/s')
  print(`without storage, ${manyKeys} actors`, of(`none ${manyKeys}`), '/s')
  if (redis !== undefined) print('Redis, INCR, appendfsync always', of('redis'), '/s')
  if (redis !== undefined) print('group commit, one actor, for each INCR', of('full 1') / of('redis'), 'x')
  print('an append of 4 KiB and its fdatasync', of('sync'), 'us')
  print('loop delay, p99, group commit', median(ways.get('full')?.delays ?? []), 'ms')
  redis?.close()
  for (const way of ways.values()) await way.close()
}

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

try {
  await compareRates()
  await measureActivation()
  await measureTakeover()
} finally {
  for (const folder of folders) rmSync(folder, { recursive: true, force: true })
}
