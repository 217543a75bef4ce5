// Makes a clone ready: installs and builds what is missing or older than its sources, and nothing else.
//   prepare.mjs             packages, build/Release, dist, packages/*/dist; `npm run demo` and `bench` call it first
//   prepare.mjs test        all of that, what `npm pack` needs, and what only tests need: `npm test` calls it first
//   prepare.mjs prebuild    packages, prebuilds/ for this platform
//   prepare.mjs arm64       packages, build/arm64/prebuilds by the cross compiler, dist
//   prepare.mjs dist        packages, dist from nothing
//   prepare.mjs pack        packages, prebuilds/ for this platform, dist, native/source.tar.bz2: what `npm pack` takes
// Needs Node, python3, make and g++.
import { spawnSync } from 'node:child_process'
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { gypSettings } from './gyp.mjs'

const root = join(dirname(fileURLToPath(import.meta.url)), '..')
process.chdir(root)

function fail(message) {
  console.error(`orbit: ${message}`)
  process.exit(1)
}

function run(title, command, args, env = {}, cwd = root) {
  console.error(`orbit: ${title} ...`)
  const { status, error } = spawnSync(command, args, { stdio: ['ignore', 2, 2], env: { ...process.env, ...env }, cwd })
  if (error) fail(`${command}: ${error.message}`)
  if (status !== 0) fail(`${title} failed: ${[command, ...args].join(' ')}`)
}

/** When a file, or the newest file of a folder with one of these endings, was last changed; 0: not there. */
function changed(path, endings = ['']) {
  if (!existsSync(path)) return 0
  if (!statSync(path).isDirectory()) return statSync(path).mtimeMs
  const files = readdirSync(path, { recursive: true }).filter((name) => endings.some((ending) => name.endsWith(ending)))
  return Math.max(0, ...files.map((name) => statSync(join(path, name)).mtimeMs))
}

function checkNode() {
  const [major = 0, minor = 0] = process.versions.node.split('.').map(Number)
  if (major < 20 || (major === 20 && minor < 19))
    fail(`Node ${process.versions.node} is too old: 20.19 or newer is needed`)
}

function checkTools(compiler = process.env.CXX ?? 'g++') {
  const tools = ['python3', 'make', compiler]
  const missing = tools.filter((tool) => spawnSync(tool, ['--version']).error !== undefined)
  if (missing.length > 0) {
    fail(`this machine lacks ${missing.join(', ')}; on Debian or Ubuntu: apt-get install python3 make g++`)
  }
}

function preparePackages() {
  if (changed('node_modules/.package-lock.json') >= changed('package-lock.json')) return
  // Not `npm ci`: it refuses a lock file that lacks an optional package of some other platform.
  // No scripts: what brings no binary for this machine (the bench's drivers may) is not worth a failing build.
  run('installing packages', 'npm', ['install', '--no-save', '--ignore-scripts', '--no-audit', '--no-fund'])
}

// package.json: the addon says its version.
const addonFolders = ['protocol', 'posix', 'fleet', 'node'].map((folder) => changed(`native/${folder}`, ['.h', '.cc']))
const addonSources = Math.max(...addonFolders, changed('binding.gyp'), changed('package.json'))

function prepareAddon() {
  const builtFor = existsSync('build/config.gypi') ? readFileSync('build/config.gypi', 'utf8') : ''
  const isForThisNode = builtFor.includes(`"node_module_version": ${process.versions.modules},`)
  if (isForThisNode && changed('build/Release/orbit.node') >= addonSources) return
  checkTools()
  // Configured anew also for a new version, which nothing else would compile in.
  run('building the addon', 'node_modules/.bin/node-gyp', ['configure', 'build', '--loglevel=warn'], gypSettings())
  const now = new Date()
  utimesSync('build/Release/orbit.node', now, now) // also when all of it was as it should be
}

/** The compiler for another architecture. */
const crossTools = (triple) => ({ CC: `${triple}-gcc`, CXX: `${triple}-g++`, PREBUILD_STRIP_BIN: `${triple}-strip` })

