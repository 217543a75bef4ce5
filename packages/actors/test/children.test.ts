import { describe, expect, it } from 'vitest'
import { childIdOf, childOf } from '../src/base/childid.js'
import { Actor, type ChildOptions, type DeactivateReason, type Strategy } from '../src/index.js'
import { Log, localFleet, start, until } from './help/systems.js'

const events: string[] = []

class Worker extends Actor {
  static readonly actor = { onError: 'restart' } as const
  #count = 0
  override onActivate(): void {
    events.push(`+${this.ctx.key}`)
  }
  override onDeactivate(reason: DeactivateReason): void {
    events.push(`-${this.ctx.key} ${reason}`)
  }
  count(): number {
    return ++this.#count
  }
  fail(): void {
    throw new Error('failed')
  }
  leave(): void {
    this.ctx.deactivate()
  }
  async callBack(): Promise<string> {
    return this.ctx.actor<Boss>('Boss', 'a').name()
  }
  tick(): void {
    this.ctx.setTimer('tick', { everyMs: 1000 }, () => {})
  }
}

class Other extends Actor {}

class Boss extends Actor {
  static actor: { strategy?: Strategy; idleMs: number } = { idleMs: 1 }
  override onDeactivate(reason: DeactivateReason): void {
    events.push(`-${this.ctx.key} ${reason}`)
  }
  child(name: string, options?: ChildOptions) {
    return this.ctx.child(Worker, name, options)
  }
  async ask(name: string, method: 'count' | 'fail' | 'leave' | 'callBack' | 'tick', options?: ChildOptions) {
    return this.child(name, options)[method]()
  }
  async askThrough(boss: string, name: string): Promise<number> {
    return (await this.ctx.actor<Boss>('Boss', boss).ask(name, 'count')) as number
  }
  /** Lets a child fail too often, and begins another one. */
  async exhaust(): Promise<void> {
    for (let i = 0; i < 4; i++) await this.ask('frail', 'fail').catch(() => {})
    await new Promise((resolve) => setImmediate(resolve))
    this.child('late')
  }
  other(name: string): void {
    this.ctx.child(Other, name)
  }
  keep(): void {
    this.ctx.setTimer('keep', { everyMs: 60_000 }, () => {})
  }
  name(): string {
    return 'boss'
  }
}

function boss(strategy?: Strategy) {
  events.length = 0
  Boss.actor = { idleMs: 1, ...(strategy !== undefined && { strategy }) }
  const system = start({ fleet: localFleet(), actors: { Boss }, log: new Log() })
  return Object.assign(system.get('Boss', 'a'), { system })
}

describe('the id of a child', () => {
  it('leads to its parent and its name, and is that of no actor', () => {
    const names = ['x', '', '/', '%', '%2F', 'a/b', 'ü', '//']
    const parents = ['Boss/a', 'Boss/', 'Boss/a/b', 'Boss/a%2Fb', '%/%', ...names.map((name) => childIdOf('B/a', name))]
    const ids = new Set<string>()
    for (const parent of parents) {
      for (const name of names) {
        const id = childIdOf(parent, name)
        expect([id[0], childOf(id)]).toEqual(['/', { parent, name }])
        ids.add(id)
      }
    }
    expect(ids.size).toBe(parents.length * names.length)
    expect(['Boss/a', 'Boss//', '/', ''].map(childOf)).toEqual([undefined, undefined, undefined, undefined])
    expect(childOf('/'.repeat(1000))).toBeUndefined()
  })
})

