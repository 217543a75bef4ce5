// The way of calls that cannot be sent at once.
import { AsyncLocalStorage } from 'node:async_hooks'
import type { Client } from 'orbit-node'
import { describe, expect, it, onTestFinished } from 'vitest'
import { hostClock } from '../src/base/clock.js'
import { Deadlines } from '../src/base/deadlines.js'
import { decodeRequest, encodeEnding, type Request } from '../src/base/wire.js'
import { Call } from '../src/caller/call.js'
import { Route } from '../src/caller/route.js'
import { Underway } from '../src/caller/underway.js'
import type { Host } from '../src/host/host.js'
import type { HostService } from '../src/host/service.js'
import type { Turn } from '../src/host/turn.js'

interface Sent {
  readonly scope: string | undefined
  readonly method: string
  readonly epoch: number
  readonly args: readonly unknown[]
}

/** Routes of one process to a host that hands so many calls back, and what they have sent. */
function routes() {
  const scope = new AsyncLocalStorage<string>()
  const sent: Sent[] = []
  const host: { id: string | undefined; returns: number } = { id: undefined, returns: 1 }
  const deadlines = new Deadlines(hostClock)
  onTestFinished(() => deadlines.close())
  const client = {
    call: async (_: string, message: unknown) => {
      const { method, epoch, args } = decodeRequest(message) as Request
      sent.push({ scope: scope.getStore(), method, epoch, args })
      if (method === 'endless') return new Promise(() => {})
      return host.returns-- > 0 ? encodeEnding({ how: 'moved' }) : undefined
    },
  } as unknown as Client<HostService>
  const isHere = () => host.id === 'here'
  const owner = () => (isHere() ? undefined : host.id)
  const accepts = ({ method }: Call) => {
    if (isHere() && method === 'bad') throw new Error('no')
    return isHere()
  }
  const target = { owner, mayTake: isHere, accepts, needs: () => false, divert: () => false, learn: () => undefined }
  /** The calls that wait in this process. */
  const waiting: Turn[] = []
  const here = {
    isOwn: () => false,
    take: (...[, , , , turn]: [string, string, string, string, Turn]) => void waiting.push(turn),
  }
  let [sequence, epoch] = [0, 0]
  const roads = {
    host: here as unknown as Host,
    now: hostClock.now,
    clientOf: () => client,
    pause: () => new Promise<void>((resolve) => setImmediate(resolve)),
    nextEpoch: () => ++epoch,
  }
  const call = (route: Route, method: string, args: readonly unknown[] = [], key = 'a', chain: string[] = []) => {
    const names = { type: 'A', key, id: `A/${key}`, method, caller: '0.1', args }
    const times = { deadlineMs: hostClock.now() + 60_000, timeoutMs: 60_000 }
    const rest = { chain, origin: undefined, signal: undefined, idempotencyKey: undefined }
    const parts = { ...names, ...times, ...rest, isTell: false, isStream: false }
    const submit = () =>
      new Promise((resolve, reject) => {
        route.submit(new Call(parts, sequence++, deadlines, resolve, reject))
      })
    return (chain.length === 0 ? route.trySend(parts, sequence++, deadlines) : undefined) ?? submit()
  }
  return { make: () => new Route(target, roads), call, scope, sent, host, waiting }
}

