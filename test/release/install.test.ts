// The package as users get it: packed once, installed once into an empty project without scripts, used in every way.
import { spawnSync } from 'node:child_process'
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join, relative, resolve } from 'node:path'
import { build } from 'esbuild'
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest'
import manifest from '../../package.json' with { type: 'json' }
import { isLinux, root, uniqueFleet } from '../help/processes.js'
import { otherVersion, writeOtherAddon } from '../help/releases.js'

/** The newest symbols that a Linux binary may need: those that Node 20's own x64 binary needs. */
const floors = { GLIBC: '2.28', GLIBCXX: '3.4.21', CXXABI: '1.3.9' }
const maxBytes = 1_000_000

let temporary: string
let tarball: string
let app: string
let installed: string
let addon: string

const env: NodeJS.ProcessEnv = { ...process.env, npm_config_update_notifier: 'false' }
delete env['ORBIT_NATIVE_PATH']

function attempt(cwd: string, command: string, args: string[], more: NodeJS.ProcessEnv = {}) {
  return spawnSync(command, args, { cwd, env: { ...env, ...more }, encoding: 'utf8' })
}

/** What a command prints when it succeeds. */
function run(cwd: string, command: string, args: string[], more?: NodeJS.ProcessEnv): string {
  const { status, stdout, stderr, error } = attempt(cwd, command, args, more)
  if (status !== 0) throw new Error(`${command} ${args.join(' ')}: ${error ?? ''}${stdout}${stderr}`)
  return stdout
}

const tool = (name: string): string => join(root, 'node_modules/.bin', name)

/** A new project of the name, with the fixtures in it. */
function project(name: string): string {
  const folder = join(temporary, name)
  mkdirSync(folder)
  writeFileSync(join(folder, 'package.json'), '{ "private": true }')
  for (const file of ['install.mjs', 'install.cjs']) cpSync(join(root, 'test/fixtures', file), join(folder, file))
  return folder
}

/** Runs a program of a user on a fleet of its own. */
function use(file: string, more?: NodeJS.ProcessEnv): unknown {
  return JSON.parse(run(dirname(file), process.execPath, [file, uniqueFleet('install')], more))
}

const used = (path: string) => ({ pid: 7, share: 0.5, addons: [path] })

function filesIn(folder: string): string[] {
  const entries = readdirSync(folder, { recursive: true, withFileTypes: true })
  return entries.filter((entry) => entry.isFile()).map((entry) => relative(folder, join(entry.parentPath, entry.name)))
}

/** What the addon for this system is called. */
function addonName(): string {
  const { header } = process.report.getReport() as unknown as { header: { glibcVersionRuntime?: string } }
  if (!isLinux) return 'orbit.node'
  return header.glibcVersionRuntime === undefined ? 'orbit.musl.node' : 'orbit.glibc.node'
}

beforeAll(() => {
  temporary = realpathSync(mkdtempSync(join(tmpdir(), 'orbit-install-')))
  run(root, 'npm', ['pack', '--pack-destination', temporary])
  tarball = join(temporary, `${manifest.name}-${manifest.version}.tgz`)
  app = project('app')
  run(app, 'npm', ['install', '--ignore-scripts', '--no-audit', '--no-fund', '--prefer-offline', tarball])
  installed = join(app, 'node_modules', manifest.name)
  addon = join(installed, 'prebuilds', `${process.platform}-${process.arch}`, addonName())
}, 120_000)

afterAll(() => rmSync(temporary, { recursive: true, force: true }))

