import { Fleet } from 'orbit-node'
import { expect, it } from 'vitest'
import { fleetName } from '../../../test/help/fleets.js'
import { type Child, start as startFixture } from '../../../test/help/processes.js'
import { generator, newSeed } from '../../../test/help/random.js'
import { hostClock } from '../src/base/clock.js'
import { type Actor, ActorError, type ActorSystem } from '../src/index.js'
import { Audit, type CallEnd, type Life } from './help/audit.js'
import { start } from './help/systems.js'
import { TimeLimit } from './help/timelimit.mjs'

/** The classes of test/fixtures/hunter.mjs. */
declare class Prey extends Actor {
  work(call: number, ms: number): Promise<number>
}
type Classes = { Prey: typeof Prey; Nest: typeof Prey }
type Said = [what: string, time: number, key: string, number: number, end: CallEnd, isLate: boolean]

const seconds = Number(process.env['ORBIT_HUNT_SECONDS'] ?? 8)
const [hostCount, keyCount] = [4, 40]
/** How many calls to an actor that is not active are made at once, and by how many processes beside this one. */
const [crowd, crowdCallers] = [1000, 3]
/** A call may end so long after its deadline. */
const graceMs = 50
const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms))

/** A host, with what it has said. */
class Hunted {
  readonly child: Child
  readonly number: number
  readonly listening: Promise<void>
  /** When it was killed. It died after that. */
  killedMs = Number.POSITIVE_INFINITY
  isReady = false
  /** Its newest activation of each key. */
  readonly #living = new Map<string, Life>()

  constructor(fleet: string, number: number, audit: Audit) {
    this.child = startFixture('../../packages/actors/test/fixtures/hunter.mjs', [fleet])
    this.number = number
    this.listening = this.#listen(audit)
  }

  async #listen(audit: Audit): Promise<void> {
    for (let said = await this.child.heard<Said>(); said !== undefined; said = await this.child.heard<Said>()) {
      const [what, time, key, number, end, isLate] = said
      if (isLate) audit.late++
      if (what === 'ready') this.isReady = true
      else if (what === 'begin') this.#beginLife(audit, key, number, time)
      else if (what === 'end') (this.#living.get(key) as Life).to = time
      else if (what === 'run') audit.runs(number, time)
      else if (what === 'did') audit.returns(number, time)
      else if (what === 'over') audit.close(number, end, time)
    }
    audit.lose(this.number, hostClock.now())
  }

  #beginLife({ lives }: Audit, key: string, token: number, from: number): void {
    const life: Life = { host: this, key, token, from, to: Number.POSITIVE_INFINITY }
    lives.push(life)
    this.#living.set(key, life)
  }
}

/** What happens to hosts, at random. */
class Hunt {
  readonly audit = new Audit()
  readonly counts = { killed: 0, stopped: 0, blocked: 0, closed: 0, joined: 0, crowds: 0 }
  readonly crowds: Promise<unknown>[] = []
  hosts: Hunted[] = []
  readonly all: Hunted[] = []
  readonly #fleet: string
  readonly #system: ActorSystem<Classes>
  readonly #random: (below: number) => number

  constructor(fleet: string, system: ActorSystem<Classes>, random: (below: number) => number) {
    this.#fleet = fleet
    this.#system = system
    this.#random = random
    for (let i = 0; i < hostCount; i++) this.#join()
  }

  #join(): void {
    const host = new Hunted(this.#fleet, ++this.counts.joined, this.audit)
    this.hosts.push(host)
    this.all.push(host)
  }

