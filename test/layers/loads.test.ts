import { AsyncResource } from 'node:async_hooks'
import { getEventListeners } from 'node:events'
import { afterEach, describe, expect, it, onTestFinished, vi } from 'vitest'
import { Contest, codecs, type Fleet, type LoadContext, OrbitError, OrbitStore, TypedCache } from '../../src/index.js'
import { fleetName, joinLocal, joinShm } from '../help/fleets.js'
import { start } from '../help/processes.js'
import { isLinux } from '../help/system.js'
import { followGlobalTime } from '../help/time.js'

followGlobalTime()

afterEach(() => {
  vi.useRealTimers()
})

const cacheOf = <T = string>(fleet: Fleet, namespace = '') =>
  new TypedCache<T>(fleet, { codec: codecs.json(), namespace })
const local = () => cacheOf(joinLocal(fleetName()))
const turns = async () => {
  for (let i = 0; i < 5; i++) await new Promise((resolve) => setImmediate(resolve))
}
const never = (): string => {
  throw new Error('a load began that must not')
}
const unsettled = () => new Promise<string>(() => {})
/** From here on, limits expire and claims are renewed only by `vi.advanceTimersByTime`. */
const holdTimers = () => vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'setInterval', 'clearInterval'] })

/** The warnings that this package emits until the test ends. */
function warnings(): { code?: string; message: string }[] {
  const emitted: { code?: string; message: string }[] = []
  const spy = vi.spyOn(process, 'emitWarning').mockImplementation((message, options) => {
    emitted.push({ message: String(message), ...(options as { code?: string }) })
  })
  onTestFinished(() => spy.mockRestore())
  return emitted
}

describe('a load', () => {
  it('fails once for all callers that wait for it, and the next caller loads', async () => {
    const cache = local()
    let loads = 0
    const fail = async () => {
      loads++
      await turns()
      throw new Error(`load ${loads} failed`)
    }
    const settled = await Promise.allSettled(Array.from({ length: 1000 }, () => cache.getOrSet('key', fail)))
    expect(new Set(settled.map((each) => String((each as PromiseRejectedResult).reason)))).toEqual(
      new Set(['Error: load 1 failed']),
    )
    expect(loads).toBe(1)
    expect(await cache.getOrSet('key', () => 'value')).toBe('value')
  })

  it('is shared by all caches of one fleet handle and namespace, each of which decodes the value for itself', async () => {
    const fleet = joinLocal(fleetName())
    const caches = (['frozen', 'own', 'shared'] as const).map(
      (values) => new TypedCache<{ n: number }>(fleet, { codec: codecs.json(), namespace: 'n', values }),
    )
    let loads = 0
    const load = async () => {
      await turns()
      return { n: ++loads }
    }
    const got = await Promise.all(caches.flatMap((cache) => [cache, cache].map((each) => each.getOrSet('key', load))))
    expect(got).toEqual(Array(6).fill({ n: 1 }))
    expect(got.map((value) => Object.isFrozen(value))).toEqual([true, true, false, false, false, false])
    expect([got[0] === got[1], got[2] === got[3], got[4] === got[5]]).toEqual([true, false, true])
  })

  it('serves all its callers when ttlMs is shorter than the load and the time to return', async () => {
    const cache = local()
    let loads = 0
    const load = async () => {
      loads++
      await turns()
      return 'value'
    }
    const calls = Array.from({ length: 20 }, () => cache.getOrSet('key', load, { ttlMs: 1 }))
    const { putChecked } = OrbitStore.prototype
    vi.spyOn(OrbitStore.prototype, 'putChecked').mockImplementation(function (this: OrbitStore, ...args) {
      const isStored = putChecked.apply(this, args)
      while (this.get('key') !== undefined); // it has expired before any caller looks
      return isStored
    })
    onTestFinished(() => void vi.restoreAllMocks())
    expect(await Promise.all(calls)).toEqual(Array(20).fill('value'))
    expect(loads).toBe(1)
  })

  it('serves a caller in another member that waited, when the value expires before it looks', async () => {
    const name = fleetName()
    const [a, b] = [cacheOf(joinLocal(name)), cacheOf(joinLocal(name))]
    let resolve = (_: string) => {}
    const first = a.getOrSet('key', () => new Promise<string>((done) => (resolve = done)), { ttlMs: 1 })
    const second = b.getOrSet('key', never)
    await turns()
    const { putChecked } = OrbitStore.prototype
    vi.spyOn(OrbitStore.prototype, 'putChecked').mockImplementationOnce(function (this: OrbitStore, ...args) {
      const isStored = putChecked.apply(this, args)
      while (this.get('key') !== undefined);
      return isStored
    })
    onTestFinished(() => void vi.restoreAllMocks())
    resolve('value')
    expect(await Promise.all([first, second])).toEqual(['value', 'value'])
    expect(await b.getOrSet('key', () => 'a later caller loads')).toBe('a later caller loads')
  })

  it('does not serve an expired value that was put before the call, or that was deleted since', async () => {
    const name = fleetName()
    const [a, b] = [cacheOf(joinLocal(name)), cacheOf(joinLocal(name))]
    b.put('key', 'old', { ttlMs: 1 })
    while (b.get('key') !== undefined);
    let resolve = (_: undefined) => {}
    const first = a.getOrSet('key', () => new Promise<undefined>((done) => (resolve = done)))
    const second = b.getOrSet('key', () => 'loaded')
    await turns()
    b.put('key', 'short', { ttlMs: 1 })
    b.delete('key')
    resolve(undefined)
    expect(await Promise.all([first, second])).toEqual([undefined, 'loaded'])
  })

  it('returns undefined uncached to all callers of its fleet handle', async () => {
    const name = fleetName()
    const [a, b] = [cacheOf(joinLocal(name)), cacheOf(joinLocal(name))]
    let loads = 0
    const load = async () => {
      loads++
      await turns()
      return undefined
    }
    expect(await Promise.all([a, a, a].map((cache) => cache.getOrSet('key', load)))).toEqual([
      undefined,
      undefined,
      undefined,
    ])
    expect(loads).toBe(1)
    expect(new OrbitStore(joinLocal(name)).has('key')).toBe(false)
    expect(await b.getOrSet('key', () => 'value')).toBe('value')
    expect(new Contest(joinLocal(name)).holders()).toEqual([])
  })
})

