import { getEventListeners } from 'node:events'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { type Codec, Contest, codecs, type Fleet, type GetOrSetOptions, TypedCache } from '../../src/index.js'
import { advanceClock } from '../../src/testing.js'
import { fleetName, hasObjectFiles, joinShm, memories, observe } from '../help/fleets.js'
import { type Child, start } from '../help/processes.js'
import { untyped } from '../help/refusals.js'
import { isLinux } from '../help/system.js'
import { followGlobalTime } from '../help/time.js'

followGlobalTime()

const size = 32

afterEach(() => {
  vi.useRealTimers()
})

/** From here on only a bell wakes, and only `vi.advanceTimersByTime` renews. */
const holdIntervals = () => vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] })

/** A load that ends when the test says so. */
function gate<T = string>() {
  const made = { begun: 0, resolve: (_: T) => {}, reject: (_: unknown) => {} }
  const load = () => {
    made.begun++
    return new Promise<T>((resolve, reject) => Object.assign(made, { resolve, reject }))
  }
  return Object.assign(made, { load })
}
const never = () => {
  throw new Error('a load began that must not')
}
const turns = async () => {
  for (let i = 0; i < 3; i++) await new Promise((resolve) => setImmediate(resolve))
}

describe.each(memories)('getOrSet in $memory', ({ join }) => {
  const cacheOf = (fleet: Fleet, namespace = '') => new TypedCache<string>(fleet, { codec: codecs.json(), namespace })
  const pair = () => {
    const name = fleetName()
    const fleets = [join(name, { size }), join(name, { size })] as const
    return { fleets, a: cacheOf(fleets[0]), b: cacheOf(fleets[1]), holders: () => new Contest(fleets[0]).holders() }
  }

  it('loads a missing value once, and returns it to all callers', async () => {
    const { a, b, holders } = pair()
    let loads = 0
    const load = () => `value ${++loads}`
    expect(await a.getOrSet('key', load)).toBe('value 1')
    expect([a.get('key'), b.get('key')]).toEqual(['value 1', 'value 1'])
    expect(await b.getOrSet('key', never)).toBe('value 1')
    expect(await a.getOrSet('key', async () => never())).toBe('value 1')
    expect(holders()).toEqual([])
    a.delete('key')
    expect(await b.getOrSet('key', async () => load())).toBe('value 2')
  })

  it('makes other callers wait for the load, in the same handle and in others', async () => {
    holdIntervals()
    const { a, b, holders } = pair()
    const loading = gate()
    const calls = [a, a, b, b].map((cache) => cache.getOrSet('key', loading.load))
    await turns()
    expect(loading.begun).toBe(1)
    expect(holders()).toHaveLength(1)
    expect(await b.getOrSet('another', () => 'not in its way')).toBe('not in its way')
    loading.resolve('value')
    expect(await Promise.all(calls)).toEqual(['value', 'value', 'value', 'value'])
    expect(loading.begun).toBe(1)
    expect(holders()).toEqual([])
  })

  it('returns a value that is put during the wait, and does not load', async () => {
    const { a, b } = pair()
    const loading = gate()
    const first = a.getOrSet('key', loading.load)
    b.put('key', 'put')
    expect(await b.getOrSet('key', never)).toBe('put')
    loading.resolve('loaded')
    expect(await first).toBe('put') // what was loaded may be older, and is not stored
    expect(a.get('key')).toBe('put')
  })

  it('looks again after winning the claim, before it loads', async () => {
    const { a, b } = pair()
    const { tryClaimChecked } = Contest.prototype
    vi.spyOn(Contest.prototype, 'tryClaimChecked').mockImplementationOnce(function (this: Contest, ...args) {
      b.put('key', 'put') // between its lookup and its claim
      return tryClaimChecked.apply(this, args)
    })
    expect(await a.getOrSet('key', never)).toBe('put')
    vi.restoreAllMocks()
  })

  it('shares a failed load with the callers of its fleet handle, and lets those of another load', async () => {
    holdIntervals()
    const { a, b, holders } = pair()
    const [failing, good] = [gate(), gate()]
    const sharing = [failing.load, never].map((load) => a.getOrSet('key', load))
    const others = [b, b].map((cache) => cache.getOrSet('key', good.load))
    await turns()
    const error = new Error('on purpose')
    failing.reject(error)
    for (const call of sharing) await expect(call).rejects.toBe(error)
    await turns()
    expect([failing.begun, good.begun]).toEqual([1, 1])
    good.resolve('value')
    expect(await Promise.all(others)).toEqual(['value', 'value'])
    expect(good.begun).toBe(1)
    await expect(a.getOrSet('synchronous', never)).rejects.toThrow('must not')
    expect(holders()).toEqual([])
    expect(await b.getOrSet('synchronous', () => 'value')).toBe('value')
  })

  it('renews the lease of a slow load', async () => {
    holdIntervals()
    const { a, b, holders } = pair()
    const timersBefore = vi.getTimerCount()
    const slow = gate()
    const leaseMs = 1000
    const first = a.getOrSet('key', slow.load, { leaseMs })
    const second = b.getOrSet('key', never, { leaseMs })
    const begun = process.hrtime.bigint()
    while (process.hrtime.bigint() - begun < 1_300_000n * BigInt(leaseMs)) {
      vi.advanceTimersByTime(leaseMs / 3) // its timer, on time
      await turns()
    }
    expect(holders()).toHaveLength(1)
    slow.resolve('value')
    expect(await Promise.all([first, second])).toEqual(['value', 'value'])
    expect(vi.getTimerCount() - timersBefore).toBe(1) // the tick of the second call's bell: there is no renewal timer
  })

  it('discards the value of a load that was overtaken', async () => {
    holdIntervals() // nothing is renewed, as in a blocked process
    const { a, b } = pair()
    const [blocked, newer] = [gate(), gate()]
    const first = a.getOrSet('key', blocked.load, { leaseMs: 20 })
    const second = b.getOrSet('key', newer.load, { leaseMs: 100_000 })
    while (newer.begun === 0) await turns()
    blocked.resolve('stale')
    expect(await first).toBe('stale') // there is no newer value yet: it returns its own
    expect(b.get('key')).toBeUndefined()
    newer.resolve('newer')
    expect(await second).toBe('newer')
    expect(a.get('key')).toBe('newer')
  })

  it('returns the newer value to the caller of an overtaken load', async () => {
    holdIntervals()
    const { a, b } = pair()
    const blocked = gate()
    const first = a.getOrSet('key', blocked.load, { leaseMs: 20 })
    expect(await b.getOrSet('key', () => 'newer')).toBe('newer')
    blocked.resolve('stale')
    expect(await first).toBe('newer')
    expect(b.get('key')).toBe('newer')
  })

  it('rejects a call with the reason of its signal at once, and does not stop the load', async () => {
    const { a, b, holders } = pair()
    const loading = gate()
    const abort = new AbortController()
    const { signal } = abort
    const reason = new Error('enough')
    const first = a.getOrSet('key', loading.load, { signal })
    const second = b.getOrSet('key', never, { signal })
    await turns()
    abort.abort(reason)
    expect(await Promise.allSettled([first, second])).toEqual(Array(2).fill({ status: 'rejected', reason }))
    await turns()
    expect(getEventListeners(signal, 'abort')).toEqual([])
    loading.resolve('value')
    await turns()
    expect(await b.getOrSet('key', never, { signal })).toBe('value') // a hit does not wait
    await expect(b.getOrSet('another', never, { signal })).rejects.toBe(reason)
    expect(holders()).toEqual([])
  })

  it('rejects waiting and loading calls when their fleet is closed', async () => {
    const { fleets, a, b } = pair()
    const loading = gate()
    const [loads, waits] = [a.getOrSet('key', loading.load), b.getOrSet('key', never)]
    fleets[1].close()
    await expect(waits).rejects.toMatchObject({ code: 'ERR_ORBIT_CLOSED' })
    fleets[0].close()
    loading.resolve('value')
    await expect(loads).rejects.toMatchObject({ code: 'ERR_ORBIT_CLOSED' })
  })

  it('returns a stale value at once, while one member of the fleet loads a new one', async () => {
    const { a, b, holders } = pair()
    const times = { ttlMs: 1000, staleMs: 60_000 }
    expect(await a.getOrSet('key', () => 'old', times)).toBe('old')
    expect(b.get('key')).toBe('old')
    expect(await a.getOrSet('key', never, times)).toBe('old')
    advanceClock(1000)
    const loading = gate()
    const calls = [a, a, b, b].map((cache) => cache.getOrSet('key', loading.load, times))
    expect(await Promise.all(calls)).toEqual(['old', 'old', 'old', 'old'])
    expect(await b.getOrSet('key', loading.load, times)).toBe('old')
    expect([loading.begun, holders().length, b.get('key')]).toEqual([1, 1, 'old'])
    loading.resolve('new')
    await turns()
    expect([a.get('key'), b.get('key'), holders()]).toEqual(['new', 'new', []])
    expect(await b.getOrSet('key', never, times)).toBe('new')
    expect(loading.begun).toBe(1)
  })

  it('does not store a value after its tag was invalidated during the load, and loads after a failure', async () => {
    const warnings = vi.spyOn(process, 'emitWarning').mockImplementation(() => {})
    const { a } = pair()
    const options = { ttlMs: 1000, staleMs: 60_000, tags: ['tag'] }
    await a.getOrSet('key', () => 'old', options)
    advanceClock(1000)
    const failing = gate()
    expect(await a.getOrSet('key', failing.load, options)).toBe('old')
    failing.reject(new Error('on purpose'))
    await turns()
    expect(warnings.mock.calls.map(([, options]) => (options as { code?: string }).code)).toEqual([
      'ORBIT_NOT_RELOADED',
    ])
    warnings.mockRestore()
    const loading = gate()
    expect(await a.getOrSet('key', loading.load, options)).toBe('old')
    a.invalidate('tag')
    loading.resolve('overtaken')
    await turns()
    expect(a.get('key')).toBeUndefined()
    expect(await a.getOrSet('key', () => 'newest', options)).toBe('newest')
  })

  it('stores the value with the given ttlMs', async () => {
    const { a, b } = pair()
    await a.getOrSet('key', () => 'value', { ttlMs: 1 })
    while (b.get('key') !== undefined);
    expect(await a.getOrSet('key', () => 'again', { ttlMs: 2 ** 48 })).toBe('again')
    expect(b.get('key')).toBe('again')
  })

  const keys = [
    'k',
    '',
    'x'.repeat(200),
    'ü'.repeat(70),
    'with\0nul',
    '🚀',
    new Uint8Array(0),
    Uint8Array.of(0, 1, 2),
    Uint8Array.of(0xff, 0xfe),
    Buffer.alloc(250, 0xee),
  ]
  it.each(keys.map((key) => [typeof key === 'string' ? key.slice(0, 10) : `bytes ${key.length}`, key] as const))(
    'loads once for any key: %s',
    async (_, key) => {
      const { a, b } = pair()
      const loading = gate()
      const bytes = typeof key === 'string' ? Buffer.from(key) : key
      const calls = [a.getOrSet(key, loading.load), b.getOrSet(key, never), b.getOrSet(bytes, never)]
      await turns()
      expect(loading.begun).toBe(1)
      loading.resolve('value')
      expect(await Promise.all(calls)).toEqual(['value', 'value', 'value'])
      expect(b.get(bytes)).toBe('value')
    },
  )

  it('loads a key once when it is given as a string and as bytes', async () => {
    const { a, b } = pair()
    const loading = gate()
    const calls = [a.getOrSet(Buffer.from('käy'), loading.load), b.getOrSet('käy', never), a.getOrSet('käy', never)]
    await turns()
    loading.resolve('value')
    expect(await Promise.all(calls)).toEqual(['value', 'value', 'value'])
  })

  it('keeps namespaces and keys apart, even if they read the same when concatenated', async () => {
    const { fleets } = pair()
    const spaces: [string, string][] = [
      ['', 'a:b'],
      ['a', 'b'],
      ['a:', 'b'],
      ['a', ':b'],
      ['1:a', 'b'],
      ['', '1:ab'],
    ]
    /** Each key is loaded within the load of the key before: two keys with one claim would wait for themselves. */
    const load = async (i: number): Promise<string> => {
      const [namespace, key] = spaces[i] ?? ['', '']
      if (i === spaces.length) return ''
      return cacheOf(fleets[i % 2 === 0 ? 0 : 1], namespace).getOrSet(key, async () => `${i}${await load(i + 1)}`)
    }
    expect(await load(0)).toBe('012345')
  })

  it('returns shared, own or frozen objects as `values` says', async () => {
    const { fleets } = pair()
    const codec = codecs.json<{ list: number[] }>()
    const caches = (['shared', 'frozen', 'own'] as const).map(
      (values) => new TypedCache(fleets[0], { codec, values, namespace: values }),
    )
    const got = await Promise.all(caches.map((cache) => cache.getOrSet('key', () => ({ list: [1] }))))
    expect(got.map((value) => Object.isFrozen(value.list))).toEqual([false, true, false])
    const again = await Promise.all(caches.map((cache) => cache.getOrSet('key', () => ({ list: [2] }))))
    expect(again.map((value, i) => value === got[i])).toEqual([true, true, false])
    expect(again).toEqual(got)
  })

  it('rejects a value that the codec refuses, and lets another caller load', async () => {
    const { fleets, a, holders } = pair()
    for (const value of [() => {}, 1n, { deep: [{ big: 1n }] }]) {
      await expect(
        a.getOrSet(
          'key',
          untyped(() => value),
        ),
      ).rejects.toMatchObject({
        name: 'TypeError',
        code: 'ERR_ORBIT_INVALID_ARGUMENT',
        message: expect.stringMatching(/^key="key": value.* must be (a value|one) that JSON.stringify can write/),
      })
    }
    expect(holders()).toEqual([])
    expect(a.get('key')).toBeUndefined()
    expect(await a.getOrSet('key', () => 'value')).toBe('value')
    const clone = new TypedCache<unknown>(fleets[0], { codec: codecs.clone() })
    expect(await clone.getOrSet('null', () => null)).toBe(null)
    expect(await clone.getOrSet('null', never)).toBe(null)
  })

  it('rethrows the error of a codec for foreign bytes', async () => {
    const { fleets } = pair()
    const codec: Codec<string> = {
      encode: () => Uint8Array.of(1),
      decode: () => {
        throw new Error('not mine')
      },
    }
    const cache = new TypedCache<string>(fleets[0], { codec })
    await expect(cache.getOrSet('key', () => 'value')).rejects.toThrow('not mine')
    await expect(cache.getOrSet('key', never)).rejects.toThrow('not mine')
    expect(new Contest(fleets[1]).holders()).toEqual([])
  })

  it('refuses wrong arguments before it loads', async () => {
    const { a, holders } = pair()
    const refused = async (options: object, error: typeof TypeError | typeof RangeError, text: string) => {
      const thrown = await a.getOrSet('key', never, options as GetOrSetOptions).catch((error: unknown) => error)
      expect(thrown).toBeInstanceOf(error)
      expect(thrown).toMatchObject({
        message: expect.stringContaining(text),
        code: expect.stringMatching(/^ERR_ORBIT/),
      })
    }
    await refused({ ttl: 5 }, TypeError, 'options.ttl')
    await refused({ ttlMs: '5' }, TypeError, 'ttlMs="5"')
    for (const ttlMs of [0, -1, 1.5, 2 ** 49]) await refused({ ttlMs }, RangeError, `ttlMs=${ttlMs}`)
    await refused({ leaseMs: '5' }, TypeError, 'leaseMs="5"')
    for (const name of ['leaseMs', 'loadTimeoutMs']) {
      for (const ms of [0, -1, 1.5, 2 ** 31]) await refused({ [name]: ms }, RangeError, `${name}=${ms}`)
    }
    await refused({ signal: {} }, TypeError, 'signal=')
    await expect(a.getOrSet('key', untyped('value'))).rejects.toThrow('load="value"')
    for (const key of [undefined, 5, {}]) await expect(a.getOrSet(untyped(key), never)).rejects.toThrow(TypeError)
    expect(holders()).toEqual([])
  })
})

