import { Client, serve } from 'orbit-node'
import { describe, expect, it, onTestFinished } from 'vitest'
import { Monitors } from '../src/caller/monitors.js'
import type { HostService } from '../src/host/service.js'
import { Actor, type ActorSystem, type MonitorEnd } from '../src/index.js'
import { Log, localFleet, start, until } from './help/systems.js'

class Watched extends Actor {
  static readonly actor = { onError: 'restart' } as const
  call(): void {}
  leave(): void {
    this.ctx.deactivate()
  }
  fail(): void {
    throw new Error('failed')
  }
}

/** How calls of a Desk end, in the order in which they have begun. */
const leaves: (() => void)[] = []

class Desk extends Actor {
  static readonly actor = { placement: 'process', workers: 2 } as const
  /** Waits, and ends the worker that it is in. */
  async stay(): Promise<void> {
    await new Promise<void>((resolve) => leaves.push(resolve))
    this.ctx.deactivate()
  }
}

class Watcher extends Actor {
  static readonly actor = { idleMs: 1 }
  readonly #ends: string[] = []
  readonly #stops: (() => void)[] = []
  watch(key: string): void {
    const note = (end: MonitorEnd) => this.#ends.push(`${key} ${end}`)
    this.#stops.push(this.ctx.monitor(this.ctx.actor('Watched', key), note))
  }
  failing(key: string): void {
    const fail = () => {
      throw new Error('no note')
    }
    this.ctx.monitor({ type: 'Watched', key }, fail)
  }
  stop(): void {
    for (const stop of this.#stops) stop()
  }
  ends(): string[] {
    return this.#ends
  }
}

/** Of which each process has its own. */
class Own extends Actor {
  static readonly actor = { placement: 'process' } as const
  call(): void {}
}

const classes = { Watched, Watcher }
const callers = [
  { where: 'the same process', caller: (host: ActorSystem<typeof classes>) => host },
  {
    where: 'another process',
    caller: (_: unknown, fleet: ReturnType<typeof localFleet>) => start<typeof classes>({ fleet, host: false }),
  },
]

it('takes no actor for one with a key like its name in this process', async () => {
  const host = start({ fleet: localFleet(), actors: { Own }, log: new Log() })
  const [{ id } = { id: '' }] = (await host.inspect()).hosts
  await host.get('Own', 'k').call()
  expect(await host.monitor({ type: 'Own', key: `k@${id}` })).toBe('absent')
})

describe.each(callers)('a monitor of an actor in $where', ({ caller }) => {
  function pair() {
    const fleet = localFleet()
    const log = new Log()
    const host = start({ fleet, actors: classes, log })
    return { fleet, log, host, system: caller(host, fleet) }
  }

  it('says why the activation has ended', async () => {
    const { system, host } = pair()
    const watched = system.get('Watched', 'a')
    expect(await system.monitor(watched)).toBe('absent')
    await watched.call()
    const asked = [system.monitor(watched), system.monitor({ type: 'Watched', key: 'a' })]
    await watched.leave()
    expect(await Promise.all(asked)).toEqual(['asked', 'asked'])
    await watched.call()
    const crashed = system.monitor(watched)
    await expect(watched.fail()).rejects.toThrow('failed')
    expect(await crashed).toBe('crashed')
    await watched.call()
    const closed = system.monitor(watched)
    await watched.call()
    await host.close()
    expect(await closed).toBe('shutdown')
  })

  it("ends with 'closed' when its system is closed and the activation goes on", async () => {
    const { fleet, host } = pair()
    await host.get('Watched', 'a').call()
    const caller = start<typeof classes>({ fleet, host: false })
    const pending = caller.monitor({ type: 'Watched', key: 'a' })
    await new Promise((resolve) => setImmediate(resolve))
    await caller.close() // a rejection that nothing waits for would end the process
    expect(await Promise.race([pending, new Promise((resolve) => setImmediate(resolve, 'pending'))])).toBe('closed')
    const late = caller.monitor({ type: 'Watched', key: 'a' })
    await expect(late).rejects.toMatchObject({ code: 'ERR_ORBIT_ACTOR_CLOSED', actor: 'Watched/a' })
  })

  it('says that the process of the actor has ended', async () => {
    const { system, host } = pair()
    if (system === host) return
    await system.get('Watched', 'a').call()
    const lost = system.monitor(system.get('Watched', 'a'))
    await system.get('Watched', 'a').call()
    host.abandon()
    expect(await lost).toBe('lost')
  })

  it('is taken back by a signal', async () => {
    const { system } = pair()
    await system.get('Watched', 'a').call()
    const controller = new AbortController()
    const monitor = system.monitor({ type: 'Watched', key: 'a' }, { signal: controller.signal })
    controller.abort(new Error('enough'))
    await expect(monitor).rejects.toThrow('enough')
    await expect(system.monitor({ type: 'Watched', key: 'a' }, { signal: controller.signal })).rejects.toThrow('enough')
    await expect(system.monitor({ type: 'Watched', key: '' })).rejects.toThrow('key=""')
  })

  it('runs a turn of the actor that has it, and keeps that actor', async () => {
    const { system, host, log } = pair()
    const [watcher, a, b] = [system.get('Watcher', 'w'), system.get('Watched', 'a'), system.get('Watched', 'b')]
    await Promise.all([a.call(), b.call()])
    for (const key of ['a', 'absent']) await watcher.watch(key)
    await a.leave()
    let ends: string[] = []
    while (ends.length < 2) {
      await new Promise((resolve) => setTimeout(resolve, 1)) // calls within a process do not wait for events
      ends = await watcher.ends()
    }
    expect(ends.sort()).toEqual(['a asked', 'absent absent'])
    await watcher.watch('b')
    await watcher.failing('absent')
    await until(() => log.lines.length > 0)
    expect(log.lines[0]?.slice(0, 2)).toEqual(['Watcher/w', 'the monitor of Watched/absent failed:'])
    await watcher.stop()
    await b.leave()
    await until(() => host.size === 0) // without a monitor it ends when it is idle
    expect(await watcher.ends()).toEqual([])
  })
})

it('asks about an actor again when its process does not answer in time', async () => {
  const fleet = localFleet()
  let asked = 0
  const answer = () => (++asked === 1 ? new Promise(() => {}) : undefined)
  const server = serve(fleet, 'host', { monitor: answer }, { concurrency: 16 })
  const client = new Client<HostService>(fleet, 'host')
  const monitors = new Monitors({
    fleet,
    host: undefined,
    ownerOf: () => 'host',
    localOwnerOf: () => undefined,
    clientOf: () => Object.assign(Object.create(client), { call: (_: string, id: string) => ask(id) }),
  })
  const ask = (id: string) => client.call('monitor', id, { timeoutMs: 20 })
  onTestFinished(() => monitors.close())
  onTestFinished(() => server.close())
  expect(await monitors.end('Watched', 'Watched/a', new AbortController().signal)).toBe('absent')
  expect(asked).toBeGreaterThan(1)
})

it('lasts while any worker of the actor lives', async () => {
  const system = start({ fleet: localFleet(), actors: { Desk }, log: new Log() })
  const desk = system.get('Desk', 'a')
  const stays = [desk.stay(), desk.stay()]
  await until(() => leaves.length === 2)
  leaves[0]?.()
  await until(() => system.size === 1)
  const end = system.monitor(desk)
  leaves[1]?.()
  expect(await end).toBe('asked')
  await Promise.all(stays)
})
