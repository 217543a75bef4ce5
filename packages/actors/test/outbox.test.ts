import { describe, expect, it } from 'vitest'
import { Actor, memory } from '../src/index.js'
import { testActors } from '../src/testing.js'
import { Log } from './help/systems.js'

class Order extends Actor<{ placed: number }> {
  place(count: number, target = 'a', fails = false) {
    const from = this.ctx.storage.get('placed') ?? 0
    this.ctx.storage.put('placed', from + count)
    for (let i = 0; i < count; i++) this.ctx.outbox<Mail>('Mail', target).receive(from + i, new Date(i))
    if (fails) throw new Error('no')
  }
}

class Mail extends Actor<{ received: number[] }> {
  static failures = 0
  static runs = 0
  receive(number: number, _at: Date) {
    Mail.runs++
    const received = [...(this.ctx.storage.get('received') ?? []), number]
    this.ctx.storage.put('received', received)
    if (Mail.failures-- > 0) throw new Error('not yet')
    return received.length
  }
  state() {
    const received = this.received()
    return { count: received.length, isInOrder: received.every((number, i) => number === i) }
  }
  received() {
    return this.ctx.storage.get('received') ?? []
  }
}

function orders(log = new Log()) {
  Mail.failures = 0
  Mail.runs = 0
  const store = memory()
  const test = testActors({ actors: { Order, Mail }, log, store })
  return { test, log, store, order: test.get('Order', 'o') }
}

const upTo = (count: number): number[] => Array.from({ length: count }, (_, i) => i)

async function receivedOf(test: ReturnType<typeof orders>['test'], count: number, target = 'a'): Promise<number[]> {
  const mail = test.get('Mail', target)
  for (;;) {
    const received = await mail.received()
    if (received.length >= count) return received
    await test.advance(10)
  }
}

describe('the outbox of an actor', () => {
  it('calls another actor after the commit, in order for each target', async () => {
    const { test, order } = orders()
    await using _ = test
    await Promise.all([order.place(20), order.place(5, 'b'), order.place(20)])
    expect(await receivedOf(test, 40)).toEqual([...upTo(20), ...upTo(20).map((n) => n + 25)])
    expect(await receivedOf(test, 5, 'b')).toEqual(upTo(5).map((n) => n + 20))
  })

  it('sends nothing of a method that throws', async () => {
    const { test, order } = orders()
    await using _ = test
    await expect(order.place(5, 'a', true)).rejects.toThrow('no')
    await order.place(1)
    expect(await receivedOf(test, 1)).toEqual([0])
  })

  it('tries again with pauses while the method throws, and keeps the order', async () => {
    const { test, order, log } = orders()
    await using _ = test
    Mail.failures = 3
    await order.place(4)
    expect(await receivedOf(test, 4)).toEqual(upTo(4))
    expect(Mail.runs).toBe(7)
    const lines = log.lines.filter(([from]) => from === 'Order/o')
    expect(lines).toHaveLength(3)
    expect(lines[0]?.[1]).toBe('a message to Mail/a.receive was not taken, and is sent again:')
  })

  it('goes on after a restart, and runs no message twice', async () => {
    const { test, order } = orders()
    await using _ = test
    for (let round = 0; round < 5; round++) {
      await order.place(30)
      test.kill()
      await test.restart()
    }
    expect(await receivedOf(test, 150)).toEqual(upTo(150))
  })

  it('keeps more messages than it has in memory, in order', async () => {
    const { test, order } = orders()
    await using _ = test
    await order.place(2500)
    const mail = test.get('Mail', 'a')
    while ((await mail.state()).count < 2500) await test.advance(10)
    expect(await mail.state()).toEqual({ count: 2500, isInOrder: true })
  })

  it('refuses names of actors that are none, and arguments that cannot be kept', async () => {
    class Wrong extends Actor {
      send(type: string, key: string) {
        this.ctx.outbox<Mail>(type, key).receive(1, new Date())
      }
      sendFunction() {
        this.ctx.outbox<Mail>('Mail', 'a').receive((() => {}) as unknown as number, new Date())
      }
    }
    await using test = testActors({ actors: { Wrong, Mail } })
    const wrong = test.get('Wrong', 'w')
    await expect(wrong.send('Nail', 'a')).rejects.toThrow('type="Nail" must be one of Wrong, Mail')
    await expect(wrong.send('Mail', '')).rejects.toThrow(/key="" must be/)
    await expect(wrong.sendFunction()).rejects.toThrow(/could not be cloned/)
  })
})

