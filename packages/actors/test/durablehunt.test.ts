import { rmSync } from 'node:fs'
import { Fleet } from 'orbit-node'
import { describe, expect, it } from 'vitest'
import { fleetName } from '../../../test/help/fleets.js'
import { type Child, start as startFixture } from '../../../test/help/processes.js'
import { generator, newSeed } from '../../../test/help/random.js'
import { partitionCount } from '../src/base/partitions.js'
import { type Actor, ActorError, type ActorSystem, type Outcome } from '../src/index.js'
import { dataFolder, drivers } from './help/stores.js'
import { start } from './help/systems.js'

interface Written {
  n: number
  token: number
}

/** The class of test/fixtures/durablehunter.mjs. */
declare class Ledger extends Actor {
  add(op: string, ms: number): Promise<Written>
  remind(op: string, ms: number): Written
  send(op: string): Written
  counts(): Record<string, number>
  alarmCount(): number
}
type Classes = { Ledger: typeof Ledger; SqlLedger: typeof Ledger }

// ORBIT_DURABLE_KILLS=10000 ORBIT_DURABLE_SECONDS=3600: a long hunt
const kills = Number(process.env['ORBIT_DURABLE_KILLS'] ?? 24)
const seconds = Number(process.env['ORBIT_DURABLE_SECONDS'] ?? 10)
/** After so many kills all is checked, and new actors are hunted: what they keep of each call stays small. */
const killsPerRound = 250
const [hostCount, keyCount, workers] = [4, 24, 12]
/** Every third actor has a database of its own. */
const typeOf = (key: string) => (Number(/\d+$/.exec(key)?.[0]) % 3 === 0 ? 'SqlLedger' : 'Ledger')
const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms))

interface Operation {
  readonly key: string
  readonly op: string
  readonly what: 'add' | 'keyed' | 'remind' | 'send'
  outcome: Outcome | 'answered'
  written?: Written
}

class Hunt {
  readonly begins: { key: string; token: number; n: number }[] = []
  readonly violations: unknown[] = []
  readonly operations: Operation[] = []
  hosts: Child[] = []
  killed = 0
  stopped = 0
  isOver = false
  readonly #ready = new Set<Child>()
  readonly #random: (below: number) => number
  readonly #fixture: string[]
  readonly #system: ActorSystem<Classes>

  constructor(fixture: string[], random: (below: number) => number, system: ActorSystem<Classes>) {
    this.#fixture = fixture
    this.#random = random
    this.#system = system
    for (let i = 0; i < hostCount; i++) this.join()
  }

  join(): void {
    const host = startFixture('../../packages/actors/test/fixtures/durablehunter.mjs', this.#fixture)
    this.hosts.push(host)
    void this.#listen(host)
  }

  async #listen(host: Child): Promise<void> {
    for (;;) {
      const said = await host.heard<[string, string, number, number]>()
      if (said === undefined) return
      const [what, key, token, n] = said
      if (what === 'ready') this.#ready.add(host)
      else if (what === 'begin') this.begins.push({ key, token, n })
      else this.violations.push(said)
    }
  }

