// orbit actors and orbit stuck, which need the package of packages/actors.
import { cpSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { fleetName, plant } from '../help/fleets.js'
import { cliPath, orbit, orbitJson } from '../help/orbit.js'
import { type Child, start } from '../help/processes.js'
import { canRun, isLinux, root } from '../help/system.js'

async function host(fleet: string): Promise<Child> {
  const child = start('../../packages/actors/test/fixtures/host.mjs', [fleet])
  expect(await child.next()).toEqual(['ready', child.pid])
  return child
}

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
    await child.stop()
    const blocked = await orbitJson('stuck', ['stuck', name, '--for-ms', '0'])
    expect(blocked).toMatchObject({ waits: [], silent: [hosts[0].id] })
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
