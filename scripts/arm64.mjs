// Runs the protocol part of the TypeScript suite on arm64: the addon of the cross compiler, and Node for arm64, in an
//   emulator. npm run test:arm64 [-- TEST_FILE ...]
// vitest itself runs on this machine's Node; its workers, and every process that a test starts, are arm64.
// The emulator keeps the memory order of the machine it runs on; the simulator of native/sim covers weak orders.
// Exit code 0: all passed; 1: some failed; 3: the compiler, the emulator or Node is missing (0 unless CI is set).
import { spawnSync } from 'node:child_process'
import { chmodSync, mkdirSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { fetchNode, newestVersion, registryName } from './nodes.mjs'
import { outputOf } from './registry.mjs'

const root = join(dirname(fileURLToPath(import.meta.url)), '..')
process.chdir(root)
const compiler = 'aarch64-linux-gnu-g++'
const emulator = 'qemu-aarch64-static'
const libraries = '/usr/aarch64-linux-gnu'
const protocolTests = [
  'base/netid',
  'core/cursors',
  'core/processes',
  'core/rings',
  'core/waking',
  'layers/bus',
  'layers/claiming',
  'layers/contest',
  'layers/orbital',
].map((name) => `test/${name}.test.ts`)

function skip(what) {
  console.log(`arm64: skipped, ${what}`)
  process.exit(process.env.CI ? 3 : 0)
}

function run(command, args, env = process.env) {
  const { status } = spawnSync(command, args, { stdio: 'inherit', env })
  if (status !== 0) process.exit(1)
}

/** A command that runs Node for arm64, and a module that makes it the `process.execPath` of every process. */
function writeNode(executable) {
  const folder = join(root, 'build/arm64')
  const [command, module] = [join(folder, 'node'), join(folder, 'execpath.cjs')]
  mkdirSync(folder, { recursive: true })
  writeFileSync(command, `#!/bin/sh\nexec ${emulator} -L ${libraries} '${executable}' "$@"\n`)
  chmodSync(command, 0o755)
  writeFileSync(module, `process.execPath = ${JSON.stringify(command)}\n`)
  return { command, module }
}

if (process.platform !== 'linux' || process.arch !== 'x64') skip('it runs on Linux x64 only')
const missing = [compiler, emulator].filter((tool) => outputOf(tool, ['--version']) === undefined)
if (missing.length > 0)
  skip(`${missing.join(' and ')} missing (apt-get install g++-aarch64-linux-gnu qemu-user-static)`)
const version = newestVersion('22', 'arm64')
const executable = version && fetchNode(version, 'arm64')
if (!executable) skip(`${registryName('arm64')} could not be fetched from the npm registry`)

run('make', ['-C', 'native', 'arm64-addons'])
const { command, module } = writeNode(executable)
const addon = join(root, 'build/arm64/prebuilds/linux-arm64/orbit.glibc.node')
const env = {
  ...process.env,
  NODE_OPTIONS: `--require=${module}`,
  ORBIT_NATIVE_PATH: addon,
  ORBIT_ADDONS: join(root, 'native/build/arm64/addon'),
  ORBIT_TEST_CXX: compiler,
}
const described = outputOf(command, ['-p', '[process.version, process.arch].join(" ")'])
if (described?.trim() !== `${version.startsWith('v') ? version : `v${version}`} arm64`) skip(`${command} does not run`)
console.log(`arm64: Node ${described.trim()} in ${emulator}, ${addon}`)
const wanted = process.argv.slice(2)
const files = wanted.length > 0 ? wanted : protocolTests
run(process.execPath, ['node_modules/vitest/vitest.mjs', 'run', '--maxWorkers=2', ...files], env)
