import { execFileSync } from 'node:child_process'
import { cpus, loadavg, release, totalmem, type } from 'node:os'
import type { Call } from './calls/call.js'
import { type Summary, summarize } from './measure.js'
import type { Comparison } from './results.js'
import { comparisonTables, table } from './tables.js'
import { version } from './version.js'
import type { WakeBar, WakeLine } from './waking/wakes.js'
import type { Storm } from './writers/writers.js'

export interface Machine {
  readonly cpu: string
  readonly cores: number
  readonly memoryGiB: number
  readonly kernel: string
  readonly node: string
  readonly package: string
  readonly commit: string
  readonly date: string
  /** Of the minute before the bench began. */
  readonly loadAverage: number
}

export interface Line extends Summary {
  readonly trial: string
  readonly measures: string
  /** Nanoseconds of what. */
  readonly unit: Call['unit']
  /** The median against that of the empty call with as many arguments, or with none where the call count is another. */
  readonly toEmpty: number | undefined
  /** And against that of the decoding call. */
  readonly toDecode: number | undefined
  /** As toEmpty, of the 10th percentiles. */
  readonly quietToEmpty: number | undefined
  readonly quietToDecode: number | undefined
}

export interface Bar {
  readonly name: string
  /** By the medians; undefined when it was not measured. */
  readonly figure: number | undefined
  /** By the 10th percentiles: what the machine does when nothing else runs on it. */
  readonly quiet: number | undefined
  readonly atMost: number
  readonly unit: 'ns' | 'x'
  readonly isMet: boolean | undefined
}

export interface WritersLine extends Summary {
  readonly writers: number
  readonly isConsistent: boolean
}

export interface Report {
  readonly machine: Machine
  /** Fewer and shorter rounds: a look, no figures for others. */
  readonly isQuick: boolean
  readonly method: string
  readonly trials: Line[]
  readonly comparison: Comparison
  readonly writers: WritersLine[]
  readonly storms: Storm[]
  readonly wakes: WakeLine[]
  readonly bars: Bar[]
  readonly wakeBars: WakeBar[]
}

function output(command: string, args: string[]): string {
  try {
    return execFileSync(command, args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }).trim()
  } catch {
    return ''
  }
}

/** What figures depend on; drawings and results of runs are none of it. */
const measuredFiles = [
  'src',
  'native',
  'binding.gyp',
  'bench',
  'scripts/bench.mjs',
  ':(exclude)bench/figures',
  ':(exclude)*.json',
]

export function describeMachine(): Machine {
  const root = new URL('..', import.meta.url).pathname
  const isDirty = output('git', ['-C', root, 'status', '--porcelain', '--', ...measuredFiles]) !== ''
  const commit = output('git', ['-C', root, 'rev-parse', '--short=12', 'HEAD'])
  return {
    cpu: cpus()[0]?.model.trim() ?? 'unknown',
    cores: cpus().length,
    memoryGiB: Math.round(totalmem() / 2 ** 30),
    kernel: `${type()} ${release()}`,
    node: process.version,
    package: `orbit-node ${version()}`,
    commit: commit === '' ? 'unknown' : isDirty ? `${commit} and uncommitted changes` : commit,
    date: new Date().toISOString(),
    loadAverage: loadavg()[0] ?? 0,
  }
}

/** A call's two baselines; undefined for a trial that crosses into the addon once for many frames, or never. */
export function baselinesOf(call: Call): { empty: string; decode: string } | undefined {
  if (call.arguments === undefined) return undefined
  return { empty: `empty call, ${call.arguments} arguments`, decode: `decoding call, ${call.arguments} arguments` }
}

