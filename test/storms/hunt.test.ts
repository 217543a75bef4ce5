import { spawnSync } from 'node:child_process'
import { appendFileSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it, onTestFinished } from 'vitest'
import { Contest, Fence, Fleet } from '../../src/index.js'
import { fleetName } from '../help/fleets.js'
import { type Child, start } from '../help/processes.js'
import { generator, newSeed } from '../help/random.js'
import { canRun, isLinux, isSanitized, root } from '../help/system.js'

const huntMs = Number(process.env['ORBIT_HUNT_SECONDS'] ?? 4) * 1000
const hunters = 8
const ttlMs = 100

function nowMs(): number {
  const [seconds, nanoseconds] = process.hrtime()
  return seconds * 1e3 + nanoseconds / 1e6
}
const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms))

function scratchFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'orbit-hunt-'))
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
  return folder
}

/** The environment that gives a process a jumping wall clock; undefined where that cannot be built. */
function steppedClock(folder: string): NodeJS.ProcessEnv | undefined {
  if (isSanitized || !canRun('g++', '--version')) return undefined
  const library = join(folder, 'steppedclock.so')
  const source = join(root, 'test/fixtures/steppedclock.cc')
  const { status, stderr } = spawnSync('g++', ['-O1', '-shared', '-fPIC', source, '-o', library, '-ldl'])
  expect(status, `${stderr}`).toBe(0)
  return { LD_PRELOAD: library }
}

/** The time in which a guard must have held. */
interface Hold {
  readonly subject: string
  readonly token: number
  readonly from: number
  until: number
}

/** The resource that guards protect: it has one fence for each subject, and is its only writer. */
class Resource {
  readonly #path: string
  readonly #fences = new Map<string, Fence>()
  readonly written: { subject: string; token: number }[] = []
  refused = 0

