// Damaged, stale and foreign objects: what the commands report, what doctor advises, and what gc removes.
import { spawnSync } from 'node:child_process'
import { chmodSync, chownSync, statSync, truncateSync, writeFileSync } from 'node:fs'
import { basename } from 'node:path'
import { describe, expect, it } from 'vitest'
import { beatAt, fleetAt, ObjectFile, objectAt, recordAt, ringAt, ringHeaderAt } from '../help/bytes.js'
import { fleetName, objectPath, objectsOf, shmFolder } from '../help/fleets.js'
import { bytesOf, cliPath, jsonOf, looks, orbit, orbitJson, showcase, size, title } from '../help/orbit.js'
import { generator, newSeed } from '../help/random.js'
import { canRun, isLinux, root } from '../help/system.js'

describe.runIf(isLinux)('orbit on a damaged fleet', () => {
  const damages: { what: string; code: number; error: string; message: RegExp; damage: (file: ObjectFile) => void }[] =
    [
      {
        what: 'a foreign magic',
        code: 4,
        error: 'ERR_ORBIT_LAYOUT_MISMATCH',
        message: /magic=0x0{15}7/,
        damage: (file) => file.setU64(objectAt.magic, 7n),
      },
      {
        what: 'another layout version',
        code: 4,
        error: 'ERR_ORBIT_LAYOUT_MISMATCH',
        message: /layoutVersion=9/,
        damage: (file) => file.setU32(objectAt.layoutVersion, 9),
      },
      {
        what: 'a length that is not its own',
        code: 1,
        error: 'ERR_ORBIT_CORRUPT',
        message: /objectBytes=12345/,
        damage: (file) => file.setU64(objectAt.objectBytes, 12345n),
      },
      {
        what: 'an impossible geometry',
        code: 1,
        error: 'ERR_ORBIT_CORRUPT',
        message: /does not agree/,
        damage: (file) => file.setU32(ringHeaderAt.capacity, 3),
      },
      {
        what: "a removed fleet's id",
        code: 4,
        error: 'ERR_ORBIT_TYPE_MISMATCH',
        message: /fleetId=/,
        damage: (file) => file.setU64(objectAt.fleetId, 7n),
      },
    ]

  it.each(damages)('exits with code $code for a ring with $what, and shows the other rings', async (each) => {
    const name = fleetName('cli')
    await (await showcase(name)).kill()
    {
      using file = new ObjectFile(objectPath(name, 7))
      each.damage(file)
    }
    const before = bytesOf(name)
    for (const args of [
      ['dump', name, '7'],
      ['stat', name, '7'],
      ['tail', name, '7', '--limit', '1'],
    ]) {
      const plain = await orbit(args)
      expect(plain).toMatchObject({ code: each.code, stdout: '' })
      expect(plain.stderr).toMatch(each.message)
      expect(plain.stderr, 'no stack').not.toContain('    at ')
      const json = await orbit([...args, '--json'])
      expect(jsonOf('error', json.stderr).error).toMatchObject({ code: each.error, exitCode: each.code })
    }
    const stat = await orbitJson('stat', ['stat', name, '--rate-ms', '0'], each.code)
    expect(stat.rings.map(({ kind }: { kind: number }) => kind)).toEqual([12, 200, 220, 222])
    expect(stat.problems).toMatchObject([{ object: 'KIND 7', code: each.error }])
    const { fleets } = await orbitJson('ls', ['ls'])
    const problems = fleets.find(({ fleet }: { fleet: string }) => fleet === name).problems
    expect(problems).toMatchObject([{ code: each.error }])
    expect((await orbit(['dump', name, 'events'])).code).toBe(0)
    expect((await orbit(['doctor', name])).code).toBe(1)
    expect(bytesOf(name)).toEqual(before)
    expect((await orbit(['rm', name, '7'])).code).toBe(0)
  })

  it.each(damages.slice(0, 3).filter(({ what }) => what !== 'another layout version'))(
    'exits with code $code for a fleet object with $what, which only rm --force removes',
    async (each) => {
      const name = fleetName('cli')
      await (await showcase(name)).kill()
      {
        using file = new ObjectFile(objectPath(name, 'fleet'))
        each.damage(file)
      }
      const before = bytesOf(name)
      for (const command of ['stat', 'nodes', 'cache', 'claims', 'tail']) {
        expect(await orbit([command, name]), command).toMatchObject({ code: each.code, stdout: '' })
      }
      const { fleets } = await orbitJson('ls', ['ls'])
      const ours = fleets.find(({ fleet }: { fleet: string }) => fleet === name)
      expect(ours).toMatchObject({ state: 'damaged', problems: [{ code: each.error }] })
      expect(await orbit(['doctor', name])).toMatchObject({ code: 1 })
      expect((await orbitJson('gc', ['gc', name], 1)).problems).toMatchObject([{ object: name, code: each.error }])
      expect(await orbit(['rm', name])).toMatchObject({ code: each.code })
      expect(bytesOf(name)).toEqual(before)
      expect((await orbit(['rm', name, '--force'])).code).toBe(0)
      expect(objectsOf(name)).toEqual([])
    },
  )

  it('removes a dead fleet of another layout version with gc', async () => {
    const name = fleetName('cli')
    await (await showcase(name)).kill()
    {
      using file = new ObjectFile(objectPath(name, 'fleet'))
      file.setU32(objectAt.layoutVersion, 9)
    }
    const { removed, problems } = await orbitJson('gc', ['gc', name])
    expect(problems).toEqual([])
    expect(removed).toContain(basename(objectPath(name, 'fleet')))
    expect(objectsOf(name)).toEqual([])
  })

  it('keeps a living fleet of another layout version', async () => {
    const name = fleetName('cli')
    await showcase(name)
    {
      using file = new ObjectFile(objectPath(name, 'fleet'))
      file.setU32(objectAt.layoutVersion, 9)
    }
    const before = objectsOf(name)
    expect(await orbitJson('gc', ['gc', name])).toMatchObject({ live: [name], removed: [], problems: [] })
    expect(await orbit(['rm', name])).toMatchObject({ code: 1, stderr: expect.stringContaining('living members') })
    expect(objectsOf(name)).toEqual(before)
  })

  it('names a truncated object, an empty one, and one with a wrong mode', async () => {
    const name = fleetName('cli')
    await (await showcase(name)).kill()
    truncateSync(objectPath(name, 7), 1000)
    truncateSync(objectPath(name, 12), 10)
    writeFileSync(objectPath(name, 99), '', { mode: 0o600 })
    chmodSync(objectPath(name, 200), 0o666)
    expect(await orbit(['dump', name, '7'])).toMatchObject({ code: 1, stdout: '' })
    expect(await orbit(['dump', name, '12'])).toMatchObject({ code: 1, stdout: '' })
    expect(await orbit(['dump', name, '99'])).toMatchObject({ code: 3, stdout: '' })
    expect(await orbit(['cache', name])).toMatchObject({ code: 5, stdout: '' })
    const { findings } = await orbitJson('doctor', ['doctor', name], 1)
    const fixes = findings.flatMap(({ fix }: { fix: string | null }) => fix ?? [])
    expect(fixes).toContain(`chmod 600 ${objectPath(name, 200)}`)
    expect(fixes).toContain(`orbit rm ${name} 99 --force`)
  })

  it('survives random words in every object', async () => {
    const next = generator(newSeed('orbit on random words'))
    for (let round = 0; round < 6; round++) {
      const name = fleetName('cli')
      await (await showcase(name)).kill()
      for (const what of [7, 12, 200, 220, 222, 'fleet'] as const) {
        using file = new ObjectFile(objectPath(name, what))
        const length = statSync(objectPath(name, what)).size
        // In most rounds the header is kept: without it no object can be opened.
        const first = round === 0 ? 0 : what === 'fleet' ? fleetAt.records : 192
        for (let i = 0; i < 300; i++) {
          const words = Buffer.alloc(8)
          words.writeUInt32LE(next(2 ** 32 - 1), 0)
          words.writeUInt32LE(next(2) * next(2 ** 32 - 1), 4)
          file.setBytes(first + 8 * next(Math.floor((length - first) / 8)), words)
        }
      }
      const before = bytesOf(name)
      const look = async (args: string[]) => {
        const { code, stderr } = await orbit(args)
        expect([0, 1, 3, 4], `${title(args, name)}: ${stderr}`).toContain(code)
        expect(stderr).not.toContain('    at ')
      }
      await Promise.all(looks(name).flatMap(([schema, args]) => (schema === 'tail' ? [] : [look(args)])))
      expect(bytesOf(name)).toEqual(before)
    }
  })

  it('shows damaged frames as lost, in their place', async () => {
    const name = fleetName('cli')
    await (await showcase(name)).kill()
    const ring = ringAt({ capacity: 8, payloadBytes: 64 }, size)
    {
      using file = new ObjectFile(objectPath(name, 7))
      const chunk = Number(file.u64(ring.slot(5)) & 0xfffffn)
      file.setU64(ring.chunk(chunk), 7n)
    }
    const { items } = await orbitJson('dump', ['dump', name, '7'])
    expect(items[0]).toEqual({ item: 'loss', from: 2, to: 10, lost: 0, malformed: 1 })
    expect(items.slice(1).map(({ position }: { position: number }) => position)).toEqual([2, 3, 4, 6, 7, 8, 9])
    expect((await orbit(['dump', name, '7', '--from', '0'])).stdout).toMatch(
      /lost: 2 frames overwritten, 1 frame damaged/,
    )
  })
})

