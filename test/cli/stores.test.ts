// Stores, counters and calls in every command that shows or changes them.
import { describe, expect, it } from 'vitest'
import { Counters, collectMetrics, OrbitStore } from '../../src/index.js'
import { ObjectFile, objectAt } from '../help/bytes.js'
import { fleetName, joinShm, objectPath } from '../help/fleets.js'
import { bytesOf, cliPath, moreLooks, orbit, orbitJson, showcase, title } from '../help/orbit.js'
import { isLinux } from '../help/system.js'
import { Terminal, terminalOrSkip } from '../help/terminal.js'

const checksOf = async (name: string): Promise<string[]> =>
  (await orbitJson('doctor', ['doctor', name])).findings.map(({ check }: { check: string }) => check)

describe.runIf(isLinux)('orbit on a fleet with one of everything', () => {
  it('runs every read-only command while it lives and after its death, and changes no byte', async () => {
    const name = fleetName('more')
    const child = await showcase(name, { hasMore: true })
    const before = bytesOf(name)
    const all = moreLooks(name)
    const texts = await Promise.all(all.map(([, args]) => orbit(args)))
    const failed = texts.flatMap(({ code, stderr }, i) => (code === 0 ? [] : title(all[i]?.[1] ?? [], name) + stderr))
    expect(failed).toEqual([])
    const readAll = () => Promise.all(all.map(([schema, args]) => orbitJson(schema, args)))
    await readAll()
    expect(bytesOf(name)).toEqual(before)
    await child.kill()
    await readAll()
    expect(bytesOf(name)).toEqual(before)
  })
})

