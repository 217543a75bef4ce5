import { RemoteError } from 'orbit-node'
import { describe, expect, it } from 'vitest'
import { Actor, ActorError, type ActorSystem, type DeactivateReason } from '../src/index.js'
import { Log, localFleet, start, until } from './help/systems.js'

/** What happened, in order. */
const events: string[] = []
const gates = new Map<string, () => void>()
/** Waits until the test opens the gate. */
const gate = (name: string): Promise<void> => new Promise((resolve) => gates.set(name, resolve))
const open = async (name: string): Promise<void> => {
  await until(() => gates.has(name))
  gates.get(name)?.()
  gates.delete(name)
}

class Counter extends Actor {
  static readonly actor = { readonly: ['look'] }
  #count = 0
  override onActivate(): void {
    events.push(`activate ${this.ctx.key}`)
  }
  override onDeactivate(reason: DeactivateReason): void {
    events.push(`deactivate ${this.ctx.key} ${reason}`)
  }
  add(by = 1): number {
    this.#count += by
    return this.#count
  }
  async slow(name: string): Promise<string> {
    events.push(`begin ${name}`)
    await gate(name)
    events.push(`end ${name}`)
    return name
  }
  async look(name?: string): Promise<number> {
    if (name !== undefined) await gate(name)
    return this.#count
  }
  echo(value: unknown): unknown {
    return value
  }
  token(): number {
    return this.ctx.token
  }
  throwFunction(): void {
    throw () => {}
  }
  throwUnreadable(): void {
    throw Object.create(null)
  }
  throwCycle(): void {
    const error = new Error('cycle')
    throw Object.assign(error, { cause: error, self: error })
  }
  throwTrap(): void {
    throw Object.defineProperty(new Error('trap'), 'message', {
      get() {
        throw new Error('no message')
      },
    })
  }
  fail(): void {
    throw Object.assign(new RangeError('too far', { cause: 'the map' }), { code: 'ERR_FAR', metres: 7 })
  }
  give(what: 'function' | 'large'): unknown {
    return what === 'function' ? () => {} : new Uint8Array(20 * 2 ** 20)
  }
  async untilAborted(): Promise<string> {
    const { signal } = this.ctx
    await new Promise((resolve) => signal.addEventListener('abort', resolve))
    events.push('aborted')
    return 'aborted'
  }
}

class Brief extends Counter {
  static override readonly actor = { readonly: ['look'], idleMs: 20 }
}

const classes = { Counter, Brief }
type Classes = typeof classes

/** A caller in the process of the actors, and one that is elsewhere. */
const callers = [
  { where: 'the process of its caller', caller: (host: ActorSystem<Classes>) => host },
  {
    where: 'another process',
    caller: (_: ActorSystem<Classes>, fleet: ReturnType<typeof localFleet>): ActorSystem<Classes> =>
      start<Classes>({ fleet, host: false }),
  },
]

