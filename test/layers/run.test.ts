// contest.run, and the signal of a guard.
import { getEventListeners } from 'node:events'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { Contest, Fleet, type Guard, OrbitError } from '../../src/index.js'
import { fleetName, hasObjectFiles, joinShm, memories } from '../help/fleets.js'
import { untyped } from '../help/refusals.js'

const ttlMs = 600_000
const size = 8

afterEach(() => vi.useRealTimers())

function take(contest: Contest, subject: string, ms = ttlMs): Guard {
  const result = contest.tryClaim(subject, { ttlMs: ms })
  if ('yieldTo' in result) throw new Error(`held by node ${result.yieldTo.node}`)
  return result.guard
}
const aborted = (signal: AbortSignal) =>
  new Promise<unknown>((resolve) => {
    if (signal.aborted) resolve(signal.reason)
    signal.addEventListener('abort', () => resolve(signal.reason))
  })
const caught = (promise: Promise<unknown>) => promise.catch((error: unknown) => error)
/** Blocks the event loop until the claim of the guard has expired. */
const passed = (guard: Guard): void => {
  while (guard.held);
}

describe.each(memories)('a contest in $memory', ({ join }) => {
  const pair = () => {
    const name = fleetName()
    const fleets = [join(name, { size, node: 3 }), join(name, { size, node: 5 })] as const
    const [a, b] = [new Contest(fleets[0]), new Contest(fleets[1])]
    return { name, fleets, a, b }
  }

  it('runs a task while it holds the subject, and returns what the task returns', async () => {
    const { a, b } = pair()
    const before = take(a, 'report')
    before.release()
    const seen = await a.run('report', { owner: 'me' }, async ({ signal, token }) => {
      const holder = b.holder('report')
      return { holder, token, isAborted: signal.aborted }
    })
    expect(seen).toMatchObject({ holder: { owner: 'me', node: 3, token: seen.token }, isAborted: false })
    expect(seen.token).toBeGreaterThan(before.token)
    expect(b.holder('report')).toBeUndefined()
    expect(await a.run({ kind: 3, label: 'report' }, {}, () => 'not a promise')).toBe('not a promise')
  })

  it('rejects with what the task throws, and releases the subject', async () => {
    const { a, b } = pair()
    const failure = new Error('of the task')
    expect(await caught(a.run('report', {}, () => Promise.reject(failure)))).toBe(failure)
    const throwing = () => {
      throw failure
    }
    expect(await caught(a.run('report', {}, throwing))).toBe(failure)
    expect(b.holders()).toEqual([])
  })

  it('waits until the subject is free, and runs tasks one at a time', async () => {
    const { a, b } = pair()
    let running = 0
    const order: number[] = []
    const task = (i: number) => async () => {
      expect(++running).toBe(1)
      await new Promise((resolve) => setImmediate(resolve))
      running--
      order.push(i)
    }
    await Promise.all(Array.from({ length: 40 }, (_, i) => (i % 2 === 0 ? a : b).run('report', {}, task(i))))
    expect(order.filter((i) => i % 2 === 0)).toEqual(Array.from({ length: 20 }, (_, i) => i * 2)) // in the order of a
    expect(order).toHaveLength(40)
    expect(a.holders()).toEqual([])
  })

  it('renews the claim while the task runs, under fake timers too', async () => {
    const { a, b } = pair()
    vi.useFakeTimers()
    const result = await a.run('report', { ttlMs: 2000 }, async ({ signal, token }) => {
      await aborted(take(b, 'later', 2400).signal) // it expires later than the first life of the claim
      return [b.holder('report')?.token === token, signal.aborted]
    })
    expect(result).toEqual([true, false])
    expect(vi.getTimerCount()).toBe(0)
  })

  it('aborts the signal of the task when the claim is lost, and rejects', async () => {
    const { a, b } = pair()
    const reasons: unknown[] = []
    const run = a.run('report', { ttlMs: 20 }, async ({ signal, token }) => {
      while (b.holder('report')?.token === token); // blocks the event loop
      const heir = take(b, 'report')
      reasons.push(await aborted(signal))
      expect(heir.held).toBe(true)
      return 'too late'
    })
    const error = await caught(run)
    expect(error).toBeInstanceOf(OrbitError)
    expect(error).toMatchObject({ code: 'ERR_ORBIT_CLAIM_LOST', message: expect.stringContaining('"report"') })
    expect(reasons).toEqual([error])
    expect(b.holder('report')?.node).toBe(5)
  })

  it('rejects if the claim was lost, even if the task has noticed nothing', async () => {
    const { a, b } = pair()
    const error = await caught(
      a.run('report', { ttlMs: 1 }, ({ token }) => {
        while (b.holder('report')?.token === token);
        return 'done'
      }),
    )
    expect(error).toMatchObject({ code: 'ERR_ORBIT_CLAIM_LOST' })
  })

  it('aborts the signal of the task when the fleet is closed', async () => {
    const { fleets, a } = pair()
    const error = await caught(
      a.run('report', {}, async ({ signal }) => {
        fleets[0].close()
        throw await aborted(signal)
      }),
    )
    expect(error).toMatchObject({ code: 'ERR_ORBIT_CLAIM_LOST', message: expect.stringContaining('closed') })
  })

  it("passes the caller's signal on to the task, and leaves no listener on it", async () => {
    const { a, b } = pair()
    const abort = new AbortController()
    const reason = new Error('enough')
    const run = a.run('report', { signal: abort.signal }, async ({ signal }) => {
      abort.abort(reason)
      expect([signal.aborted, signal.reason]).toEqual([true, reason])
      return 'finished all the same'
    })
    expect(await run).toBe('finished all the same')
    expect(b.holders()).toEqual([])
    expect(getEventListeners(abort.signal, 'abort')).toEqual([])
    const task = vi.fn()
    expect(await caught(a.run('report', { signal: abort.signal }, task))).toBe(reason)
    expect(task).not.toHaveBeenCalled()
  })

  it('ends a wait at once when its signal is aborted or its time is up', async () => {
    const { a, b } = pair()
    const guard = take(a, 'report')
    const abort = new AbortController()
    const task = vi.fn()
    const waiting = b.run('report', { signal: abort.signal }, task)
    abort.abort(new Error('enough'))
    await expect(waiting).rejects.toThrow('enough')
    expect(await caught(b.run('report', { timeoutMs: 5 }, task))).toMatchObject({ code: 'ERR_ORBIT_TIMEOUT' })
    expect(await caught(b.run('report', { timeoutMs: 0 }, task))).toMatchObject({ code: 'ERR_ORBIT_TIMEOUT' })
    expect(task).not.toHaveBeenCalled()
    expect(guard.held).toBe(true)
  })

  it('refuses wrong arguments', async () => {
    const { a } = pair()
    const task = vi.fn()
    for (const [options, text] of [
      [{ ttl: 5 }, 'options.ttl'],
      [{ ttlMs: 0 }, 'ttlMs=0'],
      [{ signal: {} }, 'signal='],
      [undefined, 'options'],
    ] as const) {
      await expect(a.run('report', untyped(options), task)).rejects.toThrow(text)
    }
    await expect(a.run('report', {}, untyped(undefined))).rejects.toThrow('task=undefined')
    expect([a.holders(), task.mock.calls]).toEqual([[], []])
  })

  describe('the signal of a guard', () => {
    it('is aborted when the claim expires, and not before', async () => {
      const { a } = pair()
      const guard = take(a, 'leader', 20)
      const { signal } = guard
      expect(signal).toBe(guard.signal)
      expect(signal.aborted && guard.held).toBe(false)
      expect(await aborted(signal)).toMatchObject({ code: 'ERR_ORBIT_CLAIM_LOST' })
      expect([guard.held, guard.renew(ttlMs), guard.release()]).toEqual([false, false, false])
    })

    it('follows renewals, to a later and to an earlier end', async () => {
      const { a, b } = pair()
      // A busy machine may let it expire before it is renewed.
      let guard: Guard
      let signal: AbortSignal
      do {
        guard = take(a, 'leader', 40)
        signal = guard.signal
      } while (!guard.renew(ttlMs))
      await aborted(take(b, 'control', 60).signal)
      expect(signal.aborted).toBe(false)
      guard.renew(5)
      expect(await aborted(signal)).toMatchObject({ code: 'ERR_ORBIT_CLAIM_LOST' })
    })

    it('is aborted at once when a call finds the claim lost, or the fleet is closed', () => {
      const { fleets, a } = pair()
      const [first, second, third] = [take(a, 'one', 1), take(a, 'two', 1), take(a, 'three')]
      const { signal } = first
      passed(first)
      passed(second)
      expect([signal.aborted, second.signal.aborted]).toEqual([true, true])
      expect(third.signal.aborted).toBe(false)
      fleets[0].close()
      expect(third.signal.reason).toMatchObject({ code: 'ERR_ORBIT_CLAIM_LOST' })
    })

    it('is not aborted by a release', async () => {
      const { a, fleets } = pair()
      // A busy machine may let one expire before it is released.
      let guard: Guard
      let signal: AbortSignal
      do {
        guard = take(a, 'leader', 5)
        signal = guard.signal
      } while (!guard.release())
      let late: Guard
      do late = take(a, 'late', 5)
      while (!late.release())
      await aborted(take(a, 'control', 20).signal)
      fleets[0].close()
      expect([signal.aborted, late.signal.aborted]).toEqual([false, false])
    })
  })
})

it.runIf(hasObjectFiles)('aborts the signal when the fleet is removed', async () => {
  const name = fleetName()
  const contest = new Contest(joinShm(name, { size }))
  const error = await caught(
    contest.run('report', { ttlMs: 30 }, async ({ signal }) => {
      Fleet.remove(name, { force: true })
      throw await aborted(signal)
    }),
  )
  expect(error).toMatchObject({ code: 'ERR_ORBIT_CLAIM_LOST', cause: { code: 'ERR_ORBIT_RETIRED' } })
})
