// Which addon the installed package opens, and what it says when it finds none.
import { cpSync, mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join, relative, resolve } from 'node:path'
import { beforeAll, describe, expect, it, onTestFinished } from 'vitest'
import manifest from '../../package.json' with { type: 'json' }
import { addonIn, attempt, filesIn, install, pack, project, run, temporaryFolder, use, used } from '../help/package.js'
import { otherVersion, writeOtherAddon } from '../help/releases.js'
import { isLinux, root } from '../help/system.js'

const temporary = temporaryFolder('addons')
let app: string
let installed: string
let addon: string

function projectWithProgram(name: string): string {
  const folder = project(join(temporary, name))
  cpSync(join(root, 'test/fixtures/install.mjs'), join(folder, 'install.mjs'))
  return folder
}

beforeAll(() => {
  app = projectWithProgram('app')
  installed = install(app, pack(temporary))
  addon = addonIn(installed)
}, 240_000)

describe('the addon that is opened', () => {
  /** An addon that loads here, but is of another package. */
  function foreignAddon(): string {
    const folder = join(root, 'node_modules/@rolldown')
    const file = filesIn(folder).find((name) => name.endsWith('.node'))
    if (file === undefined) throw new Error(`${folder}: no addon`)
    return join(folder, file)
  }

  /** Copies the project and changes its installed package. */
  function copyWith(tamper: (copy: string) => void): { copy: string; file: string } {
    const folder = projectWithProgram(`copy-${readdirSync(temporary).length}`)
    onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
    cpSync(join(app, 'node_modules'), join(folder, 'node_modules'), { recursive: true })
    const copy = join(folder, 'node_modules', manifest.name)
    tamper(copy)
    return { copy, file: join(folder, 'install.mjs') }
  }

  it.each(['build/Release/orbit.node', 'native/build/Release/orbit.node'])(
    'is the one built in the package, %s, rather than the shipped one',
    (built) => {
      const { copy, file } = copyWith((copy) => cpSync(addon, join(copy, built), { recursive: true }))
      expect(use(file)).toEqual(used(join(copy, built)))
    },
  )

  it('is not one of another system', () => {
    const { copy, file } = copyWith((copy) => {
      mkdirSync(join(copy, 'build/Release'), { recursive: true })
      writeFileSync(join(copy, 'build/Release/orbit.node'), 'not a library')
    })
    expect(use(file)).toEqual(used(join(copy, relative(installed, addon))))
  })

  it.runIf(isLinux)('is not one for the other libc', () => {
    const { copy, file } = copyWith((copy) => {
      const shipped = join(copy, relative(installed, addon))
      const other = shipped.includes('.musl.') ? 'orbit.glibc.node' : 'orbit.musl.node'
      writeFileSync(join(dirname(shipped), other), 'not for this libc')
    })
    expect(use(file)).toEqual(used(join(copy, relative(installed, addon))))
  })

  it('is not one of another package', () => {
    const foreign = foreignAddon()
    const { copy, file } = copyWith((copy) => cpSync(foreign, join(copy, 'build/Release/orbit.node')))
    const { addons } = use(file) as { addons: string[] }
    expect(addons).toContain(join(copy, relative(installed, addon)))
  })

  it('is not one of another version', () => {
    const { copy, file } = copyWith((copy) => {
      mkdirSync(join(copy, 'build/Release'), { recursive: true })
      writeOtherAddon(addon, join(copy, 'build/Release/orbit.node'))
    })
    const { addons } = use(file) as { addons: string[] }
    expect(addons).toContain(join(copy, relative(installed, addon)))
  })

  it('is only the one that ORBIT_NATIVE_PATH names, which must be of this package and version', () => {
    const foreign = foreignAddon()
    const other = join(temporary, 'other.node')
    writeOtherAddon(addon, other)
    for (const [named, why] of [
      ['no.node', ''],
      ['.', ''],
      [foreign, 'not an addon of orbit-node'],
      [other, `has version=${otherVersion}, but this code is version=${manifest.version}`],
    ] as const) {
      const { status, stderr } = attempt(app, process.execPath, ['install.mjs', 'unused'], { ORBIT_NATIVE_PATH: named })
      expect(status).toBe(1)
      expect(stderr).toContain(`tried ${resolve(app, named)}: ${why}`)
      expect(stderr).toContain('ORBIT_NATIVE_PATH names this file: correct it')
      expect(stderr).not.toContain('prebuilds')
    }
  })

  it('is found while a worker thread is blocked', () => {
    const fifo = join(app, 'fifo')
    run(app, 'mkfifo', [fifo])
    cpSync(join(root, 'test/fixtures/blocked.mjs'), join(app, 'blocked.mjs'))
    const { status, stdout, stderr } = attempt(app, process.execPath, ['blocked.mjs', fifo])
    expect({ status, stdout, stderr }).toEqual({ status: 0, stdout: 'function\n', stderr: '' })
  })

  it('is named with what to do in the error, if it is missing', () => {
    const { copy, file } = copyWith((copy) => rmSync(join(copy, 'prebuilds'), { recursive: true }))
    const { status, stderr } = attempt(dirname(file), process.execPath, [file, 'unused'])
    expect(status).toBe(1)
    const system = `${process.platform}-${process.arch}`
    expect(stderr).toMatch(new RegExp(`no native addon for ${system}.*, Node ${process.versions.node}; tried `))
    for (const part of [
      `${join(copy, 'build/Release/orbit.node')}: `,
      `${join(copy, relative(installed, addon))}: `,
      'No such file',
      'install a compiler',
      'npx node-gyp@12 rebuild -C node_modules/orbit-node/native',
    ]) {
      expect(stderr).toContain(part)
    }
  })
})
