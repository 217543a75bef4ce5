// orbit web, which needs the package of packages/web.
import { cpSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { fleetName, joinShm, plant } from '../help/fleets.js'
import { cliPath, jsonOf, orbit } from '../help/orbit.js'
import { Running } from '../help/running.js'
import { canRun, isLinux, root } from '../help/system.js'

describe.runIf(isLinux)('orbit web', () => {
  it('serves the page of orbit-web until Ctrl-C', async () => {
    const name = fleetName('web')
    joinShm(name, { size: 1 })
    const web = new Running(['web', name, '--port', '0', '--json'])
    const { url } = jsonOf('web', (await web.line()) as string)
    expect((await fetch(url)).status).toBe(200)
    expect((await fetch(new URL('/', url))).status).toBe(401)
    web.process.kill('SIGINT')
    expect(await web.ended).toBe(0)
    expect(await orbit(['web', 'no.such.fleet'])).toMatchObject({ code: 3, stdout: '' })
  })

  it('names the package where it is not installed', () => {
    const folder = plant(join(tmpdir(), `orbit-alone-${process.pid}`))
    cpSync(join(cliPath, '..'), join(folder, 'dist'), { recursive: true })
    cpSync(join(root, 'package.json'), join(folder, 'package.json'))
    const addon = join(root, 'build/Release/orbit.node')
    const script = `ORBIT_NATIVE_PATH='${addon}' '${process.execPath}' '${folder}/dist/cli.js' web 2>&1 | grep 'npx orbit-web'`
    expect(canRun('sh', '-c', script)).toBe(true)
  })
})