describe('a loaded value that does not fit', () => {
  it('is returned to all callers, counted, and warned about once with the option', async () => {
    const emitted = warnings()
    const fleet = joinLocal(fleetName())
    const cache = cacheOf<{ text: string }>(fleet)
    const large = { text: 'x'.repeat(2 ** 22) }
    let loads = 0
    const load = async () => {
      loads++
      await turns()
      return large
    }
    const got = await Promise.all(Array.from({ length: 20 }, () => cache.getOrSet('key', load)))
    expect(got).toEqual(Array(20).fill(large))
    expect(Object.isFrozen(got[0])).toBe(true)
    expect([loads, cache.notStored]).toEqual([1, 1])
    expect(cache.get('key')).toBeUndefined()
    expect(await cache.getOrSet('other', load)).toEqual(large)
    expect([loads, cache.notStored]).toEqual([2, 2])
    expect(emitted).toEqual([
      expect.objectContaining({
        code: 'ORBIT_NOT_STORED',
        message: expect.stringMatching(/getOrSet loaded was returned but not stored.*open it with more bytes$/),
      }),
    ])
    expect(new Contest(fleet).holders()).toEqual([])
  })

  it('is returned for a key that does not fit either', async () => {
    warnings()
    const cache = local()
    expect(await cache.getOrSet('k'.repeat(3000), () => 'value')).toBe('value')
    expect(cache.notStored).toBe(1)
  })
})