describe.runIf(isLinux)('orbit store', () => {
  it('shows how a store is used, its keys by prefix, and values', async () => {
    const name = fleetName('store')
    await showcase(name, { hasMore: true })
    const { store, prefixes } = await orbitJson('store', ['store', name, '--rate-ms', '1'])
    expect(store).toMatchObject({ name: 'orbit.store', entries: 3, hits: 3, misses: 1, puts: 3, hitRate: 0.75 })
    expect(store).toMatchObject({ liveShare: 1, perSecond: { reads: 0, writes: 0, evicted: 0, hitRate: null } })
    expect(prefixes).toEqual([
      { namespace: 'users', prefix: 'user:', keys: 2, valueBytes: 19, read: 2 },
      { namespace: 'users', prefix: null, keys: 1, valueBytes: 3, read: 0 },
    ])
    const { keys, entries } = await orbitJson('store-keys', ['store', name, '--prefix', 'user:', '--limit', '1'])
    expect([keys, entries]).toEqual([2, [expect.objectContaining({ key: 'user:17', namespace: 'users' })]])
    expect((await orbit(['store', name, '--prefix', 'x'])).stdout).toBe('no keys\n')
    const ada = await orbit(['store', name, 'user:17', '--namespace', 'users'])
    expect(ada).toEqual({ code: 0, stdout: '{"name":"Ada"}\n', stderr: '' })
    const missing = await orbit(['store', name, 'user:17'])
    expect(missing).toMatchObject({ code: 3, stdout: '' })
    expect(missing.stderr).toContain('the key is in namespace "users": pass --namespace')
    expect((await orbit(['store', name, '--name', 'none'])).stderr).toContain('has no store named "none"')
    expect(await orbit(['tail', name, 'store'])).toMatchObject({ code: 2, stdout: '' })
    expect((await orbit(['dump', name, '230'])).stderr).toContain(`is a store: use orbit store ${name}`)
  })

  it('counts reads, writes and evictions of all processes as they happen', async () => {
    const name = fleetName('store')
    const store = new OrbitStore(joinShm(name, { size: 4 }), { bytes: 2 ** 19 })
    const stat = orbitJson('stat', ['stat', name, 'store', '--rate-ms', '500'])
    let isOver = false
    stat.finally(() => {
      isOver = true
    })
    for (let i = 0; !isOver; i++) {
      store.put(`key ${i}`, 'x'.repeat(1000))
      store.get(`key ${i % 2 === 0 ? i : 'none'}`)
      if (i % 100 === 0) await new Promise((resolve) => setImmediate(resolve))
    }
    const [found] = (await stat).stores
    expect(found.perSecond.reads).toBeGreaterThan(0)
    expect(found.perSecond.writes).toBeGreaterThan(0)
    expect(found.perSecond.evicted).toBeGreaterThan(0)
    expect(found.perSecond.hitRate).toBeCloseTo(0.5, 1)
    expect(found.liveShare).toBeLessThanOrEqual(1)
  })

  it('deletes a key, the keys of a prefix, and the entries of a tag, as a member', async () => {
    const name = fleetName('store')
    const fleet = joinShm(name, { size: 4 })
    const store = new OrbitStore(fleet, { bytes: 2 ** 20, namespace: 'pages' })
    for (const key of ['a:1', 'a:2', 'b:1', 'b:2']) store.put(key, 'x', { tags: [key.slice(2)] })
    const left = () => ['a:1', 'a:2', 'b:1', 'b:2'].filter((key) => store.has(key))
    const options = ['--namespace', 'pages', '--yes']
    const deleted = await orbitJson('store-change', ['store', name, '--delete', 'b:2', ...options])
    expect(deleted).toEqual({ fleet: name, namespace: 'pages', op: 'delete', value: 'b:2', entries: 1 })
    expect(left()).toEqual(['a:1', 'a:2', 'b:1'])
    const again = await orbit(['store', name, '--delete', 'b:2', ...options])
    expect(again).toMatchObject({ code: 3, stdout: '' })
    const tagged = await orbitJson('store-change', ['store', name, '--invalidate', '2', '--yes'])
    expect(tagged).toMatchObject({ op: 'invalidate', entries: null })
    expect(left()).toEqual(['a:1', 'b:1'])
    const { code, stdout } = await orbit(['store', name, '--reset', 'a:', ...options])
    const said = 'deleted all keys that begin with "a:" of namespace "pages", 1 entry\n'
    expect({ code, stdout }).toEqual({ code: 0, stdout: said })
    expect(left()).toEqual(['b:1'])
    for (const args of [['--delete', 'b:1'], ['--reset', '', '--json'], ['--yes'], ['--reset', '', '--delete', 'x']])
      expect(await orbit(['store', name, ...args, '--namespace', 'pages']), args.join(' ')).toMatchObject({
        stdout: '',
      })
    expect(left()).toEqual(['b:1'])
    expect(fleet.nodes()).toHaveLength(1)
  })

  it('is in the metrics, and in what doctor finds', async () => {
    const name = fleetName('store')
    const fleet = joinShm(name, { size: 4 })
    const store = new OrbitStore(fleet, { bytes: 2 ** 19, entryBytes: 4096 })
    store.put('key', 'value')
    store.get('key')
    new OrbitStore(fleet, { name: 'pages', bytes: 2 ** 19 }).put('key', 'value')
    const text = String(collectMetrics(fleet))
    expect(text).toContain(`orbit_store_hits_total{fleet="${name}",store=""} 1\n`)
    expect(text).toContain(`orbit_store_entries{fleet="${name}",store="pages"} 1\n`)
    expect((await checksOf(name)).filter((check) => check.startsWith('store'))).toEqual([])
    for (let i = 0; i < 5000; i++) {
      store.put(`key ${i}`, 'x')
      store.get(`none ${i}`)
    }
    expect(() => store.put('large', 'x'.repeat(2 ** 19))).toThrow('an eighth of the store')
    expect(await checksOf(name)).toEqual(expect.arrayContaining(['store-refused', 'store-conflicts', 'store-misses']))
  })

  it('names a damaged store, and shows the others', async () => {
    const name = fleetName('store')
    await showcase(name, { hasMore: true })
    {
      using file = new ObjectFile(objectPath(name, 230))
      file.setU64(objectAt.objectBytes, 12345n)
    }
    const { stores, problems } = JSON.parse((await orbit(['stat', name, '--rate-ms', '0', '--json'])).stdout)
    expect(stores.map((store: { name: string }) => store.name)).toEqual(['orbit.store:pages'])
    expect(problems).toMatchObject([{ object: 'KIND 230' }])
    expect(await orbit(['store', name])).toMatchObject({ code: 1, stdout: '' })
    expect(await orbit(['doctor', name])).toMatchObject({ code: 1 })
    const { fleets } = await orbitJson('top', ['top', name, '--limit', '1'])
    expect(fleets[0].problems).toHaveLength(1)
  })
})

