// orbit actors and orbit stuck, which need the package of packages/actors, and what other commands show of its
// processes.
import { cpSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { dataFolder, drivers } from '../../packages/actors/test/help/stores.js'
import { type Fleet, Presence } from '../../src/index.js'
import { fleetName, joinShm, plant } from '../help/fleets.js'
import { cliPath, orbit, orbitJson } from '../help/orbit.js'
import { type Child, start } from '../help/processes.js'
import { canRun, isLinux, root } from '../help/system.js'
import { Terminal, terminalOrSkip } from '../help/terminal.js'

async function host(fleet: string): Promise<Child> {
  const child = start('../../packages/actors/test/fixtures/host.mjs', [fleet])
  expect(await child.next()).toEqual(['ready', child.pid])
  return child
}

/** What top says about processes with actors. */
const sampleOf = async (fleet: string) =>
  (await orbitJson('top', ['top', fleet, '--limit', '1'])).fleets[0].actors as { active: number; oldestMs: number }[]

/** A process that says so many calls wait, as the package would. */
function sayWaiting(fleet: Fleet, system: string, oldestMs: number): Presence {
  const presence = new Presence(fleet, { name: `actors.${system}`, capacity: 256, entryBytes: 1024 })
  const counts = { partitions: 16, active: 7, waiting: 3, oldestMs, callsPerSecond: 0 }
  presence.set(`${fleet.node}.${fleet.incarnation}`, { counts })
  return presence
}

describe.runIf(isLinux)('orbit top and orbit doctor', () => {
  it('show a process whose actors have calls that wait for long', async (context) => {
    terminalOrSkip(context)
    const name = fleetName('actors-top')
    const fleet = joinShm(name)
    sayWaiting(fleet, 'shop', 12_345)
    const terminal = new Terminal(`'${process.execPath}' '${cliPath}' top ${name} --interval-ms 50`, { columns: 120 })
    const screen = await terminal.shows(/ shop +0 +16 +0 +7 +3 +12/)
    expect(screen).toMatch(/ ACTORS +NODE +PARTITIONS +CALLS.S +ACTIVE +WAITING +OLDEST/)
    const { findings } = await orbitJson('doctor', ['doctor', name])
    expect(findings).toContainEqual({
      level: 'warning',
      check: 'actors-waiting',
      fleet: name,
      found: expect.stringMatching('actors shop, node 0: 3 calls waiting, for 12'),
      meaning: expect.any(String),
      fix: `orbit stuck ${name} --name shop`,
    })
  })

  it('print no name with signs of a shell in a command', async () => {
    const name = fleetName('actors-shell')
    sayWaiting(joinShm(name), 'shop; ls', 12_345)
    const { findings } = await orbitJson('doctor', ['doctor', name])
    const [{ fix }] = findings.filter(({ check }: { check: string }) => check === 'actors-waiting')
    expect(fix).toBe(`orbit stuck ${name} --name NAME`)
  })

  it('take entries of other programs for zeros, or leave them out', async () => {
    const name = fleetName('actors-foreign')
    const [fleet, other] = [joinShm(name), joinShm(name)]
    const id = `${fleet.node}.${fleet.incarnation}`
    const presence: Presence<unknown> = sayWaiting(fleet, 'a', 0)
    presence.set('1.1', 'of another process')
    new Presence(other, { name: 'actors.a' }).set(id, 'of another process')
    const zeros = { partitions: 0, active: 0, waiting: 0, oldestMs: 0, callsPerSecond: 0 }
    for (const value of [null, { counts: null }, { counts: { active: 1e300, waiting: -3, oldestMs: 'x' } }]) {
      presence.set(id, value)
      expect(await sampleOf(name)).toMatchObject([{ system: 'a', node: 0, ...zeros }])
    }
    // More than the package ever has.
    new Presence(fleet, { name: 'actors.b', capacity: 2048 }).set(id, { counts: { active: 1 } })
    expect(await sampleOf(name)).toHaveLength(1)
  })
})

describe.runIf(isLinux)('orbit actors', () => {
  it('shows processes, their actors, and the calls that wait and run', async () => {
    const name = fleetName('actors-cli')
    const child = await host(name)
    expect(await child.ask('hold', 'lobby')).toEqual(['begin', 'lobby', expect.any(Number)])
    expect(await child.next()).toEqual(['run', 'lobby', 'x'])
    expect(await child.next()).toEqual(['held'])
    const { hosts, orphans } = await orbitJson('actors', ['actors', name])
    expect(orphans).toEqual([])
    expect(hosts).toMatchObject([{ report: { pid: child.pid, active: 1, running: 1, waiting: 1 } }])
    expect((await orbit(['actors', name])).stdout).toMatch(/HOST.*\n.*16 +1 +1 +1 +2\n/)
    expect((await orbit(['actors', name, 'Room'])).stdout).toMatch(/Room +lobby +\d+ +1 +1 /)
    expect((await orbit(['actors', name, 'Room', 'attic'])).stdout).toBe('no such actor is active\n')
    const { waits, silent } = await orbitJson('stuck', ['stuck', name, '--for-ms', '0'])
    expect(silent).toEqual([])
    expect(
      waits.map(({ actor, method, state }: Record<string, string>) => `${actor} ${method} ${state}`).sort(),
    ).toEqual(['Room/lobby hold running', 'Room/lobby where waiting'])
    expect((await orbit(['stuck', name, '--for-ms', '0'])).stdout).toMatch(/Room\/lobby +hold +running /)
    expect((await orbit(['stuck', name, '--for-ms', '3600000'])).stdout).toBe('no call waits or runs for 1 h\n')
    const counts = { system: 'default', partitions: 16, active: 1, waiting: 1 }
    let shown: { active: number; oldestMs: number } | undefined
    while (shown?.active !== 1) shown = (await sampleOf(name))[0] // it says so once a second
    expect(shown).toMatchObject(counts)
    expect(shown.oldestMs).toBeGreaterThan(0)
    await child.stop()
    expect(await sampleOf(name)).toMatchObject([counts])
    const blocked = await orbitJson('stuck', ['stuck', name, '--for-ms', '0'])
    expect(blocked).toMatchObject({ waits: [], silent: [hosts[0].id] })
  })

  it.skipIf(drivers.length === 0)('shows what is kept of each partition, and has it copied', async () => {
    const [name, folder, copy] = [fleetName('actors-state'), dataFolder(), join(dataFolder(), 'copy')]
    const child = start('../../packages/actors/test/fixtures/durablehunter.mjs', [name, folder, 'normal'])
    expect(await child.next()).toEqual(['ready'])
    let states: { bytes: number; commits: number }[] = []
    while (states.length < 16) {
      const { hosts } = await orbitJson('actors', ['actors', name, '--state'])
      states = hosts[0]?.state ?? []
    }
    expect(states[0]).toMatchObject({ partition: 0, actors: 0, alarms: 0, messages: 0, commits: 0, meanMs: 0 })
    const listed = await orbit(['actors', name, '--state'])
    expect(listed.stdout).toMatch(/PART +PID +ACTORS +ALARMS +NEXT +OUTBOX.*\n +0 +\d+ +0 +0 +- +0 +0 +[\d.]+ KiB/)
    const { backup } = await orbitJson('actors', ['actors', name, '--backup', copy])
    expect([backup.folder, backup.bytes]).toEqual([copy, expect.any(Number)])
    const again = await orbit(['actors', name, '--backup', copy])
    expect(again).toMatchObject({ code: 1, stderr: expect.stringMatching(/0\.db exists: back up into a new folder/) })
  })

  it('exits with code 3 when there is no such fleet', async () => {
    for (const command of ['actors', 'stuck']) {
      expect(await orbit([command, 'no.such.fleet'])).toMatchObject({ code: 3, stdout: '' })
    }
  })

  it('names the package where it is not installed', () => {
    const folder = plant(join(tmpdir(), `orbit-no-actors-${process.pid}`))
    cpSync(join(cliPath, '..'), join(folder, 'dist'), { recursive: true })
    cpSync(join(root, 'package.json'), join(folder, 'package.json'))
    const addon = join(root, 'build/Release/orbit.node')
    const name = fleetName('no-actors')
    const join_ = `import('${root}/dist/index.js').then(({ Fleet }) => Fleet.joinShm('${name}', { lifetime: 'persistent' }).close())`
    expect(canRun(process.execPath, '-e', join_)).toBe(true)
    const script = `ORBIT_NATIVE_PATH='${addon}' '${process.execPath}' '${folder}/dist/cli.js' actors ${name} 2>&1 | grep 'npm install orbit-actors'`
    expect(canRun('sh', '-c', script)).toBe(true)
  })
})