export function makeLines(measured: readonly { call: Call; samples: readonly number[] }[]): Line[] {
  const summaries = new Map(measured.map(({ call, samples }) => [call.name, summarize(samples)]))
  return measured.map(({ call }) => {
    const summary = summaries.get(call.name) as Summary
    const baselines = baselinesOf(call)
    const ratio = (to: string | undefined, by: 'median' | 'p10') => {
      const baseline = to === undefined ? undefined : summaries.get(to)
      return baseline === undefined ? undefined : summary[by] / baseline[by]
    }
    return {
      trial: call.name,
      measures: call.measures,
      unit: call.unit,
      ...summary,
      toEmpty: ratio(baselines?.empty, 'median'),
      toDecode: ratio(baselines?.decode, 'median'),
      quietToEmpty: ratio(baselines?.empty, 'p10'),
      quietToDecode: ratio(baselines?.decode, 'p10'),
    }
  })
}

export function makeWritersLines(storms: readonly Storm[]): WritersLine[] {
  return [...new Set(storms.map(({ writers }) => writers))].map((writers) => {
    const these = storms.filter((storm) => storm.writers === writers)
    return {
      writers,
      isConsistent: these.every(({ isConsistent }) => isConsistent),
      ...summarize(these.map(({ framesPerSecond }) => framesPerSecond)),
    }
  })
}

/** The bars of ARCHITECTURE.md that this bench can show. */
export function makeBars(lines: readonly Line[], writers: readonly WritersLine[]): Bar[] {
  const line = (trial: string) => lines.find((line) => line.trial === trial)
  const bar = (
    name: string,
    atMost: number,
    unit: Bar['unit'],
    figure: number | undefined,
    quiet: number | undefined,
  ) => {
    return { name, figure, quiet, atMost, unit, isMet: figure === undefined ? undefined : figure <= atMost }
  }
  const nanoseconds = (name: string, trial: string, atMost: number): Bar =>
    bar(name, atMost, 'ns', line(trial)?.median, line(trial)?.p10)
  const publish = line('publish 64 B')
  const over = (trial: string, base: string, by: 'median' | 'p10', combine: (a: number, b: number) => number) => {
    const [a, b] = [line(trial), line(base)]
    return a && b && combine(a[by], b[by])
  }
  const against = (name: string, trial: string, base: string, atMost: number): Bar => {
    const ratio = (by: 'median' | 'p10') => over(trial, base, by, (a, b) => a / b)
    return bar(name, atMost, 'x', ratio('median'), ratio('p10'))
  }
  const catchUp = (by: 'median' | 'p10') => over('cache put and catch up, 64 B', 'cache put 64 B', by, (a, b) => a - b)
  const [one, two] = [1, 2].map((count) => writers.find((line) => line.writers === count))
  return [
    bar('publish 64 B, to an empty call with 2 arguments', 2.5, 'x', publish?.toEmpty, publish?.quietToEmpty),
    bar('publish 64 B, to a call that decodes its 2 arguments', 2.5, 'x', publish?.toDecode, publish?.quietToDecode),
    bar('two writer processes, time a frame to that of one', 1, 'x', one && two && one.median / two.median, undefined),
    nanoseconds('publishPacked of 100, a frame', 'publishPacked, 100 x 64 B', 20),
    nanoseconds('publishBatch of 100, a frame', 'publishBatch, 100 x 64 B', 50),
    nanoseconds('poll of 100 and a byte of each, a frame', 'poll 100 frames, 64 B', 60),
    nanoseconds('Orbital.load of 2 fields', 'Orbital.load, 2 fields', 150),
    nanoseconds('cache hit of 64 B, copied out', 'cache get hit, 64 B', 200),
    nanoseconds('TypedCache.get of what is unchanged', 'TypedCache.get, unchanged', 100),
    against('cache miss, to a hit of 64 B', 'cache get miss', 'cache get hit, 64 B', 1),
    against('cache put 64 B, to publish 64 B', 'cache put 64 B', 'publish 64 B', 2),
    bar('catching up, a new frame', 60, 'ns', catchUp('median'), catchUp('p10')),
    nanoseconds('Contest: claim and release, uncontended', 'Contest claim and release', 1000),
    nanoseconds('Contest: a lost try', 'Contest lost try, to another', 300),
  ]
}

