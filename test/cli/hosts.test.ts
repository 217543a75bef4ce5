// orbit hosts, which needs the package of packages/bridge. What it shows of connected hosts is tested there.
import { cpSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { fleetName, joinShm, plant } from '../help/fleets.js'
import { cliPath, orbit } from '../help/orbit.js'
import { canRun, isLinux, root } from '../help/system.js'

describe.runIf(isLinux)('orbit hosts', () => {
  it('reports a fleet without a bridge, and refuses one that does not exist', async () => {
    const name = fleetName('hosts')
    joinShm(name)
    const { code, stdout } = await orbit(['hosts', name])
    expect({ code, stdout }).toMatchObject({ code: 1, stdout: expect.stringMatching(/^problem: no process holds/) })
    const { findings } = JSON.parse((await orbit(['hosts', name, '--json'])).stdout)
    expect(findings).toMatchObject([{ check: 'bridge-absent' }])
    expect(await orbit(['hosts', 'no.such.fleet'])).toMatchObject({ code: 3, stdout: '' })
  })

  it('names the package where it is not installed', () => {
    const folder = plant(join(tmpdir(), `orbit-no-bridge-${process.pid}`))
    cpSync(join(cliPath, '..'), join(folder, 'dist'), { recursive: true })
    cpSync(join(root, 'package.json'), join(folder, 'package.json'))
    const name = fleetName('hosts')
    joinShm(name)
    const addon = join(root, 'build/Release/orbit.node')
    const command = `ORBIT_NATIVE_PATH='${addon}' '${process.execPath}' '${folder}/dist/cli.js' hosts ${name}`
    expect(canRun('sh', '-c', `${command} 2>&1 | grep 'npm install orbit-bridge'`)).toBe(true)
  })
})
