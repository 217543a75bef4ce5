import { getEventListeners } from 'node:events'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { Table } from '../../src/core/table.js'
import { Contest, Fleet, type Guard, orbitType } from '../../src/index.js'
import { bellDescriptors, bellsOf, descriptors } from '../help/bells.js'
import { entryAt, objectFile, ringAt } from '../help/bytes.js'
import { fleetName, hasObjectFiles, joinShm, memories, observe } from '../help/fleets.js'
import { type Child, start } from '../help/processes.js'
import { untyped } from '../help/refusals.js'
import { isLinux } from '../help/system.js'
import { followGlobalTime } from '../help/time.js'

followGlobalTime()

const kind = 222
const ttlMs = 600_000
const size = 32
const at = ringAt({ capacity: 1024, payloadBytes: 12 * (40 + 128 + 64) }, size)
const backupMs = 1000
const deathMs = 50

afterEach(() => {
  vi.restoreAllMocks()
  vi.useRealTimers()
})

/** From here on only a bell wakes: no tick comes. */
const bellsOnly = () => vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] })

function take(contest: Contest, subject: string, ms = ttlMs): Guard {
  const result = contest.tryClaim(subject, { ttlMs: ms, owner: 'the holder' })
  if ('yieldTo' in result) throw new Error(`held by node ${result.yieldTo.node}`)
  return result.guard
}

/** The state of a promise after all queued microtasks and immediates have run. */
async function stateOf(promise: Promise<unknown>): Promise<string> {
  for (let i = 0; i < 3; i++) await new Promise((resolve) => setImmediate(resolve))
  return Promise.race([
    promise.then(
      () => 'fulfilled',
      () => 'rejected',
    ),
    Promise.resolve('pending'),
  ])
}