describe('the package', () => {
  it(`is under ${maxBytes} bytes unpacked, addons for other systems apart`, () => {
    const files = filesIn(installed).filter((file) => !file.endsWith('.node') || join(installed, file) === addon)
    const bytes = files.reduce((sum, file) => sum + statSync(join(installed, file)).size, 0)
    console.log(`${manifest.name}: bytes=${bytes} files=${files.length} addon=${statSync(addon).size}`)
    expect(bytes).toBeLessThan(maxBytes)
  })

  it('brings one package with it and runs nothing to install', () => {
    const packages = readdirSync(join(app, 'node_modules')).filter((name) => !name.startsWith('.'))
    expect(packages.sort()).toEqual([manifest.name, 'typed-struct'])
    const scripts = Object.keys(JSON.parse(readFileSync(join(installed, 'package.json'), 'utf8')).scripts)
    expect(scripts.filter((name) => /^(pre|post)?install$|^prepare$/.test(name))).toEqual([])
  })

  it('has scripts whose files are in the repository', () => {
    const named =
      Object.values(manifest.scripts)
        .join(' ')
        .match(/[\w/.-]+\.(ts|mjs)\b/g) ?? []
    expect(named.length).toBeGreaterThan(5)
    for (const file of named) expect(existsSync(join(root, file)), file).toBe(true)
  })

  it('has what a source build needs, and the licences', () => {
    const files = filesIn(installed)
    expect(files).toContain('LICENSE')
    expect(files).toContain('THIRD-PARTY-LICENSES')
    const sources = readFileSync(join(installed, 'binding.gyp'), 'utf8').match(/native\/\w+\/\w+\.cc/g) ?? []
    expect(sources.length).toBeGreaterThan(10)
    const includes = sources.flatMap((source) =>
      [...readFileSync(join(root, source), 'utf8').matchAll(/^#include "(.*)"/gm)].map(([, name]) => `native/${name}`),
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

  it('is as publint and attw want it', () => {
    run(app, tool('publint'), ['run', tarball, '--strict'])
    run(app, tool('attw'), [tarball])
  })
})

describe('an empty project uses it', () => {
  it('from ESM and CommonJS', () => {
    for (const file of ['install.mjs', 'install.cjs']) expect(use(join(app, file))).toEqual(used(addon))
  })

  it("from node -e, whose __dirname is not the package's", () => {
    const program = `import(${JSON.stringify(join(app, 'install.mjs'))})`
    const said = run(temporary, process.execPath, ['-e', program, 'unused', uniqueFleet('install')])
    expect(JSON.parse(said)).toEqual(used(addon))
  })

  it('under the permission model, reading its own folder and that of typed-struct', () => {
    const permission = process.allowedNodeEnvironmentFlags.has('--permission')
      ? '--permission'
      : '--experimental-permission'
    for (const file of ['install.mjs', 'install.cjs']) {
      const folders = ['orbit-node', 'typed-struct'].map((name) => join(app, 'node_modules', name, '/'))
      const readable = [join(app, file), ...folders].map((path) => `--allow-fs-read=${path}`)
      const said = run(app, process.execPath, [permission, '--allow-addons', ...readable, file, uniqueFleet('install')])
      expect(JSON.parse(said)).toEqual(used(addon))
    }
  })

  it('by its command', () => {
    expect(run(app, 'npx', ['--no-install', 'orbit', '--version'])).toBe(`${manifest.version}\n`)
  })

  it('from a pnpm layout', () => {
    const folder = project('pnpm')
    const places = [`--store-dir=${join(temporary, 'store')}`, `--config.cache-dir=${join(temporary, 'cache')}`]
    run(folder, tool('pnpm'), ['add', '--ignore-scripts', '--prefer-offline', ...places, tarball])
    const real = realpathSync(join(folder, 'node_modules', manifest.name))
    expect(real).toContain('node_modules/.pnpm/')
    const path = join(real, relative(installed, addon))
    for (const file of ['install.mjs', 'install.cjs']) expect(use(join(folder, file))).toEqual(used(path))
  })

  it('from TypeScript, with nodenext and with bundler resolution', () => {
    const program = `
      import { type Frame, Fleet, Orbital, OrbitError, orbitType, pod } from 'orbit-node'
      const load = orbitType({ name: 'load', kind: 1, pod: pod({ pid: 'u32', share: 'f64' }) })
      const fleet: Fleet = Fleet.join('types')
      const value: { pid: number; share: number } | undefined = new Orbital(fleet, load).load()
      const frame: Frame | undefined = fleet.readHead(load)
      // @ts-expect-error: the layout has no such field
      new Orbital(fleet, load).store({ pid: 1, share: 1, other: 1 })
      export const code = (error: OrbitError): string => error.code + frame?.position + value?.pid
    `
    const folder = join(app, 'types')
    mkdirSync(join(app, 'node_modules/@types'))
    symlinkSync(join(root, 'node_modules/@types/node'), join(app, 'node_modules/@types/node'))
    mkdirSync(folder)
    for (const file of ['esm.mts', 'commonjs.cts', 'plain.ts']) writeFileSync(join(folder, file), program)
    const options = [
      '--noEmit',
      '--strict',
      '--skipLibCheck',
      'false',
      '--target',
      'es2022',
      '--lib',
      'es2022',
      '--types',
      'node',
    ]
    run(folder, tool('tsc'), [...options, '--module', 'nodenext', 'esm.mts', 'commonjs.cts', 'plain.ts'])
    run(folder, tool('tsc'), [...options, '--module', 'esnext', '--moduleResolution', 'bundler', 'plain.ts'])
  })
})

describe('a bundle of esbuild uses it', () => {
  // What typed-struct wants of a bundler, being CommonJS: it does without these two where they are not installed, and an
  // ESM bundle has no `require` but what it makes.
  const optional = ['debug', 'iconv-lite']
  const require = `import { createRequire } from 'node:module'; const require = createRequire(import.meta.url)`

  /** Bundles the fixture into a file of its own folder below `into`. */
  async function bundle(into: string, format: 'esm' | 'cjs', external: string[]): Promise<string> {
    const outfile = join(mkdtempSync(join(into, 'bundle-')), format === 'esm' ? 'main.mjs' : 'main.cjs')
    const entryPoints = [join(app, 'install.mjs')]
    await build({
      entryPoints,
      outfile,
      format,
      external: [...external, ...optional],
      banner: format === 'esm' ? { js: require } : {},
      bundle: true,
      platform: 'node',
      logLevel: 'error',
    })
    return outfile
  }

  it.each([
    { format: 'esm', external: ['orbit-node'] },
    { format: 'cjs', external: ['orbit-node'] },
    { format: 'esm', external: [] },
    { format: 'cjs', external: [] },
  ] as const)('as $format, external: $external, with node_modules above it', async ({ format, external }) => {
    expect(use(await bundle(app, format, [...external]))).toEqual(used(addon))
  })

  it.each(['esm', 'cjs'] as const)(
    'as %s alone, by ORBIT_NATIVE_PATH or prebuilds beside its folder',
    async (format) => {
      const elsewhere = mkdtempSync(join(temporary, 'elsewhere-'))
      const file = await bundle(elsewhere, format, [])
      const { status, stderr } = attempt(elsewhere, process.execPath, [file, 'unused'])
      expect(status).toBe(1)
      expect(stderr).toContain('ERR_ORBIT_NATIVE')
      expect(stderr).toContain(`package orbit-node from ${dirname(file)}: MODULE_NOT_FOUND`)
      expect(use(file, { ORBIT_NATIVE_PATH: addon })).toEqual(used(addon))
      expect(use(file, { ORBIT_NATIVE_PATH: relative(dirname(file), addon) })).toEqual(used(addon))
      cpSync(join(installed, 'prebuilds'), join(elsewhere, 'prebuilds'), { recursive: true })
      expect(use(file)).toEqual(used(join(elsewhere, relative(installed, addon))))
    },
  )

  it('but not with the addon of another version', async () => {
    const folder = project('skewed')
    const file = await bundle(folder, 'esm', [])
    const other = join(folder, 'node_modules', manifest.name)
    cpSync(installed, other, { recursive: true })
    writeFileSync(join(other, 'package.json'), JSON.stringify({ ...manifest, version: '9.9.9' }))
    const { status, stderr } = attempt(folder, process.execPath, [file, 'unused'])
    expect(status).toBe(1)
    expect(stderr).toContain(`${other}: has version=9.9.9, the code that asks is ${manifest.version}`)
  })
})

describe('the addon', () => {
  /** One that loads here, but is not ours. */
  function foreignAddon(): string {
    const folder = join(root, 'node_modules/@rolldown')
    const file = filesIn(folder).find((name) => name.endsWith('.node'))
    if (file === undefined) throw new Error(`${folder}: no addon`)
    return join(folder, file)
  }

  /** Runs the fixture of a copy of the installed package that was tampered with. */
  function copyWith(tamper: (copy: string) => void): { copy: string; file: string } {
    const folder = project(`copy-${readdirSync(temporary).length}`)
    onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
    cpSync(join(app, 'node_modules'), join(folder, 'node_modules'), { recursive: true })
    const copy = join(folder, 'node_modules', manifest.name)
    tamper(copy)
    return { copy, file: join(folder, 'install.mjs') }
  }

  it('that somebody built there comes before the one shipped', () => {
    const { copy, file } = copyWith((copy) => {
      cpSync(addon, join(copy, 'build/Release/orbit.node'), { recursive: true })
    })
    expect(use(file)).toEqual(used(join(copy, 'build/Release/orbit.node')))
  })

  it('of another system is passed over', () => {
    const { copy, file } = copyWith((copy) => {
      mkdirSync(join(copy, 'build/Release'), { recursive: true })
      writeFileSync(join(copy, 'build/Release/orbit.node'), 'not a library')
    })
    expect(use(file)).toEqual(used(join(copy, relative(installed, addon))))
  })

  it.runIf(isLinux)('of the other libc is passed over', () => {
    const { copy, file } = copyWith((copy) => {
      const shipped = join(copy, relative(installed, addon))
      const other = shipped.includes('.musl.') ? 'orbit.glibc.node' : 'orbit.musl.node'
      writeFileSync(join(dirname(shipped), other), 'not for this libc')
    })
    expect(use(file)).toEqual(used(join(copy, relative(installed, addon))))
  })

  it('of another package is passed over', () => {
    const foreign = foreignAddon()
    const { copy, file } = copyWith((copy) => cpSync(foreign, join(copy, 'build/Release/orbit.node')))
    const { addons } = use(file) as { addons: string[] }
    expect(addons).toContain(join(copy, relative(installed, addon)))
  })

  it('of another version is passed over', () => {
    const { copy, file } = copyWith((copy) => {
      mkdirSync(join(copy, 'build/Release'), { recursive: true })
      writeOtherAddon(addon, join(copy, 'build/Release/orbit.node'))
    })
    const { addons } = use(file) as { addons: string[] }
    expect(addons).toContain(join(copy, relative(installed, addon)))
  })

  it('that is named must be ours and open; no other is tried', () => {
    const foreign = foreignAddon()
    const other = join(temporary, 'other.node')
    writeOtherAddon(addon, other)
    for (const [named, why] of [
      ['no.node', ''],
      ['.', ''],
      [foreign, 'not an addon of orbit-node'],
      [other, `has version=${otherVersion}, the code that asks is ${manifest.version}`],
    ] as const) {
      const { status, stderr } = attempt(app, process.execPath, ['install.mjs', 'unused'], { ORBIT_NATIVE_PATH: named })
      expect(status).toBe(1)
      expect(stderr).toContain(`tried ${resolve(app, named)}: ${why}`)
      expect(stderr).toContain('ORBIT_NATIVE_PATH names that one')
      expect(stderr).not.toContain('prebuilds')
    }
  })

  it('is found while a worker thread is blocked', () => {
    const fifo = join(app, 'fifo')
    run(app, 'mkfifo', [fifo])
    cpSync(join(root, 'test/fixtures/blocked.mjs'), join(app, 'blocked.mjs'))
    const options = { cwd: app, env, encoding: 'utf8', timeout: 30_000 } as const
    const { status, stdout, stderr } = spawnSync(process.execPath, ['blocked.mjs', fifo], options)
    expect({ status, stdout, stderr }).toEqual({ status: 0, stdout: 'function\n', stderr: '' })
  })

  it('that is missing makes an error that says what was tried and what to do', () => {
    const { copy, file } = copyWith((copy) => rmSync(join(copy, 'prebuilds'), { recursive: true }))
    const { status, stderr } = attempt(dirname(file), process.execPath, [file, 'unused'])
    expect(status).toBe(1)
    const system = `${process.platform}-${process.arch}`
    expect(stderr).toMatch(new RegExp(`no native addon for ${system}.*, Node ${process.versions.node}; tried `))
    for (const part of [
      `${join(copy, 'build/Release/orbit.node')}: `,
      `${join(copy, relative(installed, addon))}: `,
      'No such file',
      'ORBIT_NATIVE_PATH',
      'npm run build:native',
      'python3, make and g++',
    ]) {
      expect(stderr).toContain(part)
    }
  })
})
