// npm run bench: what orbit's operations cost, and what others cost beside it. See `--help`.

import { spawnSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { Belongings } from './belongings.js'
import type { Call } from './calls/call.js'
import { type Cell, measureRound, startCells, warmUp } from './calls/cells.js'
import { calls } from './calls/index.js'
import { type Chosen, cellName, choose, compareAll, leaveOut, serveAll } from './comparing.js'
import type { Pace } from './measure.js'
import { type Options, printHelp, readOptions, refuseUsage } from './options.js'
import { Progress } from './progress.js'
import { baselinesOf, describeMachine, makeBars, makeLines, makeWritersLines, type Report, render } from './report.js'
import type { Comparison } from './results.js'
import { scenarios } from './waking/scenarios.js'
import type { WakePace } from './waking/wake.js'
import { makeWakeBars, makeWakeLines, measureWakes, type WakeSeries } from './waking/wakes.js'
import { measureWriters, type Storm } from './writers/writers.js'

/** How much is measured, but for the comparison, whose trials know for themselves. */
interface Plan {
  readonly rounds: number
  readonly pace: Pace
  readonly warmUp: Pace
  readonly storms: number
  readonly stormSeconds: number
  readonly wakeRounds: number
  readonly wakePace: WakePace
  /** About what a call, a scenario and a storm take in all. */
  readonly guessMs: { readonly call: number; readonly scenario: number; readonly storm: number }
}

const fullPlan: Plan = {
  rounds: 8,
  pace: { windows: 12, windowSeconds: 0.01 },
  warmUp: { windows: 10, windowSeconds: 0.01 },
  storms: 7,
  stormSeconds: 0.5,
  wakeRounds: 14,
  wakePace: { scale: 0.5 },
  guessMs: { call: 1300, scenario: 10_000, storm: 1000 },
}
const quickPlan: Plan = {
  rounds: 3,
  pace: { windows: 6, windowSeconds: 0.005 },
  warmUp: { windows: 5, windowSeconds: 0.005 },
  storms: 2,
  stormSeconds: 0.15,
  wakeRounds: 2,
  wakePace: { scale: 0.2 },
  guessMs: { call: 260, scenario: 1500, storm: 500 },
}
const writerCounts = [1, 2, 4]

const belongings = new Belongings()
const progress = new Progress()
const { started } = belongings

async function measureCalls(chosen: readonly Call[], plan: Plan): Promise<Cell[]> {
  if (chosen.length === 0) return []
  progress.say(`starting the processes of ${chosen.length} calls`)
  const cells = await startCells(chosen, { fleetOf: () => belongings.newFleet(), started })
  progress.say('calls: warming up')
  await warmUp(cells, plan.warmUp)
  for (let round = 1; round <= plan.rounds; round++) {
    progress.say(`calls: round ${round} of ${plan.rounds}`)
    await measureRound(cells, plan.pace)
  }
  return cells
}

async function measureStorms(plan: Plan): Promise<Storm[]> {
  const storms: Storm[] = []
  for (let round = 1; round <= plan.storms; round++) {
    for (const writers of writerCounts) {
      progress.say(`${writers} writer processes, round ${round} of ${plan.storms}`)
      storms.push(await measureWriters(writers, { fleet: belongings.newFleet(), seconds: plan.stormSeconds, started }))
      await belongings.endChildren()
    }
  }
  return storms
}

function measureWaking(pattern: RegExp, plan: Plan): Promise<WakeSeries[]> {
  const { wakeRounds: rounds, wakePace: pace } = plan
  return measureWakes({ pattern, rounds, pace, fleetOf: () => belongings.newFleet(), started, progress: progress.say })
}

async function measureComparison(chosen: Chosen[], skipped: string[]): Promise<Comparison> {
  const { failures, ...measured } = await compareAll(chosen, {
    async begin({ drivers, guessMs }) {
      progress.begin(guessMs)
      const { folder } = belongings
      const serverPid = await serveAll(drivers, { folder, served: (server) => belongings.served(server) })
      return { folder, newName: () => belongings.newFleet(), serverPid, started, progress: progress.say }
    },
    async end() {
      await belongings.endAll()
      progress.end()
    },
  })
  if (failures.length > 0) process.exitCode = 1
  return { ...measured, skipped: [...skipped, ...failures] }
}

/** The calls that match, in order, with the baselines that their ratios need. */
function chooseCalls(pattern: RegExp): Call[] {
  const names = new Set<string>()
  for (const call of calls.filter(({ name }) => pattern.test(name) || pattern.test('calls'))) {
    names.add(call.name)
    const baselines = baselinesOf(call)
    if (baselines !== undefined) names.add(baselines.empty).add(baselines.decode)
  }
  return calls.filter(({ name }) => names.has(name))
}

/** Everything that --only can match, a line each. */
function list(isQuick: boolean): string {
  const cells = choose(/(?:)/, isQuick).flatMap(({ trial, parameters, drivers }) =>
    drivers.map((driver) => cellName(trial, parameters, driver)),
  )
  return [...calls.map(({ name }) => name), 'writers', ...scenarios.map(({ name }) => name), ...cells].join('\n')
}

/** One planned part of the run. */
async function part<T>(guessMs: number, run: () => Promise<T>): Promise<T> {
  progress.begin(guessMs)
  const result = await run()
  await belongings.endChildren()
  progress.end()
  return result
}

async function measure({ pattern, isQuick, only }: Options): Promise<Report> {
  const plan = isQuick ? quickPlan : fullPlan
  const chosenCalls = chooseCalls(pattern)
  const withWriters = pattern.test('writers')
  const wakes = scenarios.filter(({ name }) => pattern.test(name)).length
  const { chosen, skipped } = await leaveOut(choose(pattern, isQuick))
  if (chosenCalls.length + wakes + chosen.length + skipped.length === 0 && !withWriters) {
    refuseUsage(`nothing matches --only ${only}; see --list`)
  }
  const guesses = {
    calls: chosenCalls.length * plan.guessMs.call,
    writers: withWriters ? plan.storms * writerCounts.length * plan.guessMs.storm : 0,
    wakes: wakes * plan.guessMs.scenario,
  }
  const all = [...Object.values(guesses), ...chosen.map(({ guessMs }) => guessMs)]
  progress.plan(all.reduce((sum, guessMs) => sum + guessMs, 0))

  const machine = describeMachine()
  const measured = await part(guesses.calls, () => measureCalls(chosenCalls, plan))
  const storms = await part(guesses.writers, async () => (withWriters ? measureStorms(plan) : []))
  const series = await part(guesses.wakes, async () => (wakes > 0 ? measureWaking(pattern, plan) : []))
  const comparison = await measureComparison(chosen, skipped)
  const lines = makeLines(measured)
  const writers = makeWritersLines(storms)
  const wakeLines = makeWakeLines(series)
  return {
    machine,
    isQuick,
    method:
      `calls: ${plan.rounds} rounds, each in a process of its own; a sample is the mean of a window of ` +
      `${plan.pace.windowSeconds * 1e3} ms, ${plan.pace.windows} a round`,
    trials: lines,
    comparison,
    writers,
    storms,
    wakes: wakeLines,
    bars: makeBars(lines, writers),
    wakeBars: makeWakeBars(wakeLines),
  }
}

async function main(): Promise<void> {
  const options = readOptions()
  if (options.help) {
    printHelp()
  } else if (options.list) {
    process.stdout.write(`${list(options.isQuick)}\n`)
  } else if (options.native) {
    const native = fileURLToPath(new URL('../native', import.meta.url))
    process.exitCode = spawnSync('make', ['-C', native, 'bench'], { stdio: 'inherit' }).status ?? 1
  } else {
    const report = await measure(options)
    progress.say('')
    const json = `${JSON.stringify(report, null, 2)}\n`
    const out = options.json === '-' ? process.stderr : process.stdout
    out.write(render(report))
    if (options.json === '-') process.stdout.write(json)
    else if (options.json !== undefined) writeFileSync(options.json, json)
  }
}

for (const [signal, code] of [['SIGINT', 130] as const, ['SIGTERM', 143] as const]) {
  process.on(signal, () => {
    if (belongings.isEnding) return
    belongings.isEnding = true
    process.stderr.write('\nending\n')
    belongings.endAll().then(() => process.exit(code))
  })
}

try {
  await main()
} catch (error) {
  // What fails because we are ending is no news.
  if (!belongings.isEnding) {
    process.exitCode = 1
    process.stderr.write(`\n${(error as Error).stack}\n`)
  }
} finally {
  if (!belongings.isEnding) await belongings.endAll()
}
