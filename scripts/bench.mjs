// npm run bench, npm run bench:compare -- A B: bundles the bench once, so that its hundreds of processes start as plain
// JavaScript, and runs it. A bundle is beside the dist of the checkout that it measures, where it finds addon and
// packages; it is removed at the end.
import { spawnSync } from 'node:child_process'
import { existsSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { build } from 'tsup'
import { gypSettings } from './gyp.mjs'

const root = join(dirname(fileURLToPath(import.meta.url)), '..')
const args = process.argv.slice(2)
/** The two folders that follow `compare`. */
const compared =
  args[0] === 'compare'
    ? args
        .slice(1, 3)
        .filter((arg) => !arg.startsWith('-'))
        .map((arg) => resolve(arg))
    : []
process.argv.splice(3, compared.length, ...compared)

function isAlive(pid) {
  try {
    return process.kill(pid, 0)
  } catch (error) {
    return error.code === 'EPERM'
  }
}

/** Removes what killed benches left. */
function clear(folder, leftover) {
  for (const name of readdirSync(folder)) {
    const pid = leftover.exec(name)?.[1]
    if (pid !== undefined && !isAlive(Number(pid))) rmSync(join(folder, name), { recursive: true, force: true })
  }
}

const bundle = `.bench-${process.pid}`
const checkouts = [...new Set([root, ...compared])]
process.on('exit', () => {
  for (const checkout of checkouts) rmSync(join(checkout, bundle), { recursive: true, force: true })
})
/** Until main ends by itself on a signal: at once, or after the bundle, which would be written after its removal. */
let isBuilt = false
let isEnding = false
function endEarly(signal) {
  isEnding = true
  if (isBuilt && process.listenerCount(signal) === 1) process.exit(130)
}
process.on('SIGINT', endEarly).on('SIGTERM', endEarly)

function run(command, args, options) {
  const { status } = spawnSync(command, args, { stdio: ['ignore', 2, 2], ...options })
  if (status !== 0) process.exit(status ?? 1)
}

/** The addon of the two baseline calls. */
function buildBaseline() {
  const addon = join(root, 'bench/native/build/Release/baseline.node')
  const changed = (file) => (existsSync(file) ? statSync(file).mtimeMs : 0)
  const sources = ['baseline.cc', 'binding.gyp'].map((file) => changed(join(root, 'bench/native', file)))
  if (changed(addon) < Math.max(...sources)) {
    const nodeGyp = join(root, 'node_modules/.bin/node-gyp')
    const env = { ...process.env, ...gypSettings() }
    run(nodeGyp, ['rebuild', '--loglevel=warn'], { cwd: join(root, 'bench/native'), env })
  }
  return addon
}

const indexOf = (checkout) => readFileSync(join(checkout, 'src/index.ts'), 'utf8')
const namesIn = (index) => index.match(/\b[A-Za-z]\w*(?=,| }|\n)/g)

/** The index of an older checkout, which lacks names that this bench imports: what uses them fails when it runs. */
function completed(checkout) {
  const index = indexOf(checkout)
  const lacking = new Set(namesIn(indexOf(root)).filter((name) => !namesIn(index).includes(name)))
  return `${index}\n${[...lacking].map((name) => `export const ${name} = undefined`).join('\n')}`
}

/** This bench with the orbit of a checkout: both builds are measured by the same code. */
async function bundleFor(checkout) {
  const orbit = {
    name: 'orbit',
    setup({ onResolve, onLoad }) {
      onResolve({ filter: /^\.\.\/(\.\.\/)?src\// }, ({ path }) => {
        const file = join(checkout, path.replace(/^(\.\.\/)+/, '').replace(/\.js$/, '.ts'))
        return existsSync(file) ? { path: file } : { path: file, namespace: 'lacking' }
      })
      onLoad({ filter: /./, namespace: 'lacking' }, () => ({ contents: 'module.exports = {}' }))
      onLoad({ filter: /\/src\/index\.ts$/ }, () => ({ contents: completed(checkout), loader: 'ts' }))
    },
  }
  await build({
    config: false,
    silent: true,
    format: 'esm',
    target: 'node20',
    splitting: true, // a process loads only what it uses: memory is measured too
    skipNodeModulesBundle: true,
    outDir: join(checkout, bundle),
    entry: Object.fromEntries(['main', 'host', 'peer'].map((name) => [name, join(root, `bench/${name}.ts`)])),
    esbuildPlugins: [orbit],
  })
}

clear(tmpdir(), /^orbit-bench-(\d+)-/)
for (const checkout of compared) run(process.execPath, [join(checkout, 'scripts/prepare.mjs')])
process.env.ORBIT_BENCH_ADDON = buildBaseline()
for (const checkout of checkouts) {
  clear(checkout, /^\.bench-(\d+)$/)
  await bundleFor(checkout).catch((error) => {
    if (!isEnding) throw error // Ctrl-C ended esbuild too.
  })
}
isBuilt = true
if (isEnding) process.exit(130)
await import(join(root, bundle, 'main.js'))
