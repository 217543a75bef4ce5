import { describe, expect, it } from 'vitest'
import {
  type CallContext,
  CallError,
  Client,
  type Fleet,
  OrbitError,
  RemoteError,
  type Server,
  serve,
} from '../../src/index.js'
import { fleetName, joinLocal, joinShm, keep, memories } from '../help/fleets.js'
import { start } from '../help/processes.js'
import { expectRangeError, expectTypeError, untyped } from '../help/refusals.js'

const math = {
  add: ({ a, b }: { a: number; b: number }) => a + b,
  later: async (value: string) => `${value}, later`,
  echo: (value: unknown) => value,
  long: (length: number) => 'é'.repeat(length / 2),
  fail: () => {
    throw Object.assign(new RangeError('too far', { cause: 'the map' }), { code: 'ERR_FAR', metres: 7 })
  },
  mask: () => {
    throw Object.defineProperty(new Error('masked'), '__proto__', { value: { metres: 7 }, enumerable: true })
  },
  hang: (_: unknown, { signal }: { signal: AbortSignal }) =>
    new Promise((resolve) => signal.addEventListener('abort', () => resolve('aborted'))),
}
type Math = typeof math

function pair(join: (name: string) => Fleet): { client: Client<Math>; server: Server<Math> } {
  const name = fleetName()
  const server = keep(serve(join(name), 'math', math))
  return { server, client: new Client<Math>(join(name), 'math') }
}

