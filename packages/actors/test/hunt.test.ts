import { Fleet } from 'orbit-node'
import { expect, it } from 'vitest'
import { fleetName } from '../../../test/help/fleets.js'
import { type Child, start as startFixture } from '../../../test/help/processes.js'
import { generator, newSeed } from '../../../test/help/random.js'
import { hostClock } from '../src/base/clock.js'
import { type Actor, ActorError, type ActorSystem, type Outcome } from '../src/index.js'
import { start } from './help/systems.js'

/** The class of test/fixtures/hunter.mjs. */
declare class Prey extends Actor {
  work(call: number, ms: number): Promise<number>
}
type Classes = { Prey: typeof Prey }

const seconds = Number(process.env['ORBIT_HUNT_SECONDS'] ?? 8)
const [hostCount, keyCount] = [4, 40]
const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms))

/** One activation, as its process says. */
interface Life {
  readonly host: Hunted
  readonly key: string
  readonly token: number
  readonly from: number
  to: number
}

/** One call, as its caller and the processes say. */
interface Trace {
  readonly key: string
  outcome: Outcome | 'answered' | 'open'
  lateMs: number
  readonly runs: number[]
  readonly ends: number[]
}

/** A host, with what it has said. */
class Hunted {
  readonly child: Child
  readonly listening: Promise<void>
  /** When it was killed. It died after that. */
  killedMs = Number.POSITIVE_INFINITY
  isReady = false
  isStopped = false

  constructor(fleet: string, lives: Life[], traces: Trace[]) {
    this.child = startFixture('../../packages/actors/test/fixtures/hunter.mjs', [fleet])
    this.listening = this.#listen(lives, traces)
  }

  async #listen(lives: Life[], traces: Trace[]): Promise<void> {
    for (;;) {
      const said = await this.child.heard<[string, number, string, number]>()
      if (said === undefined) return
      const [what, time, key, number] = said
      if (what === 'ready') this.isReady = true
      else if (what === 'begin')
        lives.push({ host: this, key, token: number, from: time, to: Number.POSITIVE_INFINITY })
      else if (what === 'end') (lives.findLast((life) => life.host === this && life.key === key) as Life).to = time
      else if (what === 'run') traces[number]?.runs.push(time)
      else if (what === 'did') traces[number]?.ends.push(time)
    }
  }
}

/** What happens to hosts, at random. */
class Hunt {
  readonly lives: Life[] = []
  readonly traces: Trace[] = []
  readonly counts = { killed: 0, stopped: 0, blocked: 0, closed: 0, joined: 0 }
  hosts: Hunted[] = []
  readonly all: Hunted[] = []
  readonly #fleet: string
  readonly #random: (below: number) => number

  constructor(fleet: string, random: (below: number) => number) {
    this.#fleet = fleet
    this.#random = random
    for (let i = 0; i < hostCount; i++) this.#join()
  }

  #join(): void {
    const host = new Hunted(this.#fleet, this.lives, this.traces)
    this.hosts.push(host)
    this.all.push(host)
    this.counts.joined++
  }

  /** One event. */
  async strike(): Promise<void> {
    const host = this.hosts[this.#random(this.hosts.length)] as Hunted
    const dice = this.#random(10)
    if (this.hosts.length < hostCount) this.#join()
    else if (!host.isReady) await pause(10)
    else if (dice < 4 || this.counts.killed === 0) this.#kill(host)
    else if (dice < 7) await this.#stop(host)
    else if (dice < 8) this.#leave(host)
    else this.#block(host)
  }

  #kill(host: Hunted): void {
    this.counts.killed++
    this.hosts = this.hosts.filter((each) => each !== host)
    host.killedMs = hostClock.now()
    host.child.process.kill('SIGKILL')
  }

  async #stop(host: Hunted): Promise<void> {
    this.counts.stopped++
    host.child.process.kill('SIGSTOP')
    await pause(this.#random(300))
    if (this.#random(3) === 0) this.#kill(host)
    else host.child.process.kill('SIGCONT')
  }

  #leave(host: Hunted): void {
    this.counts.closed++
    this.hosts = this.hosts.filter((each) => each !== host)
    host.child.tell('close')
  }

  #block(host: Hunted): void {
    this.counts.blocked++
    host.child.tell('block', this.#random(200))
  }

  /** Ends all hosts, and waits until all that they said is heard. */
  async end(): Promise<void> {
    for (const host of this.hosts) host.child.tell('close')
    for (const host of this.all) host.child.process.stdin?.end()
    await Promise.all(this.all.map(({ listening }) => listening))
  }
}

