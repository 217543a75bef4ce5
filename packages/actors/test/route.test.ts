// The way of calls that cannot be sent at once.
import { AsyncLocalStorage } from 'node:async_hooks'
import type { Client } from 'orbit-node'
import { expect, it, onTestFinished } from 'vitest'
import { hostClock } from '../src/base/clock.js'
import { Deadlines } from '../src/base/deadlines.js'
import { Call } from '../src/caller/call.js'
import { Route } from '../src/caller/route.js'
import type { HostService } from '../src/host/service.js'
import { until } from './help/systems.js'

it('sends a call that has waited for a host in what the call was made in', async () => {
  const scope = new AsyncLocalStorage<string>()
  const sent: string[] = []
  let owner: string | undefined
  const deadlines = new Deadlines(hostClock)
  onTestFinished(() => deadlines.close())
  const client = {
    call: async (_: string, text: string) => {
      sent.push(`${scope.getStore()} ${JSON.parse(text)[3]}`)
      // The first answer hands its call back, and the call is sent once more.
      return sent.length === 1 ? Uint8Array.of(4, 3, 0) : undefined
    },
  } as unknown as Client<HostService>
  const target = { owner: () => owner, accepts: () => false, divert: () => false, learn: () => undefined }
  const pause = () => new Promise<void>((resolve) => setImmediate(resolve))
  const route = new Route(target, { host: undefined, now: hostClock.now, clientOf: () => client, pause })
  const call = (method: string) =>
    new Promise((resolve, reject) => {
      const names = { type: 'A', key: 'a', id: 'A/a', method, caller: '0.1', args: [] }
      const times = { deadlineMs: hostClock.now() + 60_000, timeoutMs: 60_000 }
      const rest = { chain: [], origin: undefined, signal: undefined, idempotencyKey: undefined }
      const parts = { ...names, ...times, ...rest, isTell: false, isStream: false }
      route.submit(new Call(parts, sequence++, deadlines, resolve, reject))
    })
  let sequence = 0
  const calls = ['outside', 'inside', 'outside'].map((from, i) => scope.run(from, () => call(`${i}`)))
  owner = '1.1'
  await until(() => sent.length >= 4)
  await Promise.all(calls)
  expect(sent).toEqual(['outside 0', 'inside 1', 'outside 2', 'outside 0'])
})