describe.each(callers)('an actor in $where', ({ caller }) => {
  function pair(): { system: ActorSystem<Classes>; host: ActorSystem<Classes> } {
    events.length = 0
    const fleet = localFleet()
    const host = start({ fleet, actors: classes, log: new Log() })
    return { host, system: caller(host, fleet) }
  }

  it('is activated by its first call, and keeps its state', async () => {
    const { system } = pair()
    const counter = system.get('Counter', 'a')
    expect(events).toEqual([])
    expect(await counter.add()).toBe(1)
    expect(await counter.add(5)).toBe(6)
    expect(await system.get('Counter', 'b').add()).toBe(1)
    expect(events).toEqual(['activate a', 'activate b'])
  })

  it('is activated once by 1,000 first calls at a time', async () => {
    const { system } = pair()
    const calls = Array.from({ length: 1000 }, () => system.get('Counter', 'a').add())
    expect(await Promise.all(calls)).toEqual(Array.from({ length: 1000 }, (_, i) => i + 1))
    expect(events).toEqual(['activate a'])
  })

  it('runs one method at a time, in the order of the calls', async () => {
    const { system } = pair()
    const counter = system.get('Counter', 'a')
    const calls = ['1', '2', '3'].map((name) => counter.slow(name))
    for (const name of ['1', '2', '3']) await open(name)
    expect(await Promise.all(calls)).toEqual(['1', '2', '3'])
    const turns = ['1', '2', '3'].flatMap((name) => [`begin ${name}`, `end ${name}`])
    expect(events).toEqual(['activate a', ...turns])
  })

  it('runs readers beside each other, and not beside others', async () => {
    const { system } = pair()
    const counter = system.get('Counter', 'a')
    const readers = [counter.look('x'), counter.look('y')]
    const writer = counter.add()
    const late = counter.look()
    await until(() => gates.has('x') && gates.has('y'))
    await open('y')
    await open('x')
    expect(await Promise.all([...readers, writer, late])).toEqual([0, 0, 1, 1])
  })

  it('takes and gives copies of values', async () => {
    const { system } = pair()
    const value = { list: [1], map: new Map([['x', 1n]]), when: new Date(0) }
    const echoed = (await system.get('Counter', 'a').echo(value)) as typeof value
    expect(echoed).toEqual(value)
    expect(echoed).not.toBe(value)
    const call = system.get('Counter', 'a').echo(value)
    value.list.push(2)
    expect(await call).toMatchObject({ list: [1] })
  })

  it('throws what its method throws, with name, message, code, cause, fields and remote stack', async () => {
    const { system } = pair()
    const error = await system
      .get('Counter', 'a')
      .fail()
      .catch((thrown) => thrown)
    expect(error).toBeInstanceOf(RemoteError)
    expect(error).toMatchObject({
      name: 'RangeError',
      message: 'too far',
      code: 'ERR_FAR',
      cause: 'the map',
      metres: 7,
    })
    expect(error.remoteStack).toContain('Counter.fail')
    expect(await system.get('Counter', 'a').add()).toBe(1)
  })

  it('ends a call after its time, and says whether the method ran', async () => {
    const { system } = pair()
    const counter = system.get('Counter', 'a')
    const runs = counter.with({ timeoutMs: 1000 }).slow('x')
    const waits = counter.with({ timeoutMs: 1 }).add()
    const [first, second] = await Promise.allSettled([runs, waits])
    expect(first).toMatchObject({ reason: { code: 'ERR_ORBIT_ACTOR_TIMEOUT', outcome: 'unknown', retryable: false } })
    expect(second).toMatchObject({ reason: { code: 'ERR_ORBIT_ACTOR_TIMEOUT', outcome: 'not-run', retryable: true } })
    await open('x')
    expect(await counter.add()).toBe(1)
  })

  it('is told when its caller gives up', async () => {
    const { system } = pair()
    const controller = new AbortController()
    const call = system.get('Counter', 'a').with({ signal: controller.signal }).untilAborted()
    const waiting = system.get('Counter', 'a').with({ signal: controller.signal }).add()
    await until(() => events.includes('activate a'))
    controller.abort(new Error('enough'))
    await expect(call).rejects.toThrow('enough')
    await expect(waiting).rejects.toThrow('enough')
    await until(() => events.includes('aborted'))
    expect(await system.get('Counter', 'a').add()).toBe(1)
  })

  it('refuses unknown methods, hooks and values that cannot cross', async () => {
    const { system } = pair()
    const counter = system.get('Counter', 'a') as unknown as Record<string, (...args: unknown[]) => Promise<unknown>>
    for (const name of ['missing', 'onActivate', 'hasOwnProperty', '__proto__']) {
      const error = await counter[name]?.().catch((thrown) => thrown)
      expect(error).toBeInstanceOf(ActorError)
      expect(error).toMatchObject({ code: 'ERR_ORBIT_ACTOR_UNKNOWN', outcome: 'not-run', retryable: false })
    }
    await expect(counter['echo']?.(() => {})).rejects.toMatchObject({
      code: 'ERR_ORBIT_ACTOR_VALUE',
      outcome: 'not-run',
    })
    await expect(counter['give']?.('function')).rejects.toMatchObject({
      code: 'ERR_ORBIT_ACTOR_VALUE',
      outcome: 'done',
    })
    await expect(counter['throwFunction']?.()).rejects.toThrow('() => {}')
    await expect(counter['throwCycle']?.()).rejects.toThrow('cycle')
    for (const name of ['throwUnreadable', 'throwTrap']) {
      await expect(counter[name]?.()).rejects.toThrow('what was thrown has no text')
    }
    expect(await counter['add']?.()).toBe(1)
  })

  it('outlives a result of 20 MiB, which may be too large to send', async () => {
    const { system, host } = pair()
    const counter = system.get('Counter', 'a')
    const large = await counter.give('large').catch((error) => error)
    if (system === host) expect((large as Uint8Array).length).toBe(20 * 2 ** 20)
    else expect(large).toMatchObject({ code: 'ERR_ORBIT_ACTOR_VALUE', outcome: 'done', retryable: false })
    const tooMuch = await counter.echo(new Uint8Array(20 * 2 ** 20)).catch((error) => error)
    if (system !== host) expect(tooMuch).toMatchObject({ code: 'ERR_ORBIT_ACTOR_VALUE', outcome: 'not-run' })
    expect(await counter.add()).toBe(1)
  })

  it('ends when it is idle, and begins anew with the next call', async () => {
    const { system, host } = pair()
    expect(await system.get('Brief', 'a').add()).toBe(1)
    await until(() => host.size === 0)
    expect(events).toEqual(['activate a', 'deactivate a idle'])
    expect(await system.get('Brief', 'a').add()).toBe(1)
  })

  it('has the token of its partition', async () => {
    const { system } = pair()
    expect(await system.get('Counter', 'a').token()).toBeGreaterThan(0)
  })
})
