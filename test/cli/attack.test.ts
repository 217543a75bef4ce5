import { spawn, spawnSync } from 'node:child_process'
import { closeSync, mkdirSync, openSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { describe, expect, it, onTestFinished } from 'vitest'
import { Output } from '../../src/cli/output.js'
import { tableLines } from '../../src/cli/table.js'
import { Fleet, OrbitEventBus, orbitType } from '../../src/index.js'
import { podOfSchema } from '../../src/pod/schema.js'
import { fleetName, joinShm, objectPath, plant, shmFolder } from '../help/fleets.js'
import { cliPath, orbit, orbitJson } from '../help/orbit.js'
import { Running } from '../help/running.js'
import { canRun, isLinux, root } from '../help/system.js'

const isRoot = process.geteuid?.() === 0
const uid = process.geteuid?.() ?? 0

function busOf(name: string, ...payloads: string[]): void {
  const bus = new OrbitEventBus(joinShm(name, { size: 4 }), { capacity: 8, payloadBytes: 50_000 })
  for (const payload of payloads) bus.publish('topic', payload)
}

describe.runIf(isLinux)('orbit dump of hostile payloads', () => {
  it('shows deeply nested JSON as text', async () => {
    const name = fleetName()
    const deep = '['.repeat(20_000) + ']'.repeat(20_000)
    busOf(name, deep)
    expect((await orbit(['dump', name, 'events'])).stdout).toContain(deep)
    const { items } = await orbitJson('dump', ['dump', name, 'events'])
    expect(items).toMatchObject([{ format: 'text', payload: deep }])
  })

  it('shows JSON as text when a number in it would be rounded', async () => {
    const name = fleetName()
    const texts = ['{"id":12345678901234567890}', '[1e400]', '{"id":9007199254740991,"half":0.5}']
    busOf(name, ...texts)
    const { items } = await orbitJson('dump', ['dump', name, 'events'])
    expect(items).toMatchObject([
      { format: 'text', payload: texts[0] },
      { format: 'text', payload: texts[1] },
      { format: 'json', payload: { id: 9007199254740991, half: 0.5 } },
    ])
  })

  it('escapes every character that a terminal could interpret, even in JSON', async () => {
    const name = fleetName()
    const text = 'a\u009b31m\u061c\u00ad\u2060\u206a\u{e0041}b'
    busOf(name, text)
    for (const args of [
      ['dump', name, 'events'],
      ['dump', name, 'events', '--json'],
      ['tail', name, '--from', 'start', '--limit', '1', '--json'],
    ]) {
      const { stdout } = await orbit(args)
      expect(stdout, args.join(' ')).toMatch(/^[\n\x20-\x7e]+$/)
    }
    const { items } = await orbitJson('dump', ['dump', name, 'events'])
    expect(items).toMatchObject([{ payload: text }])
  })

  it('rejects a schema with too many nested arrays', () => {
    expect(podOfSchema(`{"a":u8${'[1]'.repeat(10)}}`)?.byteLength).toBe(1)
    expect(podOfSchema(`{"a":u8${'[1]'.repeat(1000)}}`)).toBeUndefined()
  })
})

describe.runIf(isLinux)('orbit', () => {
  it('prints a table of 200,000 rows', () => {
    const rows = Array.from({ length: 200_000 }, (_, i) => i)
    const lines = tableLines(new Output(false), [{ title: 'ROW', text: String }], rows)
    expect(lines.length).toBe(rows.length + 1)
  })

  it('advises rm -r for a link and for a folder', async () => {
    const name = fleetName()
    const [link, folder] = [1, 2].map((kind) => plant(objectPath(name, kind))) as [string, string]
    symlinkSync('/etc/passwd', link)
    mkdirSync(folder)
    const { findings } = await orbitJson('doctor', ['doctor', name], 1)
    const fixes = findings.filter(({ check }: { check: string }) => check === 'object')
    expect(fixes).toMatchObject([{ fix: `rm -r ${link}` }, { fix: `rm -r ${folder}` }])
  })

  it('finds no ring by the name of an inherited property', async () => {
    const name = fleetName()
    joinShm(name, { size: 1 })
    for (const kind of ['constructor', '__proto__', 'toString']) {
      expect(await orbit(['stat', name, kind, '--rate-ms', '0'])).toMatchObject({ code: 3 })
      expect(await orbit(['tail', name, kind])).toMatchObject({ code: 3 })
    }
  })

  it('ignores files with names that orbit never writes', async () => {
    const name = fleetName()
    for (const rest of [`300-${uid}`, `007-${uid}`, `7-0${uid}`, `65536-${uid}.bell`]) {
      writeFileSync(plant(`${shmFolder}/orbit-${name}-${rest}`), '')
    }
    expect((await orbit(['ls', '--names'])).stdout.split('\n')).not.toContain(name)
    expect(await orbit(['gc', name, '--dry-run'])).toMatchObject({ code: 3 })
    expect(await orbit(['rm', name, '--force'])).toMatchObject({ code: 3 })
  })

  it('reports in one line that a port is in use', async () => {
    const name = fleetName()
    joinShm(name, { size: 1 })
    const server = createServer()
    onTestFinished(() => void server.close())
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    const { port } = server.address() as { port: number }
    const { code, stderr } = await orbit(['serve-metrics', name, '--port', String(port)])
    expect(code).toBe(1)
    expect(stderr).toMatch(/^orbit: .*EADDRINUSE.*\n$/)
  })

  it('reports in one line that its output is full', () => {
    const full = openSync('/dev/full', 'w')
    const { status, stderr } = spawnSync(process.execPath, [cliPath, '--version'], { stdio: ['ignore', full, 'pipe'] })
    closeSync(full)
    expect({ status, stderr: String(stderr) }).toEqual({
      status: 1,
      stderr: expect.stringMatching(/^orbit: ENOSPC.*\n$/),
    })
  })

  it('prints its version', async () => {
    const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'))
    expect(await orbit(['--version'])).toEqual({ code: 0, stdout: `${version}\n`, stderr: '' })
    expect((await orbit(['--help'])).stdout).toContain('orbit --version')
  })

  it('prints its version and its help without an addon', async () => {
    const env = { ORBIT_NATIVE_PATH: '/nowhere/orbit.node' }
    for (const args of [['--version'], ['--help'], ['ls', '--help']]) {
      expect(await orbit(args, env), args.join(' ')).toEqual(await orbit(args))
    }
  })

  it('reports in one line that the addon cannot be opened', async () => {
    const env = { ORBIT_NATIVE_PATH: '/nowhere/orbit.node' }
    for (const args of [['ls'], ['doctor'], ['gc']]) {
      const { code, stdout, stderr } = await orbit(args, env)
      expect({ code, stdout }, args[0]).toEqual({ code: 1, stdout: '' })
      expect(stderr).toMatch(/^orbit: no native addon for .*\/nowhere\/orbit\.node: .*\n$/)
    }
    const { stderr } = await orbit(['ls', '--json'], env)
    expect(JSON.parse(stderr).error).toMatchObject({ code: 'ERR_ORBIT_NATIVE', exitCode: 1 })
  })

  it('examines the host for a user without a name', (context) => {
    if (!isRoot || !canRun('setpriv', '--version')) context.skip('needs root and setpriv')
    const doctor = [process.execPath, cliPath, 'doctor', '--json']
    const { stdout, stderr } = spawnSync('setpriv', ['--reuid', '54321', '--clear-groups', ...doctor], {
      encoding: 'utf8',
    })
    expect(stderr).toBe('')
    expect(JSON.parse(stdout).findings).toContainEqual(expect.objectContaining({ check: 'remove-ipc', level: 'ok' }))
  })

  it('reports that it may not list /dev/shm, instead of finding no fleets', (context) => {
    const mount = `mount -t tmpfs -o size=1m,mode=1711 tmpfs ${shmFolder}`
    const canMount = isRoot && canRun('setpriv', '--version') && canRun('unshare', '-m', 'sh', '-c', mount)
    if (!canMount) context.skip('needs root, setpriv and a mount namespace')
    const there = (command: string) => {
      const orbit = `exec setpriv --reuid 54321 --clear-groups '${process.execPath}' '${cliPath}' ${command}`
      return spawnSync('unshare', ['-m', 'sh', '-c', `${mount} && ${orbit}`], { encoding: 'utf8' })
    }
    const { status, stdout, stderr } = there('ls')
    expect({ status, stdout }).toEqual({ status: 5, stdout: '' })
    expect(stderr).toMatch(new RegExp(`^orbit: ${shmFolder} cannot be listed: .*[Pp]ermission denied`))
    const doctor = there('doctor --json')
    expect({ status: doctor.status, stderr: doctor.stderr }).toEqual({ status: 1, stderr: '' })
    expect(JSON.parse(doctor.stdout).findings).toContainEqual(
      expect.objectContaining({ check: 'shm-list', level: 'problem', fix: `chmod 1777 ${shmFolder}` }),
    )
  })

  it('ends a tail when another fleet takes the name', async () => {
    for (const hasRing of [false, true]) {
      const name = fleetName()
      joinShm(name, { size: 1 })
      const tail = new Running(['tail', name, '7'])
      await tail.maps(objectPath(name, 'fleet'))
      Fleet.remove(name, { force: true })
      const namesake = joinShm(name, { size: 1 })
      if (hasRing) namesake.publish(orbitType({ name: 'New', kind: 7, capacity: 4, payloadBytes: 8 }), Buffer.from('x'))
      expect(await tail.ended, `has a ring: ${hasRing}`).toBe(3)
    }
  })

  it('ends a tail on SIGTERM even if its output is not read', async () => {
    const name = fleetName()
    busOf(name, ...Array<string>(8).fill('x'.repeat(49_000)))
    const child = spawn(process.execPath, [cliPath, 'tail', name, '--from', 'start'])
    onTestFinished(() => void child.kill('SIGKILL'))
    await new Promise((resolve) => child.stdout.once('readable', resolve)) // and the test reads nothing
    const ended = new Promise((resolve) => child.once('exit', (code, signal) => resolve([code, signal])))
    child.kill('SIGTERM')
    expect(await ended).toEqual([0, null])
  })
})