/** prebuildify rebuilds from nothing and takes the result away, so it works beside build/Release, which is in use. */
function buildPrebuild(arch, out, tools = {}) {
  const { platform, report } = process
  const libc = report.getReport().header.glibcVersionRuntime === undefined ? 'musl' : 'glibc'
  const tag = platform === 'linux' ? [`--tag-libc=${libc}`] : []
  const file = ['orbit', ...(platform === 'linux' ? [libc] : []), 'node'].join('.')
  if (changed(join(out, 'prebuilds', `${platform}-${arch}`, file)) >= addonSources) return
  checkTools(tools.CXX)
  const stage = join(root, `build/prebuild-${arch}`)
  rmSync(stage, { recursive: true, force: true })
  mkdirSync(stage, { recursive: true })
  for (const file of ['binding.gyp', 'package.json']) cpSync(file, join(stage, file))
  symlinkSync(join(root, 'native'), join(stage, 'native'))
  const place = [`--cwd=${stage}`, `--out=${out}`, `--cache=${join(stage, 'headers')}`, `--arch=${arch}`]
  const what = ['--napi', '--strip', '--name=orbit', `--target=node@${process.versions.node}`, ...tag]
  const gyp = { npm_config_loglevel: 'warn', PREBUILD_NODE_GYP: join(root, 'node_modules/.bin/node-gyp') }
  const env = { ...gypSettings(), ...gyp, ...tools }
  run('building the addon to ship', 'node_modules/.bin/prebuildify', [...place, ...what], env)
  rmSync(stage, { recursive: true, force: true })
}

const preparePrebuild = () => buildPrebuild(process.arch, root)
/** Not in prebuilds/, where the package would take it along. */
const prepareArm64 = () => buildPrebuild('arm64', join(root, 'build/arm64'), crossTools('aarch64-linux-gnu'))

function buildDist() {
  rmSync('dist', { recursive: true, force: true }) // the names of chunks change
  run('building dist', 'node_modules/.bin/tsup', ['--silent'])
  // Types are indented by one space instead of four, and the lines of their comments not at all.
  for (const name of readdirSync('dist').filter((each) => each.endsWith('.d.cts'))) {
    const text = readFileSync(`dist/${name}`, 'utf8')
    writeFileSync(
      `dist/${name}`,
      text.replaceAll(/^(?: {4})+/gm, (indent) => ' '.repeat(indent.length / 4)).replaceAll(/^ +\*/gm, '*'),
    )
  }
}

/** The newest source of dist/, which names the addons that are in prebuilds/. */
function distSources() {
  const files = [changed('tsup.config.ts'), changed('package.json')]
  return Math.max(...files, changed('src', ['.ts', '.cjs']), changed('prebuilds', ['.node']))
}

function prepareDist() {
  const newest = distSources()
  const endings = ['.js', '.cjs', '.d.ts', '.d.cts']
  const entries = [
    'index',
    'struct',
    'testing',
    'keyv',
    'next',
    'cron',
    'socketio',
    'rate-limit',
    'pino',
    'prom',
    'otel',
  ]
  const files = ['cli.js', ...entries.flatMap((entry) => endings.map((ending) => entry + ending))]
  if (Math.min(...files.map((file) => changed(join('dist', file)))) < newest) buildDist()
}

/** dist/ of each package in packages/, whose types need that of the root. */
function preparePackagesDist() {
  for (const name of readdirSync('packages')) {
    const folder = join('packages', name)
    if (!existsSync(join(folder, 'tsup.config.ts'))) continue // it needs no build
    const inputs = ['package.json', 'tsup.config.ts'].map((file) => changed(join(folder, file)))
    const sources = ['packages/shared', join(folder, 'src')].map((path) => changed(path, ['.ts']))
    const newest = Math.max(...inputs, ...sources, changed('dist/index.d.ts'))
    const { exports } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'))
    const files = Object.values(exports).flatMap((target) => (typeof target === 'string' ? [] : Object.values(target)))
    if (Math.min(...files.map((file) => changed(join(folder, file)))) >= newest) continue
    run(`building ${folder}/dist`, join(root, 'node_modules/.bin/tsup'), ['--silent'], {}, folder)
  }
}

