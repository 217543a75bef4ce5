import { describe, expect, it } from 'vitest'
import { Actor } from '../src/index.js'
import { testActors } from '../src/testing.js'

interface Account {
  balance: number
  owner: { name: string; since: Date }
  [entry: `entry/${string}`]: number
}

class Bank extends Actor<Account> {
  static readonly actor = { readonly: ['peek'] }
  add(amount: number) {
    const balance = (this.ctx.storage.get('balance') ?? 0) + amount
    this.ctx.storage.put('balance', balance)
    return balance
  }
  addThenThrow(amount: number) {
    this.add(amount)
    throw new Error('no')
  }
  async addTwice(amount: number) {
    this.add(amount)
    await new Promise((resolve) => setImmediate(resolve))
    return this.add(amount)
  }
  balance() {
    return this.ctx.storage.get('balance')
  }
  peek() {
    this.ctx.storage.put('balance', 0)
  }
  name(name: string) {
    this.ctx.storage.put('owner', { name, since: new Date(5) })
  }
  owner() {
    const owner = this.ctx.storage.get('owner')
    if (owner !== undefined) owner.name += '!'
    return this.ctx.storage.get('owner')
  }
  enter(...names: string[]) {
    for (const [i, name] of names.entries()) this.ctx.storage.put(`entry/${name}`, i)
  }
  list(...options: Parameters<typeof this.ctx.storage.list>) {
    return this.ctx.storage.list(...options)
  }
  remove(name: 'balance' | 'owner') {
    return this.ctx.storage.delete(name)
  }
  clear() {
    this.ctx.storage.deleteAll()
    return this.ctx.storage.list().size
  }
  putAnything(name: string, value: unknown) {
    this.ctx.storage.put(name as 'balance', value as number)
  }
}

describe('the storage of an actor', () => {
  it('outlives the process of the actor', async () => {
    await using test = testActors({ actors: { Bank } })
    const bank = test.get('Bank', 'a')
    expect(await bank.balance()).toBeUndefined()
    expect(await bank.add(5)).toBe(5)
    expect(await bank.addTwice(1)).toBe(7)
    test.kill()
    await test.restart()
    expect(await bank.balance()).toBe(7)
    expect(await test.get('Bank', 'b').balance()).toBeUndefined()
  })

  it('keeps nothing of a method that throws', async () => {
    await using test = testActors({ actors: { Bank } })
    const bank = test.get('Bank', 'a')
    await bank.add(5)
    await expect(bank.addThenThrow(1)).rejects.toThrow('no')
    expect(await bank.balance()).toBe(5)
    await test.restart()
    expect(await bank.balance()).toBe(5)
  })

  it('returns copies of what structured clone takes', async () => {
    await using test = testActors({ actors: { Bank } })
    const bank = test.get('Bank', 'a')
    await bank.name('Ada')
    expect(await bank.owner()).toEqual({ name: 'Ada', since: new Date(5) })
    await test.restart()
    expect(await bank.owner()).toEqual({ name: 'Ada', since: new Date(5) })
  })

  it('lists entries by prefix, range, limit and direction, and deletes them', async () => {
    await using test = testActors({ actors: { Bank } })
    const bank = test.get('Bank', 'a')
    await bank.add(1)
    await bank.enter('c', 'a', 'b')
    expect([...(await bank.list())]).toEqual([
      ['balance', 1],
      ['entry/a', 1],
      ['entry/b', 2],
      ['entry/c', 0],
    ])
    expect([...(await bank.list({ prefix: 'entry/', limit: 2, reverse: true })).keys()]).toEqual(['entry/c', 'entry/b'])
    expect([...(await bank.list({ start: 'entry/a', end: 'entry/c' })).keys()]).toEqual(['entry/a', 'entry/b'])
    expect(await bank.remove('balance')).toBe(true)
    expect(await bank.remove('balance')).toBe(false)
    await test.restart()
    expect((await bank.list()).size).toBe(3)
    expect(await bank.clear()).toBe(0)
    await test.restart()
    expect((await bank.list()).size).toBe(0)
  })

  it('refuses what cannot be kept, and changes by methods that only read', async () => {
    await using test = testActors({ actors: { Bank } })
    const bank = test.get('Bank', 'a')
    await expect(bank.peek()).rejects.toThrow('peek is in readonly, and may not change storage')
    await expect(bank.putAnything('', 1)).rejects.toThrow(/name="" must be a string of 1\.\.1024 bytes/)
    await expect(bank.putAnything('x', undefined)).rejects.toThrow(/use delete\(name\)/)
  })
})
