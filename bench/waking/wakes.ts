import { Child } from '../child.js'
import { type Summary, summarize } from '../measure.js'
import { claimWake, crowdName, crowdSizes, iterateWake, scenarios, waitWake } from './scenarios.js'
import { blockSamples, claimGapMs, type Series, type WakePace } from './wake.js'

/** All that one series measured, round by round. */
export interface WakeSeries {
  readonly name: string
  readonly rounds: number[][]
}

export interface WakeLine extends Summary {
  readonly name: string
  /** The 10th percentile of the medians of blocks of blockSamples: what the machine does when little else runs on it. */
  readonly quiet: number
}

/** One bar on waking: the figure of all samples, and that of the quiet rounds. */
export interface WakeBar {
  readonly name: string
  readonly figure: number | undefined
  readonly quiet: number | undefined
  readonly atMost: number
  readonly unit: 'ns' | 'x' | 'bytes'
  readonly isMet: boolean | undefined
}

/** Visits the scenarios one after the other, round by round, each in processes of its own. */
export async function measureWakes(options: {
  pattern: RegExp
  rounds: number
  pace: WakePace
  fleetOf: (index: number) => string
  started: (child: Child) => void
  progress: (text: string) => void
}): Promise<WakeSeries[]> {
  const cells: { name: string; child: Child }[] = []
  for (const [index, { name }] of scenarios.filter(({ name }) => options.pattern.test(name)).entries()) {
    options.progress(`starting the processes of ${name}`)
    const child = new Child('waker', [name, options.fleetOf(index)], name)
    options.started(child)
    await child.answer()
    cells.push({ name, child })
  }
  const series = new Map<string, WakeSeries>()
  for (let round = 0; round <= options.rounds; round++) {
    options.progress(round === 0 ? 'waking: warming up' : `waking: round ${round} of ${options.rounds}`)
    for (const { child } of cells) {
      child.send(options.pace)
      const visit = await child.answer<Series>()
      if (round === 0) continue
      for (const [name, samples] of Object.entries(visit)) {
        const known = series.get(name) ?? { name, rounds: [] }
        series.set(name, known)
        known.rounds.push(samples)
      }
    }
  }
  return [...series.values()]
}

export function makeWakeLines(series: readonly WakeSeries[]): WakeLine[] {
  return series.map(({ name, rounds }) => {
    const blocks = rounds.flatMap((samples) =>
      Array.from({ length: Math.ceil(samples.length / blockSamples) }, (_, i) =>
        samples.slice(i * blockSamples, (i + 1) * blockSamples),
      ),
    )
    const quiet = summarize(blocks.map((samples) => summarize(samples).median)).p10
    return { name, ...summarize(rounds.flat()), quiet }
  })
}

export function makeWakeBars(lines: readonly WakeLine[]): WakeBar[] {
  const line = (name: string) => lines.find((line) => line.name === name)
  const bar = (name: string, atMost: number, unit: WakeBar['unit'], of: (by: 'median' | 'quiet') => number) => {
    const [figure, quiet] = [of('median'), of('quiet')].map((value) => (Number.isNaN(value) ? undefined : value))
    return { name, figure, quiet, atMost, unit, isMet: figure === undefined ? undefined : figure <= atMost }
  }
  const of = (name: string, by: 'median' | 'quiet') => line(name)?.[by] ?? Number.NaN
  const ratio = (name: string, to: string, atMost: number, title: string) =>
    bar(title, atMost, 'x', (by) => of(name, by) / of(to, by))
  const bars = [
    ...['json', 'advanced'].flatMap((serialization) =>
      [waitWake, iterateWake].map((name) =>
        ratio(name, `wake: process.send, ${serialization}`, 0.7, `${name}, to process.send ${serialization}`),
      ),
    ),
    ratio(
      claimWake,
      `wake: process.send, json, ${claimGapMs} ms apart`,
      0.7,
      `${claimWake}, to process.send at the same pace`,
    ),
    bar('wake: spinning', 2000, 'ns', (by) => of('wake: spinning', by)),
    bar('publish 64 B, what a waiter of the past costs', 5, 'ns', (by) =>
      of('publish 64 B, what a waiter of the past costs', by),
    ),
    bar('burst of 10000: bytes in the bell', 10, 'bytes', (by) => of('burst of 10000: bytes in the bell', by)),
  ]
  for (const what of ['burst, awake', 'events, awake', 'burst, asleep'] as const) {
    for (const readers of crowdSizes.slice(2)) {
      const title = `publish, ${what}: ${readers} readers to 1`
      bars.push(ratio(crowdName(what, readers), crowdName(what, 1), 1.3, title))
    }
  }
  return bars
}
