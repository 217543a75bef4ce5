// Everything that must hold before a change lands; `npm test` runs it after prepare.mjs. A step that needs a tool which
// this machine lacks says so and is skipped, but fails where CI is set. Steps with `inCi` take long: they run where CI
// is set, and when they are named.
import { spawn } from 'node:child_process'
import { cpus } from 'node:os'
import { createInterface } from 'node:readline'
import { stripVTControlCharacters } from 'node:util'

const jobs = `-j${cpus().length}`
const steps = [
  { name: 'types', command: 'node_modules/.bin/tsc', args: [] },
  { name: 'lint and format', command: 'node_modules/.bin/biome', args: ['check', '.'] },
  { name: 'unused code', command: 'node_modules/.bin/knip', args: ['--treat-config-hints-as-errors'] },
  { name: 'documents', command: 'node_modules/.bin/typedoc', args: ['--emit', 'none'] },
  { name: 'format of native code', command: 'make', args: ['-C', 'native', 'format-check'] },
  { name: 'native core', command: 'make', args: ['-C', 'native', 'test', '-k', jobs, '-O'] },
  { name: 'TypeScript', command: 'node_modules/.bin/vitest', args: ['run'] },
  {
    name: 'other Node versions',
    command: process.execPath,
    args: ['scripts/versions.mjs', '--smoke', '22', '26'],
    inCi: true,
  },
  { name: 'TypeScript on arm64', command: 'npm', args: ['run', '--silent', 'test:arm64'], inCi: true },
  {
    name: 'TypeScript on regular files',
    command: process.execPath,
    args: ['scripts/files.mjs', '--short'],
    inCi: true,
  },
  { name: 'native code for macOS', command: process.execPath, args: ['scripts/zig.mjs', 'macos-compile'], inCi: true },
  {
    name: 'TypeScript on the sanitized addon',
    command: 'make',
    args: ['-C', 'native', 'asan-suite', jobs],
    inCi: true,
  },
]

const wanted = process.argv.slice(2)
const known = steps.map((step) => step.name)
const unknown = wanted.filter((name) => !known.includes(name))
if (unknown.length > 0) {
  console.error(
    `unknown: ${unknown.join(', ')}\nusage: npm test [-- STEP ...]\nsteps: ${known.map((name) => `"${name}"`).join(', ')}`,
  )
  process.exit(2)
}

/** How many lines that name a failure are repeated for each step. */
const repeated = 12
/** What vitest and make print of a failure. */
const namesFailure = /^\s*FAIL {2}|^\S*Error: |^make\S* \*\*\* |^error TS|: error /

/** Runs a step, prints what it prints, and gives the last lines that name a failure. */
async function outcomeOf({ command, args }) {
  const env = { ...process.env, ...(process.stdout.isTTY ? { FORCE_COLOR: '1' } : {}) }
  const child = spawn(command, args, { stdio: ['inherit', 'pipe', 'pipe'], env })
  const failures = []
  const copy = (from, to) =>
    createInterface({ input: from }).on('line', (line) => {
      to.write(`${line}\n`)
      const text = stripVTControlCharacters(line)
      if (!namesFailure.test(text)) return
      failures.push(text.trim().slice(0, 200))
      // The last ones: the summary of a step is behind the output of its tests, in which errors are expected.
      if (failures.length > repeated) failures.shift()
    })
  copy(child.stdout, process.stdout)
  copy(child.stderr, process.stderr)
  const status = await new Promise((resolve) => {
    child.once('error', (error) => {
      console.error(error.message)
      resolve(1)
    })
    child.once('close', resolve)
  })
  return { passed: status === 0, failures: status === 0 ? [] : failures }
}

const results = []
const runs = ({ name, inCi }) => (wanted.length > 0 ? wanted.includes(name) : !inCi || Boolean(process.env.CI))
for (const step of steps.filter(runs)) {
  console.log(`\n==> ${step.name}`)
  const begun = performance.now()
  const outcome = await outcomeOf(step)
  results.push({ name: step.name, ...outcome, seconds: (performance.now() - begun) / 1000 })
}

console.log('')
for (const { name, passed, seconds } of results) {
  console.log(`${passed ? 'passed' : 'FAILED'}  ${name}  (${seconds.toFixed(0)} s)`)
}
// Last, so that the end of a long log says what failed.
for (const { name, failures } of results) for (const line of failures) console.log(`${name}: ${line}`)
const passed = results.filter((result) => result.passed).length
console.log(`steps: ${passed} passed, ${results.length - passed} failed`)
process.exit(passed === results.length ? 0 : 1)
