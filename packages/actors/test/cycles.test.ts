import { describe, expect, it } from 'vitest'
import type { Activation } from '../src/host/activation.js'
import { Prober } from '../src/host/probe.js'
import { Actor, type ActorSystem } from '../src/index.js'
import { Log, localFleet, start, until } from './help/systems.js'

/** Calls that wait until all of their round have begun. */
const meetings = new Map<string, { left: number; open: () => void; opened: Promise<void> }>()

function meeting(name: string, size: number) {
  let open = () => {}
  const opened = new Promise<void>((resolve) => {
    open = resolve
  })
  meetings.set(name, { left: size, open, opened })
}

async function met(name: string): Promise<void> {
  const round = meetings.get(name)
  if (round !== undefined && --round.left === 0) round.open()
  await round?.opened
}

class Link extends Actor {
  static readonly actor: { placement: 'process'; workers?: number } = { placement: 'process' }
  async meet(name: string, next: string, timeoutMs: number): Promise<string> {
    await met(name)
    return this.ctx.actor<Knot>('Knot', next, { timeoutMs }).answer()
  }
  rest(): void {}
}

class Pair extends Link {
  static override readonly actor = { placement: 'process', workers: 2 } as const
}

class Knot extends Actor {
  async meet(name: string, next: string): Promise<string> {
    await met(name)
    return this.ctx.actor<Knot>('Knot', next).answer()
  }
  /** Meets in a child, which calls the next one. */
  async viaChild(name: string, next: string, timeoutMs: number): Promise<string> {
    return this.ctx.child(Link, 'link/1').meet(name, next, timeoutMs)
  }
  /** Meets in an actor of which each process has its own. */
  async viaWorker(name: string, next: string, timeoutMs: number): Promise<string> {
    return this.ctx.actor<Link>('Link', this.ctx.key).meet(name, next, timeoutMs)
  }
  async viaPair(name: string, next: string): Promise<string> {
    return this.ctx.actor<Pair>('Pair', 'w').meet(name, next, 30_000)
  }
  /** Calls an actor of which each process has its own, and gives up last. */
  async enter(name: string, key: string): Promise<void> {
    await met(name)
    await this.ctx.actor<Link>('Link', key, { timeoutMs: 60_000 }).rest()
  }
  answer(): string {
    return this.ctx.key
  }
  /** Goes on to actors with higher numbers only, so no cycle is possible. */
  async climb(path: number[]): Promise<number> {
    const [next, ...rest] = path
    await new Promise((resolve) => setImmediate(resolve))
    return next === undefined ? 0 : 1 + (await this.ctx.actor<Knot>('Knot', `step ${next}`).climb(rest))
  }
}

const classes = { Knot, Link, Pair }

/** Two processes that run actors, and one that calls. */
function trio(): ActorSystem<typeof classes> {
  const fleet = localFleet()
  for (let i = 0; i < 2; i++) start({ fleet, actors: classes, log: new Log() })
  return start<typeof classes>({ fleet, host: false })
}