  constructor(path: string) {
    this.#path = path
  }
  write(subject: string, token: number): boolean {
    const fence = this.#fences.get(subject) ?? new Fence()
    this.#fences.set(subject, fence)
    const isAdmitted = fence.admit(token)
    if (isAdmitted) appendFileSync(this.#path, `${subject} ${token}\n`)
    else this.refused++
    return isAdmitted
  }
  expectOrder(): number {
    const newest = new Map<string, number>()
    const lines = readFileSync(this.#path, 'utf8').trim().split('\n')
    for (const line of lines) {
      const [subject, token] = line.split(' ') as [string, string]
      expect(Number(token), line).toBeGreaterThanOrEqual(newest.get(subject) ?? 0)
      newest.set(subject, Number(token))
    }
    return lines.length
  }
}

/** Everything that the hunters reported until each of them ended. */
class Record {
  readonly #holds: { hunter: number; hold: Hold }[] = []
  /** The errors that hunters found. */
  readonly broken: string[] = []
  readonly #resource: Resource

  constructor(resource: Resource) {
    this.#resource = resource
  }

  /** Reads the messages of a hunter until it ends. */
  async listen(hunter: number, child: Child, diedAt: () => number): Promise<void> {
    const holds = new Map<string, Hold>()
    for (;;) {
      const said = await child.heard<[string, ...never[]]>()
      if (said === undefined) break
      const [word, ...rest] = said
      if (word === 'hold') {
        const [key, subject, token, from, until] = rest as unknown as [string, string, number, number, number]
        holds.set(key, { subject, token, from, until })
      } else if (word === 'until') {
        const [key, until] = rest as unknown as [string, number]
        const hold = holds.get(key)
        if (hold !== undefined) hold.until = until
      } else if (word === 'write') {
        const [, subject, token] = rest as unknown as [string, string, number]
        child.tell('admitted', this.#resource.write(subject, token))
      } else {
        if (word !== 'done') this.broken.push(`${rest}`)
      }
    }
    for (const hold of holds.values()) {
      this.#holds.push({ hunter, hold: { ...hold, until: Math.min(hold.until, diedAt()) } })
    }
  }

  /** Checks that no two guards of a subject overlap, and that the later one has the higher token. */
  expectOneAtATime(): number {
    const bySubject = new Map<string, { hunter: number; hold: Hold }[]>()
    for (const one of this.#holds) {
      const others = bySubject.get(one.hold.subject) ?? []
      bySubject.set(one.hold.subject, others)
      others.push(one)
    }
    for (const [subject, holds] of bySubject) {
      holds.sort((a, b) => a.hold.from - b.hold.from)
      for (let i = 1; i < holds.length; i++) {
        const [before, after] = [holds[i - 1], holds[i]] as [(typeof holds)[0], (typeof holds)[0]]
        const both = `${subject}: ${JSON.stringify(before)} and ${JSON.stringify(after)}`
        if (!(after.hold.from >= before.hold.until)) throw new Error(`two guards at once of ${both}`)
        if (!(after.hold.token > before.hold.token)) throw new Error(`tokens do not grow: ${both}`)
      }
    }
    return this.#holds.length
  }
}

describe.runIf(isLinux)('a hunt by processes that are killed and stopped, under a wall clock that jumps', () => {
  it.each([1, 10, 1000])(
    'never finds two guards, a write out of order or a stuck subject, on %i subjects',
    {
      timeout: 240_000 + 3 * huntMs,
    },
    async (subjects) => {
      const seed = newSeed('hunt')
      const random = generator(seed)
      const folder = scratchFolder()
      const clock = steppedClock(folder)
      const name = fleetName('hunt')
      using fleet = Fleet.joinShm(name, { size: 32 })
      const contest = new Contest(fleet, { capacity: 64 }) // so that subjects share buckets
      const resource = new Resource(join(folder, 'file'))
      const record = new Record(resource)

      interface Hunter {
        readonly child: Child
        diedAt: number
        stoppedAt: number
      }
      const listening: Promise<void>[] = []
      let made = 0
      const newHunter = async (): Promise<Hunter> => {
        const id = ++made
        const args = [name, `${id}`, random(2 ** 31), subjects, ttlMs]
        const child = start('hunter.mjs', args, clock === undefined ? {} : { env: clock })
        const [ready, , dates] = await child.next<[string, number, number]>()
        expect(ready).toBe('ready')
        if (clock !== undefined) expect(dates, 'wall clocks of one instant').toBeGreaterThan(1)
        const hunter: Hunter = { child, diedAt: Number.POSITIVE_INFINITY, stoppedAt: 0 }
        listening.push(record.listen(id, child, () => hunter.diedAt))
        child.tell('begin')
        return hunter
      }
      const kill = async (hunter: Hunter) => {
        hunter.diedAt = nowMs()
        expect(await hunter.child.kill(), hunter.child.stderr).toMatchObject({ signal: 'SIGKILL' })
      }
      const active = await Promise.all(Array.from({ length: hunters }, newHunter))
      const stopped: Hunter[] = []
      const counts = { killed: 0, stopped: 0, killedWhileStopped: 0, continued: 0 }
      const until = nowMs() + huntMs
      while (nowMs() < until) {
        await pause(random(40))
        const victim = active.splice(random(active.length), 1)[0] as Hunter
        if (random(2) === 0) {
          await kill(victim)
          counts.killed++
        } else {
          await victim.child.stop()
          victim.stoppedAt = nowMs()
          stopped.push(victim)
          counts.stopped++
        }
        const late = stopped.filter(({ stoppedAt }) => nowMs() > stoppedAt + 1.5 * ttlMs)
        for (const old of late) {
          stopped.splice(stopped.indexOf(old), 1)
          if (random(4) === 0) {
            await kill(old)
            counts.killedWhileStopped++
          } else {
            old.child.process.kill('SIGCONT')
            active.push(old)
            counts.continued++
          }
        }
        while (active.length + stopped.length < hunters) active.push(await newHunter())
        while (active.length < 3) active.push(await newHunter())
        expect(record.broken).toEqual([])
        for (const { child } of active) expect(child.isOver, child.stderr).toBe(false)
      }
      for (const { child } of stopped) child.process.kill('SIGCONT')
      for (const { child } of [...active, ...stopped]) child.tell('end')
      for (const { child } of [...active, ...stopped]) {
        expect({ ...(await child.ended), stderr: child.stderr }).toEqual({ code: 0, signal: null, stderr: '' })
      }
      await Promise.all(listening)
      expect(record.broken).toEqual([])

      const held = record.expectOneAtATime()
      const written = resource.expectOrder()
      expect(contest.holders()).toEqual([])
      for (let i = 0; i < subjects; i++) expect(contest.tryClaim(`s${i}`, { ttlMs })).toHaveProperty('guard')
      console.log(`hunt on ${subjects}: ${held} guards, ${written} writes, ${resource.refused} refused`, counts, {
        clock: clock === undefined ? 'as it is' : 'stepped',
      })
    },
  )
})
