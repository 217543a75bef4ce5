import { describe, expect, it } from 'vitest'
import { type CallContext, Client, serve } from '../../src/index.js'
import { fleetName, keep, memories } from '../help/fleets.js'
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

  it('is that of a name without a server, once a server could not go on', async () => {
    const name = fleetName()
    let isChecked = false
    const broken = {
      get work() {
        if (isChecked) throw new Error('no handler today')
        return echo
      },
    }
    keep(serve(join(name), 'work', broken))
    isChecked = true
    const client = new Client<{ work: typeof echo }>(join(name), 'work')
    await expect(client.call('work', 1, { timeoutMs: 20 })).rejects.toMatchObject({ progress: 'not begun' })
    await expect(client.call('work', 1)).rejects.toMatchObject({ code: 'ERR_ORBIT_NO_SERVER' })
  })

  it('is answered by a handler that takes begin out of its context', async () => {
    const name = fleetName()
    const work = (_: unknown, { begin }: CallContext) => [begin(), begin()]
    keep(serve(join(name), 'work', { work }, { begin: 'by-handler' }))
    expect(await new Client<{ work: typeof work }>(join(name), 'work').call('work')).toEqual([true, false])
  })
})