  /** A SIGKILL at a random instant, sometimes of two hosts at once, or a SIGSTOP for a while. */
  async strike(): Promise<void> {
    await pause(this.#random(250))
    const ready = this.hosts.filter((host) => this.#ready.has(host))
    const host = ready[this.#random(ready.length)]
    if (host === undefined || ready.length < 2) return
    const other = ready.find((each) => each !== host)
    if (other !== undefined && ready.length > 2 && this.#random(4) === 0) this.#kill(other)
    else if (this.#random(6) === 0) {
      this.stopped++
      host.process.kill('SIGSTOP')
      await pause(this.#random(200))
      if (this.#random(2) === 0) {
        host.process.kill('SIGCONT')
        return
      }
    }
    this.#kill(host)
  }

  #kill(host: Child): void {
    this.killed++
    this.hosts = this.hosts.filter((each) => each !== host)
    host.process.kill('SIGKILL')
    this.join()
  }

  /** Calls actors until the hunt is over. */
  async work(worker: number): Promise<void> {
    for (let i = 0; !this.isOver; i++) {
      const key = `k${this.#random(keyCount)}`
      const what = (['add', 'add', 'keyed', 'remind', 'send'] as const)[this.#random(5)] as Operation['what']
      const operation: Operation = { key, op: `${worker}.${i}`, what, outcome: 'unknown' }
      this.operations.push(operation)
      try {
        operation.written = await this.#call(operation)
        operation.outcome = 'answered'
      } catch (error) {
        if (!(error instanceof ActorError)) throw error
        operation.outcome = error.outcome
      }
    }
  }

  #call({ key, op, what }: Operation): Promise<Written> {
    const ledger = this.#system.get(typeOf(key), key).with({ timeoutMs: 5000 })
    if (what === 'remind') return ledger.remind(op, this.#random(1500))
    if (what === 'send') return ledger.send(op)
    const ms = this.#random(4) === 0 ? this.#random(20) : 0
    return what === 'add' ? ledger.add(op, ms) : ledger.with({ idempotencyKey: op }).add(op, ms)
  }
}

/** Each write that was acknowledged under a token was there when an actor was activated under a later one. */
function lostWrites({ begins, operations }: Hunt): unknown[] {
  return operations.filter(({ key, written }) =>
    begins.some(
      (begin) => begin.key === key && written !== undefined && begin.token > written.token && begin.n < written.n,
    ),
  )
}

/** How often an operation may have run at least and at most. */
const limits: Record<Operation['outcome'], [number, number]> = {
  answered: [1, 1],
  done: [1, 1],
  unknown: [0, 1],
  'not-run': [0, 0],
  'rolled-back': [0, 0],
}

/** What the final state of the actors says against an operation. */
function wrongly(
  operation: Operation,
  own: Record<string, number>,
  target: Record<string, number>,
): string | undefined {
  const { op, what, outcome } = operation
  const runs = own[`ran/${op}`] ?? 0
  const [least, most] = limits[outcome]
  if (runs < least || runs > most) return `ran ${runs} times`
  if (what === 'remind' && runs === 1 && !((own[`fired/${op}`] ?? 0) >= 1)) return 'the alarm never fired'
  if (what === 'send' && (target[`taken/${op}`] ?? 0) !== runs) return `taken ${target[`taken/${op}`] ?? 0} times`
  return undefined
}

/** How long alarms and messages may take to be gone after the hunt: a bound for a test that has failed. */
const patienceMs = 240_000

/** Waits until no alarm is set and no message is on its way, and returns what all actors have. */
async function settled(system: ActorSystem<Classes>) {
  const countsOf = (key: string) => system.get(typeOf(key), key).with({ timeoutMs: 60_000 }).counts()
  const keys = Array.from({ length: keyCount }, (_, k) => `k${k}`)
  await Promise.all(keys.map(countsOf)) // what ran at the end of the hunt is committed
  const endMs = performance.now() + patienceMs
  for (;;) {
    const { hosts } = await system.inspect({ state: true, timeoutMs: 10_000 })
    const states = hosts.flatMap(({ state }) => state ?? [])
    const left = states.filter(({ alarms, messages }) => alarms + messages > 0)
    if (states.length === partitionCount && left.length === 0) break
    const found = JSON.stringify(left.map(({ partition, alarms, messages }) => ({ partition, alarms, messages })))
    const text = `${states.length} partitions, alarms and messages that are left after ${patienceMs} ms: ${found}`
    expect(performance.now(), text).toBeLessThan(endMs)
    await pause(50)
  }
  const all = [...keys, ...keys.map((key) => `to ${key}`)]
  return new Map(await Promise.all(all.map(async (key) => [key, await countsOf(key)] as const)))
}

/** Hunts new actors until there were so many kills, and returns what happened. Fails for each violation. */
async function hunted(
  fixture: [string, string, string],
  most: number,
  endMs: number,
  random: (below: number) => number,
) {
  using fleet = Fleet.joinShm(fixture[0])
  await using system = start<Classes>({ fleet, host: false })
  const hunt = new Hunt(fixture, random, system)
  const work = Array.from({ length: workers }, (_, worker) => hunt.work(worker))
  while (hunt.killed < most && performance.now() < endMs) await hunt.strike()
  hunt.isOver = true
  await Promise.all(work)
  const states = await settled(system)
  expect(hunt.violations).toEqual([])
  expect(lostWrites(hunt)).toEqual([])
  const wrong = hunt.operations.flatMap((each) => {
    const why = wrongly(each, states.get(each.key) ?? {}, states.get(`to ${each.key}`) ?? {})
    return why === undefined ? [] : [{ ...each, why }]
  })
  expect(wrong).toEqual([])
  await Promise.all(hunt.hosts.map((host) => host.kill()))
  const count = (outcome: string) => hunt.operations.filter((each) => each.outcome === outcome).length
  const { killed: kills, stopped: stops, begins } = hunt
  const ended = { acknowledged: count('answered'), unknown: count('unknown'), done: count('done') }
  return { kills, stops, ...ended, notRun: count('not-run'), activations: begins.length }
}

describe.skipIf(drivers.length === 0)('durable actors, when processes are killed at random instants', () => {
  it(
    'lose no acknowledged write, run no keyed call twice, and fire every alarm',
    async () => {
      const random = generator(newSeed('durable hunt'))
      const endMs = performance.now() + seconds * 1000
      const total = { kills: 0, stops: 0, acknowledged: 0, unknown: 0, done: 0, notRun: 0, activations: 0 }
      let rounds = 0
      while (rounds === 0 || (total.kills < kills && performance.now() < endMs)) {
        const most = Math.min(killsPerRound, kills - total.kills)
        const [name, folder] = [fleetName('actors'), dataFolder()]
        const round = await hunted([name, folder, rounds++ % 2 === 0 ? 'full' : 'normal'], most, endMs, random)
        Fleet.remove(name, { force: true })
        rmSync(folder, { recursive: true })
        for (const [name, value] of Object.entries(round)) total[name as keyof typeof total] += value
        console.log(JSON.stringify({ rounds, ...total, violations: 0 }))
      }
      expect(total.kills).toBeGreaterThan(0)
      expect(total.acknowledged).toBeGreaterThan(0)
    },
    seconds * 3000 + 240_000,
  )
})
