import { describe, expect, it } from 'vitest'
import { Actor, ActorError, memory, type Ref } from '../src/index.js'
import { Log, localFleet, start, until } from './help/systems.js'

class Feed extends Actor<{ last: number }> {
  static made = 0
  static ended = 0
  #wake: (() => void)[] = []
  #lines: string[] = []
  say(line: string): number {
    this.#lines.push(line)
    for (const wake of this.#wake.splice(0)) wake()
    return this.#lines.length
  }
  async *lines(): AsyncGenerator<string> {
    try {
      for (let i = 0; ; i++) {
        while (i >= this.#lines.length) await new Promise<void>((resolve) => this.#wake.push(resolve))
        yield this.#lines[i] as string
      }
    } finally {
      Feed.ended++
    }
  }
  *count(to: number): Generator<{ i: number }> {
    for (let i = 0; i < to; i++) {
      Feed.made++
      yield { i }
    }
  }
  async *fail(): AsyncGenerator<number> {
    yield 1
    throw Object.assign(new RangeError('no more'), { code: 'E_FEED' })
  }
  async *failAtOnce(): AsyncGenerator<number> {
    yield Number(await Promise.reject(Object.assign(new RangeError('none'), { code: 'E_FEED' })))
  }
  async *unsendable(): AsyncGenerator<unknown> {
    yield () => {}
  }
  async *write(): AsyncGenerator<number> {
    this.ctx.storage.put('last', 1)
    yield 1
  }
  async *ask(): AsyncGenerator<string> {
    yield* this.ctx.actor<Feed>('Feed', 'other').stream.lines()
  }
  async pass(line: string): Promise<number> {
    return this.ctx.actor<Feed>('Feed', 'other').say(line)
  }
  end(): void {
    this.ctx.deactivate()
  }
}

const classes = { Feed }

async function collect<T>(items: AsyncIterable<T>, most = Number.POSITIVE_INFINITY): Promise<T[]> {
  const all: T[] = []
  for await (const item of items) if (all.push(item) >= most) break
  return all
}

describe.each(['this process', 'another process'])('a stream of an actor in %s', (where) => {
  function feed(options = {}): Ref<Feed> {
    const fleet = localFleet()
    const host = start<typeof classes>({ fleet, actors: classes, log: new Log(), ...options })
    const system = where === 'this process' ? host : start<typeof classes>({ fleet, host: false })
    return system.get('Feed', 'a')
  }

  it('yields items as they come, while other methods run', async () => {
    const ref = feed()
    const lines = ref.stream.lines()
    const first = lines.next()
    await ref.say('one')
    expect(await first).toEqual({ done: false, value: 'one' })
    await ref.say('two')
    expect(await lines.next()).toEqual({ done: false, value: 'two' })
    const ended = Feed.ended
    await lines.return()
    await ref.say('three') // the generator waits for it
    await until(() => Feed.ended > ended)
  })

  it('yields all items of a generator, in order, and ends', async () => {
    const items = await collect(feed().stream.count(5000))
    expect(items).toEqual(Array.from({ length: 5000 }, (_, i) => ({ i })))
  })

  it('makes no item long before it is taken', async () => {
    Feed.made = 0
    await collect(feed().stream.count(1_000_000), 3)
    expect(Feed.made).toBeLessThan(500)
  })

  it('throws what the generator throws, after its items', async () => {
    const items = feed().stream.fail()
    expect(await items.next()).toEqual({ done: false, value: 1 })
    const error = await items.next().catch((error: unknown) => error)
    expect(error).toMatchObject({ name: 'RangeError', message: 'no more', code: 'E_FEED' })
  })

  it('throws what the generator throws before its first item', async () => {
    const error = await collect(feed().stream.failAtOnce()).catch((error: unknown) => error)
    expect(error).toMatchObject({ name: 'RangeError', message: 'none', code: 'E_FEED' })
  })

  it('fails for an item that cannot be sent', async () => {
    await expect(collect(feed().stream.unsendable())).rejects.toMatchObject({ code: 'ERR_ORBIT_ACTOR_VALUE' })
  })

  it('ends with the activation of its actor', async () => {
    const ref = feed()
    const lines = ref.stream.lines()
    const first = lines.next()
    await ref.say('one')
    await first
    const second = lines.next()
    await ref.end()
    await expect(second).rejects.toMatchObject({ code: 'ERR_ORBIT_ACTOR_LOST', outcome: 'unknown' })
  })

  it('ends by a signal or its time limit', async () => {
    const ref = feed()
    const stop = new AbortController()
    const lines = collect(ref.with({ signal: stop.signal }).stream.lines())
    await ref.say('one')
    stop.abort(new Error('enough'))
    await expect(lines).rejects.toThrow('enough')
    const limited = collect(ref.with({ timeoutMs: 30 }).stream.lines())
    await expect(limited).rejects.toMatchObject({ code: 'ERR_ORBIT_ACTOR_TIMEOUT' })
    await expect(collect(ref.with({ signal: stop.signal }).stream.count(1))).rejects.toThrow('enough')
  })

  it('is refused for methods that are no generators, which are no streams', async () => {
    const loose = feed() as unknown as Record<string, (...args: unknown[]) => Promise<unknown>> & {
      stream: Record<string, (...args: unknown[]) => AsyncIterable<unknown>>
    }
    await expect(loose['lines']?.()).rejects.toThrow('Feed.lines is a generator: call it by ref.stream')
    const said = collect(loose.stream['say']?.('x') as AsyncIterable<unknown>)
    await expect(said).rejects.toThrow('Feed.say is not a generator')
    await expect(collect(loose.stream['none']?.() as AsyncIterable<unknown>)).rejects.toBeInstanceOf(ActorError)
  })

  it('may not change storage', async () => {
    await expect(collect(feed({ store: memory() }).stream.write())).rejects.toThrow('may not change storage')
  })

  it('goes through another actor', async () => {
    const ref = feed()
    const asked = ref.stream.ask()
    const first = asked.next()
    await ref.pass('to other')
    expect(await first).toEqual({ done: false, value: 'to other' })
    await asked.return()
  })
})
