// Values, filters and code of actors that do what they should not.
import { Client } from 'orbit-node'
import { describe, expect, it } from 'vitest'
import { decodeReply, encodeRequest } from '../src/base/wire.js'
import { type HostService, names } from '../src/host/service.js'
import { Actor, type ActorSystem } from '../src/index.js'
import { Log, localFleet, start, until } from './help/systems.js'

/** An object with a getter that throws something without a message. */
const thrower = () =>
  Object.defineProperty({ one: 1 }, 'two', {
    enumerable: true,
    get() {
      throw null
    },
  })

const held: (() => void)[] = []

class Odd extends Actor {
  static readonly actor = { mailbox: 3, full: 'refuse' } as const
  async hold() {
    await new Promise<void>((resolve) => held.push(resolve))
  }
  echo(value: unknown, ..._others: unknown[]) {
    return value
  }
  thrower() {
    return thrower()
  }
  async throwerLater() {
    await undefined
    return thrower()
  }
  async *items() {
    yield thrower()
  }
}

/** What the code of an activation does after its end. */
const after: { ticks: number; left: (() => unknown)[] } = { ticks: 0, left: [] }

class Ticker extends Actor {
  constructor() {
    super()
    after.ticks++
  }
  start(): void {}
}

/** One that leaves code behind. */
class Leaver extends Actor {
  leave(): void {
    const { ctx } = this
    after.left = [
      () => ctx.setTimer('tick', { everyMs: 1 }, () => {}),
      () => ctx.monitor({ type: 'Odd', key: 'a' }, () => {}),
      () => ctx.child(Ticker, 'late'),
    ]
    ctx.deactivate()
  }
}

class Parent extends Actor {
  async begin(): Promise<void> {
    await this.ctx.child(Ticker, 'first').start()
  }
  override async onDeactivate(): Promise<void> {
    await this.ctx
      .child(Ticker, 'last')
      .start()
      .catch(() => {})
  }
}

/** Calls that are made in a context that a turn has left behind. */
class Host extends Actor {
  static readonly actor = { readonly: ['name'] }
  name(): string {
    return this.ctx.key
  }
  async visit(guest: string): Promise<string> {
    return this.ctx.actor<Host>('Host', guest).welcome(this.ctx.key)
  }
  welcome(visitor: string): string {
    setImmediate(
      () =>
        void this.ctx
          .actor<Host>('Host', visitor)
          .name()
          .then(...settle),
    )
    return 'welcome'
  }
}

let settle: [(value: string) => void, (error: unknown) => void]

const classes = { Odd, Leaver, Parent, Host }

/** An actor, as its own process and as another one calls it. */
function both() {
  const [fleet, log] = [localFleet(), new Log()]
  const host = start({ fleet, actors: classes, log })
  return { fleet, log, host, systems: [host, start<typeof classes>({ fleet, host: false })] }
}

describe('a value that throws while it is read', () => {
  it('fails its call, and harms no other', async () => {
    for (const system of both().systems) {
      const odd = system.get('Odd', 'a').with({ timeoutMs: 3000 })
      for (const call of [odd.thrower(), odd.throwerLater()]) {
        await expect(call).rejects.toMatchObject({ code: 'ERR_ORBIT_ACTOR_VALUE', outcome: 'done' })
      }
      for (const args of [[thrower()], [1, 1n, thrower()]] as const) {
        const call = odd.echo(...(args as [unknown]))
        await expect(call).rejects.toMatchObject({ code: 'ERR_ORBIT_ACTOR_VALUE', outcome: 'not-run' })
      }
      await expect(odd.stream.items().next()).rejects.toMatchObject({ code: 'ERR_ORBIT_ACTOR_VALUE' })
      expect(await odd.echo(1)).toBe(1)
    }
  })
})

describe('a filter', () => {
  it('cannot change the call', async () => {
    for (const [i, name] of ['args', 'chain'].entries()) {
      const { host, systems } = both()
      host.use((call, next) => {
        if (i === 0) (call.args as unknown[])[0] = 'changed'
        else (call.chain as string[]).push('Odd/a')
        return next()
      })
      for (const system of systems as ActorSystem<typeof classes>[]) {
        await expect(system.get('Odd', 'a').echo('value'), name).rejects.toThrow(/object/)
      }
    }
  })
})

describe('calls that are given up', () => {
  it('leave the mailbox while the call before them runs', async () => {
    const { host, systems } = both()
    const odd = (systems[1] as ActorSystem<typeof classes>).get('Odd', 'a')
    const first = odd.hold()
    await until(() => held.length === 1)
    const leaving = new AbortController()
    const calls = [1, 2, 3].map((value) => odd.with({ signal: leaving.signal }).echo(value))
    const waiting = () => host.metrics()?.metrics.find(({ name }) => name === 'orbit_actors_waiting')?.samples[0]?.value
    await until(() => waiting() === 3)
    leaving.abort(new Error('left'))
    for (const call of calls) await expect(call).rejects.toThrow('left')
    await until(() => waiting() === 0)
    const next = odd.echo(4)
    held[0]?.()
    await first
    expect(await next).toBe(4)
  })
})

describe('code that outlives its activation', () => {
  it('begins no timer, monitor or child', async () => {
    const { host } = both()
    await host.get('Leaver', 'a').leave()
    await until(() => host.size === 0)
    for (const begin of after.left) expect(begin).toThrow('Leaver/a: ')
    expect(host.size).toBe(0)
  })

  it('begins no child after the children have ended', async () => {
    const { host } = both()
    await host.get('Parent', 'a').begin()
    after.ticks = 0
    await host.close()
    expect(after.ticks).toBe(0)
  })

  it('makes calls for which the callers of its last turn do not wait', async () => {
    const { host } = both()
    const name = new Promise<string>((...settling) => {
      settle = settling
    })
    expect(await host.get('Host', 'a').visit('b')).toBe('welcome')
    expect(await name).toBe('a')
  })
})

describe('a request', () => {
  const request = (caller: string, key: string) => ({
    ...{ type: 'Odd', key, method: 'echo', args: [1], deadlineMs: Number.POSITIVE_INFINITY, chain: [] },
    ...{ caller, sequence: 1, epoch: 1, isTell: false, idempotencyKey: undefined },
  })

  it.each([
    ['another process', (node: number) => request(`${node + 1}.1`, 'a')],
    ['no process', () => request('', 'a')],
    ['its process, with an empty key,', (node: number) => request(`${node}.1`, '')],
    ['its process, with a key that is too long,', (node: number) => request(`${node}.1`, 'x'.repeat(257))],
  ])('of %s is refused', async (_, forged) => {
    const { fleet, host } = both()
    const [{ id } = { id: '' }] = (await host.inspect()).hosts
    const client = new Client<HostService>(fleet, names.service('default', id))
    const send = async (made: ReturnType<typeof request>) => decodeReply(await client.call('call', encodeRequest(made)))
    const refusal = { code: 'ERR_ORBIT_ACTOR_UNKNOWN', outcome: 'not-run' }
    expect(await send(forged(fleet.node))).toMatchObject({ how: 'refused', refusal })
    expect(host.size).toBe(0)
    expect(await send(request(`${fleet.node}.1`, 'a'))).toEqual({ how: 'returned', value: 1 })
  })
})
