// The way of calls that cannot be sent at once.
import { AsyncLocalStorage } from 'node:async_hooks'
import type { Client } from 'orbit-node'
import { describe, expect, it, onTestFinished } from 'vitest'
import { hostClock } from '../src/base/clock.js'
import { Deadlines } from '../src/base/deadlines.js'
import { encodeEnding } from '../src/base/wire.js'
import { Call } from '../src/caller/call.js'
import { Route } from '../src/caller/route.js'
import { Underway } from '../src/caller/underway.js'
import type { HostService } from '../src/host/service.js'

interface Sent {
  readonly scope: string | undefined
  readonly method: string
  readonly epoch: number
}

/** Routes of one process to a host that hands the first call back, and what they have sent. */
function routes() {
  const scope = new AsyncLocalStorage<string>()
  const sent: Sent[] = []
  const host: { id: string | undefined } = { id: undefined }
  const deadlines = new Deadlines(hostClock)
  onTestFinished(() => deadlines.close())
  const client = {
    call: async (_: string, text: string) => {
      const fields = JSON.parse(text)
      sent.push({ scope: scope.getStore(), method: fields[3], epoch: fields[7] })
      return sent.length === 1 ? encodeEnding({ how: 'moved' }) : undefined
    },
  } as unknown as Client<HostService>
  const target = { owner: () => host.id, accepts: () => false, divert: () => false, learn: () => undefined }
  let [sequence, epoch] = [0, 0]
  const roads = {
    host: undefined,
    now: hostClock.now,
    clientOf: () => client,
    pause: () => new Promise<void>((resolve) => setImmediate(resolve)),
    nextEpoch: () => ++epoch,
  }
  const call = (route: Route, method: string) =>
    new Promise((resolve, reject) => {
      const names = { type: 'A', key: 'a', id: 'A/a', method, caller: '0.1', args: [] }
      const times = { deadlineMs: hostClock.now() + 60_000, timeoutMs: 60_000 }
      const rest = { chain: [], origin: undefined, signal: undefined, idempotencyKey: undefined }
      const parts = { ...names, ...times, ...rest, isTell: false, isStream: false }
      route.submit(new Call(parts, sequence++, deadlines, resolve, reject))
    })
  return { make: () => new Route(target, roads), call, scope, sent, host }
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
})
