import { describe, expect, it } from 'vitest'
import { Actor, type DeactivateReason } from '../src/index.js'
import { Log, localFleet, start, until } from './help/systems.js'

const events: unknown[] = []
let isBroken = false

/** Calls others, which may call it. */
class Link extends Actor {
  async pass(path: string[]): Promise<string> {
    const [next, ...rest] = path
    return next === undefined ? this.ctx.key : this.ctx.actor<Link>('Link', next).pass(rest)
  }
}

class Mirror extends Actor {
  static readonly actor = { reentrant: 'chain' } as const
  #depth = 0
  async reflect(times: number): Promise<number> {
    this.#depth++
    if (times > 0) await this.ctx.actor<Mirror>('Mirror', this.ctx.key).reflect(times - 1)
    return this.#depth
  }
}

class Fragile extends Actor {
  static readonly actor = { onError: 'restart' } as const
  #calls = 0
  override onActivate(): void {
    if (isBroken) throw new Error('broken')
    events.push('activate')
  }
  override onDeactivate(reason: DeactivateReason): void {
    events.push(reason)
    if (reason === 'asked') throw new Error('no end')
  }
  call(fails = false): number {
    this.#calls++
    if (fails) throw new Error('failed')
    return this.#calls
  }
  leave(): void {
    this.ctx.deactivate()
  }
}

