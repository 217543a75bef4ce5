// Claims for the life of their process: no time ends them.
import { describe, expect, it } from 'vitest'
import { Contest, type Guard, type Holder, Semaphore } from '../../src/index.js'
import { advanceClock } from '../../src/testing.js'
import { fleetName, hasObjectFiles, joinShm, memories } from '../help/fleets.js'
import { orbit, orbitJson } from '../help/orbit.js'
import { start } from '../help/processes.js'
import { isLinux } from '../help/system.js'

/** Longer than any number of milliseconds that a claim can have. */
const yearMs = 366 * 24 * 3_600_000

function won(result: { guard: Guard } | { yieldTo: Holder }): Guard {
  if ('yieldTo' in result) throw new Error(`held by node ${result.yieldTo.node}`)
  return result.guard
}

describe.each(memories)('a claim for life, in $memory,', ({ join }) => {
  it.each(['life', Number.POSITIVE_INFINITY] as const)('is held until it is released, with ttlMs %j', (ttlMs) => {
    const name = fleetName()
    const [first, second] = [new Contest(join(name)), new Contest(join(name))]
    const guard = won(first.tryClaim('leader', { ttlMs }))
    expect(guard.holder.expiresInMs).toBe(Number.POSITIVE_INFINITY)
    advanceClock(yearMs)
    expect(guard.held).toBe(true)
    expect(second.holders()).toEqual([expect.objectContaining({ expiresInMs: Number.POSITIVE_INFINITY })])
    expect(second.holder('leader')?.expiresInMs).toBe(Number.POSITIVE_INFINITY)
    expect(second.tryClaim('leader', { ttlMs: 1 })).toMatchObject({ yieldTo: { token: guard.token } })
    guard.release()
    expect(won(second.tryClaim('leader', { ttlMs: 1 })).token).toBeGreaterThan(guard.token)
  })

  it('gets a time to live by a renewal, and loses it by another', () => {
    const contest = new Contest(join(fleetName()))
    const guard = won(contest.tryClaim('leader', { ttlMs: 'life' }))
    expect(guard.renew(1000)).toBe(true)
    expect(contest.holder('leader')?.expiresInMs).toBeLessThanOrEqual(1000)
    expect(guard.renew('life')).toBe(true)
    advanceClock(yearMs)
    expect(guard.held).toBe(true)
    guard.renew(1)
    advanceClock(2)
    expect(guard.held).toBe(false)
  })

  it('wakes a claim that waits for it when it is released', async () => {
    const name = fleetName()
    const [first, second] = [new Contest(join(name)), new Contest(join(name))]
    const guard = await first.claim('leader', { ttlMs: 'life' })
    const waiting = second.claim('leader', { ttlMs: 'life' })
    guard.release()
    expect((await waiting).held).toBe(true)
  })

  it('lasts as long as the task of run, which loses it only with its fleet handle', async () => {
    const fleet = join(fleetName())
    const contest = new Contest(fleet)
    await contest.run('leader', { ttlMs: 'life' }, async ({ signal }) => {
      advanceClock(yearMs)
      expect([signal.aborted, contest.holder('leader')?.expiresInMs]).toEqual([false, Number.POSITIVE_INFINITY])
    })
    expect(contest.holders()).toEqual([])
    const lost = contest.run('leader', { ttlMs: 'life' }, async ({ signal }) => {
      fleet.close()
      signal.throwIfAborted()
    })
    await expect(lost).rejects.toMatchObject({ code: 'ERR_ORBIT_CLAIM_LOST' })
  })

  it('keeps a permit of a semaphore', () => {
    const name = fleetName()
    const semaphores = [1, 2].map(() => new Semaphore(join(name), { name: 'exports', permits: 1 }))
    const guard = won((semaphores[0] as Semaphore).tryAcquire({ ttlMs: 'life' }))
    advanceClock(yearMs)
    expect(semaphores[1]?.tryAcquire({ ttlMs: 1 })).toMatchObject({ yieldTo: { token: guard.token } })
  })
})

describe.runIf(hasObjectFiles && isLinux)('a claim for life of another process', () => {
  it('is kept while its process is stopped, is shown as such, and ends with its process', async () => {
    const name = fleetName('life')
    const contest = new Contest(joinShm(name))
    const child = start('actor.mjs', ['contest', 'contestant', name])
    expect(await child.next()).toBe('ready')
    const node = await child.ask<number>('join', {})
    await child.ask('tryClaim', 'leader', { ttlMs: 'life' })
    await child.stop()
    advanceClock(yearMs)
    expect(contest.tryClaim('leader', { ttlMs: 1 })).toMatchObject({ yieldTo: { node } })

    expect((await orbit(['claims', name])).stdout).toMatch(/leader.* for life/)
    const { claims } = await orbitJson('claims', ['claims', name])
    expect(claims).toMatchObject([{ subject: { label: 'leader' }, expiresInMs: null }])
    const { fleets } = await orbitJson('top', ['top', name, '--limit', '1'])
    expect(fleets).toMatchObject([{ claims: 1, lifeClaims: 1 }])
    const { findings } = await orbitJson('doctor', ['doctor', name], 1)
    expect(findings).toContainEqual(
      expect.objectContaining({ check: 'life-claim', level: 'problem', fix: `kill -KILL ${child.pid}` }),
    )

    await child.kill()
    expect(won(contest.tryClaim('leader', { ttlMs: 60_000 })).held).toBe(true)
  })
})