describe('a route', () => {
  it('sends a call that has waited for a host in what the call was made in', async () => {
    const { make, call, scope, sent, host } = routes()
    const route = make()
    const calls = ['outside', 'inside', 'outside'].map((from, i) => scope.run(from, () => call(route, `${i}`)))
    host.id = '1.1'
    await Promise.all(calls)
    expect(sent.map(({ scope, method }) => `${scope} ${method}`)).toEqual([
      'outside 0',
      'inside 1',
      'outside 2',
      'outside 0',
    ])
  })

  it('sends a call in the async context of its caller, after its actor has moved', async () => {
    const { make, call, scope, sent, host, waiting } = routes()
    const route = make()
    host.id = 'here'
    const made = scope.run('inside', () => call(route, 'm'))
    host.id = '1.1'
    scope.run('moving', () => waiting[0]?.end({ how: 'moved' }))
    await made
    expect(sent.map(({ scope }) => scope)).toEqual(['inside', 'inside'])
  })

  it.each([
    ['text', 1],
    ['bytes', 1n],
  ])('sends a call that comes back with the arguments of its first time (%s)', async (_, value) => {
    const { make, call, sent, host } = routes()
    host.id = '1.1'
    host.returns = 0
    const route = make()
    await call(route, 'first') // the next one is sent at once
    host.returns = 1
    const list: unknown[] = [value]
    const made = call(route, 'm', [list, 'x'])
    list[0] = 'changed'
    await made
    expect(sent.slice(1).map(({ args }) => args)).toEqual([
      [[value], 'x'],
      [[value], 'x'],
    ])
  })

  it('sends a call for which its own actor waits, although the actor must end another one first', async () => {
    const { make, call, sent, host } = routes()
    host.id = '1.1'
    host.returns = 0
    const route = make()
    await call(route, 'first')
    void call(route, 'endless').catch(() => {}) // it waits for the last one
    host.returns = 1
    await call(route, 'handed back', [], 'b')
    await call(route, 'nested', [], 'a', ['A/a'])
    expect(sent.at(-1)).toMatchObject({ method: 'nested' })
  })

  it('goes on with the calls behind one that fails', async () => {
    const { make, call, host, waiting } = routes()
    const route = make()
    const calls = ['good', 'bad', 'good'].map((method, i) => call(route, method, [], `${i}`))
    host.id = 'here'
    await expect(calls[1]).rejects.toThrow('no')
    expect(waiting.map(({ method }) => method)).toEqual(['good', 'good'])
    for (const turn of waiting) turn.end({ how: 'returned', value: 1 })
    expect(await Promise.all([calls[0], calls[2]])).toEqual([1, 1])
  })

  it('sends a call behind those that come back', async () => {
    const { make, call, sent, host } = routes()
    host.id = '1.1'
    host.returns = 0
    const route = make()
    await call(route, 'first') // the next ones are sent at once
    host.returns = 2
    const returned = [call(route, 'a'), call(route, 'b')]
    await new Promise<void>((resolve) => process.nextTick(resolve)) // both have come back
    await Promise.all([...returned, call(route, 'c')])
    expect(sent.map(({ method }) => method)).toEqual(['first', 'a', 'b', 'a', 'b', 'c'])
    expect(route.isIdle).toBe(true)
  })

  it('sends no call to its host that this process has begun to run', async () => {
    const { make, call, sent, host, waiting } = routes()
    host.id = '1.1'
    host.returns = 0
    const route = make()
    await call(route, 'there')
    host.id = 'here'
    const made = call(route, 'here')
    waiting[0]?.end({ how: 'returned', value: 'done here' })
    expect(await made).toBe('done here')
    expect(sent.map(({ method }) => method)).toEqual(['there'])
  })

  it('begins behind what another route to the same partition was told', async () => {
    const { make, call, sent, host } = routes()
    host.id = '1.1'
    await call(make(), 'handed back')
    await call(make(), 'new')
    const [first, again, other] = sent.map(({ epoch }) => epoch) as [number, number, number]
    expect(again).toBeGreaterThan(first)
    expect(other).toBeGreaterThan(again)
  })
})

it('counts the calls of each actor that are in another process, however many actors there are', () => {
  const underway = new Underway()
  const ids = Array.from({ length: 300 }, (_, i) => `A/${i}`)
  for (const id of ids) underway.add(id, 1)
  for (const id of ids) underway.delete(id)
  expect([underway.size, ids.some((id) => underway.has(id))]).toEqual([0, false])
  for (const [i, id] of ids.entries()) underway.add(id, i)
  for (const id of ids) underway.add(`B${id}`, 7) // many more actors
  expect(ids.map((id) => underway.epochOf(id))).toEqual(ids.map((_, i) => i))
  underway.add('A/5', 8)
  underway.delete('A/5')
  expect([underway.epochOf('A/5'), underway.size]).toEqual([8, 600])
  underway.delete('A/5')
  underway.delete('A/5')
  expect([underway.epochOf('A/5'), underway.size]).toEqual([undefined, 599])
  expect([underway.follow('A/6', 9), underway.follow('A/6', 6), underway.follow('A/5', 9)]).toEqual([false, true, true])
  expect([underway.epochOf('A/6'), underway.epochOf('A/5'), underway.size]).toEqual([6, 9, 601])
})
