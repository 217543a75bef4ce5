// The built package on platforms without an addon: their names are written into `process` before it loads.
import { spawnSync } from 'node:child_process'
import { cpSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { root } from '../help/system.js'

const platforms = [
  { platform: 'win32', arch: 'x64', advice: 'WSL 2' },
  { platform: 'darwin', arch: 'arm64', advice: 'xcode-select --install' },
  { platform: 'linux', arch: 'arm64', advice: 'apt-get install python3 make g++' },
  { platform: 'linux', arch: 'ia32', advice: '64-bit build of Node.js' },
  { platform: 'freebsd', arch: 'x64', advice: 'runs on Linux and macOS' },
]

let folder: string

/** Runs node with the copied package as if on this platform. */
function runOn({ platform, arch }: { platform: string; arch: string }, ...args: string[]) {
  const fake = `for (const [key, value] of [['platform', '${platform}'], ['arch', '${arch}']]) Object.defineProperty(process, key, { value })`
  const { ORBIT_NATIVE_PATH: _, ...env } = process.env
  const options = { cwd: folder, encoding: 'utf8', env } as const
  const imported = `--import=data:text/javascript,${encodeURIComponent(fake)}`
  const { status, stdout, stderr } = spawnSync(process.execPath, [imported, ...args], options)
  return { status, stdout, stderr }
}

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'orbit-platforms-'))
  for (const part of ['dist', 'package.json']) cpSync(join(root, part), join(folder, part), { recursive: true })
  writeFileSync(
    join(folder, 'program.mjs'),
    `import { codecs, Fleet, NetId64, Orbital, OrbitError, orbitType, pod } from './dist/index.js'
     const load = pod({ busy: 'u32' })
     const type = orbitType({ name: 'load', kind: 1, capacity: 1024, pod: load })
     const errors = [
       () => Fleet.join('name'),
       () => Fleet.joinShm('name', { size: 4, node: 1, label: 'label' }),
       () => Fleet.observe('name'),
       () => Fleet.remove('name', { kind: 1 }),
     ].map((call) => {
       try {
         return call()
       } catch (error) {
         return { isOurs: error instanceof OrbitError, code: error.code, message: error.message }
       }
     })
     const decoded = load.decode(load.encode({ busy: 3 }))
     const json = codecs.json().decode(codecs.json().encode({ list: [1] }))
     const id = NetId64.parse('1:2:3').toString()
     console.log(JSON.stringify({ isSupported: Fleet.isSupported, errors, decoded, json, id, type: type.name }))`,
  )
})

afterAll(() => rmSync(folder, { recursive: true, force: true }))

describe.each(platforms)('on $platform-$arch, the package', ({ advice, ...system }) => {
  it('imports, says that it is not supported, and throws a typed error with fitting advice at the first use', () => {
    const { status, stdout, stderr } = runOn(system, 'program.mjs')
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' })
    const { errors, ...rest } = JSON.parse(stdout)
    expect(rest).toEqual({ isSupported: false, decoded: { busy: 3 }, json: { list: [1] }, id: '1:2:3', type: 'load' })
    expect(errors).toHaveLength(4)
    for (const error of errors) {
      expect(error).toMatchObject({ isOurs: true, code: 'ERR_ORBIT_NATIVE' })
      expect(error.message).toContain(`no native addon for ${system.platform}-${system.arch}`)
      expect(error.message).toContain(advice)
    }
  })

  it('shows the help and the version of its command, and refuses to look at fleets', () => {
    for (const option of ['--help', '--version']) {
      expect(runOn(system, 'dist/cli.js', option)).toMatchObject({ status: 0, stderr: '' })
    }
    const { status, stdout, stderr } = runOn(system, 'dist/cli.js', 'ls')
    expect({ status, stdout }).toEqual({ status: 1, stdout: '' })
    expect(stderr).toContain(advice)
  })
})

describe('Fleet.isSupported', () => {
  it('is true where the addon was loaded', async () => {
    const { Fleet } = await import('../../src/index.js')
    expect(Fleet.isSupported).toBe(true)
  })
})
