import { describe, expect, it } from 'vitest'
import { type CallContext, Client, type Fleet, RemoteError, type Server, serve } from '../../src/index.js'
import { fleetName, joinShm, keep, memories } from '../help/fleets.js'
import { start } from '../help/processes.js'
import { untyped } from '../help/refusals.js'

/** What a generator did, and a promise for its end. */
class Course {
  readonly yielded: number[] = []
  end!: (how: string) => void
  open!: () => void
  readonly gate = new Promise<void>((resolve) => {
    this.open = resolve
  })
  readonly ended = new Promise<string>((resolve) => {
    this.end = resolve
  })
}

function numbers(course: Course) {
  return {
    async *count(to: number, { signal }: CallContext) {
      signal.addEventListener('abort', () => course.end('aborted'))
      try {
        for (let i = 0; i < to; i++) {
          course.yielded.push(i)
          yield i
        }
      } finally {
        course.end('returned')
      }
    },
    texts: async (lengths: number[]) => lengths.map((length) => 'x'.repeat(length)),
    async *breaks() {
      yield 1
      yield 2
      throw Object.assign(new Error('no third'), { code: 'ERR_THIRD' })
    },
    async *quiet(_: unknown, { signal }: CallContext) {
      yield 'first'
      await new Promise((resolve) => signal.addEventListener('abort', resolve))
      course.end('aborted')
    },
    async *gated(_: unknown, { signal }: CallContext) {
      yield 'first'
      await course.gate
      yield 'second'
      course.end(signal.aborted ? 'aborted' : 'not aborted')
    },
    one: () => 1,
  }
}
type Numbers = ReturnType<typeof numbers>

function pair(join: (name: string) => Fleet): { client: Client<Numbers>; server: Server<Numbers>; course: Course } {
  const name = fleetName()
  const course = new Course()
  const server = keep(serve(join(name), 'numbers', numbers(course)))
  return { client: new Client<Numbers>(join(name), 'numbers'), server, course }
}

async function take<T>(items: AsyncIterable<T>, most = Number.POSITIVE_INFINITY): Promise<T[]> {
  const taken: T[] = []
  for await (const item of items) {
    taken.push(item)
    if (taken.length >= most) break
  }
  return taken
}

describe.each(memories)('a stream in $memory', ({ join }) => {
  it('yields what the generator yields, in order, to its end', async () => {
    const { client } = pair(join)
    expect(await take(client.stream('count', 5000))).toEqual(Array.from({ length: 5000 }, (_, i) => i))
    expect(await take(client.stream('count', 0))).toEqual([])
    const lengths = [0, 1990, 3, 1, 1999, 1000, 1000, 7]
    const texts: string[] = await take(client.stream('texts', lengths))
    expect(texts.map(({ length }) => length)).toEqual(lengths)
  })

  it('yields each item once to a consumer that waits between items', async () => {
    const { client } = pair(join)
    const lengths = Array.from({ length: 60 }, (_, i) => 300 + i)
    const taken: number[] = []
    for await (const text of client.stream('texts', lengths)) {
      taken.push((text as string).length)
      for (let i = 0; i < 3; i++) await new Promise((resolve) => setImmediate(resolve))
    }
    expect(taken).toEqual(lengths)
  })

  it('keeps a generator at most two parts ahead of its consumer, and ends it when the loop is left', async () => {
    const { client, course } = pair(join)
    expect(await take(client.stream('count', 1e9), 3)).toEqual([0, 1, 2])
    expect(await course.ended).toBe('aborted')
    // An item of 13 bytes: 154 in a part. One is taken, one waits for the consumer, one is gathered.
    expect(course.yielded.length).toBeLessThan(3 * 155)
  })

  it('throws what the generator throws, behind its items', async () => {
    const { client } = pair(join)
    const taken: number[] = []
    const error = await (async () => {
      for await (const item of client.stream('breaks')) taken.push(item)
    })().catch((thrown) => thrown)
    expect(taken).toEqual([1, 2])
    expect(error).toBeInstanceOf(RemoteError)
    expect(error).toMatchObject({ message: 'no third', code: 'ERR_THIRD' })
  })

  it('ends with its signal, or when no item comes in time, and aborts the handler', async () => {
    const { client, course } = pair(join)
    const controller = new AbortController()
    const aborted = client.stream('quiet', undefined, { signal: controller.signal })
    expect(await aborted.next()).toEqual({ done: false, value: 'first' })
    const rest = expect(aborted.next()).rejects.toThrow('enough')
    controller.abort(new Error('enough'))
    await rest
    expect(await course.ended).toBe('aborted')
    const late = take(client.stream('quiet', undefined, { timeoutMs: 20 }))
    await expect(late).rejects.toMatchObject({ code: 'ERR_ORBIT_TIMEOUT', progress: 'begun' })
  })

  it('goes on after its server has closed', async () => {
    const { client, server } = pair(join)
    const stream = client.stream('count', 1000)
    expect(await stream.next()).toEqual({ done: false, value: 0 })
    server.close()
    expect((await take(stream)).length).toBe(999)
    await expect(take(client.stream('count', 1))).rejects.toMatchObject({ code: 'ERR_ORBIT_NO_SERVER' })
  })

  it('is not taken for a value, nor a value for a stream', async () => {
    const { client } = pair(join)
    await expect(client.call('count', 1)).rejects.toThrow('numbers.count returns items: use stream()')
    await expect(take(client.stream(untyped('one')))).rejects.toThrow('numbers.one returns no items: use call()')
    expect(() => client.stream('count', 1, { timeoutMs: 0 })).toThrow(RangeError)
  })

  it('harms no later stream when it is left before its server notices', async () => {
    const { client, course } = pair(join)
    const stream = client.stream('gated')
    expect(await stream.next()).toEqual({ done: false, value: 'first' })
    await client.call('one') // its server has looked: it knows that the next part is wanted
    const left = stream.return()
    course.open() // the next part comes too late
    await left
    expect(await take(client.stream('count', 2000))).toEqual(Array.from({ length: 2000 }, (_, i) => i))
  })

  it('runs beside other streams and calls', async () => {
    const { client } = pair(join)
    const streams = Array.from({ length: 40 }, (_, i) => take(client.stream('count', 100 + i)))
    const calls = Array.from({ length: 200 }, () => client.call('one'))
    expect((await Promise.all(streams)).map(({ length }) => length)).toEqual(
      Array.from({ length: 40 }, (_, i) => 100 + i),
    )
    expect(await Promise.all(calls)).toEqual(Array.from({ length: 200 }, () => 1))
  })
})

describe('a stream between processes', () => {
  it('ends with the death of its server, behind the items that were sent', async () => {
    const name = fleetName()
    const client = new Client<Numbers>(joinShm(name), 'numbers')
    const server = start('actor.mjs', ['inbox', 'serveStream', name])
    expect(await server.next()).toEqual(['serving'])
    const stream = client.stream('quiet')
    expect(await stream.next()).toEqual({ done: false, value: 'first' })
    const rest = stream.next().catch((thrown) => thrown)
    await server.kill()
    expect(await rest).toMatchObject({ code: 'ERR_ORBIT_SERVER_DIED', progress: 'begun' })
  })

  it('ends its generator when the caller dies', async () => {
    const name = fleetName()
    const course = new Course()
    keep(serve(joinShm(name), 'numbers', numbers(course)))
    const caller = start('actor.mjs', ['inbox', 'readStream', name])
    expect(await caller.next()).toEqual(['first'])
    await caller.kill()
    expect(await course.ended).toBe('aborted')
  })
})
