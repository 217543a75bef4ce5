// npm run bench: what the operations cost, against an empty call into an addon. See `--help`.

import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { Fleet } from '../src/index.js'
import type { Call } from './calls/call.js'
import { type Cell, measureRound, startCells, warmUp } from './calls/cells.js'
import { calls } from './calls/index.js'
import type { Child } from './child.js'
import type { Pace } from './measure.js'
import { baselinesOf, describeMachine, makeBars, makeLines, makeWritersLines, type Report, render } from './report.js'
import { type Choice, chooseRivals, rivalTrials } from './rivals/index.js'
import { makeRivalLines, type RivalLine } from './rivals/lines.js'
import type { Server } from './rivals/rival.js'
import { scenarios } from './waking/scenarios.js'
import type { WakePace } from './waking/wake.js'
import { makeWakeBars, makeWakeLines, measureWakes, type WakeSeries } from './waking/wakes.js'
import { measureWriters, type Storm } from './writers/writers.js'

const help = `npm run bench -- [options]

Measures what orbit's operations cost, each trial in a process of its own, in rounds: every trial once, then all again;
and so beside others: lru-cache, lmdb, Redis (a redis-server of its own on a Unix socket, where one is installed),
process.send.

  --quick          fewer and shorter rounds: about a minute, wider spread
  --only PATTERN   only trials whose name matches this regular expression, ignoring case, and their baselines;
                   "writers" is the one of several processes at once; "wake", "burst onto a sleeper", "crowd" and
                   "waiter of the past" are those of waking; "lru-cache", "lmdb", "redis", "process.send" and what they
                   do ("cache hit") are those beside others, "rivals" all of them
  --json FILE      also write the report as JSON; "-": to the standard output, with the table on the standard error
  --native         the bench of native/ring.h alone instead (make -C native bench)
  --help           this text

The bars are shown, not asserted: the exit code is 0 whether they are met or not.
`

interface Plan {
  rounds: number
  pace: Pace
  warmUp: Pace
  storms: number
  stormSeconds: number
  wakeRounds: number
  wakePace: WakePace
}

const fullPlan: Plan = {
  rounds: 12,
  pace: { windows: 12, windowSeconds: 0.01 },
  warmUp: { windows: 10, windowSeconds: 0.01 },
  storms: 7,
  stormSeconds: 0.5,
  wakeRounds: 20,
  wakePace: { scale: 0.5 },
}
const quickPlan: Plan = {
  rounds: 3,
  pace: { windows: 6, windowSeconds: 0.005 },
  warmUp: { windows: 5, windowSeconds: 0.005 },
  storms: 2,
  stormSeconds: 0.15,
  wakeRounds: 4,
  wakePace: { scale: 0.2 },
}
const writerCounts = [1, 2, 4]

function refuseUsage(message: string): never {
  process.stderr.write(`${message}\n\n${help}`)
  process.exit(2)
}

function readOptions() {
  try {
    const { values } = parseArgs({
      options: {
        quick: { type: 'boolean', default: false },
        only: { type: 'string' },
        json: { type: 'string' },
        native: { type: 'boolean', default: false },
        help: { type: 'boolean', default: false },
      },
    })
    return { ...values, pattern: new RegExp(values.only ?? '', 'i') }
  } catch (error) {
    refuseUsage((error as Error).message)
  }
}

const progress = (text: string) => {
  process.stderr.write(process.stderr.isTTY ? `\r\x1b[K${text}` : `${text}\n`)
}

let isEnding = false

/** All that has to be ended and removed, however this ends. */
const children: Child[] = []
const servers: Server[] = []
const fleets: string[] = []
const folders: string[] = []

function newFleet(purpose: string): string {
  if (isEnding) throw new Error('ending')
  const name = `bench-${process.pid}-${purpose}`
  fleets.push(name)
  return name
}

function newFolder(): string {
  if (isEnding) throw new Error('ending')
  const folder = mkdtempSync(join(tmpdir(), 'orbit-bench-'))
  folders.push(folder)
  return folder
}

async function cleanUp(): Promise<void> {
  await Promise.all(children.splice(0).map((child) => child.end()))
  // Their clients went first: a lost server is an error to them.
  await Promise.all(servers.splice(0).map((server) => server.end()))
  for (const name of fleets.splice(0)) Fleet.remove(name, { force: true })
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true })
}

const started = (child: Child) => children.push(child)