describe.runIf(isLinux)('orbit doctor', () => {
  const doctor = async (name: string, code: number) => {
    const { findings } = await orbitJson('doctor', ['doctor', name], code)
    return (check: string) => findings.filter((each: { check: string }) => each.check === check)
  }

  it('examines space, limits, systemd and namespaces of the host', async () => {
    const name = fleetName('cli')
    await showcase(name)
    const found = await doctor(name, 0)
    for (const check of ['shm-space', 'memory-limit', 'remove-ipc', 'namespaces', 'fleet']) {
      expect(found(check), check).toHaveLength(1)
    }
    expect(found('namespaces')[0].found).toMatch(/^pid:\[\d+\] ipc:\[\d+\] mnt:\[\d+\]$/)
  })

  it('names a member without a recent heartbeat', async () => {
    const name = fleetName('cli')
    const { pid } = await showcase(name)
    using file = new ObjectFile(objectPath(name, 'fleet'))
    file.setU64(fleetAt.records + recordAt.beat(1) + beatAt.monotonicMs, 1n)
    const found = await doctor(name, 1)
    expect(found('stale-heartbeat')).toMatchObject([{ level: 'problem', fix: `kill -CONT ${pid}, if it is stopped` }])
    expect((await orbit(['doctor', name])).stdout).toMatch(
      /PROBLEM +node 0 \(pid \d+, worker \\x1b\[31m0\) is alive, but has sent no heartbeat for \d+ [a-z]+/,
    )
  })

  it('names lost spare chunks, missed wakes, a damaged contest, a stale FIFO, and a pid of another namespace', async () => {
    const name = fleetName('cli')
    await showcase(name)
    using fleet = new ObjectFile(objectPath(name, 'fleet'))
    fleet.setU32(fleetAt.records + recordAt.pid, 2 ** 31 - 1)
    using log = new ObjectFile(objectPath(name, 7))
    log.setU64(ringAt({ capacity: 8, payloadBytes: 64 }, size).burned, 4n)
    log.setU64(ringAt({ capacity: 8, payloadBytes: 64 }, size).missedWakes, 2n)
    using contest = new ObjectFile(objectPath(name, 222))
    contest.setU64(ringAt({ capacity: 8, payloadBytes: 64 }, size).slot(0), 0xfffffn)
    spawnSync('mkfifo', ['-m', '600', objectPath(name, 'fleet').replace('-fleet-', '-5-').concat('.bell')])
    const found = await doctor(name, 1)
    expect(found('burned')).toMatchObject([{ level: 'problem', found: 'KIND 7: 4 of 4 spare chunks are lost' }])
    expect(found('missed-wakes')).toMatchObject([
      {
        level: 'warning',
        found: 'KIND 7: 2 sleeping readers could not be woken',
        fix: expect.stringContaining('ulimit'),
      },
    ])
    expect(found('contest')).toMatchObject([{ level: 'problem', fix: `orbit rm ${name} 222 --force` }])
    expect(found('stale-bell')).toMatchObject([{ level: 'warning', fix: null }])
    expect(found('pid-namespace')).toMatchObject([{ level: 'note' }])
    expect((await orbitJson('stat', ['stat', name, '222', '--rate-ms', '0'])).rings[0].table.damagedBuckets).toBe(1)
  })

  it('names an object that belongs to another user', async (context) => {
    if (process.geteuid?.() !== 0) return context.skip('only root can give files away')
    const name = fleetName('cli')
    await showcase(name)
    chownSync(objectPath(name, 7), 1, 1)
    const found = await doctor(name, 1)
    expect(found('foreign-object')).toMatchObject([{ fix: `sudo rm ${objectPath(name, 7)}` }])
    expect(await orbit(['dump', name, '7'])).toMatchObject({ code: 5, stdout: '' })
  })
})

describe.runIf(isLinux)('orbit gc', () => {
  it('removes all dead fleets and no live one, and persistent ones only with --yes', async (context) => {
    const mount = `mount -t tmpfs -o size=4m tmpfs ${shmFolder}`
    const through = [
      ['unshare', '-m'],
      ['unshare', '-rm'],
    ].find(([first = '', ...rest]) => canRun(first, ...rest, 'sh', '-c', mount))
    if (through === undefined) return context.skip('mounting in a new namespace is not permitted')
    const dead = `import('${root}dist/index.js').then(({ Fleet }) => { Fleet.joinShm(process.argv[1], { size: 2, lifetime: process.argv[2] ?? 'fleet' }); process.kill(process.pid, 'SIGKILL') })`
    const live = `import('${root}dist/index.js').then(({ Fleet }) => { Fleet.joinShm('live', { size: 2 }); console.log('up'); setInterval(() => {}, 1e6) })`
    const script = [
      mount,
      `node() { '${process.execPath}' "$@"; }`,
      ...['dead.1', 'dead.2'].map((name) => `node -e "${dead}" ${name}`),
      `node -e "${dead}" lasting persistent`,
      `mkfifo ${shmFolder}/up`,
      `'${process.execPath}' -e "${live}" > ${shmFolder}/up &`,
      `read up < ${shmFolder}/up`,
      `node '${cliPath}' gc --json`,
      `node '${cliPath}' gc 2>&1`,
      `node '${cliPath}' gc --json --yes`,
      `node '${cliPath}' ls --names`,
      'kill -9 $!',
    ].join('\n')
    const [command = '', ...rest] = [...through, 'bash', '-c', script]
    const { stdout } = spawnSync(command, rest, { encoding: 'utf8' })
    const [swept = '', note, none, again = '', ...left] = stdout.trimEnd().split('\n')
    const { removed, live: passed, kept } = jsonOf('gc', swept)
    expect([kept, note, none]).toEqual([
      ['lasting'],
      'orbit: persistent fleet lasting is kept: pass --yes, or its name',
      'nothing to remove',
    ])
    expect(jsonOf('gc', again).removed).toEqual([`orbit-lasting-fleet-${process.geteuid?.()}`])
    expect(removed.map((file: string) => file.replace(/-\d+$/, ''))).toEqual([
      'orbit-dead.1-fleet',
      'orbit-dead.2-fleet',
    ])
    expect(passed).toEqual(['live'])
    expect(left).toEqual(['live'])
  })
})
