// npm run bench: what orbit's calls cost, and what others cost beside it. scripts/bench.mjs bundles and starts it.

import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import type { Child } from './child.js'
import { chooseGroups, leaveOut } from './choosing.js'
import type { Driver, Server } from './drivers/driver.js'
import { describeMachine } from './machine.js'
import { cpuVariable } from './measure.js'
import { type Around, type Build, cellName, type Group, type Measured, measureGroup } from './measuring.js'
import { fromJson, merged, type Results, toJson } from './results.js'
import { aboutText, buildsText, resultsText } from './tables.js'

const help = `npm run bench -- [options]
npm run bench:compare -- A B [options]

Measures what orbit's calls cost, and compares orbit with alternatives: one trial after the other, all drivers in turn,
in rounds. With two checkouts A and B it compares their builds of orbit instead: all calls of both in turn, in one run.

  --quick          fewer and shorter rounds, fewer cases: under two minutes, wider spread
  --only PATTERN   only cells that match this regular expression, ignoring case; a cell is "trial, case, driver". orbit
                   is always in it. Default of bench:compare: ^call
  --rounds N       so many rounds instead of each trial's own
  --cpu            calls by processor time, for a machine that does other work
  --json FILE      also write the results
  --add            keep what that file has of trials that this run does not measure
  --list           what there is to match
  --help           this text

No time is a failure: the exit code is 1 only when something could not be measured.
`

function refuse(message: string): never {
  process.stderr.write(`${message}\n\n${help}`)
  process.exit(2)
}

function readOptions() {
  try {
    const { values, positionals } = parseArgs({
      allowPositionals: true,
      options: {
        quick: { type: 'boolean', default: false },
        only: { type: 'string' },
        rounds: { type: 'string' },
        json: { type: 'string' },
        add: { type: 'boolean', default: false },
        cpu: { type: 'boolean', default: false },
        list: { type: 'boolean', default: false },
        help: { type: 'boolean', default: false },
      },
    })
    const checkouts = positionals.slice(1)
    if (positionals.length > 0 && (positionals[0] !== 'compare' || checkouts.length !== 2)) {
      refuse('bench takes no folders; bench:compare takes two')
    }
    const rounds = values.rounds === undefined ? undefined : Number(values.rounds)
    if (rounds !== undefined && !(Number.isInteger(rounds) && rounds > 0)) refuse('--rounds must be a positive integer')
    const pattern = new RegExp(values.only ?? (checkouts.length > 0 ? '^call' : ''), 'i')
    return { ...values, rounds, checkouts, pattern }
  } catch (error) {
    refuse((error as Error).message)
  }
}

const children = new Set<Child>()
const servers = new Map<Driver['serve'], Server>()
let folder: string | undefined
let names = 0
let isEnding = false

/** Ends all processes of a group, the servers after their clients, and removes their files. */
async function endAll(): Promise<void> {
  const all = [...children]
  children.clear()
  await Promise.all(all.map((child) => child.leave()))
  await Promise.all([...servers.values()].map((server) => server.end()))
  servers.clear()
  if (folder !== undefined) rmSync(folder, { recursive: true, force: true })
  folder = undefined
}

/** Servers are started for one group: what they keep of the trials before would count as their memory. */
async function around({ cells }: Group, say: Around['say']): Promise<Around> {
  const files = mkdtempSync(join(tmpdir(), `orbit-bench-${process.pid}-`))
  folder = files
  for (const { serve } of new Set(cells.map(({ driver }) => driver))) {
    if (serve === undefined || servers.has(serve)) continue
    const server = serve(files)
    servers.set(serve, server)
    await server.ready()
  }
  return {
    ...{ folder: files, say },
    newName: () => `bench-${process.pid}-${++names}`,
    serverPid: ({ serve }) => (serve === undefined ? undefined : servers.get(serve)?.pid),
    started(child) {
      if (isEnding) void child.kill()
      else children.add(child)
    },
  }
}

/** A line on the standard error, in place of the last one. */
function say(what: string): void {
  if (process.stderr.isTTY) process.stderr.write(`\r\x1b[K${what}`)
  else if (what !== '') process.stderr.write(`${what}\n`)
}

async function measureAll(groups: readonly Group[]): Promise<{ cells: Measured[]; failures: string[] }> {
  const cells: Measured[] = []
  const failures: string[] = []
  for (const [i, group] of groups.entries()) {
    const its = await around(group, (what) => say(`${i + 1} of ${groups.length}: ${what}`))
    const measured = await measureGroup(group, its)
    cells.push(...measured.results)
    failures.push(...measured.failures)
    await endAll()
  }
  say('')
  return { cells, failures }
}

async function main(): Promise<void> {
  const options = readOptions()
  if (options.help) return void process.stdout.write(help)
  const { checkouts, quick: isQuick } = options
  const own: Build = { name: 'orbit', folder: import.meta.dirname }
  const bundle = `.bench-${process.pid}`
  const builds = checkouts.map((checkout, i): Build => ({ name: 'AB'[i] as string, folder: join(checkout, bundle) }))
  const found = await chooseGroups(options, builds.length > 0 ? builds : [own])
  if (found.length === 0) refuse(`nothing matches --only ${options.only}; see --list`)
  if (options.list) {
    const all = found.flatMap(({ trial, cells }) => cells.map((cell) => cellName(trial, cell)))
    return void process.stdout.write(`${[...new Set(all)].join('\n')}\n`)
  }
  const machine = describeMachine()
  if (options.cpu) process.env[cpuVariable] = '1'
  const { groups, skipped } = await leaveOut(found)
  // Three times with new processes, where two builds are compared: chance, as in memory layout, stays with a process.
  const passes = builds.length > 0 && !isQuick ? [groups, groups, groups].flat() : groups
  const { cells, failures } = await measureAll(passes)
  if (failures.length > 0) process.exitCode = 1
  const drivers = new Set(groups.flatMap(({ cells }) => cells.map(({ driver }) => driver)))
  const plans = new Map(groups.map(({ trial, plan }) => [trial, plan]))
  const results: Results = {
    ...{ machine, isQuick, cells, skipped: [...skipped, ...failures] },
    drivers: [...drivers].map(({ name, settings, version }) => ({ name, version: version(), settings })),
    trials: [...plans].map(([{ name, measures, unit, better }, { rounds, runMs }]) => {
      return { name, measures, unit, better, rounds, runMs }
    }),
  }
  if (builds.length > 0) {
    const about = checkouts.map((checkout, i) => `${'AB'[i]}: ${checkout}`).join('\n')
    process.stdout.write(`${about}\n\n${buildsText(results.trials, cells)}\n\n${failures.join('\n')}\n`)
  } else process.stdout.write(`${aboutText(results)}\n\n${resultsText(results)}\n`)
  const { json, add } = options
  if (json !== undefined) {
    writeFileSync(json, toJson(add ? merged(fromJson(readFileSync(json, 'utf8')), results) : results))
  }
}

for (const [signal, code] of [['SIGINT', 130] as const, ['SIGTERM', 143] as const]) {
  process.on(signal, () => {
    if (isEnding) return
    isEnding = true
    process.stderr.write('\nending\n')
    void endAll().then(() => process.exit(code))
  })
}

try {
  await main()
} catch (error) {
  // What fails because the bench is ending is no error.
  if (!isEnding) {
    process.exitCode = 1
    process.stderr.write(`\n${(error as Error).stack}\n`)
  }
} finally {
  if (!isEnding) await endAll()
}
