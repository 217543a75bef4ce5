// The package as users get it: packed once, installed once into an empty project as they do, used in every way.
import { cpSync, existsSync, mkdtempSync, readdirSync, readFileSync, realpathSync, rmSync, statSync } from 'node:fs'
import { join, relative } from 'node:path'
import { beforeAll, describe, expect, it } from 'vitest'
import manifest from '../../package.json' with { type: 'json' }
import { fleetName } from '../help/fleets.js'
import {
  addonIn,
  attempt,
  filesIn,
  install,
  pack,
  pathWithoutCompilers,
  project,
  run,
  temporaryFolder,
  tool,
  use,
  used,
} from '../help/package.js'
import { isLinux, root } from '../help/system.js'

/** The newest symbols that a Linux binary may need: those that Node 20's own x64 binary needs. */
const floors = { GLIBC: '2.28', GLIBCXX: '3.4.21', CXXABI: '1.3.9' }
const maxBytes = 1_000_000

const temporary = temporaryFolder('install')
const programs = ['install.mjs', 'install.cjs']
let tarball: string
let app: string
let installed: string
let addon: string

/** A new project with the programs in it. */
function projectWithPrograms(name: string): string {
  const folder = project(join(temporary, name))
  for (const file of programs) cpSync(join(root, 'test/fixtures', file), join(folder, file))
  return folder
}

beforeAll(() => {
  tarball = pack(temporary)
  app = projectWithPrograms('app')
  installed = install(app, tarball)
  addon = addonIn(installed)
}, 240_000)