const nanoseconds = (value: number) => value.toFixed(1)
const ratio = (value: number | undefined) => (value === undefined ? '' : `${value.toFixed(2)} x`)
const millions = (value: number) => (value / 1e6).toFixed(2)

function trialTable(lines: readonly Line[]): string {
  const head = ['nanoseconds', 'median', 'p10', 'p90', 'p99', 'a', 'to empty', 'to decoding']
  const rows = lines.map(({ trial, unit, median, p10, p90, p99, toEmpty, toDecode }) => {
    return [trial, ...[median, p10, p90, p99].map(nanoseconds), unit, ratio(toEmpty), ratio(toDecode)]
  })
  return table([head, ...rows])
}

function writersTable(lines: readonly WritersLine[]): string {
  const head = ['writer processes at once, 64 B', 'median', 'p10', 'p90', 'ns a frame', 'positions']
  const rows = lines.map(({ writers, median, p10, p90, isConsistent }) => [
    `${writers}, million frames/s in all`,
    ...[median, p10, p90].map(millions),
    nanoseconds(1e9 / median),
    isConsistent ? 'no gap, none lost' : 'INCONSISTENT',
  ])
  return table([head, ...rows])
}

function barTable(bars: readonly (Bar | WakeBar)[]): string {
  const measured = bars.filter(({ figure }) => figure !== undefined)
  if (measured.length === 0) return ''
  const rows = measured.map(({ name, figure, quiet, atMost, unit, isMet }) => {
    const shown = (value: number | undefined) =>
      value === undefined ? '' : `${value.toFixed(unit === 'x' ? 2 : 1)} ${unit}`
    return [name, shown(figure), shown(quiet), `${atMost} ${unit}`, isMet ? 'pass' : 'MISS']
  })
  return table([['bar (told by the median)', 'median', 'p10 or quiet', 'at most', ''], ...rows])
}

function wakeTable(lines: readonly WakeLine[]): string {
  const head = ['waking (nanoseconds, but for counts)', 'p50', 'p90', 'p99', 'p10', 'quiet p50', 'samples']
  const rows = lines.map(({ name, median, p90, p99, p10, quiet, samples }) => [
    name,
    ...[median, p90, p99, p10, quiet].map(nanoseconds),
    `${samples}`,
  ])
  return table([head, ...rows])
}

/** The report for people. */
export function render({
  machine,
  isQuick,
  method,
  trials,
  comparison,
  writers,
  wakes,
  bars,
  wakeBars,
}: Report): string {
  const about = [
    `${machine.package} at ${machine.commit}, ${machine.date}`,
    `${machine.cpu}, ${machine.cores} cores, ${machine.memoryGiB} GiB; ${machine.kernel}; Node ${machine.node}`,
    method,
  ]
  if (isQuick) about.push('a quick run: a look, not figures to quote')
  if (machine.loadAverage > machine.cores / 2) {
    about.push(
      `a busy machine, load average ${machine.loadAverage.toFixed(1)}: believe p10 rather than the medians and the bars`,
    )
  }
  const legend = [
    'to empty: the median against a raw Node-API call that only fetches as many arguments (the baseline of the bars)',
    'to decoding: against one that also decodes what publish decodes and returns a number',
  ]
  const parts = [about.join('\n')]
  if (trials.length > 0) parts.push(trialTable(trials), legend.join('\n'))
  if (writers.length > 0) parts.push(writersTable(writers))
  if (wakes.length > 0) parts.push(wakeTable(wakes))
  const barLines = barTable([...bars, ...wakeBars])
  if (barLines !== '') parts.push(barLines)
  parts.push(...comparisonTables(comparison))
  return `${parts.join('\n\n')}\n`
}