describe.each(memories)('a claim that waits in $memory', ({ join }) => {
  const pair = () => {
    const name = fleetName()
    const [holding, waiting] = [join(name, { size, node: 3 }), join(name, { size, node: 5 })]
    return { name, holding, waiting, a: new Contest(holding), b: new Contest(waiting) }
  }

  it('resolves at once when the subject is free', async () => {
    const { name, a } = pair()
    const guard = await a.claim('leader', { ttlMs, owner: 'me', timeoutMs: 0 })
    expect(guard.held).toBe(true)
    expect(guard.holder).toMatchObject({ node: 3, owner: 'me' })
    expect(bellDescriptors(name)).toEqual([])
  })

  it('wakes when the holder leaves', async () => {
    bellsOnly()
    const { holding, a, b } = pair()
    take(a, 'leader')
    const waiting = b.claim('leader', { ttlMs })
    holding.close()
    expect((await waiting).holder.node).toBe(5)
  })

  it('wakes on a release, by another handle and by its own', async () => {
    bellsOnly()
    const { a, b } = pair()
    let guard = take(a, 'leader')
    for (const contest of [b, b, a, a]) {
      const claim = contest.claim('leader', { ttlMs })
      expect(await stateOf(claim)).toBe('pending')
      expect(guard.release()).toBe(true)
      const next = await claim
      expect([next.held, next.token > guard.token]).toEqual([true, true])
      guard = next
    }
  })

  it('resolves when the claim of the holder expires, and not before', async () => {
    bellsOnly()
    const { a, b } = pair()
    const first = take(a, 'leader', 30)
    const guard = await b.claim('leader', { ttlMs })
    expect([first.held, guard.held]).toEqual([false, true])
  })

  it('waits until the renewed claim of its holder expires', async () => {
    bellsOnly()
    const { a, b } = pair()
    const control = take(a, 'control', 600)
    const first = take(a, 'leader', 500)
    const claim = b.claim('leader', { ttlMs })
    expect(first.renew(ttlMs)).toBe(true)
    const until = await b.claim('control', { ttlMs }) // later than the first expiry of the leader
    expect([control.held, until.held]).toEqual([false, true])
    expect(await stateOf(claim)).toBe('pending')
    expect(first.renew(20)).toBe(true)
    first.release()
    expect((await claim).held).toBe(true)
  })

  it('sleeps while other subjects of its bucket are claimed and released', async () => {
    bellsOnly()
    const name = fleetName()
    const [a, b] = [join(name, { size }), join(name, { size })].map((fleet) => new Contest(fleet, { capacity: 1 })) as [
      Contest,
      Contest,
    ]
    const guard = take(a, 'leader')
    const attempts = vi.spyOn(Contest.prototype, 'tryClaimChecked')
    const claim = b.claim('leader', { ttlMs })
    expect(attempts).toHaveBeenCalledTimes(1)
    for (let i = 0; i < 10; i++) {
      take(a, `other ${i}`).release()
      guard.renew(ttlMs)
      expect(await stateOf(claim)).toBe('pending')
    }
    expect(attempts).toHaveBeenCalledTimes(11) // the others
    guard.release()
    expect((await claim).held).toBe(true)
    expect(attempts).toHaveBeenCalledTimes(12)
  })

  it('lets waiting calls win one at a time', async () => {
    bellsOnly()
    const { a, b, name } = pair()
    const contests = [a, b, new Contest(join(name))]
    let guard = take(a, 'leader')
    const winners: Guard[] = []
    const claims = Array.from({ length: 30 }, (_, i) =>
      (contests[i % 3] as Contest).claim('leader', { ttlMs }).then((won) => winners.push(won)),
    )
    for (let round = 1; round <= claims.length; round++) {
      expect(guard.release()).toBe(true)
      while (winners.length < round) await new Promise((resolve) => setImmediate(resolve))
      await stateOf(Promise.resolve())
      expect(winners).toHaveLength(round)
      const next = winners.at(-1) as Guard
      expect([next.held, next.token > guard.token]).toEqual([true, true])
      expect(a.holders()).toHaveLength(1)
      guard = next
    }
    await Promise.all(claims)
  })

  it('rejects with the reason of its signal, and leaves nothing behind', async () => {
    const { a, b } = pair()
    const guard = take(a, 'leader')
    const abort = new AbortController()
    const { signal } = abort
    const reason = new Error('enough')
    const claims = [b.claim('leader', { ttlMs, signal }), b.claim('leader', { ttlMs, signal, timeoutMs: 100_000 })]
    const other = b.claim('leader', { ttlMs })
    expect(getEventListeners(signal, 'abort')).toHaveLength(1)
    abort.abort(reason)
    for (const claim of claims) await expect(claim).rejects.toBe(reason)
    expect(getEventListeners(signal, 'abort')).toEqual([])
    expect(await stateOf(other)).toBe('pending')
    guard.release()
    const next = await other
    await expect(b.claim('free', { ttlMs, signal })).rejects.toBe(reason) // aborted is checked before free
    expect(b.holders().map(({ token }) => token)).toEqual([next.token])
  })

  it('removes its listener from the signal when the wait ends', async () => {
    const { a, b } = pair()
    const guard = take(a, 'leader')
    const { signal } = new AbortController()
    const claim = b.claim('leader', { ttlMs, signal })
    await expect(b.claim('leader', { ttlMs, signal, timeoutMs: 5 })).rejects.toMatchObject({
      code: 'ERR_ORBIT_TIMEOUT',
    })
    expect(getEventListeners(signal, 'abort')).toHaveLength(1)
    guard.release()
    await claim
    expect(getEventListeners(signal, 'abort')).toEqual([])
  })

  it.each([0, 20])('ends after timeoutMs=%i, and reports the holder', async (timeoutMs) => {
    const { a, b } = pair()
    const guard = take(a, 'leader')
    const error = await b.claim('leader', { ttlMs, timeoutMs }).catch((error: unknown) => error)
    expect(error).toMatchObject({ name: 'OrbitError', code: 'ERR_ORBIT_TIMEOUT' })
    for (const text of ['"leader"', `timeoutMs=${timeoutMs}`, '"the holder"', 'node=3', `pid=${process.pid}`]) {
      expect((error as Error).message).toContain(text)
    }
    expect(guard.held).toBe(true)
    guard.release()
    expect(b.holders()).toEqual([]) // the call no longer wants it
  })

  it('rejects when its fleet is closed', async () => {
    const { waiting, a, b } = pair()
    const guard = take(a, 'leader')
    const claims = [b.claim('leader', { ttlMs }), b.claim('leader', { ttlMs, timeoutMs: 100_000 })]
    waiting.close()
    for (const claim of claims) await expect(claim).rejects.toMatchObject({ code: 'ERR_ORBIT_CLOSED' })
    await expect(b.claim('leader', { ttlMs })).rejects.toMatchObject({ code: 'ERR_ORBIT_CLOSED' })
    expect(guard.held).toBe(true)
  })

  it('notices by its timer that the holder has left', async () => {
    bellsOnly()
    const { holding, a, b } = pair()
    take(a, 'leader')
    const claim = b.claim('leader', { ttlMs })
    holding.close()
    expect(await stateOf(claim)).toBe('pending')
    vi.advanceTimersByTime(deathMs)
    expect((await claim).held).toBe(true)
  })

  it('misses no release between its failed try and its sleep', async () => {
    bellsOnly()
    const { a, b } = pair()
    const guard = take(a, 'leader')
    const lost = b.tryClaimChecked({ kind: 0, label: 'leader' }, ttlMs, '')
    guard.release()
    await b.untilFree(untyped(lost), Number.POSITIVE_INFINITY, undefined)
  })

  it('misses no release between its check and its arming', async () => {
    bellsOnly()
    const { a, b } = pair()
    const guard = take(a, 'leader')
    const { arm } = Table.prototype
    const rings: boolean[] = []
    vi.spyOn(Table.prototype, 'arm').mockImplementationOnce(function (this: Table) {
      rings.push(guard.release()) // no sleeper is armed: it wakes none
      arm.call(this)
    })
    expect((await b.claim('leader', { ttlMs })).held).toBe(true)
    expect(rings).toEqual([true])
  })

  it('refuses wrong arguments', async () => {
    const { a } = pair()
    const refused = async (options: object, name: string, text: string) => {
      const error = await a.claim('leader', untyped({ ttlMs, ...options })).catch((error: unknown) => error)
      expect(error).toMatchObject({ name, message: expect.stringContaining(text) })
      expect((error as { code: string }).code).toMatch(/INVALID_ARGUMENT|OUT_OF_RANGE/)
    }
    await refused({ timeout: 5 }, 'TypeError', 'options.timeout')
    await refused({ timeoutMs: '5' }, 'TypeError', 'timeoutMs="5"')
    for (const timeoutMs of [-1, 1.5, 2 ** 31]) await refused({ timeoutMs }, 'RangeError', `timeoutMs=${timeoutMs}`)
    await refused({ signal: {} }, 'TypeError', 'signal=an object')
    await refused({ ttlMs: 0 }, 'RangeError', 'ttlMs=0')
    await refused({ owner: 5 }, 'TypeError', 'owner=5')
    await expect(a.claim('', { ttlMs })).rejects.toThrow(RangeError)
    await expect(a.claim('leader', untyped(undefined))).rejects.toThrow(TypeError)
    expect(a.holders()).toEqual([])
  })
})