/** Makes calls until the time is over, and notes how they end. */
async function callAll(system: ActorSystem<Classes>, traces: Trace[], random: (below: number) => number, end: number) {
  const open: Promise<void>[] = []
  while (hostClock.now() < end) {
    for (let i = random(12); i > 0; i--) open.push(callOne(system, traces, random))
    await pause(random(5))
  }
  await Promise.all(open)
}

async function callOne(system: ActorSystem<Classes>, traces: Trace[], random: (below: number) => number) {
  const key = `prey ${random(keyCount)}`
  const trace: Trace = { key, outcome: 'open', lateMs: 0, runs: [], ends: [] }
  const call = traces.push(trace) - 1
  const timeoutMs = random(2) === 0 ? 2000 : 20 + random(400)
  const begun = hostClock.now()
  try {
    expect(await system.get('Prey', key).with({ timeoutMs }).work(call, random(4))).toBe(call)
    trace.outcome = 'answered'
  } catch (error) {
    if (!(error instanceof ActorError)) throw error
    trace.outcome = error.outcome
  }
  trace.lateMs = hostClock.now() - begun - timeoutMs
}

/** Activations of one key that were alive at the same time, in words. */
function overlapsOf(lives: readonly Life[]): string[] {
  const sorted = [...lives].sort((a, b) => a.from - b.from)
  const overlaps: string[] = []
  const last = new Map<string, Life>()
  for (const life of sorted) {
    const before = last.get(life.key)
    last.set(life.key, life)
    if (before === undefined) continue
    const endedMs = Math.min(before.to, before.host.killedMs)
    if (life.from < endedMs) overlaps.push(`${life.key}: ${life.from} before ${endedMs}`)
    if (life.token < before.token) overlaps.push(`${life.key}: token ${life.token} after ${before.token}`)
  }
  return overlaps
}

/** Calls of one key that ran in another order than they were made. */
function disordersOf(traces: readonly Trace[]): string[] {
  const disorders: string[] = []
  const newest = new Map<string, number>()
  for (const [call, { key, runs }] of traces.entries()) {
    const [time] = runs
    if (time === undefined) continue
    if (time < (newest.get(key) ?? 0)) disorders.push(`call ${call} of ${key} ran at ${time}`)
    newest.set(key, Math.max(time, newest.get(key) ?? 0))
  }
  return disorders
}

it('runs each actor in one process at a time and each call at most once, while hosts are killed, stopped and moved', {
  timeout: seconds * 1000 + 120_000,
}, async () => {
  const name = fleetName('hunt')
  const random = generator(newSeed('hunt of actors'))
  const fleet = Fleet.joinShm(name, { lifetime: 'persistent' })
  const system = start<Classes>({ fleet, host: false })
  const hunt = new Hunt(name, random)
  while (!hunt.hosts.every(({ isReady }) => isReady)) await pause(10)
  const end = hostClock.now() + seconds * 1000
  const calling = callAll(system, hunt.traces, random, end)
  while (hostClock.now() < end) {
    await pause(random(600))
    await hunt.strike()
  }
  await calling
  await hunt.end()
  await system.close()
  fleet.close()

  const { traces, lives } = hunt
  const outcomes: Record<string, number> = {}
  for (const { outcome } of traces) outcomes[outcome] = (outcomes[outcome] ?? 0) + 1
  const lateMs = traces.reduce((most, trace) => Math.max(most, trace.lateMs), 0)
  console.log(JSON.stringify({ calls: traces.length, ...outcomes, lives: lives.length, ...hunt.counts, lateMs }))

  expect(overlapsOf(lives)).toEqual([])
  expect(disordersOf(traces)).toEqual([])
  expect(traces.filter(({ runs }) => runs.length > 1)).toEqual([])
  expect(traces.filter(({ outcome }) => outcome === 'open')).toEqual([])
  expect(traces.filter(({ outcome, runs }) => outcome === 'not-run' && runs.length > 0)).toEqual([])
  const isDone = ({ outcome }: Trace) => outcome === 'answered' || outcome === 'done'
  expect(traces.filter((trace) => isDone(trace) && trace.ends.length !== 1)).toEqual([])
  expect(traces.filter(({ outcome }) => outcome === 'answered').length).toBeGreaterThan(traces.length / 4)
  expect(hunt.counts.killed).toBeGreaterThan(0)
})
