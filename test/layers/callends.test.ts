import { getEventListeners } from 'node:events'
import { runInNewContext } from 'node:vm'
import { describe, expect, it, onTestFinished } from 'vitest'
import { type CallContext, Client, Fleet, serve } from '../../src/index.js'
import { fleetName, joinShm, keep, memories } from '../help/fleets.js'
import { untyped } from '../help/refusals.js'

const echo = (value: unknown) => value

describe.each(memories)('the end of a call in $memory', ({ join }) => {
  it('is reached once when the end of another call ends it, too', async () => {
    const name = fleetName()
    const [server, caller] = [join(name), join(name)]
    const busy = { never: () => new Promise<void>(() => {}), echo }
    keep(serve(server, 'busy', busy, { concurrency: 1000 }))
    const leaving = keep(serve(server, 'leaving', { echo }))
    const client = new Client<typeof busy>(caller, 'busy')
    const controller = new AbortController()
    const options = { signal: controller.signal }
    // They take all places for calls, so the last one waits for the end of another one.
    const calls = Array.from({ length: 96 }, () => client.call('never', undefined, options))
    const last = new Client<{ echo: typeof echo }>(caller, 'leaving').call('echo', 1, options)
    leaving.close()
    const ends = Promise.allSettled([...calls, last])
    controller.abort(new Error('enough'))
    const reasons = (await ends).map((end) => end.status === 'rejected' && String(end.reason.message))
    expect(new Set(reasons.slice(0, 96))).toEqual(new Set(['enough']))
    expect(reasons[96]).toBe('leaving.echo: no living process serves leaving')
    for (let i = 0; i < 3; i++) expect(await client.call('echo', i, { timeoutMs: 5000 })).toBe(i)
  })

  it('comes with an error for anything that its handler throws', async () => {
    const name = fleetName()
    const oddities: (() => unknown)[] = [
      () => Object.create(null),
      () => Object.defineProperty(new Error('odd'), 'name', { get: () => untyped(undefined).no }),
      () => Object.assign(new Error('odd'), { message: { cut: echo } }),
      () =>
        Object.defineProperty(new Error('odd'), 'message', {
          get: () => {
            throw new Error('no')
          },
        }),
      () => Object.assign(new Error('x'.repeat(1e6)), { name: 'y'.repeat(1e6), field: echo }),
      () => Symbol('odd'),
    ]
    const odd = {
      throws: (i: number) => {
        throw oddities[i]?.()
      },
      async *items(i: number) {
        yield i
        throw oddities[i]?.()
      },
    }
    keep(serve(join(name), 'odd', odd))
    const client = new Client<typeof odd>(join(name), 'odd')
    for (let i = 0; i < oddities.length; i++) {
      const error = await client.call('throws', i, { timeoutMs: 5000 }).catch((thrown) => thrown)
      expect(error.constructor.name).toBe('RemoteError')
      const stream = client.stream('items', i, { timeoutMs: 5000 })
      expect(await stream.next()).toEqual({ done: false, value: i })
      expect((await stream.next().catch((thrown) => thrown)).constructor.name).toBe('RemoteError')
    }
  })

  it('is what a getter of the handlers throws, and other calls go on', async () => {
    const name = fleetName()
    let isChecked = false
    const broken = {
      get work() {
        if (isChecked) throw new Error('no handler today')
        return echo
      },
      echo,
    }
    keep(serve(join(name), 'work', broken))
    isChecked = true
    const client = new Client<{ work: typeof echo; echo: typeof echo }>(join(name), 'work')
    const calls = [client.call('work', 1), client.call('echo', 2)]
    await expect(calls[0]).rejects.toThrow('no handler today')
    expect(await calls[1]).toBe(2)
    expect(await client.call('echo', 3)).toBe(3)
  })

  it('says what a handler threw that is no error', async () => {
    const name = fleetName()
    const values = ['a text', 7, undefined, null, { code: 5 }, Object.create(null), Symbol('odd'), echo]
    const work = {
      throws: (i: number) => {
        throw values[i]
      },
    }
    keep(serve(join(name), 'work', work))
    const client = new Client<typeof work>(join(name), 'work')
    const thrown = await Promise.all(values.map((_, i) => client.call('throws', i).catch(({ message }) => message)))
    const texts = ['a text', '7', 'undefined', 'null', '{ code: 5 }', '[Object: null prototype] {}', 'Symbol(odd)']
    expect(thrown).toEqual([...texts, '[Function: echo]'])
  })

  it('has the code of an error that was made in another realm', async () => {
    const name = fleetName()
    const work = {
      throws: () => {
        throw runInNewContext("Object.assign(new RangeError('far away'), { code: 'ERR_FAR' })")
      },
    }
    keep(serve(join(name), 'work', work))
    const client = new Client<typeof work>(join(name), 'work')
    await expect(client.call('throws')).rejects.toMatchObject({
      name: 'RangeError',
      message: 'far away',
      code: 'ERR_FAR',
    })
  })

  it('has bytes of any length, as they were sent', async () => {
    const name = fleetName()
    keep(serve(join(name), 'work', { echo }))
    const client = new Client<{ echo: typeof echo }>(join(name), 'work')
    const values = [0, 1, 62, 63, 64, 65, 66, 1990, 2007, 2008, 5000].map((length) =>
      new Uint8Array(length).fill(length),
    )
    const answers = (await Promise.all(values.map((value) => client.call('echo', value)))) as Uint8Array[]
    expect(answers.map((answer) => Buffer.from(answer))).toEqual(values.map((value) => Buffer.from(value)))
  })

  it('is that of another server when the one that was called before in this turn closes in between', async () => {
    const name = fleetName()
    const first = keep(serve(join(name), 'work', { who: () => 'first' }))
    const client = new Client<{ who: () => string }>(join(name), 'work')
    const calls = [client.call('who')]
    first.close()
    keep(serve(join(name), 'work', { who: () => 'second' }))
    calls.push(client.call('who'))
    expect(await Promise.all(calls)).toEqual(['second', 'second'])
    expect(await client.call('who')).toBe('second')
  })

  it('comes for calls that run while another service is added, as many at a time as before', async () => {
    const name = fleetName()
    const server = join(name)
    let [running, most] = [0, 0]
    const work = async () => {
      most = Math.max(most, ++running)
      await new Promise((resolve) => setImmediate(resolve))
      running--
    }
    keep(serve(server, 'one by one', { work }, { concurrency: 1 }))
    keep(serve(server, 'another', { work }))
    const client = new Client<{ work: typeof work }>(join(name), 'one by one')
    await Promise.all(Array.from({ length: 4 }, () => client.call('work')))
    expect(most).toBe(1)
  })

  it('comes for calls behind one in which the fleet handle is closed, and none of them runs', async () => {
    const name = fleetName()
    const [server, caller] = [join(name), join(name)]
    const ran: unknown[] = []
    const work = (value: unknown) => {
      ran.push(value)
      server.close()
    }
    serve(server, 'work', { work }, { begin: 'by-handler' })
    const client = new Client<{ work: typeof work }>(caller, 'work')
    const ends = await Promise.allSettled([1, 2, 3].map((i) => client.call('work', i, { timeoutMs: 5000 })))
    expect(ends.map(({ status }) => status)).toEqual(['rejected', 'rejected', 'rejected'])
    expect(ran).toEqual([1])
  })

  it('is the reason of a signal that is aborted by a getter of its value', async () => {
    const name = fleetName()
    const ran: unknown[] = []
    const note = (noted: unknown) => {
      ran.push(noted)
      return new Promise<void>(() => {})
    }
    keep(serve(join(name), 'work', { note }))
    const client = new Client<{ note: typeof note }>(join(name), 'work')
    const controller = new AbortController()
    const value = {
      get late() {
        controller.abort(new Error('enough'))
        return 1
      },
    }
    const options = { signal: controller.signal, timeoutMs: 1000 }
    await expect(client.call('note', value, options)).rejects.toThrow('enough')
    expect(ran).toEqual([])
    expect(getEventListeners(controller.signal, 'abort')).toEqual([])
  })

  it('comes for calls beside one in which a handler transfers its bytes', async () => {
    const name = fleetName()
    const send = (value: Uint8Array | { part: Uint8Array }) => {
      const { buffer } = value instanceof Uint8Array ? value : value.part
      return structuredClone(value, { transfer: [buffer as ArrayBuffer] })
    }
    keep(serve(join(name), 'work', { send }))
    const client = new Client<{ send: typeof send }>(join(name), 'work')
    const values = Array.from({ length: 10 }, (_, i) => [Uint8Array.of(i, 1), { part: Uint8Array.of(i, 2) }]).flat()
    expect(await Promise.all(values.map((value) => client.call('send', value)))).toEqual(values)
  })

  it('is that of a traced call when a getter of its value makes another call', async () => {
    const name = fleetName()
    keep(serve(join(name), 'work', { echo }))
    const client = new Client<{ echo: typeof echo }>(join(name), 'work')
    const inner: Promise<unknown>[] = []
    const texts: string[] = []
    let count = 0
    Client.traceCalls({
      inject: () => 'x'.repeat(++count),
      serve: (text, _service, _method, run) => {
        texts.push(text)
        return run()
      },
    })
    onTestFinished(() => Client.traceCalls(undefined))
    const value = {
      get nested() {
        inner.push(client.call('echo', 'y'.repeat(200)))
        return 1
      },
    }
    expect(await client.call('echo', value)).toEqual({ nested: 1 })
    expect(new Set(await Promise.all(inner))).toEqual(new Set(['y'.repeat(200)]))
    expect([...texts].sort()).toEqual(Array.from({ length: count }, (_, i) => 'x'.repeat(i + 1)))
  })

  it('is answered by a handler that takes begin out of its context', async () => {
    const name = fleetName()
    const work = (_: unknown, { begin }: CallContext) => [begin(), begin()]
    keep(serve(join(name), 'work', { work }, { begin: 'by-handler' }))
    expect(await new Client<{ work: typeof work }>(join(name), 'work').call('work')).toEqual([true, false])
  })
})

describe('the end of a call', () => {
  it('is an error when the object of all calls is removed, and its server goes on', async () => {
    const name = fleetName()
    const [server, caller] = [joinShm(name), joinShm(name)]
    let release: () => void = () => {}
    let isBegun: () => void = () => {}
    const begun = new Promise<void>((resolve) => {
      isBegun = resolve
    })
    const slow = () => {
      isBegun()
      return new Promise<void>((resolve) => {
        release = resolve
      })
    }
    keep(serve(server, 'work', { slow, echo }, { concurrency: 1 }))
    const client = new Client<{ slow: typeof slow; echo: typeof echo }>(caller, 'work')
    const calls = [client.call('slow'), client.call('echo', 1)]
    await begun
    const ends = Promise.allSettled(calls)
    const failures: unknown[] = []
    const note = (error: unknown) => failures.push(error)
    process.on('unhandledRejection', note)
    onTestFinished(() => void process.off('unhandledRejection', note))
    Fleet.remove(name, { force: true })
    release()
    await new Promise((resolve) => setImmediate(resolve))
    caller.close()
    expect((await ends).map(({ status }) => status)).toEqual(['rejected', 'rejected'])
    expect(failures).toEqual([])
  })
})
