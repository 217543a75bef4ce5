import { describe, expect, it } from 'vitest'
import { OrbitError, OrbitStore, type StoreChange, type StoreWatch } from '../../src/index.js'
import { fleetName, joinLocal, joinShm, memories, observe } from '../help/fleets.js'
import { start } from '../help/processes.js'
import { expectClosed, expectRefusal, expectTypeError, untyped } from '../help/refusals.js'
import { isLinux } from '../help/system.js'

const size = 8
const options = { bytes: 2 * 2 ** 20 }

/** A change as text. */
const shown = (change: StoreChange) =>
  `${change.op} ${change.op === 'invalidate' ? change.tag : Buffer.from(change.key).toString()}`

/** The next changes. */
async function take(watch: StoreWatch, count: number): Promise<string[]> {
  const changes: string[] = []
  for await (const change of watch) {
    changes.push(shown(change))
    if (changes.length === count) break
  }
  return changes
}

describe.each(memories)('the changes of a store in $memory', ({ join }) => {
  const open = () => {
    const fleet = join(fleetName(), { size })
    return { fleet, store: new OrbitStore(fleet, options) }
  }

  it('yields each put, delete, reset and invalidation of a namespace, from the call of watch on', async () => {
    const { fleet, store } = open()
    const other = new OrbitStore(fleet, { ...options, namespace: 'other' })
    store.put('before', '1')
    using watch = store.watch()
    store.put('a', '1', { tags: ['t'] })
    other.put('a', '1')
    store.put(new Uint8Array([97]), '2')
    expect(store.put('a', '3', { ifAbsent: true })).toBe(false)
    expect(store.reserve('b').put('4')).toBe(true)
    expect(store.delete('a')).toBe(true)
    expect(store.delete('a')).toBe(false)
    store.reset('us')
    other.reset()
    store.invalidate('t', 'ü')
    expect(await take(watch, 7)).toEqual([
      'put a',
      'put a',
      'put b',
      'delete a',
      'reset us',
      'invalidate t',
      'invalidate ü',
    ])
    expect([watch.lost, watch.malformed]).toEqual([0, 0])
  })

  it('yields the changes of one key, and of the keys with a prefix', async () => {
    const { store } = open()
    using one = store.watch({ key: 'user:1' })
    using some = store.watch({ prefix: Buffer.from('user:') })
    for (const key of ['user:1', 'user:10', 'users', 'user:']) store.put(key, 'x')
    for (const prefix of ['user:10', 'user', 'user:1', 'group']) store.reset(prefix)
    store.invalidate('end')
    expect(await take(one, 4)).toEqual(['put user:1', 'reset user', 'reset user:1', 'invalidate end'])
    expect(await take(some, 7)).toEqual([
      ...['put user:1', 'put user:10', 'put user:'],
      ...['reset user:10', 'reset user', 'reset user:1', 'invalidate end'],
    ])
  })

  it('counts the changes that a slow loop has lost', async () => {
    const { store } = open()
    const losses: number[] = []
    using watch = store.watch({ onLoss: (lost) => losses.push(lost) })
    for (let i = 0; i < 1500; i++) store.put(`key-${i}`, 'x')
    expect(await take(watch, 1)).toEqual([`put key-${1500 - 1024}`])
    expect([watch.lost, losses]).toEqual([1500 - 1024, [1500 - 1024]])
  })

  it('ends with its signal, and when it or the fleet is closed', async () => {
    const { fleet, store } = open()
    const controller = new AbortController()
    const aborted = take(store.watch({ signal: controller.signal }), 1)
    const watch = store.watch()
    const closed = take(watch, 1)
    const open2 = take(store.watch(), 1)
    controller.abort()
    expect(await aborted).toEqual([])
    watch.close()
    expect(await closed).toEqual([])
    fleet.close()
    expect(await open2).toEqual([])
    expectClosed(() => store.watch())
  })
})

describe('a watched store', () => {
  it('refuses wrong options, and observers', () => {
    const name = fleetName()
    const store = new OrbitStore(joinShm(name, { size }), options)
    expectTypeError(() => store.watch(untyped({ topic: 'a' })), 'topic')
    expectTypeError(() => store.watch({ key: 'a', prefix: 'b' }), 'exclude')
    expectTypeError(() => store.watch({ key: untyped(1) }), 'key')
    expectTypeError(() => store.watch({ onLoss: untyped(1) }), 'onLoss')
    expectRefusal(() => new OrbitStore(observe(name)).watch(), OrbitError, 'ERR_ORBIT_READ_ONLY')
  })

  it('skips and counts frames that are no change', async () => {
    const fleet = joinLocal(fleetName(), { size })
    const store = new OrbitStore(fleet, options)
    using watch = store.watch()
    const [kind] = [...Array(200).keys()].filter((each) => fleet.existing(each)?.name === 'orbit.changes')
    const ring = fleet.opened(kind as number) as unknown as {
      publish(payload: Uint8Array, options?: { frameKind: number }): void
    }
    ring.publish(new Uint8Array([5, 1]), { frameKind: 1 })
    ring.publish(new Uint8Array([0, 1]), { frameKind: 9 })
    ring.publish(new Uint8Array(), { frameKind: 2 })
    store.put('a', 'x')
    expect(await take(watch, 1)).toEqual(['put a'])
    expect(watch.malformed).toBe(3)
  })
})

describe.runIf(isLinux)('the changes of another process', () => {
  it('wake a loop that sleeps', async () => {
    const name = fleetName('storewatch')
    using fleet = joinShm(name, { size })
    const store = new OrbitStore(fleet, options)
    const child = start('actor.mjs', ['store', 'writer', name, options, ['key'], 1])
    expect(await child.next()).toBe('ready')
    using watch = store.watch()
    const seen = take(watch, 1)
    expect(await child.ask('put', 'key', 'value')).toBe(true)
    expect(await seen).toEqual(['put key'])
    child.process.kill('SIGKILL')
    await child.ended
  })
})
