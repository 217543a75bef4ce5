import { spawnSync } from 'node:child_process'
import { readFileSync, rmSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { commands as table } from '../../src/cli/commands/index.js'
import { Counters, collectMetrics, RateLimiter } from '../../src/index.js'
import { entryAt, ObjectFile, ringAt } from '../help/bytes.js'
import { fleetName, joinShm, objectPath, objectsOf, shmFolder } from '../help/fleets.js'
import { bytesOf, cliPath, jsonOf, looks, orbit, orbitJson, showcase, size, title } from '../help/orbit.js'
import { Running } from '../help/running.js'
import { isLinux, root } from '../help/system.js'

describe.runIf(isLinux)('orbit on a live fleet', () => {
  it('runs every read-only command as text and as JSON of its schema, and changes no byte of a live fleet', async () => {
    const name = fleetName('cli')
    await showcase(name)
    const before = bytesOf(name)
    for (const [schema, args] of looks(name)) {
      const plain = await orbit(args)
      expect(plain.code, title(args, name) + plain.stderr).toBe(0)
      expect(plain.stdout, 'no escape sequence').not.toContain('\u001b')
      await orbitJson(schema, args)
      expect(bytesOf(name), title(args, name)).toEqual(before)
    }
  })

  it('lists fleets and members', async () => {
    const name = fleetName('cli')
    const { pid } = await showcase(name)
    const { fleets } = await orbitJson('ls', ['ls'])
    const ours = fleets.find(({ fleet }: { fleet: string }) => fleet === name)
    expect(ours).toMatchObject({ state: 'live', size, nodesAlive: 1, nodesDead: 0, objects: 6, problems: [] })
    expect(ours.bytes).toBe(objectsOf(name).reduce((sum, file) => sum + statSync(`${shmFolder}/${file}`).size, 0))
    expect(ours.newestAgeMs).toBeLessThan(600_000)
    const { nodes } = await orbitJson('nodes', ['nodes', name])
    const heartbeat = { count: 1, status: 'queue 4' }
    expect(nodes).toMatchObject([{ node: 0, pid, label: 'worker \u001b[31m0', alive: true, heartbeat }])
    expect((await orbit(['nodes', name])).stdout).toMatch(/worker \\x1b\[31m0 +alive/)
    expect((await orbit(['ls', '--names'])).stdout.split('\n')).toContain(name)
  })

  it('shows the rings of a fleet and their contents', async () => {
    const name = fleetName('cli')
    await showcase(name)
    const { rings } = await orbitJson('stat', ['stat', name, '--rate-ms', '1'])
    expect(rings.map(({ kind }: { kind: number }) => kind)).toEqual([7, 12, 200, 220, 222])
    expect(rings[0]).toMatchObject({ name: 'Log', head: 10, oldest: 2, retained: 8, perSecond: 0, table: null })
    expect(rings[0].fingerprint).toBe('0x0000000000000000')
    expect(rings[1].fingerprint).not.toBe('0x0000000000000000')
    expect(rings[4].table).toEqual({ claims: 1, lifeClaims: 0, usedBuckets: 1, damagedBuckets: 0, tokensDrawn: 1 })
    const log = await orbitJson('dump', ['dump', name, '7', '--frame-kind', '1'])
    expect(log.items.map(({ id, payload, version }: Record<string, unknown>) => [id, payload, version])).toEqual([
      ['7:0:4', 'line 4', 1004],
      ['7:0:7', 'line 7', 1007],
    ])
    const { items } = await orbitJson('dump', ['dump', name, 'events'])
    expect(items).toMatchObject([
      { topic: 'orders.created', format: 'json', payload: { id: 17 } },
      { topic: 'orders.paid', format: 'text', payload: 'by card' },
      { topic: 'users.\u001b[31mred', format: 'hex', payload: '000102ff' },
    ])
    const paid = await orbitJson('dump', ['dump', name, 'events', '--topic', 'orders.*', '--from=-2'])
    expect(paid.items).toMatchObject([{ topic: 'orders.paid' }])
    const load = await orbitJson('dump', ['dump', name, '12'])
    expect(load.items[0]).toMatchObject({
      format: 'pod',
      payload: { busy: 3, total: String(2n ** 60n), at: { x: 1.5 }, recent: [1, 2, 3], note: 'hé' },
    })
    expect((await orbit(['stat', name, '12'])).stdout).toContain(
      '{"busy":u32,"total":bigu64,"at":{"x":f64},"recent":u16[3]',
    )
    const cached = await orbitJson('dump', ['dump', name, '200'])
    expect(cached.items).toMatchObject([
      { op: 'put', namespace: 'users', key: '17', payload: { name: 'Ada' } },
      { op: 'put', key: '18', expiresInMs: null },
      { op: 'delete', key: '18' },
      { op: 'put', key: '19', format: 'hex', payload: '010203' },
    ])
    expect((await orbit(['dump', name, '7', '--hex', '--limit', '1'])).stdout).toContain('6c 69 6e 65 20 32')
  })

  it('shows the entries of the cache and the claims', async () => {
    const name = fleetName('cli')
    const { pid } = await showcase(name)
    const { entries } = await orbitJson('cache', ['cache', name, '--namespace', 'users'])
    expect(entries.map(({ key }: { key: string }) => key)).toEqual(['17', '19'])
    expect((await orbitJson('cache', ['cache', name, '--namespace', 'none'])).entries).toEqual([])
    expect((await orbit(['cache', name, '17', '--namespace', 'users'])).stdout).toBe('{"name":"Ada"}\n')
    expect(await orbit(['cache', name, '18', '--namespace', 'users'])).toMatchObject({ code: 3, stdout: '' })
    const { claims } = await orbitJson('claims', ['claims', name])
    expect(claims).toMatchObject([{ subject: { kind: 3, label: 'leader' }, owner: 'worker 0', node: 0, pid }])
    expect(claims[0].token).toBeGreaterThan(Date.now()) // in microseconds of the table's creation
  })

  it('shows the lookups of the cache, and their rate', async () => {
    const name = fleetName('cli')
    const child = await showcase(name)
    await child.ask('look', 30)
    const { rings } = await orbitJson('stat', ['stat', name, 'cache', '--rate-ms', '0'])
    expect(rings[0].lookups).toEqual({ hits: 30, misses: 30 })
    expect((await orbit(['stat', name, 'cache', '--rate-ms', '0'])).stdout).toMatch(/lookups +30 hits of 60, 50\.0 %/)
    const top = new Running(['top', name, '--json', '--interval-ms', '200'])
    const cacheIn = async () => {
      const { fleets } = jsonOf('top', (await top.line()) as string)
      return fleets[0].rings.find((ring: { kind: number }) => ring.kind === 200)
    }
    expect(await cacheIn()).toMatchObject({ readsPerSecond: 0, hitRate: 0.5 })
    child.tell('look', 50)
    let seen = await cacheIn()
    while (seen.readsPerSecond === 0) seen = await cacheIn()
    expect(seen.hitRate).toBe(0.5)
  })

  it('lists counters, once and again and again, and reports a table without room', async () => {
    const name = fleetName('cli')
    const fleet = joinShm(name)
    expect(await orbit(['counters', name])).toMatchObject({ code: 3, stdout: '' })
    const counters = new Counters(fleet, { capacity: 16, whenFull: 'drop' })
    counters.counter('jobs done').add(17)
    counters.gauge('load').set(Number.POSITIVE_INFINITY)
    counters.counter('brief', { ttlMs: 3_600_000 }).add(1)
    expect((await orbitJson('counters', ['counters', name])).counters).toMatchObject([
      { name: 'brief', kind: 'counter', value: 1 },
      { name: 'jobs done', kind: 'counter', value: 17, expiresInMs: null },
      { name: 'load', kind: 'gauge', value: 'Infinity', expiresInMs: null },
    ])
    expect((await orbitJson('counters', ['counters', name, 'jobs'])).counters).toHaveLength(1)
    expect((await orbitJson('counters', ['counters', name, 'none'])).counters).toEqual([])
    const watched = await orbit(['counters', name, 'jobs', '--watch', '--interval-ms', '10', '--limit', '2'])
    expect(watched.stdout.match(/jobs done +counter +17/g)).toHaveLength(2)
    const { fleets } = await orbitJson('top', ['top', name, '--json', '--limit', '1'])
    expect(fleets[0]).toMatchObject({ counters: 3, limitKeys: 0, problems: [] })
    const { rings, problems } = await orbitJson('stat', ['stat', name, 'counters', '--rate-ms', '0'])
    expect([rings[0].form, rings[0].table.claims, problems]).toEqual(['table', 3, []])
    expect(String(collectMetrics(fleet))).toContain(`orbit_counter_value{fleet="${name}",table="",name="jobs done"} 17`)
    const checks = async () => {
      const { findings } = await orbitJson('doctor', ['doctor', name])
      return findings.map(({ check }: { check: string }) => check)
    }
    expect(await checks()).not.toContain('counters-full')
    for (let i = 0; i < 200; i++) counters.counter(`c${i}`).add()
    expect(await checks()).toContain('counters-full')
  })

  it('shows the table of the rate limiters, and reports that it was full', async () => {
    const name = fleetName('cli')
    const fleet = joinShm(name)
    expect(await orbit(['limits', name])).toMatchObject({ code: 3, stdout: '' })
    const limiter = new RateLimiter(fleet, { name: 'logins', limit: 5, windowMs: 3_600_000, keys: 16 })
    for (let i = 0; i < 3; i++) limiter.take(`user ${i}`)
    const { objectBytes, ...limits } = await orbitJson('limits', ['limits', name])
    expect(limits).toEqual({ fleet: name, entries: 64, keys: 3, tentative: 0, full: 0 })
    expect(objectBytes).toBe(192 + 64 * 16)
    expect((await orbit(['limits', name])).stdout).toContain('64, for 16 keys at once')
    expect((await orbitJson('stat', ['stat', name, '--rate-ms', '0'])).problems).toEqual([])
    const checks = async () => {
      const { findings } = await orbitJson('doctor', ['doctor', name])
      return findings.map(({ check }: { check: string }) => check)
    }
    expect(await checks()).not.toContain('limits-full')
    for (let i = 0; i < 100; i++) limiter.take(`another ${i}`)
    expect(await checks()).toContain('limits-full')
  })

  it('counts a sleeper only when its bit and its armed word agree', async () => {
    const name = fleetName('cli')
    await showcase(name)
    const ring = ringAt({ capacity: 8, payloadBytes: 64 }, size)
    using file = new ObjectFile(objectPath(name, 7))
    file.setU64(ring.sleepers(0), 0b111n)
    file.setU64(ring.entry(0) + entryAt.arm, 3n)
    file.setU64(ring.entry(2) + entryAt.arm, 4n)
    expect((await orbitJson('stat', ['stat', name, '7', '--rate-ms', '0'])).rings[0].sleepers).toBe(1)
  })

  it('measures the rate of a ring', async () => {
    const name = fleetName('cli')
    const child = await showcase(name)
    const stat = orbitJson('stat', ['stat', name, 'events', '--rate-ms', '1000'])
    let isOver = false
    stat.finally(() => {
      isOver = true
    })
    while (!isOver) await child.ask('events', 'tick', 10)
    expect((await stat).rings[0].perSecond).toBeGreaterThan(0)
  })

  it('removes a live fleet only when forced, and never by gc', async () => {
    const name = fleetName('cli')
    await showcase(name)
    const before = objectsOf(name)
    expect(await orbit(['rm', name])).toMatchObject({ code: 1, stdout: '' })
    expect(await orbit(['rm', name, '7'])).toMatchObject({ code: 1, stdout: '' })
    expect(await orbit(['rm', name, '--dry-run'])).toMatchObject({ code: 1, stdout: '' })
    expect((await orbitJson('gc', ['gc', name])).live).toEqual([name])
    expect(objectsOf(name)).toEqual(before)
    expect((await orbitJson('rm', ['rm', name, '7', '--force'])).removed).toEqual([
      `orbit-${name}-7-${process.geteuid?.()}`,
    ])
    expect((await orbitJson('rm', ['rm', name, '--force'])).removed).toHaveLength(before.length - 1)
    expect(objectsOf(name)).toEqual([])
  })
})

describe.runIf(isLinux)('orbit on a fleet with killed members', () => {
  it('names the members that died and what they left in a ring', async () => {
    const name = fleetName('cli')
    const child = await showcase(name)
    await child.kill()
    const { fleets } = await orbitJson('ls', ['ls'])
    const ours = fleets.find(({ fleet }: { fleet: string }) => fleet === name)
    expect(ours).toMatchObject({ state: 'dead', nodesAlive: 0, nodesDead: 1 })
    expect((await orbitJson('nodes', ['nodes', name])).nodes).toMatchObject([{ node: 0, alive: false }])
    expect((await orbitJson('claims', ['claims', name])).claims, 'claims of dead members').toEqual([])
    const ring = ringAt({ capacity: 8, payloadBytes: 64 }, size)
    using file = new ObjectFile(objectPath(name, 7))
    file.setU64(ring.entry(0) + entryAt.intentChunk, 5n)
    file.setU64(ring.entry(0) + entryAt.intentPosition, 11n)
    const { rings } = await orbitJson('stat', ['stat', name, '7', '--rate-ms', '0'])
    expect(rings[0].deadNodes).toMatchObject([{ node: 0, position: 10, nextChunk: 5 }])
    expect((await orbit(['stat', name, '7', '--rate-ms', '0'])).stdout).toContain('about to fill position 10')
    const { findings } = await orbitJson('doctor', ['doctor', name])
    const checks = findings.map(({ check }: { check: string }) => check)
    expect(checks).toEqual(expect.arrayContaining(['fleet', 'dead-node', 'unfinished-publish']))
  })

  it('lists by gc --dry-run what gc then removes', async () => {
    const name = fleetName('cli')
    const child = await showcase(name)
    await child.kill()
    const objects = objectsOf(name)
    const files = objects.map((object) => object.slice(1))
    const would = await orbitJson('gc', ['gc', name, '--dry-run'])
    expect(would).toMatchObject({ isDryRun: true, live: [], problems: [] })
    expect(would.removed.sort()).toEqual(files)
    expect(objectsOf(name)).toEqual(objects)
    const { code, stdout } = await orbit(['gc', name])
    expect(code).toBe(0)
    expect(stdout.trimEnd().split('\n').sort()).toEqual(files.map((file) => `removed ${shmFolder}/${file}`))
    expect(objectsOf(name)).toEqual([])
    expect(await orbit(['gc', name])).toMatchObject({ code: 3, stdout: '' })
  })

  it('removes one ring by rm, then the whole fleet', async () => {
    const name = fleetName('cli')
    const child = await showcase(name)
    await child.kill()
    expect((await orbit(['rm', name, '12'])).stdout).toBe(`removed ${objectPath(name, 12)}\n`)
    expect(await orbit(['rm', name, '12'])).toMatchObject({ code: 3 })
    expect((await orbit(['rm', name])).code).toBe(0)
    expect(objectsOf(name)).toEqual([])
    expect(await orbit(['rm', name])).toMatchObject({ code: 3 })
  })

  it('names the rings that a removed fleet left, and removes them by gc', async () => {
    const name = fleetName('cli')
    await (await showcase(name)).kill()
    await orbit(['rm', name, '7'])
    const fleet = objectPath(name, 'fleet')
    rmSync(fleet)
    const { fleets } = await orbitJson('ls', ['ls'])
    expect(fleets.find((each: { fleet: string }) => each.fleet === name)).toMatchObject({
      state: 'orphaned',
      objects: 4,
    })
    const { findings } = await orbitJson('doctor', ['doctor', name])
    expect(findings.map(({ check }: { check: string }) => check)).toContain('orphans')
    expect((await orbitJson('gc', ['gc', name])).removed).toHaveLength(4)
    expect(objectsOf(name)).toEqual([])
  })
})

describe('orbit', () => {
  const commands = table.map(({ name }) => name)

  it('describes every command in --help, with an example, in 80 columns', async () => {
    const { code, stdout } = await orbit(['--help'])
    expect(code).toBe(0)
    for (const command of commands) {
      expect(stdout).toContain(`    ${command} `)
      const page = await orbit([command, '--help'])
      expect(page.code).toBe(0)
      for (const title of [
        'NAME',
        'SYNOPSIS',
        'DESCRIPTION',
        'OPTIONS',
        'EXAMPLES',
        'EXIT CODES',
        `orbit ${command}`,
      ]) {
        expect(page.stdout).toContain(title)
      }
      for (const line of page.stdout.split('\n')) expect(line.length).toBeLessThanOrEqual(80)
    }
  })

  it.each([
    [[]],
    [['bogus']],
    [['stat']],
    [['ls', 'extra']],
    [['dump', 'x', '7', '--nope']],
    [['tail', 'x', '--limit', 'many']],
    [['tail', 'x', '--from', 'middle']],
    [['stat', 'not a name']],
    [['rm', 'x', '256']],
  ])('exits with code 2 for the wrong usage %j', async (args) => {
    expect(await orbit(args)).toMatchObject({ code: 2, stdout: '' })
    if (args.length === 0) return
    const { stderr } = await orbit([...args, '--json'])
    expect(jsonOf('error', stderr).error.exitCode).toBe(2)
  })

  it('exits with code 3 when there is no such fleet', async () => {
    const name = fleetName('cli')
    for (const args of [
      ['stat', name],
      ['nodes', name],
      ['dump', name, '7'],
      ['tail', name],
      ['doctor', name],
      ['rm', name],
    ]) {
      const { code, stderr } = await orbit([...args, '--json'])
      expect(code, args[0] as string).toBe(3)
      expect(jsonOf('error', stderr).error.code).toBe('ERR_ORBIT_NOT_FOUND')
    }
  })

  it('shows help for -h, help and help COMMAND, and takes what is behind -- for operands', async () => {
    const [overview, page] = [await orbit(['--help']), await orbit(['stat', '--help'])]
    for (const args of [['-h'], ['help']]) expect(await orbit(args)).toEqual(overview)
    for (const args of [
      ['help', 'stat'],
      ['stat', '-h'],
    ])
      expect(await orbit(args)).toEqual(page)
    expect(await orbit(['help', 'nothing'])).toMatchObject({ code: 2, stdout: '' })
    expect(await orbit(['nodes', '--', '-h'])).toMatchObject({ code: 3, stdout: '' })
  })

  it('has every command and option that the guide shows', async () => {
    const page = readFileSync(join(root, 'docs/guide/command.md'), 'utf8')
    const shown = [...page.matchAll(/^\$ orbit (.*)$|`orbit ([a-z-]+[^`]*)`/gm)].map(
      ([, line, word]) => line ?? word ?? '',
    )
    expect(new Set(shown.map((line) => line.split(' ')[0]))).toEqual(new Set(commands))
    for (const command of commands) {
      const { stdout } = await orbit([command, '--help'])
      const options = shown
        .filter((line) => line.split(' ')[0] === command)
        .flatMap((line) => line.match(/--[a-z-]+/g) ?? [])
      for (const option of options) expect(stdout).toContain(`    ${option} `)
    }
  })

  it('is built as an executable file', () => {
    expect(readFileSync(cliPath, 'utf8').split('\n', 1)[0]).toBe('#!/usr/bin/env node')
    expect(statSync(cliPath).mode & 0o111).not.toBe(0)
    expect(JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')).bin).toEqual({ orbit: 'dist/cli.js' })
  })
})

describe.runIf(isLinux)('on a terminal and in a pipe', () => {
  it('prints colours for FORCE_COLOR, and none into a pipe or with NO_COLOR', async () => {
    const name = fleetName('cli')
    await showcase(name)
    expect((await orbit(['ls'], { FORCE_COLOR: '1', NO_COLOR: '' })).stdout).toContain('\u001b[')
    expect((await orbit(['ls'], { FORCE_COLOR: '1', NO_COLOR: '1' })).stdout).not.toContain('\u001b[')
    expect((await orbit(['ls'])).stdout).not.toContain('\u001b[')
    expect((await orbit(['ls', '--json'], { FORCE_COLOR: '1' })).stdout).not.toContain('\u001b[')
  })

  it('ends without a message when the reader of its output ends', async () => {
    const name = fleetName('cli')
    const child = await showcase(name, { events: 2048 })
    await child.ask('events', 'many', 2000)
    const line = `set -o pipefail; "${process.execPath}" "${cliPath}" dump ${name} events | head -n 1; echo "$?"`
    const { stdout, stderr } = spawnSync('bash', ['-c', line], { encoding: 'utf8' })
    expect(stderr).toBe('')
    expect(stdout).toMatch(/orders\.created.*\n0\n$/)
  })
})