describe('the package', () => {
  it(`is under ${maxBytes} bytes unpacked, without the addons for other systems`, () => {
    const files = filesIn(installed).filter((file) => !file.endsWith('.node') || join(installed, file) === addon)
    const bytes = files.reduce((sum, file) => sum + statSync(join(installed, file)).size, 0)
    console.log(`${manifest.name}: bytes=${bytes} files=${files.length} addon=${statSync(addon).size}`)
    expect(bytes).toBeLessThan(maxBytes)
  })

  it('has code with lines short enough for a stack trace', () => {
    const code = filesIn(join(installed, 'dist')).filter((file) => /\.c?js$/.test(file))
    expect(code.length).toBeGreaterThan(5)
    for (const file of code) {
      const lines = readFileSync(join(installed, 'dist', file), 'utf8').split('\n')
      expect(Math.max(...lines.map((line) => line.length)), file).toBeLessThan(1000)
    }
  })

  it('keeps the names of public classes, which errors and stack traces print', async () => {
    const names = await import(join(installed, 'dist/index.js'))
    const classes = Object.keys(names).filter((name) => /^class\b/.test(String(names[name])))
    expect(classes).toContain('RemoteError')
    expect(classes.map((name) => names[name].name.replace(/^_/, ''))).toEqual(classes)
  })

  it('brings one package with it and runs nothing to install', () => {
    const packages = readdirSync(join(app, 'node_modules')).filter((name) => !name.startsWith('.'))
    expect(packages.sort()).toEqual([manifest.name, 'typed-struct'])
    const scripts = Object.keys(JSON.parse(readFileSync(join(installed, 'package.json'), 'utf8')).scripts)
    expect(scripts.filter((name) => /^(pre|post)?install$|^prepare$/.test(name))).toEqual([])
    expect(filesIn(installed).filter((file) => /^[^/]*\.gyp$/.test(file))).toEqual([])
  })

  it('names its repository, homepage and issues', () => {
    const { repository, homepage, bugs } = JSON.parse(readFileSync(join(installed, 'package.json'), 'utf8'))
    expect(repository).toEqual({ type: 'git', url: 'git+https://github.com/orbit-node/orbit-node.git' })
    expect(homepage).toBe('https://github.com/orbit-node/orbit-node#readme')
    expect(bugs).toBe('https://github.com/orbit-node/orbit-node/issues')
  })

  it('has scripts that name files of the repository', () => {
    const named =
      Object.values(manifest.scripts)
        .join(' ')
        .match(/[\w/.-]+\.(ts|mjs)\b/g) ?? []
    expect(named.length).toBeGreaterThan(5)
    for (const file of named) expect(existsSync(join(root, file)), file).toBe(true)
  })

  it('has what a source build needs, and the licences', () => {
    expect(filesIn(installed)).toEqual(expect.arrayContaining(['LICENSE', 'THIRD-PARTY-LICENSES']))
    const unpacked = mkdtempSync(join(temporary, 'source-'))
    run(unpacked, 'python3', ['-m', 'tarfile', '-e', join(installed, 'native/source.tar.bz2')])
    const files = filesIn(unpacked)
    const gyp = readFileSync(join(unpacked, 'binding.gyp'), 'utf8')
    expect(gyp).toContain(`require('../package.json').version`)
    const sources = gyp.match(/\w+\/\w+\.cc/g) ?? []
    expect(sources.length).toBeGreaterThan(10)
    const includes = sources.flatMap((source) =>
      [...readFileSync(join(root, 'native', source), 'utf8').matchAll(/^#include "(.*)"/gm)].map(([, name]) => name),
    )
    for (const file of [...sources, ...includes]) expect(files).toContain(file)
  })

  it.runIf(isLinux)('needs no newer libc than Node itself', () => {
    const text = readFileSync(addon, 'latin1')
    for (const [library, floor] of Object.entries(floors)) {
      const numbers = (version: string) => version.split('.').map(Number)
      const compare = (a: string, b: string) =>
        numbers(a).reduce((order, part, i) => order || part - (numbers(b)[i] ?? 0), 0) || a.length - b.length
      const needed = [...text.matchAll(new RegExp(`\\b${library}_([0-9.]+)\0`, 'g'))].map(
        ([, version]) => version as string,
      )
      const highest = needed.sort(compare).at(-1) ?? 'none'
      console.log(`${library}: highest=${highest} floor=${floor}`)
      if (addon.includes('.glibc.')) expect(needed.length).toBeGreaterThan(0)
      expect(needed.filter((version) => compare(version, floor) > 0)).toEqual([])
    }
  })

  it('passes publint and attw', () => {
    run(app, tool('publint'), ['run', tarball, '--strict'])
    run(app, tool('attw'), [tarball])
  })
})

describe('npm without a compiler', () => {
  it('installs the package, installs it again from the lock file, and installs it cleanly', () => {
    const folder = projectWithPrograms('clean')
    const PATH = pathWithoutCompilers(temporary)
    const options = ['--no-audit', '--no-fund', '--prefer-offline']
    const steps = [
      ['install', ...options, tarball],
      ['install', ...options],
      ['ci', ...options],
    ]
    for (const step of steps) {
      const { status, stdout, stderr } = attempt(folder, 'npm', step, { PATH })
      expect({ status, stderr }, step.join(' ')).toEqual({ status: 0, stderr: '' })
      expect(stdout).not.toMatch(/warn|gyp/i)
    }
    const path = addonIn(join(folder, 'node_modules', manifest.name))
    for (const file of programs) expect(use(join(folder, file))).toEqual(used(path))
  }, 240_000)
})

describe('the package in an empty project', () => {
  it('works from ESM and CommonJS', () => {
    for (const file of programs) expect(use(join(app, file))).toEqual(used(addon))
  })

  it('loads one implementation from ESM and CommonJS in one process', () => {
    const program = `
      import { createRequire } from 'node:module'
      import * as esm from 'orbit-node'
      import { structOf } from 'orbit-node/struct'
      const require = createRequire(${JSON.stringify(join(app, 'both.mjs'))})
      const commonjs = require('orbit-node')
      const fleet = commonjs.Fleet.join('both')
      const load = commonjs.orbitType({ name: 'load', kind: 1, pod: commonjs.pod({ busy: 'u32' }) })
      new esm.Orbital(fleet, load).store({ busy: 3 })
      const value = new commonjs.Orbital(fleet, load).load()
      const isSame = Object.keys(esm).map((name) => esm[name] === commonjs[name])
      const isSameStruct = structOf === require('orbit-node/struct').structOf
      console.log(JSON.stringify({ value, isSameStruct, isSame: isSame.every(Boolean), count: isSame.length }))
      fleet.close()`
    const said = run(app, process.execPath, ['--input-type=module', '--eval', program])
    const { count, ...rest } = JSON.parse(said)
    expect(rest).toEqual({ value: { busy: 3 }, isSameStruct: true, isSame: true })
    expect(count).toBeGreaterThan(15)
  })

  it.runIf(process.allowedNodeEnvironmentFlags.has('--no-experimental-require-module'))(
    'works from CommonJS in a process that cannot require ESM',
    () => {
      const flags = ['--no-experimental-require-module', '--disallow-code-generation-from-strings']
      for (const given of [flags.slice(0, 1), flags]) {
        const said = run(app, process.execPath, [...given, 'install.cjs', fleetName('install')])
        expect(JSON.parse(said)).toEqual(used(addon))
      }
    },
  )

  it('works without loading typed-struct, which only orbit-node/struct loads', () => {
    const folder = projectWithPrograms('alone')
    cpSync(join(app, 'node_modules'), join(folder, 'node_modules'), { recursive: true })
    rmSync(join(folder, 'node_modules/typed-struct'), { recursive: true })
    const path = addonIn(join(folder, 'node_modules', manifest.name))
    for (const file of programs) expect(use(join(folder, file))).toEqual(used(path))
    const { stderr } = attempt(folder, process.execPath, ['--eval', "import('orbit-node/struct')"])
    expect(stderr).toMatch(/Cannot find package 'typed-struct'/)
  })

  it('works from node -e, which has its own global __dirname', () => {
    const program = `import(${JSON.stringify(join(app, 'install.mjs'))})`
    const said = run(temporary, process.execPath, ['-e', program, 'unused', fleetName('install')])
    expect(JSON.parse(said)).toEqual(used(addon))
  })

  it('works under the permission model, reading only its own folder', () => {
    const permission = process.allowedNodeEnvironmentFlags.has('--permission')
      ? '--permission'
      : '--experimental-permission'
    for (const file of programs) {
      const readable = [join(app, file), join(installed, '/')].map((path) => `--allow-fs-read=${path}`)
      const said = run(app, process.execPath, [permission, '--allow-addons', ...readable, file, fleetName('install')])
      expect(JSON.parse(said)).toEqual(used(addon))
    }
  })

  it('works by its command', () => {
    expect(run(app, 'npx', ['--no-install', 'orbit', '--version'])).toBe(`${manifest.version}\n`)
  })

  it.runIf(isLinux)('shows its demo by its command', () => {
    const { status, stdout, stderr } = attempt(app, 'npx', [
      '--no-install',
      'orbit',
      'demo',
      '--seconds',
      '3',
      '--json',
    ])
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' })
    expect(JSON.parse(stdout)).toMatchObject({ workers: 4, lost: 0, torn: 0, left: [], broken: [] })
  })

  it('works from a pnpm layout', () => {
    const folder = projectWithPrograms('pnpm')
    const places = [`--store-dir=${join(temporary, 'store')}`, `--config.cache-dir=${join(temporary, 'cache')}`]
    run(folder, tool('pnpm'), ['add', '--prefer-offline', ...places, tarball])
    const real = realpathSync(join(folder, 'node_modules', manifest.name))
    expect(real).toContain('node_modules/.pnpm/')
    const path = join(real, relative(installed, addon))
    for (const file of programs) expect(use(join(folder, file))).toEqual(used(path))
  })
})