describe.each(memories)('a call in $memory', ({ join }) => {
  it('returns what the handler returns', async () => {
    const { client } = pair(join)
    expect(await client.call('add', { a: 2, b: 3 })).toBe(5)
    expect(await client.call('later', 'soon')).toBe('soon, later')
  })

  it('carries structured values, and bytes as they are', async () => {
    const { client } = pair(join)
    for (const value of [undefined, null, 7n, new Date(0), new Map([[1, new Set(['x'])]]), [{ a: 1.5 }]]) {
      expect(await client.call('echo', value)).toStrictEqual(value)
    }
    const echoed = await client.call('echo', Uint8Array.of(1, 2, 3))
    expect([...(echoed as Uint8Array)]).toEqual([1, 2, 3])
  })

  it('carries what JSON would change', async () => {
    const { client } = pair(join)
    const holes = [1, 2, 3]
    delete holes[1]
    const named = Object.assign([1], { name: 'one' })
    const both = Object.assign([...holes], { x: 1 })
    delete both[1]
    const hidden = Object.defineProperty({ a: 1 }, 'toJSON', { value: () => 'other' })
    const values = [
      { a: undefined },
      [Number.NaN, -0],
      holes,
      named,
      both,
      hidden,
      { at: new Date(1) },
      { '\ud800': '\ud800' },
      true,
    ]
    for (const value of values) expect(await client.call('echo', value)).toStrictEqual(value)
    const part = { a: 1 }
    const [first, second] = (await client.call('echo', [part, part])) as [object, object]
    expect(first).toBe(second)
    const circle: { self?: unknown } = {}
    circle.self = circle
    const copy = (await client.call('echo', circle)) as typeof circle
    expect(copy.self).toBe(copy)
  })

  it('carries texts that take more room to encode than they have bytes', async () => {
    const { client } = pair(join)
    for (const length of [2, 700, 2000]) expect(await client.call('long', length)).toBe('é'.repeat(length / 2))
  })

  it('throws what the handler throws, with its name, message, code, cause and fields', async () => {
    const { client } = pair(join)
    const error = await client.call('fail').catch((thrown) => thrown)
    expect(error).toBeInstanceOf(RemoteError)
    expect(error).toMatchObject({
      name: 'RangeError',
      message: 'too far',
      code: 'ERR_FAR',
      metres: 7,
      cause: 'the map',
    })
  })

  it('throws a RemoteError when the error of the handler has a field that is called __proto__', async () => {
    const { client } = pair(join)
    const error = await client.call('mask').catch((thrown) => thrown)
    expect(error).toBeInstanceOf(RemoteError)
    expect(error).toMatchObject({ name: 'Error', message: 'masked' })
    expect(Object.getOwnPropertyDescriptor(error, '__proto__')?.value).toEqual({ metres: 7 })
  })

  it('says that nothing was run when the server has no such handler', async () => {
    const { client } = pair(join)
    for (const method of ['missing', 'toString']) {
      const error = await client.call(untyped(method)).catch((thrown) => thrown)
      expect(error).toBeInstanceOf(CallError)
      expect(error).toMatchObject({
        code: 'ERR_ORBIT_NO_HANDLER',
        progress: 'not begun',
        message: `math has no handler ${method}`,
      })
    }
  })

  it('goes to another server when its own has closed and not begun it', async () => {
    const name = fleetName()
    const by = (who: string) => ({ who: () => who })
    const first = keep(serve(join(name), 'who', by('first')))
    const client = new Client<ReturnType<typeof by>>(join(name), 'who')
    const calls = Array.from({ length: 100 }, () => client.call('who'))
    const rest = Array.from({ length: 100 }, () => client.call('who', undefined, { onDeath: 'wait' }))
    first.close()
    await expect(calls[0]).rejects.toMatchObject({ code: 'ERR_ORBIT_NO_SERVER' })
    keep(serve(join(name), 'who', by('second')))
    await Promise.allSettled(calls)
    expect(new Set(await Promise.all(rest))).toEqual(new Set(['second']))
  })

  it('is answered while both sides spin, and lets timers run', async () => {
    const name = fleetName()
    keep(serve(join(name), 'math', math, { spinUs: 200 }))
    const client = new Client<Math>(join(name), 'math', { spinUs: 200 })
    let hasRun = false
    setTimeout(() => {
      hasRun = true
    }, 5)
    for (let i = 0; i < 10 || !hasRun; i++) expect(await client.call('add', { a: i, b: 1 })).toBe(i + 1)
    expect(await client.call('later', 'soon')).toBe('soon, later')
    expectRangeError(
      () => new Client(join(name), 'math', { spinUs: 1001 }),
      'spinUs=1001 must be an integer in 0..1000',
    )
  })

  it('answers 1,500 calls that are made at once', async () => {
    const { client } = pair(join)
    const sums = await Promise.all(Array.from({ length: 1500 }, (_, a) => client.call('add', { a, b: 1 })))
    expect(sums).toEqual(Array.from({ length: 1500 }, (_, a) => a + 1))
  })

  it('arrives in the order in which its process made it, also while the inbox is full', async () => {
    const name = fleetName()
    const arrived: number[] = []
    const note = async (value: number) => arrived.push(value)
    keep(serve(join(name), 'notes', { note }, { concurrency: 1 }))
    const clients = [join(name), join(name)].map((fleet) => new Client<{ note: typeof note }>(fleet, 'notes'))
    const calls = Array.from({ length: 400 }, (_, i) => clients[i % 2]?.call('note', i))
    await Promise.all(calls)
    for (const rest of [0, 1]) {
      const numbers = arrived.filter((i) => i % 2 === rest)
      expect(numbers).toEqual(Array.from({ length: 200 }, (_, i) => 2 * i + rest))
    }
  })

  it('begins when its handler says so, and not after it was given up', async () => {
    const name = fleetName()
    const queue: { context: CallContext; end: (value: string) => void }[] = []
    const work = (_: unknown, context: CallContext) =>
      new Promise<string>((resolve) => queue.push({ context, end: resolve }))
    keep(serve(join(name), 'work', { work }, { begin: 'by-handler', concurrency: 256 }))
    const fleets = Array.from({ length: 4 }, () => join(name))
    const ends = fleets.flatMap((fleet) => {
      const client = new Client<{ work: typeof work }>(fleet, 'work')
      return Array.from({ length: 32 }, (_, i) =>
        client.call('work', i, i === 31 ? { timeoutMs: 1 } : {}).catch((error) => error),
      )
    })
    for (const late of ends.filter((_, i) => i % 32 === 31)) {
      expect(await late).toMatchObject({ code: 'ERR_ORBIT_TIMEOUT', progress: 'not begun' })
    }
    // More than an inbox has room for: queued calls have left it.
    while (queue.length < 4 * 31) await new Promise((resolve) => setImmediate(resolve))
    for (const { context, end } of queue) end(context.begin() && !context.begin() ? 'ran' : 'was over')
    const results = await Promise.all(ends)
    expect(results.filter((result) => result === 'ran').length).toBe(4 * 31)
  })

  it('is refused at once when no process serves the name', async () => {
    const { client, server } = pair(join)
    server.close()
    await expect(client.call('add', { a: 1, b: 1 })).rejects.toMatchObject({ code: 'ERR_ORBIT_NO_SERVER' })
    expect(client.tell('add', { a: 1, b: 1 })).toBe(false)
  })

  it('ends after its time or with its signal, and aborts the handler', async () => {
    const { client } = pair(join)
    const late = client.call('hang', undefined, { timeoutMs: 1 }).catch((thrown) => thrown)
    expect(await late).toBeInstanceOf(CallError)
    expect(await late).toMatchObject({ code: 'ERR_ORBIT_TIMEOUT' })
    const controller = new AbortController()
    const given = client.call('hang', undefined, { signal: controller.signal })
    controller.abort(new Error('enough'))
    await expect(given).rejects.toThrow('enough')
    expect(await client.call('add', { a: 1, b: 1 })).toBe(2)
  })

  it('ends after its time while all places for calls are taken', async () => {
    const { client } = pair(join)
    const controllers = Array.from({ length: 64 }, () => new AbortController())
    const taking = controllers.map(({ signal }) => client.call('hang', undefined, { signal }))
    const late = client.call('add', { a: 1, b: 1 }, { timeoutMs: 1 })
    await expect(late).rejects.toMatchObject({ code: 'ERR_ORBIT_TIMEOUT', progress: 'not begun' })
    for (const controller of controllers) controller.abort(new Error('enough'))
    for (const call of taking) await expect(call).rejects.toThrow('enough')
    expect(await client.call('add', { a: 1, b: 1 })).toBe(2)
  })

  it('goes to the least busy of several servers, and to equal ones in turn', async () => {
    const name = fleetName()
    const counts = [0, 0, 0]
    const never = () => new Promise<void>(() => {})
    const handlers = counts.map((_, i) => ({
      count: () => ++(counts[i] as number),
      never,
    }))
    for (const each of handlers) keep(serve(join(name), 'work', each))
    const client = new Client<(typeof handlers)[0]>(join(name), 'work')
    for (let i = 0; i < 30; i++) await client.call('count')
    expect(counts).toEqual([10, 10, 10])
    const controller = new AbortController()
    const busy = client.call('never', undefined, { signal: controller.signal })
    await new Promise((resolve) => setImmediate(resolve))
    for (let i = 0; i < 20; i++) await client.call('count')
    expect([...counts].sort((a, b) => a - b)).toEqual([10, 20, 20])
    controller.abort(new Error('enough'))
    await expect(busy).rejects.toThrow('enough')
  })

  it('is answered while both processes fill the inbox of the other', async () => {
    const name = fleetName()
    const echo = (value: Uint8Array) => value
    const sides = [join(name), join(name)]
    sides.forEach((fleet, i) => void keep(serve(fleet, `side ${i}`, { echo }, { concurrency: 4 })))
    const calls = sides.flatMap((fleet, i) => {
      const client = new Client<{ echo: typeof echo }>(fleet, `side ${1 - i}`)
      return Array.from({ length: 400 }, (_, j) => client.call('echo', new Uint8Array(1900).fill(j)))
    })
    const answers = await Promise.all(calls)
    for (let i = 0; i < 800; i++) expect(answers[i]?.at(-1)).toBe((i % 400) & 255)
  })

  it('aborts the signal of a handler that asks for it late', async () => {
    const name = fleetName()
    let late: Promise<boolean> | undefined
    const controller = new AbortController()
    const work = async (_: unknown, context: CallContext) => {
      controller.abort(new Error('enough'))
      late = new Promise((resolve) => setTimeout(() => resolve(context.signal.aborted), 100))
      await late
    }
    keep(serve(join(name), 'work', { work }))
    const client = new Client<{ work: typeof work }>(join(name), 'work')
    await expect(client.call('work', 1, { signal: controller.signal })).rejects.toThrow('enough')
    expect(await late).toBe(true)
  })

  it('runs a told request without an answer', async () => {
    const name = fleetName()
    let tell: (value: unknown) => void = () => {}
    const told = new Promise((resolve) => {
      tell = resolve
    })
    keep(serve(join(name), 'log', { line: (value: string) => tell(value) }))
    expect(new Client<{ line(value: string): void }>(join(name), 'log').tell('line', 'a line')).toBe(true)
    expect(await told).toBe('a line')
  })

  it('is not told to a service that has closed in the same turn', () => {
    const { client, server } = pair(join)
    expect(client.tell('add', { a: 1, b: 1 })).toBe(true)
    server.close()
    expect(client.tell('add', { a: 1, b: 1 })).toBe(false)
  })
})