describe('loadTimeoutMs', () => {
  it('rejects the callers of a load that does not end, and lets another member load', async () => {
    const name = fleetName()
    const fleet = joinShm(name)
    const [a, b] = [cacheOf(fleet), cacheOf(joinShm(name))]
    let reason: unknown
    const load = ({ signal }: LoadContext) => {
      signal.addEventListener('abort', () => {
        reason = signal.reason
      })
      return unsettled()
    }
    const calls = [load, never].map((each) => a.getOrSet('key', each, { loadTimeoutMs: 30 }))
    const other = b.getOrSet('key', () => 'loaded elsewhere')
    const message =
      'the load of key="key" must end within loadTimeoutMs=30: make it faster, or pass a larger loadTimeoutMs'
    const error = expect.objectContaining({ name: 'OrbitError', code: 'ERR_ORBIT_TIMEOUT', message })
    expect(await Promise.allSettled(calls)).toEqual(Array(2).fill({ status: 'rejected', reason: error }))
    expect(reason).toBeInstanceOf(OrbitError)
    expect(await other).toBe('loaded elsewhere')
    expect(await a.getOrSet('key', never)).toBe('loaded elsewhere')
    expect(new Contest(fleet).holders()).toEqual([])
  })

  it('discards a value, or an error, that comes after it', async () => {
    holdTimers()
    const cache = local()
    let late = { resolve: (_: string) => {}, reject: (_: unknown) => {} }
    const load = () => new Promise<string>((resolve, reject) => (late = { resolve, reject }))
    for (const end of [() => late.resolve('late'), () => late.reject(new Error('late'))]) {
      const call = cache.getOrSet('key', load, { loadTimeoutMs: 500 })
      vi.advanceTimersByTime(500)
      await expect(call).rejects.toMatchObject({ code: 'ERR_ORBIT_TIMEOUT' })
      end()
      await turns()
      expect(cache.get('key')).toBeUndefined()
    }
    expect(vi.getTimerCount()).toBe(0)
  })
})

describe('a signal', () => {
  it('frees its own caller at once, in a load and in a wait, and nothing else', async () => {
    const name = fleetName()
    const [a, b] = [cacheOf(joinLocal(name)), cacheOf(joinLocal(name))]
    let resolve = (_: string) => {}
    const load = () => new Promise<string>((done) => (resolve = done))
    const aborts = Array.from({ length: 2 }, () => new AbortController())
    const [loads, waits] = [a, b].map((cache, i) =>
      cache.getOrSet('key', cache === a ? load : never, { signal: (aborts[i] as AbortController).signal }),
    )
    const shares = a.getOrSet('key', never)
    await turns()
    for (const [i, abort] of aborts.entries()) abort.abort(`reason ${i}`)
    const rejected = [0, 1].map((i) => ({ status: 'rejected', reason: `reason ${i}` }))
    expect(await Promise.allSettled([loads, waits])).toEqual(rejected)
    await turns()
    for (const { signal } of aborts) expect(getEventListeners(signal, 'abort')).toEqual([])
    resolve('value')
    expect(await shares).toBe('value')
    expect(b.get('key')).toBe('value')
  })

  it('does not fail the load for others when it ends the load of its own caller', async () => {
    const cache = local()
    const abort = new AbortController()
    const { signal } = abort
    const load = () => new Promise<string>((_, reject) => signal.addEventListener('abort', () => reject(signal.reason)))
    const first = cache.getOrSet('key', load, { signal })
    const others = [1, 2].map(() => cache.getOrSet('key', () => 'of another caller'))
    abort.abort(new Error('client is gone'))
    await expect(first).rejects.toThrow('client is gone')
    expect(await Promise.all(others)).toEqual(['of another caller', 'of another caller'])
  })

  it('ends a wait that has no callers left, so that a later caller loads with its own function', async () => {
    const name = fleetName()
    const [a, b] = [cacheOf(joinLocal(name)), cacheOf(joinLocal(name))]
    const abort = new AbortController()
    let reject = (_: unknown) => {}
    const loads = a.getOrSet('key', () => new Promise<string>((_, fail) => (reject = fail)))
    const waits = b.getOrSet('key', never, { signal: abort.signal })
    await turns()
    abort.abort('enough')
    await expect(waits).rejects.toBe('enough')
    const later = b.getOrSet('key', () => 'later')
    reject(new Error('on purpose'))
    await expect(loads).rejects.toThrow('on purpose')
    expect(await later).toBe('later')
  })

  it('gets one listener for all calls that it is passed to', async () => {
    const emitted = warnings()
    const cache = local()
    const { signal } = new AbortController()
    const load = async () => {
      await turns()
      expect(getEventListeners(signal, 'abort')).toHaveLength(1)
      return 'value'
    }
    const keys = Array.from({ length: 50 }, (_, i) => `${i}`)
    await Promise.all(keys.map((key) => cache.getOrSet(key, load, { signal })))
    await turns()
    expect(getEventListeners(signal, 'abort')).toEqual([])
    expect(emitted).toEqual([])
  })
})