  /** One event. */
  async strike(): Promise<void> {
    const host = this.hosts[this.#random(this.hosts.length)] as Hunted
    const dice = this.#random(20)
    if (this.counts.crowds === 0 || dice === 0) this.#crowd()
    if (this.hosts.length < hostCount) this.#join()
    else if (!host.isReady) await pause(10)
    else if (dice < 8 || this.counts.killed === 0) this.#kill(host)
    else if (dice < 14) await this.#stop(host)
    else if (dice < 16) this.#leave(host)
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
    this.audit.closing.add(host.number)
    this.hosts = this.hosts.filter((each) => each !== host)
    host.child.tell('close')
  }

  #block(host: Hunted): void {
    this.counts.blocked++
    host.child.tell('block', this.#random(200))
  }

  /** Many first calls of one actor at once, from this process and from hosts. */
  #crowd(): void {
    const key = `${this.#random(2) === 0 ? 'nest' : 'prey'} of crowd ${++this.counts.crowds}`
    const callers = this.hosts.filter(({ isReady }) => isReady).slice(0, crowdCallers)
    const share = Math.floor(crowd / (1 + callers.length))
    for (const { child, number } of callers) {
      child.tell('crowd', key, ...Array.from({ length: share }, () => this.audit.open(number, key)))
    }
    for (let i = callers.length * share; i < crowd; i++) this.crowds.push(this.call(key, 2000, 0))
  }

  /** One call of this process. */
  async call(key: string, timeoutMs: number, ms: number): Promise<void> {
    const call = this.audit.open(0, key)
    let end: CallEnd = 'answered'
    const type = key.startsWith('nest') ? 'Nest' : 'Prey'
    const result = this.#system.get(type, key).with({ timeoutMs }).work(call, ms)
    const limit = new TimeLimit(timeoutMs + graceMs) // after the call, which has its deadline by now
    try {
      expect(await result).toBe(call)
    } catch (error) {
      if (!(error instanceof ActorError)) throw error
      end = error.outcome
    }
    limit.clear()
    if (limit.isOver) this.audit.late++
    this.audit.close(call, end, hostClock.now())
  }

  /** Makes calls until the time is over. */
  async callAll(endMs: number): Promise<void> {
    const open = new Set<Promise<void>>()
    while (hostClock.now() < endMs) {
      for (let i = this.#random(12); i > 0; i--) {
        const timeoutMs = this.#random(2) === 0 ? 2000 : 20 + this.#random(400)
        const kind = this.#random(4) === 0 ? 'nest' : 'prey'
        const call = this.call(`${kind} ${this.#random(keyCount)}`, timeoutMs, this.#random(4))
        open.add(call)
        void call.finally(() => open.delete(call))
      }
      await pause(this.#random(5))
      this.audit.check(hostClock.now())
    }
    await Promise.all([...open, ...this.crowds])
  }

  /** Ends all hosts, and waits until all that they said is heard. */
  async end(): Promise<void> {
    for (const host of this.hosts) host.child.tell('close')
    for (const host of this.all) host.child.process.stdin?.end()
    await Promise.all(this.all.map(({ listening }) => listening))
    this.audit.check(Number.POSITIVE_INFINITY)
    this.audit.checkLives()
  }
}

it('runs each actor in one process at a time and each call at most once while hosts are killed, stopped and moved', {
  timeout: seconds * 3000 + 240_000,
}, async () => {
  const name = fleetName('hunt')
  const random = generator(newSeed('hunt of actors'))
  const fleet = Fleet.joinShm(name, { lifetime: 'persistent' })
  const system = start<Classes>({ fleet, host: false })
  const hunt = new Hunt(name, system, random)
  while (!hunt.hosts.every(({ isReady }) => isReady)) await pause(10)
  const end = hostClock.now() + seconds * 1000
  const calling = hunt.callAll(end)
  while (hostClock.now() < end) {
    await pause(random(600))
    await hunt.strike()
  }
  await calling
  await Promise.all(hunt.crowds) // the last strike may come after the last call
  await hunt.end()
  await system.close()
  fleet.close()

  const { calls, ends, lives, unseen, late, violations } = hunt.audit
  console.log(JSON.stringify({ calls, ...ends, lives: lives.length, ...hunt.counts, unseen, late }))
  expect(violations).toEqual([])
  expect(ends['answered']).toBeGreaterThan(0)
  expect(unseen).toBeLessThanOrEqual(hunt.counts.killed)
  expect(hunt.counts.killed).toBeGreaterThan(0)
  expect(hunt.counts.crowds).toBeGreaterThan(0)
})