describe.skipIf(!hasObjectFiles)('getOrSet of an observer', () => {
  it('returns an existing value to an observer, and refuses to load', async () => {
    const name = fleetName()
    const cache = new TypedCache<string>(joinShm(name, { size }), { codec: codecs.json() })
    cache.put('key', 'value')
    const observer = new TypedCache<string>(observe(name), { codec: codecs.json() })
    expect(await observer.getOrSet('key', never)).toBe('value')
    for (let i = 0; i < 2; i++) {
      await expect(observer.getOrSet('other', never)).rejects.toMatchObject({ code: 'ERR_ORBIT_READ_ONLY' })
      await cache.getOrSet('third', () => 'now there is a contest')
    }
  })
})

describe.runIf(isLinux)('getOrSet of many processes', () => {
  type Said = { began?: string; got?: string; failed?: string }

  const loader = async (name: string): Promise<Child> => {
    const child = start('actor.mjs', ['cache', 'loader', name])
    expect(await child.next()).toBe('ready')
    return child
  }
  /** Makes it load, and returns when the load has begun. */
  const begin = async (child: Child, kind: string, options: GetOrSetOptions) => {
    child.tell('getOrSet', 'key', kind, 'stale', options)
    expect(await child.next()).toEqual({ began: 'stale' })
  }

  /** Sixteen processes ask for one key: the one that began to load it, and the others. */
  async function sixteen(options = {}) {
    const name = fleetName()
    const fleet = joinShm(name, { size })
    const children = await Promise.all(Array.from({ length: 16 }, () => loader(name)))
    const began: number[] = []
    const heard: Promise<void>[] = []
    const got: (Said | undefined)[] = []
    const listen = async (child: Child, i: number) => {
      for (;;) {
        const said = await child.heard<Said | 'asked' | 'told'>()
        if (said === 'asked' || said === 'told') continue
        if (said?.began === undefined) {
          got[i] = said
          return
        }
        began.push(i)
      }
    }
    for (const [i, child] of children.entries()) {
      child.tell('getOrSet', 'key', 'slow', `${i}`, options)
      heard.push(listen(child, i))
    }
    const loaders = async (count: number) => {
      while (began.length < count) await turns()
      return children[began[count - 1] as number] as Child
    }
    /** Waits until each of them waits in its contest or loads. */
    const contest = new Contest(fleet)
    return { name, contest, children, began, got, heard: Promise.all(heard), loaders }
  }

  it('loads once in many processes, and returns the value to all', async () => {
    const { children, began, got, heard, loaders, contest } = await sixteen()
    const first = await loaders(1)
    const holder = contest.holders()
    expect(holder.map(({ pid, subject }) => [pid, subject.kind])).toEqual([[first.pid, 255]])
    first.tell('resolve', 'the value')
    await heard
    expect(began).toHaveLength(1)
    expect(got).toEqual(children.map(() => ({ got: 'the value' })))
    expect(contest.holders()).toEqual([])
  })

  it('loads a second time only when the first loader is killed', async () => {
    const { children, began, got, heard, loaders } = await sixteen({ leaseMs: 2 ** 31 - 1 })
    const first = await loaders(1)
    const victim = began[0] as number
    await first.kill()
    const second = await loaders(2)
    expect(second).not.toBe(first)
    second.tell('resolve', 'the second')
    await heard
    expect(began).toHaveLength(2)
    expect(got).toEqual(children.map((_, i) => (i === victim ? undefined : { got: 'the second' })))
  })

  it('loads in another process when a load fails, and rejects only the caller of the failed load', async () => {
    const { children, began, got, heard, loaders } = await sixteen()
    const first = await loaders(1)
    first.tell('reject', 'on purpose')
    const second = await loaders(2)
    second.tell('resolve', 'the second')
    await heard
    expect(began).toHaveLength(2)
    const failed = began[0]
    expect(got).toEqual(children.map((_, i) => (i === failed ? { failed: 'on purpose' } : { got: 'the second' })))
  })

  it('loads elsewhere when a loader is blocked for longer than its lease, and discards its late value', async () => {
    const name = fleetName()
    const cache = new TypedCache<string>(joinShm(name, { size }), { codec: codecs.json() })
    const blocked = await loader(name)
    await begin(blocked, 'blocking', { leaseMs: 200 })
    expect(await cache.getOrSet('key', () => 'newer')).toBe('newer')
    expect(await blocked.next()).toBe('asked')
    expect(await blocked.next()).toEqual({ got: 'newer' })
    expect(cache.get('key')).toBe('newer')
  })

  it('loads elsewhere when a loader is stopped, and discards its late value', async () => {
    const name = fleetName()
    const cache = new TypedCache<string>(joinShm(name, { size }), { codec: codecs.json() })
    const stopped = await loader(name)
    await begin(stopped, 'slow', { leaseMs: 200 })
    expect(await stopped.next()).toBe('asked')
    await stopped.stop()
    expect(await cache.getOrSet('key', () => 'newer')).toBe('newer')
    stopped.process.kill('SIGCONT')
    expect(await stopped.ask('resolve', 'stale')).toBe('told')
    expect(await stopped.next()).toEqual({ got: 'newer' })
    expect(cache.get('key')).toBe('newer')
  })
})