describe('loads that ask for each other', () => {
  const cycle = {
    name: 'OrbitError',
    code: 'ERR_ORBIT_LOAD_CYCLE',
  }

  it('are refused at once: one key that asks for itself', async () => {
    const cache = local()
    await expect(cache.getOrSet('a', () => cache.getOrSet('a', never))).rejects.toMatchObject({
      ...cycle,
      message: 'the load of key="a" asks for key="a", and so waits for itself',
    })
    expect(await cache.getOrSet('a', () => 'value')).toBe('value')
  })

  it('are refused at once: two keys in turn, in two caches', async () => {
    const fleet = joinLocal(fleetName())
    const [users, posts] = [cacheOf(fleet, 'users'), cacheOf(fleet, 'posts')]
    const user = (): Promise<string> => users.getOrSet('ada', async () => `user of ${await post()}`)
    const post = (): Promise<string> => posts.getOrSet('1', async () => `post of ${await user()}`)
    await expect(user()).rejects.toMatchObject(cycle)
  })

  it('are refused at once: two keys that other callers began to load', async () => {
    const cache = local()
    const load = (other: string) => async () => {
      await turns()
      return cache.getOrSet(other, never)
    }
    const calls = [cache.getOrSet('a', load('b')), cache.getOrSet('b', load('a'))]
    const refused = { status: 'rejected', reason: expect.objectContaining(cycle) }
    expect(await Promise.allSettled(calls)).toEqual(calls.map(() => refused))
  })

  it('are refused at once: through a third key, and through two handles on one fleet', async () => {
    const name = fleetName()
    const [one, two] = [cacheOf(joinLocal(name)), cacheOf(joinLocal(name))]
    const load = (cache: TypedCache<string>, next: string) => async () => {
      await turns()
      return cache.getOrSet(next, never)
    }
    const calls = [
      one.getOrSet('a', load(two, 'b')),
      two.getOrSet('b', load(one, 'c')),
      one.getOrSet('c', load(two, 'a')),
    ]
    const refused = { status: 'rejected', reason: expect.objectContaining(cycle) }
    expect(await Promise.allSettled(calls)).toEqual(calls.map(() => refused))
  })

  it('are not refused while they do not wait for each other', async () => {
    const cache = local()
    const config = () =>
      cache.getOrSet('config', async () => {
        await turns()
        return 'config'
      })
    const keys = Array.from({ length: 100 }, (_, i) => `${i}`)
    const got = await Promise.all(keys.map((key) => cache.getOrSet(key, async () => `${key} ${await config()}`)))
    expect(got).toEqual(keys.map((key) => `${key} config`))
    // What a load has left behind may ask for its key once it is over.
    let later = async () => 'not yet'
    await cache.getOrSet('leaves', async () => {
      later = AsyncResource.bind(() => cache.getOrSet('leaves', () => 'again'))
      return 'value'
    })
    cache.delete('leaves')
    expect(await later()).toBe('again')
  })
})

describe('a full table of claims', () => {
  it('does not fail getOrSet', async () => {
    const fleet = joinLocal(fleetName())
    const contest = new Contest(fleet, { capacity: 1 })
    const fill = () => {
      for (let i = 0; ; i++) contest.tryClaim(`${i}`, { ttlMs: 60_000 })
    }
    expect(fill).toThrow(expect.objectContaining({ code: 'ERR_ORBIT_TABLE_FULL' }))
    const cache = cacheOf(fleet)
    let loads = 0
    const load = async () => {
      await turns()
      return `value ${++loads}`
    }
    expect(await Promise.all([1, 2, 3].map(() => cache.getOrSet('key', load)))).toEqual(Array(3).fill('value 1'))
    expect(cache.get('key')).toBe('value 1')
  })
})

describe.runIf(isLinux)('loads in two processes that ask for each other', () => {
  it('end by loadTimeoutMs', async () => {
    const name = fleetName()
    const cache = cacheOf(joinShm(name, { size: 32 }))
    const other = start('actor.mjs', ['cache', 'loader', name])
    expect(await other.next()).toBe('ready')
    other.tell('nest', 'b', 'a', { loadTimeoutMs: 1500 })
    expect(await other.next()).toEqual({ began: 'b' })
    const call = cache.getOrSet(
      'a',
      async () => {
        other.tell('go')
        return cache.getOrSet('b', () => 'loaded here')
      },
      { loadTimeoutMs: 60_000 },
    )
    expect(await call).toBe('loaded here')
    const said = [await other.next(), await other.next(), await other.next()]
    expect(said).toContainEqual({ failed: expect.stringContaining('loadTimeoutMs=1500') })
  })
})
