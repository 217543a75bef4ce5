import { getEventListeners } from 'node:events'
import type { CallContext } from 'orbit-node'
import { expect, it, onTestFinished } from 'vitest'
import { hostClock } from '../src/base/clock.js'
import { Deadlines } from '../src/base/deadlines.js'
import type { Request } from '../src/base/wire.js'
import { RemoteTurn } from '../src/host/remoteturn.js'

it('listens to the signal of its caller once, however often its method asks', () => {
  const deadlines = new Deadlines(hostClock)
  onTestFinished(() => deadlines.close())
  const leaving = new AbortController()
  const context = { node: 1, signal: leaving.signal, begin: () => true } as unknown as CallContext
  const on = { moved: () => {}, losesReply: () => false }
  const turn = new RemoteTurn({ method: 'm', args: [] } as unknown as Request, 0, context, false, deadlines, on)
  const { signal } = turn
  for (let i = 0; i < 9; i++) expect(turn.signal).toBe(signal)
  expect(getEventListeners(leaving.signal, 'abort').length).toBe(1)
  leaving.abort('left')
  expect([signal.aborted, signal.reason]).toEqual([true, 'left'])
})
