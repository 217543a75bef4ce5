import { describe, expect, it } from 'vitest'
import { Client, type Fleet, serve } from '../../src/index.js'
import { fleetName, keep, memories } from '../help/fleets.js'

type Side = { count(depth: number): Promise<number> }

/** Two processes that serve. A call of depth n makes one of depth n - 1 to the other side, and so on. */
function twoSides(join: (name: string) => Fleet, options: { concurrency?: number } = {}): Client<Side> {
  const name = fleetName()
  const sides = [join(name), join(name)]
  const clients = sides.map((fleet, i) => new Client<Side>(fleet, `side ${1 - i}`))
  sides.forEach((fleet, i) => {
    const count = async (depth: number) => {
      await new Promise((resolve) => setImmediate(resolve))
      return depth === 0 ? 0 : 1 + ((await clients[i]?.call('count', depth - 1)) as number)
    }
    keep(serve(fleet, `side ${i}`, { count }, options))
  })
  return clients[0] as Client<Side>
}

describe.each(memories)('a call that waits in $memory', ({ join }) => {
  it('leaves reply slots and places in inboxes to the nested calls that it waits for', async () => {
    const client = twoSides(join)
    const calls = Array.from({ length: 500 }, () => client.call('count', 4))
    expect(await Promise.all(calls)).toEqual(Array.from({ length: 500 }, () => 4))
  })

  it('lets nested calls run beside the most that run at a time', async () => {
    const client = twoSides(join, { concurrency: 1 })
    const calls = Array.from({ length: 50 }, () => client.call('count', 5))
    expect(await Promise.all(calls)).toEqual(Array.from({ length: 50 }, () => 5))
  })

  it('takes no reply slot from other calls while no process serves its name', async () => {
    const name = fleetName()
    keep(serve(join(name), 'here', { echo: (value: number) => value }))
    const caller = join(name)
    const absent = new Client<{ echo(value: number): number }>(caller, 'absent')
    const waiting = Array.from({ length: 300 }, (_, i) => absent.call('echo', i, { onDeath: 'wait' }))
    const here = new Client<{ echo(value: number): number }>(caller, 'here')
    expect(await Promise.all([1, 2, 3].map((i) => here.call('echo', i)))).toEqual([1, 2, 3])
    keep(serve(join(name), 'absent', { echo: (value: number) => -value }))
    expect(await Promise.all(waiting)).toEqual(Array.from({ length: 300 }, (_, i) => -i))
  })

  it('does not wait for a handler that takes long', async () => {
    const name = fleetName()
    let end: (value: number) => void = () => {}
    const handlers = {
      long: () =>
        new Promise<number>((resolve) => {
          end = resolve
        }),
      echo: (value: number) => value,
    }
    keep(serve(join(name), 'work', handlers))
    const client = new Client<typeof handlers>(join(name), 'work')
    const long = client.call('long')
    for (let i = 0; i < 400; i++) expect(await client.call('echo', i)).toBe(i)
    end(7)
    expect(await long).toBe(7)
  })
})