/**
 * What the addon is built from, in one compressed file, without comments, indentation and empty lines: half of it. The
 * package has no binding.gyp at its root: npm would run node-gyp for it, even with "gypfile": false.
 */
function prepareSourceBuild() {
  mkdirSync('build', { recursive: true })
  const stage = mkdtempSync('build/source-') // several packs may run at the same time
  for (const folder of ['fleet', 'node', 'posix', 'protocol']) {
    mkdirSync(join(stage, folder), { recursive: true })
    for (const file of readdirSync(join('native', folder))) {
      const code = readFileSync(join('native', folder, file), 'utf8')
        .replaceAll(/^ *\/\/.*\n|(?<=[;,{}]) {2,}\/\/ .*$/gm, '')
        .replaceAll(/^\s+/gm, '')
      writeFileSync(join(stage, folder, file), code)
    }
  }
  const moved = readFileSync('binding.gyp', 'utf8')
    .replaceAll('"native/', '"')
    .replace('"include_dirs": ["native"]', '"include_dirs": ["."]')
    .replace("'./package.json'", "'../package.json'")
    // A compiler that we do not know may warn, or lack a plugin or a parameter.
    .replaceAll(/(, )?"-(Werror|f(fat-)?lto|-param)[^"]*"/g, '')
  writeFileSync(join(stage, 'binding.gyp'), moved)
  // Bzip2 makes it a quarter smaller than gzip does. Python packs and unpacks it: node-gyp needs that, and the command
  // bzip2 may be missing.
  const packed = 'source.tar.bz2'
  const python = ['-m', 'tarfile', '-c', packed, ...readdirSync(stage)]
  run('packing the sources of the addon', 'python3', python, {}, stage)
  renameSync(join(stage, packed), join('native', packed))
  rmSync(stage, { recursive: true, force: true })
}

/** Tools that only tests of the package run. Not a workspace: nothing else needs their 400 packages. */
function prepareTestPackages() {
  const folder = 'test/packages'
  if (changed(`${folder}/node_modules/.package-lock.json`) >= changed(`${folder}/package-lock.json`)) return
  const npm = ['ci', '--prefix', folder, '--ignore-scripts', '--no-audit', '--no-fund', '--prefer-offline']
  run('installing the packages of the tests', 'npm', npm)
}

/** SQLite for the tests of durable actors, by its install script: Node 20 has none of its own. */
function prepareSqlite() {
  if (changed('node_modules/better-sqlite3/build/Release/better_sqlite3.node') > 0) return
  checkTools()
  run('building better-sqlite3', 'npm', ['rebuild', 'better-sqlite3', '--no-audit', '--no-fund'], gypSettings())
}

/** Addons that only tests load. Built before the tests: a test that builds one is bound by the time limit of a test. */
function prepareTestAddons() {
  checkTools()
  const addons = ['fault', 'layout'].map((which) => `build/addon/${which}/orbit.node`)
  run('building the addons of the tests', 'make', ['-C', 'native', '--no-print-directory', '-j2', ...addons])
}

const goals = {
  develop: [preparePackages, prepareAddon, prepareDist, preparePackagesDist],
  prebuild: [preparePackages, preparePrebuild],
  arm64: [preparePackages, prepareArm64, prepareDist, preparePackagesDist],
  dist: [preparePackages, buildDist, preparePackagesDist],
  pack: [preparePackages, preparePrebuild, prepareDist, prepareSourceBuild],
  test: [
    preparePackages,
    prepareAddon,
    preparePrebuild,
    prepareDist,
    preparePackagesDist,
    prepareSourceBuild,
    prepareTestPackages,
    prepareSqlite,
    prepareTestAddons,
  ],
}
const [goal = 'develop'] = process.argv.slice(2)
if (!Object.hasOwn(goals, goal)) fail(`unknown: ${goal}; one of ${Object.keys(goals).join(', ')}`)
checkNode()
for (const prepare of goals[goal]) prepare()
