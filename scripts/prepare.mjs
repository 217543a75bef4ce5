// Makes a fresh clone ready: installs and builds what is missing or older than its sources, and nothing else.
// `npm test`, `npm run demo` and `npm run bench` call it first. Needs Node, python3, make and g++.
import { spawnSync } from 'node:child_process'
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = join(dirname(fileURLToPath(import.meta.url)), '..')
process.chdir(root)

function fail(message) {
  console.error(`orbit: ${message}`)
  process.exit(1)
}

function run(title, command, args) {
  console.error(`orbit: ${title} ...`)
  const { status, error } = spawnSync(command, args, { stdio: ['ignore', 2, 2] })
  if (error) fail(`${command}: ${error.message}`)
  if (status !== 0) fail(`${title} failed: ${[command, ...args].join(' ')}`)
}

/** When a file, or the newest file of a folder with one of these endings, was last changed; 0: not there. */
function changed(path, endings = ['']) {
  if (!existsSync(path)) return 0
  if (!statSync(path).isDirectory()) return statSync(path).mtimeMs
  const files = readdirSync(path).filter((name) => endings.some((ending) => name.endsWith(ending)))
  return Math.max(0, ...files.map((name) => statSync(join(path, name)).mtimeMs))
}

function checkNode() {
  const [major = 0, minor = 0] = process.versions.node.split('.').map(Number)
  if (major < 20 || (major === 20 && minor < 19))
    fail(`Node ${process.versions.node} is too old: 20.19 or newer is needed`)
}

function checkTools() {
  const compiler = process.env.CXX ?? 'g++'
  const tools = ['python3', 'make', compiler]
  const missing = tools.filter((tool) => spawnSync(tool, ['--version']).error !== undefined)
  if (missing.length > 0) {
    fail(`this machine lacks ${missing.join(', ')}; on Debian or Ubuntu: apt-get install python3 make g++`)
  }
}

checkNode()

if (changed('node_modules/.package-lock.json') < changed('package-lock.json')) {
  // Not `npm ci`: it refuses a lock file that lacks an optional package of some other platform.
  // No scripts: what brings no binary for this machine (the bench's drivers may) is not worth a failing build.
  run('installing packages', 'npm', ['install', '--no-save', '--ignore-scripts', '--no-audit', '--no-fund'])
}

const addonSources = Math.max(changed('native', ['.h', '.cc']), changed('binding.gyp'))
const builtFor = existsSync('build/config.gypi') ? readFileSync('build/config.gypi', 'utf8') : ''
const isForThisNode = builtFor.includes(`"node_module_version": ${process.versions.modules},`)
if (!isForThisNode || changed('build/Release/orbit.node') < addonSources) {
  checkTools()
  // Node's own headers, where they stand beside it; else node-gyp fetches them.
  const prefix = join(dirname(process.execPath), '..')
  const headers = existsSync(join(prefix, 'include/node/node_api.h')) ? [`--nodedir=${prefix}`] : []
  const steps = isForThisNode ? ['build'] : ['configure', 'build']
  run('building the addon', 'node_modules/.bin/node-gyp', [...steps, '--loglevel=warn', ...headers])
}

const sources = ['src', 'src/cli', 'src/cli/commands'].map((folder) => changed(folder, ['.ts']))
if (Math.min(changed('dist/index.js'), changed('dist/cli.js')) < Math.max(...sources, changed('tsup.config.ts'))) {
  run('building dist', 'node_modules/.bin/tsup', ['--silent'])
}