describe('calls of several chains that wait for each other', () => {
  it.each([2, 3, 5])('end with one refused call of %i, and its path', async (size) => {
    const system = trio()
    for (let round = 0; round < 4; round++) {
      const name = `${size} ${round}`
      meeting(name, size)
      const keys = Array.from({ length: size }, (_, i) => `${name} ${i}`)
      const calls = keys.map((key, i) => system.get('Knot', key).meet(name, keys[(i + 1) % size] as string))
      const endings = await Promise.allSettled(calls)
      const refused = endings.filter(({ status }) => status === 'rejected')
      expect(refused.length).toBe(1)
      const { reason } = refused[0] as PromiseRejectedResult
      expect(reason).toMatchObject({ name: 'ActorError', code: 'ERR_ORBIT_ACTOR_CYCLE', outcome: 'not-run' })
      expect(new Set(reason.path)).toEqual(new Set(keys.map((key) => `Knot/${key}`)))
      expect(reason.path.length).toBe(size + 1)
      expect(reason.path.at(-1)).toBe(reason.path[0])
    }
  })

  it.each(['viaChild', 'viaWorker'] as const)('end if the chains pass through other actors (%s)', async (via) => {
    const system = start({ fleet: localFleet(), actors: classes, log: new Log() })
    for (const laterMs of [0, 1000, -1000]) {
      const name = `${via} ${laterMs}`
      meeting(name, 2)
      const [a, b] = [`${name} a`, `${name} b`]
      const calls = [
        system.get('Knot', a)[via](name, b, 30_000),
        system.get('Knot', b)[via](name, a, 30_000 + laterMs), // the youngest call is refused
      ]
      const endings = await Promise.allSettled(calls)
      const refused = endings.flatMap((ending) => (ending.status === 'rejected' ? [ending.reason] : []))
      expect(refused).toMatchObject([{ name: 'ActorError', code: 'ERR_ORBIT_ACTOR_CYCLE', outcome: 'not-run' }])
    }
  })

  it('end if the youngest call waits for an actor of which each process has its own', async () => {
    const system = start({ fleet: localFleet(), actors: classes, log: new Log() })
    meeting('youngest', 2)
    const calls = [
      system.get('Knot', 'a').viaWorker('youngest', 'b', 1000),
      system.get('Knot', 'b').enter('youngest', 'a'),
    ]
    const endings = await Promise.allSettled(calls)
    expect(endings).toMatchObject([{ status: 'fulfilled' }, { reason: { code: 'ERR_ORBIT_ACTOR_CYCLE' } }])
  })

  it('end if they pass through an actor with a key like the name of the one of a process', async () => {
    const system = start({ fleet: localFleet(), actors: classes, log: new Log() })
    const [{ id } = { id: '' }] = (await system.inspect()).hosts
    await system.get('Link', 'x').rest()
    meeting('like', 2)
    const [a, b] = [`x@${id}`, 'b']
    const calls = [system.get('Knot', a).viaWorker('like', b, 3000), system.get('Knot', b).meet('like', a)]
    const endings = await Promise.allSettled(calls)
    expect(endings.filter(({ status }) => status === 'rejected')).toMatchObject([
      { reason: { code: 'ERR_ORBIT_ACTOR_CYCLE' } },
    ])
  })

  it('end while their process leaves', async () => {
    const system = start({ fleet: localFleet(), actors: classes, log: new Log() })
    meeting('leaving', 2)
    const calls = [system.get('Knot', 'a').meet('leaving', 'b'), system.get('Knot', 'b').meet('leaving', 'a')]
    await until(() => meetings.get('leaving')?.left === 0)
    const closing = system.close()
    const endings = await Promise.allSettled(calls)
    expect(endings.filter(({ status }) => status === 'rejected')).toMatchObject([
      { reason: { code: 'ERR_ORBIT_ACTOR_CYCLE' } },
    ])
    await closing
  })

  it('end if they pass through one of several workers', async () => {
    const system = start({ fleet: localFleet(), actors: classes, log: new Log() })
    meeting('workers', 3)
    const calls = [
      system.get('Knot', 'a').viaPair('workers', 'free'),
      system.get('Knot', 'b').viaPair('workers', 'c'),
      system.get('Knot', 'c').meet('workers', 'b'),
    ]
    const endings = await Promise.allSettled(calls)
    expect(endings[0]).toMatchObject({ status: 'fulfilled', value: 'free' })
    expect(endings.filter(({ status }) => status === 'rejected').length).toBe(1)
  })

  it('are not refused without a cycle', async () => {
    const system = trio()
    const lane = async (number: number) => {
      for (let i = 0; i < 40; i++) {
        const path = Array.from({ length: 6 }, (_, step) => step * 3 + ((i * (step + number + 7)) % 3))
        expect(await system.get('Knot', i % 2 === 0 ? 'step -1' : `start ${number}`).climb(path)).toBe(6)
      }
    }
    await Promise.all(Array.from({ length: 8 }, (_, number) => lane(number)))
  })
})

