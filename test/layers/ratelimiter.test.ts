import { getEventListeners } from 'node:events'
import { rmSync, statSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { entriesFor } from '../../src/core/limits.js'
import { abi, native } from '../../src/core/native.js'
import { type Decision, Fleet, OrbitError, RateLimiter, type RateLimiterOptions } from '../../src/index.js'
import { advanceClock } from '../../src/testing.js'
import { objectFile } from '../help/bytes.js'
import { fleetName, hasObjectFiles, joinLocal, joinShm, memories, objectPath, observe } from '../help/fleets.js'
import { start } from '../help/processes.js'
import { expectClosed, expectRangeError, expectRefusal, expectTypeError, untyped } from '../help/refusals.js'
import { isLinux } from '../help/system.js'

const longMs = 10 * 60 * 60 * 1000
const algorithms = ['gcra', 'fixed', 'sliding'] as const

const limiterIn = (fleet: Fleet, options: Partial<RateLimiterOptions> = {}): RateLimiter =>
  new RateLimiter(fleet, { name: 'test', limit: 3, windowMs: longMs, ...options })
const own = (options?: Partial<RateLimiterOptions>): RateLimiter => limiterIn(joinLocal(fleetName()), options)
const takeAll = (limiter: RateLimiter, key: string): number => {
  let allowed = 0
  while (limiter.take(key).allowed) allowed++
  return allowed
}

describe.each(memories)('a rate limiter in $memory', ({ join }) => {
  it.each(algorithms)('allows as many as the limit by %s, for all members together', (algorithm) => {
    const name = fleetName()
    const limiters = [join(name), join(name)].map((fleet) => limiterIn(fleet, { algorithm, limit: 5 })) as [
      RateLimiter,
      RateLimiter,
    ]
    expect([0, 1, 0, 1, 0, 1, 0].map((i) => (limiters[i] as RateLimiter).allows('key'))).toEqual([
      true,
      true,
      true,
      true,
      true,
      false,
      false,
    ])
    expect(limiters[1].allows('another key')).toBe(true)
  })

  it('keeps limiters of different names apart, and shares one name', () => {
    const fleet = join(fleetName())
    expect(takeAll(limiterIn(fleet, { name: 'a' }), 'key')).toBe(3)
    expect(takeAll(limiterIn(fleet, { name: 'b' }), 'key')).toBe(3)
    expect(takeAll(limiterIn(fleet, { name: 'a' }), 'key')).toBe(0)
  })
})

describe('a key in UTF-8', () => {
  it('is any well-formed string, and each is a key of its own', () => {
    const limiter = own({ limit: 1 })
    const keys = ['\uFFFD', '😀', '😀\uFFFD', 'é', '\uFFFD\uFFFD']
    expect(keys.map((key) => limiter.allows(key))).toEqual(keys.map(() => true))
    expect(keys.map((key) => limiter.allows(key))).toEqual(keys.map(() => false))
    for (const key of ['\ud800', '\udc00', 'a\ud83d', '\ude00\ud83d', '\uFFFD\ud800b']) {
      expectRangeError(() => limiter.take(key), 'well-formed')
      expectRangeError(() => limiter.peek(key), 'well-formed')
    }
  })
})

describe('the addon', () => {
  it('keeps one handle for all limiters with the same name and numbers', () => {
    const fleet = joinLocal(fleetName())
    const spec = { kind: abi.limitsKind, entries: 64, isAsked: false, name: 'test', algorithm: 1, limit: 3, burst: 3 }
    const open = (windowMs: number) => native.openLimiter(fleet.handle, { ...spec, windowMs })?.handle
    expect([open(1000), open(2000), open(1000)]).toEqual([open(1000), open(2000), open(1000)])
    expect(open(1000)).not.toBe(open(2000))
  })
})

describe('a decision', () => {
  it.each(algorithms)('has the count, what remains, and when to try again, by %s', (algorithm) => {
    const limiter = own({ algorithm })
    expect(limiter.take('key', 2)).toMatchObject({ allowed: true, limit: 3, count: 2, remaining: 1, retryAfterMs: 0 })
    const refused = limiter.take('key', 2)
    expect(refused).toMatchObject({ allowed: false, limit: 3, count: 2, remaining: 1, reason: 'limit' })
    expect(refused.retryAfterMs).toBeGreaterThan(0)
    expect(refused.resetMs).toBeGreaterThan(0)
    expect(refused.resetMs).toBeLessThanOrEqual(2 * longMs)
  })

  it('has a burst as its limit by gcra', () => {
    const limiter = own({ limit: 100, burst: 2 })
    expect(limiter.take('key')).toMatchObject({ limit: 2, remaining: 1 })
    expect(takeAll(limiter, 'key')).toBe(1)
  })

  it.each(algorithms)('follows the clock of a test, by %s', (algorithm) => {
    const limiter = own({ algorithm })
    expect(takeAll(limiter, 'key')).toBe(3)
    advanceClock(2 * longMs)
    expect(takeAll(limiter, 'key')).toBe(3)
  })

  it('is the same from peek, which takes nothing', () => {
    for (const algorithm of algorithms) {
      const limiter = own({ algorithm })
      expect(limiter.peek('key')).toMatchObject({ allowed: true, count: 0, remaining: 3 })
      expect(limiter.take('key', 3).allowed).toBe(true)
      const { resetMs, retryAfterMs, ...peeked } = limiter.peek('key')
      expect(peeked).toEqual({ allowed: false, limit: 3, count: 3, remaining: 0, reason: 'limit' })
      expect([resetMs > 0, retryAfterMs > 0]).toEqual([true, true])
    }
  })
})

describe('a key', () => {
  it.each(algorithms)('is penalized, rewarded, set, blocked and reset by %s', (algorithm) => {
    const limiter = own({ algorithm })
    expect(limiter.reward('key')).toMatchObject({ allowed: true, count: 0 })
    expect(limiter.penalty('key', 5)).toMatchObject({ allowed: false, count: 5, remaining: 0, reason: 'limit' })
    expect(limiter.reward('key', 3)).toMatchObject({ allowed: true, count: 2, remaining: 1, reason: undefined })
    expect(takeAll(limiter, 'key')).toBe(1)
    limiter.set('key', 1)
    expect(takeAll(limiter, 'key')).toBe(2)
    expect([limiter.reset('key'), limiter.reset('key')]).toEqual([true, false])
    limiter.block('key', longMs)
    expect(limiter.take('key')).toMatchObject({ allowed: false, remaining: 0 })
    expect(limiter.take('key').retryAfterMs).toBeGreaterThan(longMs - 60_000)
    limiter.reset('key')
    expect(takeAll(limiter, 'key')).toBe(3)
  })

  it('counts beyond its limit by hit', () => {
    const limiter = own({ algorithm: 'fixed', limit: 2, windowMs: longMs })
    const counts = [1, 2, 3, 4].map(() => limiter.hit('key').count)
    expect(counts).toEqual([1, 2, 3, 4])
    expect(limiter.hit('key')).toMatchObject({ allowed: false, count: 5, limit: 2, remaining: 0 })
    expect(limiter.hit('key', { over: 'double', cost: 2 }).resetMs).toBe(longMs * 2 ** 4)
    expect(limiter.hit('key', { over: 'renew' }).resetMs).toBe(longMs)
    expect(limiter.penalty('other', 1, 2 * longMs)).toMatchObject({ count: 1, resetMs: 2 * longMs })
    expect(limiter.penalty('other', 1, longMs).resetMs).toBeGreaterThan(longMs)
  })

  it('may be any text of 1 to 1024 bytes', () => {
    const limiter = own({ limit: 1 })
    for (const key of ['a', 'ä', '\0', 'x'.repeat(1024), '€'.repeat(341)]) {
      expect([limiter.allows(key), limiter.allows(key)]).toEqual([true, false])
    }
    expectRangeError(() => limiter.take(''), 'key="" must be a string of 1..1024 bytes')
    expectRangeError(() => limiter.take('x'.repeat(1025)), 'key=')
    expectRangeError(() => limiter.take('€'.repeat(342)), 'key=')
    expectTypeError(() => limiter.take(untyped(7)), 'key=7 must be a string')
    expectTypeError(() => limiter.peek(untyped(undefined)), 'key=undefined')
  })
})

describe('wait', () => {
  it('takes what another call gives back', async () => {
    const limiter = own({ limit: 1 })
    limiter.take('key')
    const waiting = limiter.wait('key')
    await Promise.resolve()
    limiter.reset('key')
    expect((await waiting).allowed).toBe(true)
    expect(limiter.allows('key')).toBe(false)
  })

  it('resolves when the key may go on', async () => {
    const limiter = own({ limit: 1, windowMs: 30 })
    expect((await limiter.wait('key')).allowed).toBe(true)
    expect((await limiter.wait('key')).allowed).toBe(true)
  })

  it('rejects after its time limit, and with the reason of its signal', async () => {
    const limiter = own({ limit: 1 })
    limiter.take('key')
    await expect(limiter.wait('key', { timeoutMs: 0 })).rejects.toMatchObject({ code: 'ERR_ORBIT_TIMEOUT' })
    await expect(limiter.wait('key', { timeoutMs: 5 })).rejects.toThrow('key="key" must be allowed within timeoutMs=5')
    const abort = new AbortController()
    const waiting = limiter.wait('key', { signal: abort.signal })
    abort.abort(new Error('enough'))
    await expect(waiting).rejects.toThrow('enough')
    await expect(limiter.wait('key', { signal: AbortSignal.abort() })).rejects.toThrow('aborted')
  })

  it('follows the clock of a test', async () => {
    const limiter = own({ limit: 1 })
    limiter.take('key')
    const waiting = limiter.wait('key')
    advanceClock(longMs)
    expect((await waiting).allowed).toBe(true)
  })

  it('adds one listener to a signal, however many waits it ends', async () => {
    const limiter = own({ limit: 1 })
    limiter.take('key')
    const abort = new AbortController()
    const waits = [1, 2, 3].map(() => limiter.wait('key', { signal: abort.signal }))
    expect(getEventListeners(abort.signal, 'abort')).toHaveLength(1)
    abort.abort(new Error('enough'))
    for (const wait of waits) await expect(wait).rejects.toThrow('enough')
    expect(getEventListeners(abort.signal, 'abort')).toHaveLength(0)
  })

  it('rejects when the fleet is closed during the wait', async () => {
    const fleet = joinLocal(fleetName())
    const limiter = limiterIn(fleet, { limit: 1, windowMs: 20 })
    limiter.take('key')
    const waiting = limiter.wait('key')
    fleet.close()
    await expect(waiting).rejects.toMatchObject({ code: 'ERR_ORBIT_CLOSED' })
  })
})

describe('a full table', () => {
  const fill = (whenFull?: 'allow' | 'refuse' | 'throw') => {
    const limiter = own({ limit: 2, keys: 1, algorithm: 'fixed', ...(whenFull && { whenFull }) })
    const decisions: Decision[] = []
    for (let key = 0; key < 400; key++) decisions.push(limiter.take(`key ${key}`))
    return { limiter, full: decisions.filter(({ reason }) => reason === 'full') }
  }

  it('allows by default, and says so', () => {
    const { limiter, full } = fill()
    expect(full).toHaveLength(400 - 64)
    expect(full[0]).toEqual({
      allowed: true,
      limit: 2,
      count: 1,
      remaining: 1,
      resetMs: longMs,
      retryAfterMs: 0,
      reason: 'full',
    })
    expect(limiter.hit('another key', { cost: 2 }).reason).toBe('full')
    expect(limiter.penalty('another key').reason).toBe('full')
    expect(() => limiter.block('another key', 1)).toThrow('the table has 64 entries')
    expectRefusal(() => limiter.set('another key', 1), OrbitError, 'ERR_ORBIT_TABLE_FULL', 'keys')
  })

  it('refuses or throws where the caller asks for that', () => {
    expect(fill('refuse').full[0]).toMatchObject({ allowed: false, count: 3, remaining: 0, retryAfterMs: longMs })
    expectRefusal(() => fill('throw'), OrbitError, 'ERR_ORBIT_TABLE_FULL', 'the table has 64 entries', 'keys')
  })

  it('has four entries for each key at least', () => {
    expect([undefined, 1, 16, 17, 16_384, 2 ** 24].map((keys) => entriesFor(keys))).toEqual([
      65_536,
      64,
      64,
      128,
      65_536,
      abi.maxLimitEntries,
    ])
  })
})

describe('a table of limits', () => {
  it('is taken as it is while other members live, and made anew by a member that is alone', () => {
    const name = fleetName()
    const fleet = joinShm(name)
    takeAll(limiterIn(fleet, { keys: 100 }), 'key')
    expect(takeAll(limiterIn(joinShm(name), { keys: 1000 }), 'key')).toBe(0)
    if (hasObjectFiles) expect(statSync(objectPath(name, abi.limitsKind)).size).toBe(192 + 512 * 16)
  })

  it('keeps its counts in a persistent fleet, even for a member that asks for another size', () => {
    const name = fleetName()
    const inLife = (keys: number | undefined): number => {
      const fleet = Fleet.joinShm(name, { lifetime: 'persistent' })
      const taken = takeAll(limiterIn(fleet, keys === undefined ? {} : { keys }), 'key')
      fleet.close()
      return taken
    }
    expect([inLife(100), inLife(undefined), inLife(100), inLife(5000), inLife(undefined)]).toEqual([3, 0, 0, 0, 0])
  })

  it.runIf(hasObjectFiles)('is made anew when its fleet was deleted and made anew', () => {
    const name = fleetName()
    const before = Fleet.joinShm(name, { lifetime: 'persistent' })
    takeAll(limiterIn(before), 'key')
    before.close()
    rmSync(objectPath(name, 'fleet'))
    expect(takeAll(limiterIn(joinShm(name)), 'key')).toBe(3)
  })

  it('can be looked at by an observer, which takes nothing', () => {
    const name = fleetName()
    const fleet = joinShm(name)
    const observer = observe(name)
    const watching = new RateLimiter(observer, { name: 'test', limit: 3, windowMs: longMs })
    expect(watching.peek('key')).toMatchObject({ allowed: true, remaining: 3 })
    expectRefusal(() => watching.take('key'), OrbitError, 'ERR_ORBIT_READ_ONLY')
    limiterIn(fleet).take('key', 2)
    expect(watching.peek('key')).toMatchObject({ allowed: true, count: 2, remaining: 1 })
    for (const call of ['take', 'hit', 'penalty', 'reward', 'reset'] as const) {
      const fixed = new RateLimiter(observer, { name: 'test', limit: 3, windowMs: longMs, algorithm: 'fixed' })
      expectRefusal(() => fixed[call]('key'), OrbitError, 'ERR_ORBIT_READ_ONLY')
    }
  })

  it('refuses calls after a close and after a removal', () => {
    const name = fleetName()
    const fleet = joinShm(name)
    const limiter = limiterIn(fleet)
    Fleet.remove(name, { kind: abi.limitsKind, force: true })
    expectRefusal(() => limiter.take('key'), OrbitError, 'ERR_ORBIT_RETIRED')
    fleet.close()
    expectClosed(() => limiter.take('key'))
    expectClosed(() => limiterIn(fleet))
  })

  it.runIf(hasObjectFiles)('refuses an object with bytes that contradict its header', () => {
    const name = fleetName()
    const fleet = joinShm(name)
    limiterIn(fleet)
    objectFile(name, abi.limitsKind).setU64(72, 48n)
    expectRefusal(() => limiterIn(joinShm(name)), OrbitError, 'ERR_ORBIT_CORRUPT')
  })

  it.runIf(isLinux)('counts exactly in several processes, and keeps what a killed one has taken', async () => {
    const name = fleetName()
    joinShm(name)
    const keys = Array.from({ length: 50 }, (_, i) => `key ${i}`)
    const options = { name: 'test', limit: 100, windowMs: longMs, algorithm: 'fixed' }
    const taker = async () => {
      const child = start('actor.mjs', ['limits', 'taker', name, options])
      expect(await child.next()).toBe('ready')
      return child
    }
    const [victim, ...others] = [await taker(), await taker(), await taker()]
    expect(await victim.ask('takeAll', keys, 10)).toEqual(keys.map(() => 10))
    await victim.kill()
    const allowed = await Promise.all(others.map((child) => child.ask<number[]>('takeAll', keys, 100)))
    const sums = keys.map((_, i) => allowed.reduce((sum, counts) => sum + (counts[i] as number), 0))
    expect(sums).toEqual(keys.map(() => 90))
  })
})

describe('the options of a rate limiter', () => {
  it('are checked', () => {
    const fleet = joinLocal(fleetName())
    const wrong = (options: Record<string, unknown>) => () => limiterIn(fleet, untyped(options))
    expectTypeError(wrong({ windowMS: 5 }), 'options.windowMS is unknown')
    expectRangeError(wrong({ name: '' }), 'name')
    expectRangeError(wrong({ limit: 0 }), 'limit=0 must be an integer in 1..16777214')
    expectRangeError(wrong({ windowMs: 2 ** 36 }), 'windowMs')
    expectRangeError(wrong({ algorithm: 'leaky' }), 'algorithm="leaky"')
    expectRangeError(wrong({ whenFull: 'block' }), 'whenFull')
    expectRangeError(wrong({ keys: 0 }), 'keys')
    expectRangeError(wrong({ algorithm: 'fixed', burst: 9 }), 'burst=9 must be left out, or limit=3')
    expectRangeError(wrong({ limit: 1, windowMs: 2 ** 35, burst: 2 }), 'burst')
    expectRangeError(wrong({ limit: 2_000_000, windowMs: 1 }), 'limit')
    expectTypeError(() => new RateLimiter(untyped({}), { name: 'a', limit: 1, windowMs: 1 }), 'a Fleet')
  })

  it('are checked in each call', () => {
    const limiter = own()
    expectRangeError(() => limiter.take('key', 4), 'cost=4 must be an integer in 1..3')
    expectRangeError(() => limiter.peek('key', 0), 'cost')
    expectRangeError(() => limiter.penalty('key', 0), 'amount')
    expectRangeError(() => limiter.block('key', 0), 'ms')
    expectRangeError(() => limiter.set('key', -1), 'count')
    expectTypeError(() => limiter.set('key', 1, 1000), "algorithm: 'fixed'")
    expectTypeError(() => limiter.penalty('key', 1, 1000), "algorithm: 'fixed'")
    expectRangeError(() => own({ algorithm: 'fixed' }).penalty('key', 1, 0), 'ms=0')
    expectTypeError(() => limiter.hit('key'), "algorithm: 'fixed'")
    expectRangeError(() => own({ algorithm: 'fixed' }).hit('key', { over: untyped('stop') }), 'over="stop"')
  })
})