describe('a call', () => {
  it('refuses wrong arguments', async () => {
    const fleet = joinLocal(fleetName())
    expectTypeError(() => serve(fleet, 'x', untyped({ a: 1 })), 'handlers.a=1 must be a function')
    expectRangeError(() => serve(fleet, '', {}), 'service=""')
    expectRangeError(() => serve(fleet, 'x', {}, { begin: untyped('later') }), 'begin="later"')
    keep(serve(fleet, 'x', {}))
    expectTypeError(() => serve(fleet, 'x', {}), 'service="x"')
    const client = new Client(fleet, 'x')
    const tooLarge = new Uint8Array(2 ** 24 + 1)
    await expect(client.call('a', tooLarge)).rejects.toMatchObject({ code: 'ERR_ORBIT_PAYLOAD_SIZE' })
    expect(() => client.tell('a', new Uint8Array(4000))).toThrow('which gets no answer, has 4000 bytes, over 2008')
    await expect(client.call('a', 1, { timeoutMs: 0 })).rejects.toMatchObject({ code: 'ERR_ORBIT_OUT_OF_RANGE' })
  })

  it('has an answer or the right progress when its server is killed, by the log of the server', async () => {
    const name = fleetName()
    const client = new Client<{ work(i: number): number }>(joinShm(name), 'work')
    const server = start('actor.mjs', ['inbox', 'serveLogged', name])
    expect(await server.next()).toEqual(['serving'])
    const calls = Array.from({ length: 64 }, (_, i) => client.call('work', i).catch((thrown) => thrown))
    const began = new Set<number>()
    for (let count = 0; count < 20; count++) began.add((await server.next<[string, number]>())[1])
    await server.kill()
    for (let line = await server.heard<[string, number]>(); line !== undefined; line = await server.heard()) {
      began.add(line[1])
    }
    const endings = await Promise.all(calls)
    const counts = { answered: 0, begun: 0, fresh: 0 }
    endings.forEach((ending, i) => {
      if (ending === i) counts.answered++
      else if (ending.code === 'ERR_ORBIT_SERVER_DIED') counts.begun++
      else counts.fresh++
      // A call is begun a little before its handler writes the log.
      if (ending === i) expect(began.has(i)).toBe(true)
      else if (ending.code === 'ERR_ORBIT_SERVER_DIED') expect(['begun', 'done']).toContain(ending.progress)
      else expect([ending.code, began.has(i)]).toEqual(['ERR_ORBIT_NO_SERVER', false])
    })
    expect(counts.answered + counts.begun).toBeGreaterThanOrEqual(began.size)
    expect(counts.answered + counts.begun + counts.fresh).toBe(64)
  })

  it('waits for another server after a death, and runs again, with onDeath wait', async () => {
    const name = fleetName()
    const fleet = joinShm(name)
    const client = new Client<{ begin(value: unknown): string }>(fleet, 'work')
    const server = start('actor.mjs', ['inbox', 'serveWork', name])
    expect(await server.next()).toEqual(['serving'])
    const calls = Array.from({ length: 8 }, (_, i) => client.call('begin', i, { onDeath: 'wait' }))
    for (let i = 0; i < 4; i++) expect(await server.next()).toEqual(['begun'])
    await server.kill()
    keep(serve(joinShm(name), 'work', { begin: (value: unknown) => `ran ${value}` }))
    expect(await Promise.all(calls)).toEqual(Array.from({ length: 8 }, (_, i) => `ran ${i}`))
    await expect(client.call('begin', 1, { onDeath: untyped('never') })).rejects.toMatchObject({
      code: 'ERR_ORBIT_OUT_OF_RANGE',
    })
  })

  it('says how far it had come when its server is killed, and goes to another one if it had not begun', async () => {
    const name = fleetName()
    const fleet = joinShm(name)
    const client = new Client<{ begin(value: unknown): string }>(fleet, 'work')
    const server = start('actor.mjs', ['inbox', 'serveWork', name])
    expect(await server.next()).toEqual(['serving'])
    const calls = Array.from({ length: 64 }, () => client.call('begin', 1).catch((thrown) => thrown))
    for (let i = 0; i < 4; i++) expect(await server.next()).toEqual(['begun'])
    await server.kill()
    const endings = await Promise.all(calls)
    for (const ending of endings) expect(ending).toBeInstanceOf(OrbitError)
    const codes = endings.map(({ code }) => code)
    expect(codes.filter((code) => code === 'ERR_ORBIT_SERVER_DIED').length).toBe(4)
    expect(codes.filter((code) => code === 'ERR_ORBIT_NO_SERVER').length).toBe(60)
    expect(endings.filter(({ progress }) => progress === 'begun').length).toBe(4)
  })
})