class Ticker extends Actor {
  static readonly actor = { idleMs: 1 }
  #ticks = 0
  start(everyMs: number): void {
    this.ctx.setTimer('tick', { everyMs }, () => ++this.#ticks)
  }
  once(): void {
    this.ctx.setTimer('once', { afterMs: 0 }, () => events.push('once'))
  }
  failing(): void {
    this.ctx.setTimer('bad', { afterMs: 0 }, () => {
      throw new Error('no tick')
    })
  }
  stop(): boolean {
    return this.ctx.clearTimer('tick')
  }
  ticks(): number {
    return this.#ticks
  }
}

class Narrow extends Actor {
  static readonly actor = { mailbox: 2, full: 'refuse' } as const
  #open: () => void = () => {}
  static readonly held: Narrow[] = []
  async hold(): Promise<void> {
    Narrow.held.push(this)
    await new Promise<void>((resolve) => {
      this.#open = resolve
    })
  }
  static release(): void {
    for (const each of Narrow.held.splice(0)) each.#open()
  }
  count(): number {
    this.ctx.log.info('counted')
    return 1
  }
}

class Wide extends Narrow {
  static override readonly actor = { mailbox: 2 } as never
}

class Own extends Actor {
  static readonly actor = { placement: 'process' } as const
  #calls = 0
  call(): [calls: number, token: number] {
    return [++this.#calls, this.ctx.token]
  }
}

class Pool extends Actor {
  static readonly actor = { placement: 'process', workers: 3 } as const
  static readonly open: (() => void)[] = []
  #calls = 0
  async work(): Promise<number> {
    await new Promise<void>((resolve) => Pool.open.push(resolve))
    return ++this.#calls
  }
}

class Nest extends Actor {
  static open: (() => void) | undefined
  async wait(other: string): Promise<string> {
    await new Promise<void>((resolve) => {
      Nest.open = resolve
    })
    return this.ctx.actor<Nest>('Nest', other).answer()
  }
  answer(): string {
    return this.ctx.key
  }
}

const classes = { Pool, Nest, Own, Link, Mirror, Fragile, Ticker, Narrow, Wide }

function system() {
  events.length = 0
  isBroken = false
  const log = new Log()
  return Object.assign(start({ fleet: localFleet(), actors: classes, log }), { log })
}

describe('a chain of calls', () => {
  it('is refused at once with its path when it comes back', async () => {
    const link = system().get('Link', 'a')
    expect(await link.pass(['b', 'c'])).toBe('c')
    const error = await link.pass(['b', 'c', 'b']).catch((thrown) => thrown)
    expect(error).toMatchObject({ code: 'ERR_ORBIT_ACTOR_CYCLE', outcome: 'not-run' })
    expect(error.path).toEqual(['Link/b', 'Link/c', 'Link/b'])
    await expect(link.pass(['a'])).rejects.toMatchObject({ path: ['Link/a', 'Link/a'] })
  })

  it('may come back to a reentrant actor', async () => {
    expect(await system().get('Mirror', 'a').reflect(3)).toBe(4)
  })

  it('is refused when it is longer than 64', async () => {
    const path = Array.from({ length: 70 }, (_, i) => `link ${i}`)
    await expect(system().get('Link', 'a').pass(path)).rejects.toMatchObject({ code: 'ERR_ORBIT_ACTOR_CYCLE' })
  })
})

describe('an actor that fails', () => {
  it('is activated anew, and rests after the fourth time', async () => {
    const fragile = system().get('Fragile', 'a')
    for (let i = 0; i < 4; i++) await expect(fragile.call(true)).rejects.toThrow('failed')
    expect(events).toEqual(Array.from({ length: 4 }, () => ['activate', 'crashed']).flat())
    const resting = await fragile.call().catch((error) => error)
    expect(resting).toMatchObject({ code: 'ERR_ORBIT_ACTOR_CRASHING', outcome: 'not-run', retryable: true })
    let value: unknown
    while (value === undefined) value = await fragile.call().catch(() => undefined)
    expect(value).toBe(1)
  })

  it('fails all calls that wait for its activation, with the cause', async () => {
    const made = system()
    isBroken = true
    const calls = Array.from({ length: 3 }, () => made.get('Fragile', 'a').call())
    for (const ending of await Promise.allSettled(calls)) {
      expect(ending).toMatchObject({ reason: { code: 'ERR_ORBIT_ACTOR_ACTIVATION', outcome: 'not-run' } })
      expect(ending).toMatchObject({ reason: { cause: { message: 'broken' } } })
    }
    isBroken = false
    expect(await made.get('Fragile', 'a').call()).toBe(1)
  })

  it('ends when it asks for that, and logs what onDeactivate throws', async () => {
    const made = system()
    const fragile = made.get('Fragile', 'a')
    expect(await fragile.call()).toBe(1)
    await fragile.leave()
    expect(await fragile.call()).toBe(1)
    expect(events).toEqual(['activate', 'asked', 'activate'])
    expect(made.log.lines.map(([id, text]) => `${id} ${text}`)).toContain('Fragile/a onDeactivate failed:')
  })
})

describe('a timer', () => {
  it('runs turns again and again until it is cleared, and keeps its actor', async () => {
    const made = system()
    const ticker = made.get('Ticker', 'a')
    await ticker.start(1)
    let ticks = 0
    while (ticks < 5) {
      await new Promise((resolve) => setTimeout(resolve, 1)) // calls within a process do not wait for timers
      ticks = await ticker.ticks()
    }
    expect(made.size).toBe(1)
    expect(await ticker.stop()).toBe(true)
    expect(await ticker.stop()).toBe(false)
    await until(() => made.size === 0)
  })

  it('fires once without everyMs, and logs what it throws', async () => {
    const made = system()
    await made.get('Ticker', 'a').once()
    await until(() => events.includes('once'))
    await made.get('Ticker', 'a').failing()
    await until(() => made.log.lines.length > 0)
    expect(made.log.lines[0]?.slice(0, 2)).toEqual(['Ticker/a', 'the timer bad failed:'])
  })
})

describe('a full mailbox', () => {
  it('refuses calls with full: refuse, and says that it is overloaded', async () => {
    const made = system()
    const narrow = made.get('Narrow', 'a')
    const held = narrow.hold()
    await until(() => Narrow.held.length > 0)
    const calls = Array.from({ length: 4 }, () => narrow.count())
    const endings = Promise.allSettled(calls)
    for (const call of calls.slice(2)) {
      const error = await call.catch((thrown: unknown) => thrown)
      expect(error).toMatchObject({
        code: 'ERR_ORBIT_ACTOR_BUSY',
        outcome: 'not-run',
        retryable: true,
        overloaded: true,
      })
    }
    Narrow.release()
    await held
    expect((await endings).map(({ status }) => status)).toEqual(['fulfilled', 'fulfilled', 'rejected', 'rejected'])
    expect(made.log.lines).toContainEqual(['Narrow/a', 'counted'])
  })

  it('lets 2048 more calls of the process wait by default', async () => {
    const wide = system().get('Wide', 'a')
    const held = wide.hold()
    await until(() => Narrow.held.length > 0)
    const calls = Array.from({ length: 2060 }, () => wide.count())
    const refused = await Promise.allSettled(calls.slice(2050))
    for (const ending of refused) expect(ending).toMatchObject({ reason: { code: 'ERR_ORBIT_ACTOR_BUSY' } })
    Narrow.release()
    await held
    expect((await Promise.all(calls.slice(0, 2050))).length).toBe(2050)
  })
})

describe('an actor that each process has for itself', () => {
  it('runs in the process of its caller, or in one that runs actors', async () => {
    const fleet = localFleet()
    const [first, second] = [1, 2].map(() => start({ fleet, actors: classes }))
    const caller = start<typeof classes>({ fleet, host: false })
    for (const each of [first, second, first]) await each?.get('Own', 'a').call()
    expect(await first?.get('Own', 'a').call()).toEqual([3, 0])
    expect(await second?.get('Own', 'a').call()).toEqual([2, 0])
    expect([3, 4]).toContain((await caller.get('Own', 'a').call())[0])
    expect([first?.size, second?.size]).toEqual([1, 1])
    await second?.close()
    await expect(second?.get('Own', 'a').call()).rejects.toMatchObject({ code: 'ERR_ORBIT_ACTOR_CLOSED' })
  })
})

describe('an actor with workers', () => {
  it('runs so many calls at a time, each in an activation of its own', async () => {
    const made = system()
    const calls = Array.from({ length: 4 }, () => made.get('Pool', 'a').work())
    await until(() => Pool.open.length === 3)
    expect(made.size).toBe(3)
    for (const open of Pool.open.splice(0)) open()
    await until(() => Pool.open.length === 1)
    expect(made.size).toBe(3)
    Pool.open.splice(0)[0]?.()
    expect((await Promise.all(calls)).sort()).toEqual([1, 1, 1, 2])
  })
})

describe('a method that runs while its actor must leave', () => {
  it('gets the results of actors that must leave, too', async () => {
    const made = system()
    const call = made.get('Nest', 'a').wait('b')
    await until(() => Nest.open !== undefined)
    const closing = made.close()
    Nest.open?.()
    expect(await call).toBe('b')
    await closing
    expect(made.size).toBe(0)
  })
})

describe('a system', () => {
  it('runs its filters around each call, the first outermost', async () => {
    const made = system()
    made.use(async (call, next) => [call.type, call.key, call.method, call.args.length, await next()])
    made.use(async (call, next) => {
      if (call.method === 'leave') throw new Error('not allowed')
      return (await next()) as number
    })
    expect(await made.get('Fragile', 'a').call(false)).toEqual(['Fragile', 'a', 'call', 1, 1])
    await expect(made.get('Fragile', 'a').leave()).rejects.toThrow('not allowed')
  })

  it('ends its actors when it is closed, and refuses calls from then on', async () => {
    const made = system()
    const fragile = made.get('Fragile', 'a')
    await fragile.call()
    const closing = made.close()
    await expect(fragile.call()).rejects.toMatchObject({ code: 'ERR_ORBIT_ACTOR_CLOSED', outcome: 'not-run' })
    await closing
    await made.close()
    expect(events).toEqual(['activate', 'shutdown'])
    expect(made.size).toBe(0)
  })

  it('refuses wrong arguments', async () => {
    const fleet = localFleet()
    const wrong = (options: object) => () => start({ fleet, actors: {}, ...options } as never)
    expect(wrong({ fleet: {} })).toThrow('fleet=an object must be a Fleet')
    expect(wrong({ actors: { A: class {} } })).toThrow('actors.A=a function must be a class that extends Actor')
    expect(wrong({ actors: undefined })).toThrow('actors=undefined must be an object of classes')
    expect(wrong({ name: '' })).toThrow('name=""')
    expect(wrong({ timeoutMs: 0 })).toThrow('timeoutMs=0 must be an integer in 1..2147483647')
    expect(wrong({ host: 1 })).toThrow('host=1 must be a boolean')
    expect(wrong({ partitions: 3 })).toThrow('options.partitions is unknown')
    const settings: [object, string][] = [
      [{ idleMs: 0 }, 'A.actor.idleMs=0'],
      [{ mailbox: 0 }, 'A.actor.mailbox=0'],
      [{ full: 'never' }, 'A.actor.full="never"'],
      [{ readonly: ['no'] }, 'A.actor.readonly=an array'],
      [{ reentrant: true }, 'A.actor.reentrant=true'],
      [{ onError: 'stop' }, 'A.actor.onError="stop"'],
      [{ workers: 2 }, 'A.actor.workers=2 must be an integer in 1..1'],
      [{ placement: 'here' }, 'A.actor.placement="here" must be "fleet" or "local" or "process"'],
    ]
    for (const [actor, message] of settings) {
      const A = class extends Actor {
        static readonly actor = actor as never
      }
      expect(wrong({ actors: { A } })).toThrow(message)
    }
    const made = system()
    expect(() => made.get('Link', '')).toThrow('key=""')
    expect(() => made.get('Lonk' as never, 'a')).toThrow('type="Lonk" must be one of Pool, Nest')
    expect(() => made.use(1 as never)).toThrow('filter=1')
    expect(() => made.get('Link', 'a').with({ timeoutMs: 1.5 })).toThrow('timeoutMs=1.5')
    expect(() => made.get('Link', 'a').with({ signal: 1 as never })).toThrow('signal=1 must be an AbortSignal')
    expect(() => new Link()).toThrow('new Link() is not a way to make an actor')
  })
})