async function measureTrials<T extends Call>(
  chosen: readonly T[],
  { plan, folder }: { plan: Plan; folder: string },
): Promise<Cell<T>[]> {
  if (chosen.length === 0) return []
  progress(`starting ${chosen.length} processes`)
  const cells = await startCells(chosen, { fleetOf: (index) => newFleet(`${index}`), folder, started })
  progress('warming up')
  await warmUp(cells, plan.warmUp)
  for (let round = 1; round <= plan.rounds; round++) {
    progress(`round ${round} of ${plan.rounds}`)
    await measureRound(cells, plan.pace)
  }
  await cleanUp()
  return cells
}

async function measureRivals({ trials, serves }: Choice, plan: Plan): Promise<RivalLine[]> {
  const folder = newFolder()
  for (const serve of serves) {
    const server = serve(folder)
    servers.push(server)
    await server.ready()
  }
  return makeRivalLines(await measureTrials(trials, { plan, folder }))
}

async function measureStorms(plan: Plan): Promise<Storm[]> {
  const storms: Storm[] = []
  for (let round = 1; round <= plan.storms; round++) {
    for (const writers of writerCounts) {
      progress(`${writers} writer processes, round ${round} of ${plan.storms}`)
      const fleet = newFleet(`${writers}-writers-${round}`)
      storms.push(await measureWriters(writers, { fleet, seconds: plan.stormSeconds, started }))
      await cleanUp()
    }
  }
  return storms
}

async function wakesOf(pattern: RegExp, plan: Plan): Promise<WakeSeries[]> {
  const fleetOf = (index: number) => newFleet(`wake-${index}`)
  const series = await measureWakes({
    pattern,
    rounds: plan.wakeRounds,
    pace: plan.wakePace,
    fleetOf,
    started,
    progress,
  })
  await cleanUp()
  return series
}

/** The calls that match, in order, with the baselines that their ratios need. */
function choose(pattern: RegExp): Call[] {
  const names = new Set<string>()
  for (const trial of calls.filter(({ name }) => pattern.test(name))) {
    names.add(trial.name)
    const baselines = baselinesOf(trial)
    if (baselines !== undefined) names.add(baselines.empty).add(baselines.decode)
  }
  return calls.filter(({ name }) => names.has(name))
}

async function main(): Promise<void> {
  const options = readOptions()
  if (options.help) {
    process.stdout.write(help)
    return
  }
  if (options.native) {
    const native = fileURLToPath(new URL('../native', import.meta.url))
    process.exitCode = spawnSync('make', ['-C', native, 'bench'], { stdio: 'inherit' }).status ?? 1
    return
  }
  const chosen = choose(options.pattern)
  const withWriters = options.pattern.test('writers')
  const withWakes = scenarios.some(({ name }) => options.pattern.test(name))
  const rivals = await chooseRivals((name) => options.pattern.test(name) || options.pattern.test('rivals'))
  const withRivals = rivals.trials.length > 0 || rivals.skipped.length > 0
  if (chosen.length === 0 && !withWriters && !withWakes && !withRivals) {
    refuseUsage(
      `no trial matches --only ${options.only}; there are:\n  ${[...calls, ...scenarios, ...rivalTrials].map(({ name }) => name).join('\n  ')}`,
    )
  }
  const plan = options.quick ? quickPlan : fullPlan
  const method =
    `${plan.rounds} rounds over all calls, each trial in a process of its own; a sample is the mean of a window of ` +
    `${plan.pace.windowSeconds * 1e3} ms, ${plan.pace.windows} a round`

  const machine = describeMachine()
  const measured = await measureTrials(chosen, { plan, folder: newFolder() })
  const beside = await measureRivals(rivals, plan)
  const storms = withWriters ? await measureStorms(plan) : []
  const wakes = makeWakeLines(withWakes ? await wakesOf(options.pattern, plan) : [])
  progress('')
  const lines = makeLines(measured)
  const writers = makeWritersLines(storms)
  const report: Report = {
    machine,
    method,
    trials: lines,
    rivals: beside,
    skipped: rivals.skipped,
    writers,
    storms,
    wakes,
    bars: makeBars(lines, writers),
    wakeBars: makeWakeBars(wakes),
  }
  const json = `${JSON.stringify(report, null, 2)}\n`
  const out = options.json === '-' ? process.stderr : process.stdout
  out.write(render(report))
  if (options.json === '-') process.stdout.write(json)
  else if (options.json !== undefined) writeFileSync(options.json, json)
}

for (const [signal, code] of [['SIGINT', 130] as const, ['SIGTERM', 143] as const]) {
  process.on(signal, () => {
    if (isEnding) return
    isEnding = true
    progress('ending')
    cleanUp().then(() => process.exit(code))
  })
}

try {
  await main()
} catch (error) {
  // What fails because we are ending is no news.
  if (!isEnding) {
    process.exitCode = 1
    process.stderr.write(`\n${(error as Error).stack}\n`)
  }
} finally {
  if (!isEnding) await cleanUp()
}
