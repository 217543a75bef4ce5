import { describe, expect, it } from 'vitest'
import { Actor, type ActorStorage, actors, memory } from '../src/index.js'
import { testActors } from '../src/testing.js'
import { Log, localFleet, start } from './help/systems.js'

class First extends Actor<{ name: string }> {
  setName(name: string) {
    this.ctx.storage.put('name', name)
  }
  getName() {
    return this.ctx.storage.get('name')
  }
}

class Second extends Actor<{ first: string; last: string }> {
  static readonly actor = {
    version: 3,
    migrate(storage: ActorStorage<Record<string, string>>, from: number) {
      const [first = '', last = ''] = (storage.get('name') ?? '').split(' ')
      storage.put('first', first)
      storage.put('last', `${last} (from ${from})`)
      storage.delete('name')
    },
  }
  seen = this.ctx.storage.get('last')
  names() {
    return [this.seen, ...this.ctx.storage.list().values()]
  }
}

class Broken extends Actor {
  static readonly actor = {
    version: 2,
    migrate() {
      throw new Error('cannot')
    },
  }
  run() {}
}

describe('the version of a class', () => {
  it('migrates what an older one has written, once, before the actor is constructed', async () => {
    const store = memory()
    {
      await using test = testActors({ actors: { Person: First }, store })
      await test.get('Person', 'a').setName('Ada Lovelace')
    }
    for (let round = 0; round < 2; round++) {
      await using test = testActors({ actors: { Person: Second }, store })
      const last = 'Lovelace (from 1)'
      expect(await test.get('Person', 'a').names()).toEqual([last, 'Ada', last])
      expect(await test.get('Person', 'new').names()).toEqual([undefined])
    }
  })

  it('refuses what a newer one has written, and leaves it as it is', async () => {
    const store = memory()
    {
      await using test = testActors({ actors: { Person: First }, store })
      await test.get('Person', 'a').setName('Ada Lovelace')
    }
    {
      await using test = testActors({ actors: { Person: Second }, store })
      await test.get('Person', 'a').names()
    }
    {
      await using test = testActors({ actors: { Person: First }, store })
      await expect(test.get('Person', 'a').getName()).rejects.toMatchObject({
        code: 'ERR_ORBIT_ACTOR_VERSION',
        outcome: 'not-run',
        retryable: true,
        message: 'Person/a: its state is of version 3, and this process has version 1',
      })
    }
    await using test = testActors({ actors: { Person: Second }, store })
    expect(await test.get('Person', 'a').names()).toHaveLength(3)
  })

  it('leaves the state as it is when migrate throws', async () => {
    const store = memory()
    {
      await using test = testActors({ actors: { Person: First }, store })
      await test.get('Person', 'a').setName('Ada Lovelace')
    }
    {
      await using test = testActors({ actors: { Person: Broken }, store })
      await expect(test.get('Person', 'a').run()).rejects.toMatchObject({ code: 'ERR_ORBIT_ACTOR_ACTIVATION' })
    }
    await using test = testActors({ actors: { Person: First }, store })
    expect(await test.get('Person', 'a').getName()).toBe('Ada Lovelace')
  })

  it('decides which process has a partition: what a newer one has written goes to a newer one', async () => {
    const store = memory()
    const fleet = localFleet()
    const log = new Log()
    const caller = start<{ Person: typeof Second }>({ fleet, host: false })
    const names = () => Promise.all(keys.map((key) => caller.get('Person', key).names()))
    const old = start({ fleet, actors: { Person: First }, store, log })
    const keys = Array.from({ length: 64 }, (_, i) => `person ${i}`)
    await Promise.all(keys.map((key) => old.get('Person', key).setName('Ada Lovelace')))
    const first = actors({ fleet, actors: { Person: Second }, store, log })
    await old.drain()
    expect(new Set((await names()).map(({ length }) => length))).toEqual(new Set([3])) // all are migrated
    const older = start({ fleet, actors: { Person: First }, store, log })
    const newer = start({ fleet, actors: { Person: Second }, store, log })
    await first.close() // half of its partitions would go to the older process
    expect(await names()).toHaveLength(64)
    expect([older.size, newer.size]).toEqual([0, 64])
    await newer.close()
    const alone = older.get('Person', 'person 0').getName()
    await expect(alone).rejects.toMatchObject({ code: 'ERR_ORBIT_ACTOR_VERSION', outcome: 'not-run' })
  })

  it('is checked when the system starts', () => {
    class Wrong extends Actor {
      static readonly actor = { version: 0 }
    }
    class Wrong2 extends Actor {
      static readonly actor = { migrate: 5 as unknown as () => void }
    }
    expect(() => testActors({ actors: { Wrong } })).toThrow('Wrong.actor.version=0 must be an integer in 1..2147483647')
    expect(() => testActors({ actors: { Wrong2 } })).toThrow('Wrong2.actor.migrate=5 must be a function')
  })
})