class Till extends Actor<{ sum: number }> {
  static runs = 0
  async pay(amount: number, fails = false) {
    Till.runs++
    const sum = (this.ctx.storage.get('sum') ?? 0) + amount
    this.ctx.storage.put('sum', sum)
    await new Promise((resolve) => setImmediate(resolve))
    if (fails) throw new Error('declined')
    return { sum }
  }
  sum() {
    return this.ctx.storage.get('sum')
  }
}

class Loose extends Actor {
  static readonly actor = { placement: 'process' as const }
  run() {
    return 1
  }
  keep() {
    this.ctx.storage.put('a', 1)
  }
}

describe('calls with an idempotency key', () => {
  it('run once, and later ones get the result of the first, in any process', async () => {
    await using test = testActors({ actors: { Till } })
    Till.runs = 0
    const till = test.get('Till', 't')
    const keyed = till.with({ idempotencyKey: 'payment 1' })
    expect(await Promise.all([keyed.pay(5), keyed.pay(5), keyed.pay(7)])).toEqual([{ sum: 5 }, { sum: 5 }, { sum: 5 }])
    test.kill()
    await test.restart()
    expect(await keyed.pay(5)).toEqual({ sum: 5 })
    expect(await till.with({ idempotencyKey: 'payment 2' }).pay(1)).toEqual({ sum: 6 })
    expect(await test.get('Till', 'other').with({ idempotencyKey: 'payment 1' }).pay(9)).toEqual({ sum: 9 })
    expect(Till.runs).toBe(3)
  })

  it('may run again after one that threw, which has changed nothing', async () => {
    await using test = testActors({ actors: { Till } })
    const keyed = test.get('Till', 't').with({ idempotencyKey: 'k' })
    await expect(keyed.pay(5, true)).rejects.toThrow('declined')
    expect(await keyed.pay(5)).toEqual({ sum: 5 })
  })

  it('are made again when their process dies, instead of failing as unknown', async () => {
    await using test = testActors({ actors: { Till } })
    const till = test.get('Till', 't')
    await till.pay(1)
    for (let round = 1; round <= 5; round++) {
      const unkeyed = till.pay(0).catch((error) => error.outcome)
      const keyed = till.with({ idempotencyKey: `round ${round}` }).pay(1)
      test.kill()
      await test.restart()
      expect(await keyed).toEqual({ sum: round + 1 })
      expect(['unknown', 'not-run', 'done', undefined]).toContain(
        await unkeyed.then((end) => (typeof end === 'string' ? end : undefined)),
      )
    }
    expect(await till.sum()).toBe(6)
  })

  it('are forgotten after the time for which results are kept', async () => {
    await using test = testActors({ actors: { Till } })
    const keyed = test.get('Till', 't').with({ idempotencyKey: 'k' })
    expect(await keyed.pay(5)).toEqual({ sum: 5 })
    await test.advance(86_400_000 - 60_000)
    expect(await keyed.pay(5)).toEqual({ sum: 5 })
    await test.advance(180_000)
    expect(await keyed.pay(5)).toEqual({ sum: 10 })
  })

  it('are refused by actors without a store, as is storage', async () => {
    await using test = testActors({ actors: { Loose } })
    const loose = test.get('Loose', 'l')
    expect(await loose.run()).toBe(1)
    const refusal = { code: 'ERR_ORBIT_ACTOR_STORE', outcome: 'not-run' }
    await expect(loose.with({ idempotencyKey: 'k' }).run()).rejects.toMatchObject(refusal)
    await expect(loose.keep()).rejects.toThrow(/has no storage: actors have it in a system with a store/)
    expect(() => loose.with({ idempotencyKey: '' })).toThrow(/idempotencyKey="" must be/)
  })
})