describe.runIf(hasObjectFiles)('a claim that waits in shared memory', () => {
  it('has a bell while it waits, and none after its fleet is closed', async () => {
    const name = fleetName()
    const holding = joinShm(name, { size })
    const before = descriptors().length
    const waiting = Fleet.joinShm(name)
    const [a, b] = [new Contest(holding), new Contest(waiting)]
    const guard = take(a, 'leader')
    const claims = Array.from({ length: 5 }, () => b.claim('leader', { ttlMs, timeoutMs: 50_000 }).catch(() => {}))
    expect(bellsOf(name)).toEqual([waiting.node])
    expect(bellDescriptors(name)).toHaveLength(1)
    waiting.close()
    await Promise.all(claims)
    expect(bellsOf(name)).toEqual([])
    await stateOf(Promise.resolve())
    holding.close()
    expect(bellDescriptors(name)).toEqual([])
    expect(descriptors().length).toBeLessThan(before)
    expect(guard.held).toBe(false)
  })

  it('is no longer armed when it ends', async () => {
    vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] })
    const name = fleetName()
    const [holding, waiting] = [joinShm(name, { size, node: 0 }), joinShm(name, { node: 2 })]
    const timersBefore = vi.getTimerCount()
    const guard = take(new Contest(holding), 'leader')
    const abort = new AbortController()
    const claim = new Contest(waiting).claim('leader', { ttlMs, signal: abort.signal })
    const file = objectFile(name, kind)
    const words = () => [
      Number(file.u64(at.entry(2) + entryAt.arm) % 2n),
      Number((file.u64(at.sleepers(2)) >> 2n) & 1n),
    ]
    expect(words()).toEqual([1, 1])
    abort.abort()
    await expect(claim).rejects.toThrow()
    vi.advanceTimersByTime(backupMs)
    expect(words()).toEqual([0, 0])
    expect(vi.getTimerCount()).toBe(timersBefore)
    expect(guard.held).toBe(true)
  })

  it('notices by its timer a release after a lost wakeup', async () => {
    bellsOnly()
    const name = fleetName()
    const [holding, waiting] = [joinShm(name, { size, node: 0 }), joinShm(name, { node: 2 })]
    const guard = take(new Contest(holding), 'leader')
    const claim = new Contest(waiting).claim('leader', { ttlMs })
    const file = objectFile(name, kind)
    file.setU64(at.entry(2) + entryAt.arm, file.u64(at.entry(2) + entryAt.arm) + 1n) // as if it had been signalled
    guard.release()
    expect(await stateOf(claim)).toBe('pending')
    vi.advanceTimersByTime(backupMs)
    expect((await claim).held).toBe(true)
  })

  it('is rejected when its fleet is removed', async () => {
    vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] })
    const name = fleetName()
    const [holding, waiting] = [joinShm(name, { size }), joinShm(name)]
    take(new Contest(holding), 'leader')
    const claim = new Contest(waiting).claim('leader', { ttlMs })
    Fleet.remove(name, { force: true })
    vi.advanceTimersByTime(backupMs)
    await expect(claim).rejects.toMatchObject({ code: 'ERR_ORBIT_RETIRED' })
  })

  it('refuses to wait in an observer', async () => {
    const name = fleetName()
    take(new Contest(joinShm(name, { size })), 'leader')
    await expect(new Contest(observe(name)).claim('leader', { ttlMs })).rejects.toMatchObject({
      code: 'ERR_ORBIT_READ_ONLY',
    })
  })
})

