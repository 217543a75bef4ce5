import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it, onTestFinished } from 'vitest'
import { array, Contest, codecs, Fleet, Orbital, orbitType, pod, TypedCache, text } from '../../src/index.js'
import { fleetName } from '../help/fleets.js'
import { cliPath, showcase } from '../help/orbit.js'
import { start } from '../help/processes.js'
import { isLinux, isSanitized, root } from '../help/system.js'

/** Its name was another one when it was an experiment. */
const permission = process.allowedNodeEnvironmentFlags.has('--permission')
  ? '--permission'
  : '--experimental-permission'
const strings = '--disallow-code-generation-from-strings'

const busyPod = pod({ busy: 'u32', total: 'bigu64', at: pod({ x: 'f64' }), recent: array('u16', 3), note: text(8) })
const WorkerLoad = orbitType({ name: 'WorkerLoad', kind: 12, capacity: 16, pod: busyPod })
const load = { busy: 3, total: 2n ** 60n, at: { x: 1.5 }, recent: [1, 2, 3], note: 'hé' }
const facts = orbitType({ name: 'facts', kind: 7, capacity: 64, payloadBytes: 16 })

/** Runs `orbit` under options of Node. */
function orbitUnder(nodeOptions: string[], ...args: string[]) {
  const options = { encoding: 'utf8', env: { ...process.env, NODE_NO_WARNINGS: '1' } } as const
  const { status, stdout, stderr } = spawnSync(process.execPath, [...nodeOptions, cliPath, ...args], options)
  return { status, stdout, stderr }
}

describe.runIf(isLinux)('a member does all that orbit has, and is woken by another one', () => {
  const permitted = [permission, '--allow-addons', `--allow-fs-read=${root}`]
  const small = { maxOldGenerationSizeMb: 32, maxYoungGenerationSizeMb: 8, stackSizeMb: 2 }
  const cases: {
    where: string
    nodeOptions?: string[]
    limits?: object
    canGenerate?: boolean
    env?: NodeJS.ProcessEnv
  }[] = [
    { where: 'where code generation from strings is forbidden', nodeOptions: [strings], canGenerate: false },
    { where: 'under the permission model', nodeOptions: permitted },
    { where: 'in a worker under the permission model', nodeOptions: [...permitted, '--allow-worker'], limits: {} },
    { where: 'in a worker of limited resources', limits: small },
    { where: 'with frozen intrinsics', nodeOptions: ['--frozen-intrinsics'] },
    { where: 'without a compiler', nodeOptions: ['--jitless'] },
    { where: 'with source maps', env: { NODE_OPTIONS: '--enable-source-maps' } },
  ]

  it.each(cases)('$where', async ({ nodeOptions = [], limits, canGenerate = true, env = {} }) => {
    const name = fleetName('env')
    const child = start('everything.mjs', limits ? [name, limits] : [name], { nodeOptions, env })
    const { node, canGenerate: could } = await child.next<{ node: number; canGenerate: boolean }>()
    expect(could).toBe(canGenerate)

    const fleet = Fleet.joinShm(name)
    onTestFinished(() => fleet.close())
    expect(new Orbital(fleet, WorkerLoad).loadPerNode()).toEqual(new Map([[node, load]]))
    const cache = new TypedCache(fleet, { namespace: 'pod', codec: codecs.pod(busyPod) })
    expect(cache.get('key')).toEqual(load)
    expect(new Contest(fleet).tryClaim('leader', { ttlMs: 1000 })).toMatchObject({ yieldTo: { node, owner: 'child' } })

    fleet.publish(facts, Buffer.from('now'))
    expect(await child.next()).toEqual(['now'])
    expect(await child.ended, child.stderr).toEqual({ code: 0, signal: null })
  })
})

describe.runIf(isLinux)('orbit', () => {
  it('decodes pods where code generation from strings is forbidden', async () => {
    const name = fleetName('env')
    await showcase(name)
    const plain = orbitUnder([], 'dump', name, 'WorkerLoad', '--json')
    expect(plain).toMatchObject({ status: 0, stdout: expect.stringContaining('"recent"') })
    expect(orbitUnder([strings], 'dump', name, 'WorkerLoad', '--json')).toEqual(plain)
  })

  it('needs all files under the permission model, and says so instead of seeing nothing', async () => {
    const name = fleetName('env')
    await showcase(name)
    const permitted = [permission, '--allow-addons']
    const all = [...permitted, '--allow-fs-read=*']
    expect(orbitUnder(all, 'dump', name, '7')).toEqual(orbitUnder([], 'dump', name, '7'))
    expect(orbitUnder(all, 'ls', '--names').stdout.split('\n')).toContain(name)
    for (const command of [['ls'], ['doctor', name], ['dump', name, '7'], ['gc', name]]) {
      expect(orbitUnder([...permitted, `--allow-fs-read=${root}`], ...command)).toEqual({
        status: 5,
        stdout: '',
        stderr:
          'orbit: orbit cannot read the files of the system: under the permission model, run it with --allow-fs-read=*\n',
      })
    }
  })
})

describe('the addon', () => {
  it.each([
    { where: 'the permission model', nodeOptions: [permission, `--allow-fs-read=${root}`] },
    { where: '--no-addons', nodeOptions: ['--no-addons'] },
  ])('is refused by $where with an error that names the option', async ({ nodeOptions }) => {
    const child = start('everything.mjs', [fleetName('env')], { nodeOptions })
    expect(await child.heard()).toBeUndefined()
    expect(await child.ended).toEqual({ code: 1, signal: null })
    expect(child.stderr).toContain("code: 'ERR_ORBIT_NATIVE'")
    expect(child.stderr).toMatch(/this process may not load native addons: .* --allow-addons, else without --no-addons/)
  })

  // A V8 that keeps all buffers in a cage of its own, as Electron's does, aborts or refuses on memory from outside.
  it.skipIf(isSanitized)('makes no buffer of memory that is not V8`s', () => {
    const addon = readFileSync(process.env['ORBIT_NATIVE_PATH'] ?? join(root, 'build/Release/orbit.node'), 'latin1')
    const called = new Set(addon.match(/(?<=\0)(napi|node_api)_\w+(?=\0)/g))
    expect(called).toContain('napi_get_arraybuffer_info')
    expect([...called].filter((name) => /external_(arraybuffer|buffer)|external_string/.test(name))).toEqual([])
  })
})
