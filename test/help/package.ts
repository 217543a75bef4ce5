// The package as its users get it: packed into a tarball, and installed into projects outside of the repository.
import { spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, readdirSync, realpathSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join, relative } from 'node:path'
import { afterAll } from 'vitest'
import manifest from '../../package.json' with { type: 'json' }
import { fleetName } from './fleets.js'
import { isLinux, root } from './system.js'

const env: NodeJS.ProcessEnv = { ...process.env, npm_config_update_notifier: 'false' }
delete env['ORBIT_NATIVE_PATH']
for (const name of Object.keys(env))
  if (/^npm_(config_(?!update)|package_|lifecycle)|^VITEST/i.test(name)) delete env[name]

export function attempt(cwd: string, command: string, args: string[], more: NodeJS.ProcessEnv = {}) {
  const { status, stdout, stderr, error } = spawnSync(command, args, {
    cwd,
    env: { ...env, ...more },
    encoding: 'utf8',
    timeout: 300_000,
  })
  return { status, stdout, stderr: `${error ?? ''}${stderr}` }
}

/** What a command prints when it succeeds. */
export function run(cwd: string, command: string, args: string[], more?: NodeJS.ProcessEnv): string {
  const { status, stdout, stderr } = attempt(cwd, command, args, more)
  if (status !== 0) throw new Error(`${command} ${args.join(' ')}: ${stdout}${stderr}`)
  return stdout
}

/** A tool of the repository, or one of test/packages. */
export const tool = (name: string): string => join(root, 'node_modules/.bin', name)
export const testTool = (name: string): string => join(root, 'test/packages/node_modules/.bin', name)

/** A new folder that is gone after the tests of the file. */
export function temporaryFolder(label: string): string {
  const folder = realpathSync(mkdtempSync(join(tmpdir(), `orbit-${label}-`)))
  afterAll(() => rmSync(folder, { recursive: true, force: true }))
  return folder
}

/** A new private project in a folder, with these files. */
export function project(folder: string, files: Record<string, string> = {}, more: object = {}): string {
  mkdirSync(folder, { recursive: true })
  writeFileSync(join(folder, 'package.json'), JSON.stringify({ private: true, ...more }))
  for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, name), text)
  return folder
}

/** Packs the package into a folder; the path of the tarball. */
export function pack(folder: string): string {
  run(root, 'npm', ['pack', '--pack-destination', folder])
  return join(folder, `${manifest.name}-${manifest.version}.tgz`)
}

const npmOptions = ['--no-audit', '--no-fund', '--prefer-offline']

/** Installs the tarball into a project as users do, its scripts included; the folder of the installed package. */
export function install(folder: string, tarball: string): string {
  run(folder, 'npm', ['install', ...npmOptions, tarball])
  return join(folder, 'node_modules', manifest.name)
}

/** A PATH with node, npm and a shell, but without compilers, make and python. */
export function pathWithoutCompilers(folder: string): string {
  const bin = join(folder, 'bin')
  mkdirSync(bin)
  symlinkSync(process.execPath, join(bin, 'node'))
  for (const name of ['npm', 'npx', 'sh']) {
    const path = (env['PATH'] ?? '').split(':').map((place) => join(place, name))
    const found = path.find((file) => attempt('/', 'test', ['-x', file]).status === 0)
    if (found !== undefined) symlinkSync(realpathSync(found), join(bin, name))
  }
  return bin
}

/** What the addon for this system is called. */
function addonName(): string {
  const { header } = process.report.getReport() as unknown as { header: { glibcVersionRuntime?: string } }
  if (!isLinux) return 'orbit.node'
  return header.glibcVersionRuntime === undefined ? 'orbit.musl.node' : 'orbit.glibc.node'
}

/** The shipped addon for this system, in the folder of a package. */
export const addonIn = (packageFolder: string): string =>
  join(packageFolder, 'prebuilds', `${process.platform}-${process.arch}`, addonName())

/** The paths of the files in a folder, relative to it. */
export function filesIn(folder: string): string[] {
  const entries = readdirSync(folder, { recursive: true, withFileTypes: true })
  return entries.filter((entry) => entry.isFile()).map((entry) => relative(folder, join(entry.parentPath, entry.name)))
}

/** Runs one of the programs install.mjs and install.cjs on a fleet of its own: what it prints. */
export function use(file: string, more?: NodeJS.ProcessEnv): unknown {
  return JSON.parse(run(dirname(file), process.execPath, [file, fleetName('install')], more))
}

/** What these programs print when they run on this addon. */
export const used = (addon: string) => ({ pid: 7, share: 0.5, addons: [addon] })