describe.runIf(isLinux)('claims of several processes', () => {
  const contestant = async (name: string, env: NodeJS.ProcessEnv = {}) => {
    const child = start('actor.mjs', ['contest', 'contestant', name], { env })
    expect(await child.next()).toBe('ready')
    return Object.assign(child, { node: await child.ask<number>('join', {}) })
  }
  const bells = { ORBIT_TEST_BELLS_ONLY: '1' }
  const claim = async (child: Child, subject = 'leader', options: object = {}) =>
    expect(await child.ask('claim', subject, { ttlMs, ...options })).toBe('waiting')

  it('wakes on a release in another process, and in another thread of its own process', async () => {
    const name = fleetName()
    const contest = new Contest(joinShm(name, { size }))
    const child = await contestant(name, bells)
    let guard = take(contest, 'leader')
    for (let round = 0; round < 10; round++) {
      await claim(child)
      guard.release()
      expect(await child.next()).toEqual({ token: guard.token + 1 })
      expect(await child.ask('release', 'leader')).toEqual({ value: true })
      guard = take(contest, 'leader')
    }
    expect(await child.ask('startThread')).toBe('ready')
    await child.ask('tellThread', 'join', {})
    expect(typeof (await child.next())).toBe('number')
    await claim(child)
    guard.release()
    expect(await child.next()).toEqual({ token: expect.any(Number) })
    expect(await child.ask('tellThread', 'claim', 'leader', { ttlMs })).toBe('told')
    expect(await child.next()).toBe('waiting')
    expect(await child.ask('release', 'leader')).toEqual({ value: true })
    expect(await child.next()).toEqual({ token: expect.any(Number) }) // the thread's
  })

  it('wins the subject of a killed holder, and of a stopped holder when its claim expires', async () => {
    const name = fleetName()
    joinShm(name, { size })
    for (const end of ['kill', 'stop'] as const) {
      const [holder, waiter] = [await contestant(name), await contestant(name)]
      const held = await holder.ask<{ value: { token: number } }>('tryClaim', end, {
        ttlMs: end === 'kill' ? ttlMs : 200,
      })
      await claim(waiter, end)
      await holder[end]()
      const won = await waiter.next<{ token: number }>()
      expect(won.token).toBeGreaterThan(held.value.token)
      if (end === 'stop') holder.process.kill('SIGCONT')
      if (end === 'stop') expect(await holder.ask('held', end)).toBe(false)
      expect(await waiter.ask('held', end)).toBe(true)
    }
  })

  it('checks every 50 ms for a dead holder, even after a cursor slept, which then returns to its own pace', async () => {
    const name = fleetName()
    const fleet = joinShm(name, { size })
    const holder = await contestant(name)
    await holder.ask('tryClaim', 'leader', { ttlMs })
    bellsOnly()
    const paces = vi.spyOn(globalThis, 'setInterval')
    const asleep = fleet.cursor(orbitType({ name: 'Facts', kind: 1 })).wait()
    const claim = new Contest(fleet).claim('leader', { ttlMs })
    await holder.kill()
    expect(await stateOf(claim)).toBe('pending')
    vi.advanceTimersByTime(deathMs)
    expect((await claim).held).toBe(true)
    vi.advanceTimersByTime(deathMs)
    expect(paces.mock.calls.map(([, ms]) => ms)).toEqual([backupMs, deathMs, backupMs])
    expect(vi.getTimerCount()).toBe(1)
    fleet.close()
    expect([await asleep, vi.getTimerCount()]).toEqual([false, 0])
  })

  it('returns to the pace of the cursor when the last waiting claim ends, for every way to end', async () => {
    const fleet = joinShm(fleetName(), { size })
    const contest = new Contest(fleet)
    const guard = take(contest, 'leader')
    bellsOnly()
    const paces = vi.spyOn(globalThis, 'setInterval')
    const asleep = fleet.cursor(orbitType({ name: 'Facts', kind: 1 })).wait()
    const abort = new AbortController()
    const aborted = contest.claim('leader', { ttlMs, signal: abort.signal })
    const late = contest.claim('leader', { ttlMs, timeoutMs: 1 })
    const won = contest.claim('leader', { ttlMs })
    abort.abort()
    await expect(aborted).rejects.toThrow('aborted')
    await expect(late).rejects.toMatchObject({ code: 'ERR_ORBIT_TIMEOUT' })
    vi.advanceTimersByTime(deathMs)
    expect(paces.mock.calls.map(([, ms]) => ms)).toEqual([backupMs, deathMs])
    guard.release()
    expect((await won).held).toBe(true)
    await new Promise((resolve) => setImmediate(resolve)) // it leaves the bell some microtasks after its end
    vi.advanceTimersByTime(deathMs)
    expect(paces.mock.calls.map(([, ms]) => ms)).toEqual([backupMs, deathMs, backupMs])
    fleet.close()
    expect([await asleep, vi.getTimerCount()]).toEqual([false, 0])
  })

  it('lets waiting processes win one at a time, each on the release of the one before', async () => {
    const name = fleetName()
    const contest = new Contest(joinShm(name, { size }))
    const children = await Promise.all(Array.from({ length: 8 }, () => contestant(name, bells)))
    const guard = take(contest, 'leader')
    for (const child of children) await claim(child)
    const heard = children.map((child) => child.next<{ token: number }>())
    guard.release()
    const waiting = new Map(heard.map((word, i) => [i, word.then(({ token }) => ({ i, token }))]))
    let { token } = guard
    while (waiting.size > 0) {
      const winner = await Promise.race(waiting.values())
      expect(winner.token).toBeGreaterThan(token)
      token = winner.token
      waiting.delete(winner.i)
      expect(contest.holders().map((holder) => holder.token)).toEqual([token])
      expect(await children[winner.i]?.ask('release', 'leader')).toEqual({ value: true })
    }
  })

  it('keeps the process alive until the waiting claim ends', async () => {
    const name = fleetName()
    const contest = new Contest(joinShm(name, { size }))
    const guard = take(contest, 'leader')
    const child = start('actor.mjs', ['contest', 'claimant', name])
    expect(await child.next()).toBe('waiting')
    guard.release()
    expect(await child.next()).toBe('won')
    expect({ ...(await child.ended), stderr: child.stderr }).toEqual({ code: 0, signal: null, stderr: '' })
    expect(contest.holders()).toEqual([])
  })
})
