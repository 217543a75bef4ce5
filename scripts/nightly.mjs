// Runs the storms, the hunts and the random simulation in turn, for as long as it is told to, and prints what it did:
//   npm run nightly -- --hours 8
//   npm run nightly -- --minutes 10 ring actors      some parts; the first column of the table has their names
//   npm run nightly -- --minutes 10 --json           the result as JSON; progress goes to stderr in either case
// Each part runs once at least. Ctrl-C ends it early: the table has what has run until then. A part that fails is a
// violation; its output is kept.
// The objects of fleets are in a folder of their own, which is removed: in shared memory in the first round of parts,
// regular files in the second, and so on.
// Exit code 0: no violation; 1: violations; 2: wrong arguments; 3: a build failed.
import { spawn, spawnSync } from 'node:child_process'
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { availableParallelism, tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'

const root = join(dirname(fileURLToPath(import.meta.url)), '..')
const native = join(root, 'native')
const plain = (name) => `build/plain/${name}_test`

/** A native storm. `work` finds in its output how much it has done. */
const storm = (name, test, noun, work) => ({
  name,
  noun,
  work,
  target: plain(test),
  command: (seconds) => [join(native, plain(test)), '--seconds', `${seconds}`],
})
/** A file of the TypeScript suite that takes its time from the environment. */
const suite = (name, file, noun, work, share = 1) => ({
  name,
  noun,
  work,
  command: () => [join(root, 'node_modules/.bin/vitest'), 'run', file],
  env: (seconds) => {
    const each = `${Math.max(1, Math.round(seconds / share))}`
    return { ORBIT_STORM_SECONDS: each, ORBIT_HUNT_SECONDS: each }
  },
})
const parts = [
  storm('ring', 'storm', 'frames', /(\d+) frames published/g),
  storm('counters', 'storm_counters', 'changes', /(\d+) changes,/g),
  storm('limits', 'storm_limits', 'rounds', /(\d+) rounds of/g),
  storm('inbox', 'storm_inbox', 'messages and calls', /(\d+) (?:messages|calls answered),/g),
  storm('store', 'storm_valuestore', 'puts', /(\d+) puts,/g),
  {
    name: 'simulator',
    noun: 'schedules',
    work: /(\d+) runs,/g,
    target: 'build/sim/sim',
    cwd: native,
    // Four storms, as many at a time as there are cores.
    command: (seconds) => {
      const turns = Math.ceil(4 / availableParallelism())
      return [join(native, 'build/sim/sim'), 'storm', `${Math.max(1, Math.round(seconds / turns))}`]
    },
  },
  suite('fleets', 'test/storms/storm.test.ts', 'frames', /(\d+) frames, \d+ writers/g),
  suite('events', 'test/storms/events.test.ts', 'events', /(\d+) events,/g),
  suite('contests', 'test/storms/hunt.test.ts', 'guards', /(\d+) guards,/g, 3),
  suite('semaphores', 'test/storms/semaphores.test.ts', 'permits', /(\d+) permits taken,/g),
  suite('metrics', 'test/adapters/prom.test.ts', 'counts', /metrics: (\d+) counts,/g),
  suite('actors', 'packages/actors/test/hunt.test.ts', 'calls', /"calls":(\d+)/g),
]
const kills = /(\d+) (?:kills|killed|with a death)\b|\bkilled(?:WhileStopped)?"?: ?(\d+)/g
const stops = /(\d+) stops\b|\bstopped"?: ?(\d+)/g
const mostSeconds = 60

function usage(problem) {
  console.error(`nightly: ${problem}\nusage: npm run nightly -- --hours N | --minutes N [--json] [PART ...]`)
  console.error(`parts: ${parts.map(({ name }) => name).join(' ')}`)
  process.exit(2)
}

function readArguments() {
  const options = { hours: { type: 'string' }, minutes: { type: 'string' }, json: { type: 'boolean', default: false } }
  try {
    const { values, positionals } = parseArgs({ options, allowPositionals: true })
    const totalMs = Number(values.hours ?? 0) * 3_600_000 + Number(values.minutes ?? 0) * 60_000
    if (!(totalMs > 0 && totalMs < 2 ** 40)) usage('--hours or --minutes must be a number above 0')
    const unknown = positionals.filter((name) => !parts.some((part) => part.name === name))
    if (unknown.length > 0) usage(`there is no part ${unknown.join(', ')}`)
    return { totalMs, isJson: values.json, names: positionals }
  } catch (error) {
    return usage(error.message)
  }
}

/** The sum of the numbers that a pattern finds. */
const sumOf = (text, pattern) =>
  [...text.matchAll(pattern)].reduce((sum, groups) => sum + Number(groups.slice(1).find(Boolean)), 0)

const { totalMs, isJson, names } = readArguments()
const chosen = parts.filter(({ name }) => names.length === 0 || names.includes(name))
const rows = chosen.map(({ name, noun }) => ({
  part: name,
  ...{ runs: 0, seconds: 0, kills: 0, stops: 0, work: 0, noun, violations: 0 },
}))
const kept = []
let begun = performance.now()
const spentMs = () => performance.now() - begun
let isInterrupted = false
let running

for (const signal of ['SIGINT', 'SIGTERM']) {
  process.on(signal, () => {
    isInterrupted = true
    if (running !== undefined) process.kill(-running.pid, 'SIGKILL')
  })
}

function build() {
  const targets = chosen.flatMap(({ target }) => target ?? [])
  if (targets.length === 0) return
  const made = spawnSync('make', ['-C', native, `-j${availableParallelism()}`, ...targets], {
    stdio: ['ignore', 'ignore', 'inherit'],
  })
  if (made.status !== 0) process.exit(3)
}

/** Runs a command in a process group of its own, so that Ctrl-C of a terminal does not reach it. */
function run(command, env, cwd = root) {
  return new Promise((resolve) => {
    let text = ''
    running = spawn(command[0], command.slice(1), {
      cwd,
      detached: true,
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { ...process.env, NO_COLOR: '1', FORCE_COLOR: '0', ...env },
    })
    const keep = (chunk) => {
      text += chunk
    }
    running.stdout.setEncoding('utf8').on('data', keep)
    running.stderr.setEncoding('utf8').on('data', keep)
    running.once('error', (error) => resolve({ status: error.message, text }))
    running.once('close', (code, signal) => resolve({ status: code ?? signal, text }))
  })
}

function keepFailure(name, status, text) {
  const file = join(tmpdir(), `orbit-nightly-${process.pid}-${kept.length + 1}-${name}.log`)
  writeFileSync(file, text)
  kept.push(file)
  console.error(`nightly: VIOLATION in ${name} (${status}), see ${file}\n${text.slice(-2000)}`)
}

/** Runs a part, with fleets in a folder of its own. */
async function runPart(part, row, round) {
  const leftSeconds = Math.ceil((totalMs - spentMs()) / 1000)
  const seconds = Math.max(1, Math.min(mostSeconds, leftSeconds, Math.round(totalMs / 1000 / chosen.length)))
  const memory = round % 2 === 0 && existsSync('/dev/shm') ? '/dev/shm' : tmpdir()
  const folder = mkdtempSync(join(memory, 'orbit-nightly-'))
  const partBegun = performance.now()
  const { status, text } = await run(
    part.command(seconds),
    { ...part.env?.(seconds), ORBIT_DIRECTORY: folder },
    part.cwd,
  )
  running = undefined
  rmSync(folder, { recursive: true, force: true })
  if (isInterrupted) return
  row.runs++
  row.seconds += Math.round((performance.now() - partBegun) / 1000)
  row.kills += sumOf(text, kills)
  row.stops += sumOf(text, stops)
  row.work += sumOf(text, part.work)
  const minutes = (spentMs() / 60_000).toFixed(1)
  if (status === 0) {
    console.error(
      `nightly: ${minutes} of ${(totalMs / 60_000).toFixed(1)} minutes, ${part.name} passed, run ${row.runs}`,
    )
  } else {
    row.violations++
    keepFailure(part.name, status, text)
  }
}

function print() {
  const sum = (key) => rows.reduce((total, row) => total + row[key], 0)
  const totals = { seconds: Math.round(spentMs() / 1000), kills: sum('kills'), stops: sum('stops') }
  const violations = sum('violations')
  if (isJson) {
    console.log(JSON.stringify({ isInterrupted, ...totals, violations, parts: rows, logs: kept }))
    return
  }
  const number = (value, width) => value.toLocaleString('en-US').padStart(width)
  console.log(
    `${'PART'.padEnd(10)} ${'RUNS'.padStart(5)} ${'SECONDS'.padStart(8)} ${'KILLS'.padStart(11)} ${'STOPS'.padStart(9)} ${'WORK'.padStart(15)} ${''.padEnd(18)} VIOLATIONS`,
  )
  for (const row of rows) {
    const work = `${number(row.work, 15)} ${row.noun.padEnd(18)}`
    console.log(
      `${row.part.padEnd(10)} ${number(row.runs, 5)} ${number(row.seconds, 8)} ${number(row.kills, 11)} ${number(row.stops, 9)} ${work} ${number(row.violations, 10)}`,
    )
  }
  const end = isInterrupted ? ', interrupted' : ''
  console.log(
    `${(totals.seconds / 60).toFixed(1)} minutes${end}: ${number(totals.kills, 0)} kills, ${number(totals.stops, 0)} stops, ${violations} violations`,
  )
}

build()
begun = performance.now()
for (let round = 0; !isInterrupted && (round === 0 || spentMs() < totalMs); round++) {
  for (const [index, part] of chosen.entries()) {
    if (isInterrupted || (round > 0 && spentMs() >= totalMs)) break
    await runPart(part, rows[index], round)
  }
}
print()
process.exit(rows.some(({ violations }) => violations > 0) ? 1 : 0)