describe('a child of an actor', () => {
  it('lives from its first reference on, keeps its state, and ends before its parent', async () => {
    const parent = boss()
    await parent.keep()
    expect([await parent.ask('x', 'count'), await parent.ask('x', 'count')]).toEqual([1, 2])
    await parent.ask('y', 'count')
    await parent.system.close()
    expect(events).toEqual(['+x', '+y', '-y shutdown', '-x shutdown', '-a shutdown'])
  })

  it('is started again when it fails, and when it ends by itself', async () => {
    const parent = boss()
    await parent.keep()
    await expect(parent.ask('x', 'fail')).rejects.toThrow('failed')
    expect(await parent.ask('x', 'count')).toBe(1)
    await parent.ask('x', 'leave')
    expect(await parent.ask('x', 'count')).toBe(1)
    expect(events).toEqual(['+x', '-x crashed', '+x', '-x asked', '+x'])
  })

  it('is gone if it is temporary or ends as transient, and comes back with a new reference', async () => {
    const parent = boss()
    await parent.keep()
    await expect(parent.ask('x', 'fail', { restart: 'temporary' })).rejects.toThrow('failed')
    await parent.ask('y', 'leave', { restart: 'transient' })
    await until(() => events.length === 4)
    expect(events).toEqual(['+x', '-x crashed', '+y', '-y asked'])
    expect(await parent.ask('x', 'count')).toBe(1)
  })

  it('takes the others with it with one-for-all, and the later ones with rest-for-one', async () => {
    for (const [strategy, expected] of [
      ['one-for-all', '-y crashed -z asked -x asked +x +y +z'],
      ['rest-for-one', '-y crashed -z asked +y +z'],
    ] as const) {
      const parent = boss(strategy)
      await parent.keep()
      for (const name of ['x', 'y', 'z']) await parent.ask(name, 'count')
      events.length = 0
      await expect(parent.ask('y', 'fail')).rejects.toThrow('failed')
      await until(() => events.at(-1) === '+z')
      expect(events.join(' ')).toBe(expected)
    }
  })

  it('takes its parent with it when it fails too often', async () => {
    const parent = boss()
    await parent.keep()
    for (let i = 0; i < 4; i++) await expect(parent.ask('x', 'fail')).rejects.toThrow('failed')
    await until(() => events.includes('-a crashed'))
    expect(events.filter((event) => event === '+x').length).toBe(4)
    expect(await parent.ask('x', 'count')).toBe(1)
  })

  it('is not begun after another one has failed too often, and so ends with its parent', async () => {
    const parent = boss()
    await parent.exhaust()
    await until(() => events.includes('-a crashed'))
    await parent.system.close()
    expect(events).not.toContain('+late')
  })

  it('may not call an actor that waits for it', async () => {
    const error = await boss()
      .ask('x', 'callBack')
      .catch((thrown: unknown) => thrown)
    expect(error).toMatchObject({ name: 'ActorError', code: 'ERR_ORBIT_ACTOR_CYCLE' })
  })

  it('is no other actor, for any two names', async () => {
    const parent = boss()
    const other = parent.system.get('Boss', 'a/x') // waits for the child x of the actor a
    expect(await other.askThrough('a', 'x')).toBe(1)
    const [grandparent, uncle] = [parent.system.get('Boss', 'a/b'), parent.system.get('Boss', 'a')]
    expect(await grandparent.ask('c', 'count')).toBe(1)
    expect(await uncle.askThrough('a/b', 'c')).toBe(2)
    expect(await uncle.ask('b/c', 'count')).toBe(1)
  })

  it('keeps its parent while it has timers', async () => {
    const parent = boss()
    await parent.ask('x', 'count')
    await until(() => parent.system.size === 0)
    expect(events).toEqual(['+x', '-x idle', '-a idle'])
    await parent.ask('x', 'tick')
    expect(parent.system.size).toBe(1)
  })

  it('has one class for each name, and known options', async () => {
    const parent = boss()
    await parent.keep()
    await parent.ask('x', 'count')
    await expect(parent.other('x')).rejects.toThrow('Class=a function must be Worker, as before')
    await expect(parent.ask('', 'count')).rejects.toThrow('name=""')
    await expect(parent.ask('z', 'count', { restart: 'always' as never })).rejects.toThrow('restart="always" must be')
  })
})