describe.runIf(isLinux)('orbit set and orbit add', () => {
  it('change counters and gauges, and say what they were', async () => {
    const name = fleetName('set')
    const fleet = joinShm(name, { size: 4 })
    expect(await orbit(['add', name, 'jobs'])).toMatchObject({ code: 3, stdout: '' })
    const counters = new Counters(fleet, { capacity: 16 })
    counters.gauge('load').set(0.5)
    expect((await orbit(['add', name, 'jobs'])).stdout).toBe('jobs  1, before 0\n')
    const added = await orbitJson('counter-change', ['add', name, 'jobs', '-3'])
    expect(added).toEqual({ fleet: name, name: 'jobs', kind: 'counter', before: 1, value: -2 })
    expect((await orbit(['set', name, 'load', '0.75'])).stdout).toBe('load  0.75, before 0.5\n')
    const set = await orbitJson('counter-change', ['set', name, 'limit', 'Infinity', '--gauge'])
    expect(set).toMatchObject({ kind: 'gauge', before: null, value: 'Infinity' })
    expect([counters.counter('jobs').get(), counters.gauge('load').get()]).toEqual([-2, 0.75])
    for (const number of ['many', '', '1.5', '9007199254740993'])
      expect(await orbit(['set', name, 'jobs', number]), number).toMatchObject({ code: 2, stdout: '' })
    expect(counters.counter('jobs').get()).toBe(-2)
    expect(fleet.nodes()).toHaveLength(1)
  })
})

describe.runIf(isLinux)('orbit top', () => {
  it('shows reads of a store and calls, and opens keys and counters', async (context) => {
    terminalOrSkip(context)
    const name = fleetName('top')
    const child = await showcase(name, { hasMore: true })
    const line = `'${process.execPath}' '${cliPath}' top ${name} --interval-ms 50`
    const terminal = new Terminal(line, { columns: 160, rows: 40 })
    const feeding = { isOver: false }
    const feed = (async () => {
      while (!feeding.isOver) await child.ask('use', 50).then(() => child.ask('call', 20))
    })()
    await terminal.shows(/orbit\.store +[1-9][\d.]*k? .*%/)
    await terminal.shows(/CALLS\/S +CALLS/)
    await terminal.shows(/ MiB +\d+ ms +[1-9][\d.]*k? +\d+ +queue 4/)
    feeding.isOver = true
    await feed
    for (const [row, shown] of [
      ['orbit.store ', /users +user: +5\d /],
      ['orbit.counters', /jobs\.done +counter +17/],
    ] as const) {
      terminal.press('/')
      terminal.type(row)
      terminal.press('Enter')
      await terminal.shows(new RegExp(`^>.*${row}`, 'm'))
      terminal.press('Enter')
      await terminal.shows(shown)
      if (row === 'orbit.store ') {
        terminal.press('/')
        terminal.type('user:')
        terminal.press('Enter')
        await terminal.shows(/^>users +user:/m)
        terminal.press('Enter')
        await terminal.shows(/users +user:\d+ +100 B/)
        terminal.press('Escape')
        await terminal.shows(/hits +\d+ of/)
      }
      terminal.press('Escape')
      await terminal.shows(/2 stores/)
      terminal.press('Home')
    }
    terminal.press('q')
  })
})