describe('a prober', () => {
  it.each([
    [true, 1],
    [false, 1],
    [true, 2],
  ])('goes on only at calls that are held back (%s), for an actor of one worker (%i)', (isHeld, workers) => {
    const waits = { callId: '0.1:1', chain: ['A/c'], deadlineMs: 1 }
    const alone = { turnOf: () => undefined, isExclusive: true, type: { workers } }
    const calls = (callId: string, actor: string) => ({ outgoing: [{ callId, actor, isHeld }] })
    const all = [
      { id: 'A/a', waiting: [waits], running: [calls('0.1:2', 'A/b')], ...alone },
      { id: 'A/b', running: [calls('0.1:3', 'A/c')], ...alone },
      { id: 'A/c', running: [], ...alone },
    ] as unknown as Activation[]
    const convicted: string[] = []
    const prober = new Prober({
      host: '0.1',
      find: (actor) => all.find(({ id }) => id === actor),
      probe: (_, bytes) => prober.visit(bytes),
      judge: (host) => convicted.push(host),
    })
    prober.look(all.slice(0, 1))
    prober.look(all.slice(0, 1))
    expect(convicted).toEqual(isHeld && workers === 1 ? ['0.1'] : [])
  })

  it('follows each call once for a question, however many ways lead to it', () => {
    const [layers, width] = [6, 4]
    // Each actor of a layer runs a turn that has called all actors of the next one, and in these the calls wait.
    const turnOf = (callId: string, deadlineMs: number) => {
      return { callId, chain: ['A/first'], deadlineMs, outgoing: [] as object[] }
    }
    const actors = new Map<string, Activation>()
    for (let layer = layers; layer >= 0; layer--) {
      for (let i = 0; i < width; i++) {
        const [id, running] = [`A/${layer}.${i}`, turnOf(`0.1:run ${layer}.${i}`, 0)]
        const callers = Array.from({ length: width }, (_, from) => `0.1:${layer - 1}.${from} to ${layer}.${i}`)
        const waiting = callers.map((callId) => turnOf(callId, layers - layer)) // those behind are older
        if (layer < layers) {
          const next = Array.from({ length: width }, (_, to) => `${layer + 1}.${to}`)
          running.outgoing = next.map((to) => ({ callId: `0.1:${layer}.${i} to ${to}`, actor: `A/${to}` }))
        }
        const find = (callId: string) => waiting.find((turn) => turn.callId === callId)
        const activation = { id, running: [running], waiting, turnOf: find, isRunning: () => false, isExclusive: true }
        actors.set(id, activation as unknown as Activation)
      }
    }
    let probes = 0
    const prober = new Prober({
      host: '0.1',
      find: (actor) => actors.get(actor),
      probe: (_, bytes) => {
        probes++
        prober.visit(bytes)
      },
      judge: () => expect.unreachable(),
    })
    const first = [actors.get('A/0.0') as Activation]
    prober.look(first)
    prober.look(first)
    // Every call of a running turn for each of the calls that ask, and not every way to it.
    expect(probes).toBeLessThanOrEqual(width * layers * width * width)
    expect(probes).toBeGreaterThan(width * width)
  })

  it('ignores bytes that are no probe and no verdict', () => {
    const prober = new Prober({
      host: '0.1',
      find: () => undefined,
      probe: () => expect.unreachable(),
      judge: () => expect.unreachable(),
    })
    for (const bytes of [undefined, 7, new Uint8Array(0), Uint8Array.of(255, 15, 34, 0), Buffer.from('probe')]) {
      prober.visit(bytes)
      prober.judge(bytes)
    }
  })
})
