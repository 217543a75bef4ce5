// The trials of metrics: what one of four workers pays to answer a scrape for all of them, and whether that takes
// memory which does not come back.

import { sampleFor } from '../measure.js'
import { aloneCase, type Case, type Host, type Run, type Trial } from './trial.js'
import { ownBytes } from './usage.js'

/** The host is the fourth worker. */
const workers = 3
const caseOf = (label: string, values: Case['values'] = {}): Case => ({
  ...aloneCase(label, values),
  publishers: workers,
})

/** The modules load orbit, which peers of other drivers must not. */
const workerOf = async (name: string) => (await import('../drivers/orbit-metrics.js')).worker(name)

/** A worker, and a scrape that throws unless it has the lines of all. */
async function scraping({ place }: Host) {
  const { lines } = await import('../drivers/orbit-metrics.js')
  const { registry, close } = await workerOf(place.name)
  const total = `c{route="/0"} ${workers + 1}`
  const scrape = async () => {
    const text = await registry.metrics()
    const found = text.split('\n').filter((line) => line !== '' && !line.startsWith('#')).length
    if (found !== lines || !text.includes(total)) throw new Error(`a scrape has ${found} lines`)
  }
  return { scrape, answer: () => registry.metrics(), close }
}

const trial = (
  about: Pick<Trial, 'name' | 'measures' | 'unit' | 'full' | 'quick'>,
  start: (host: Host) => Promise<Run>,
): Trial => ({
  ...about,
  ...{ better: 'lower', needs: 'calls' },
  async peer({ place }) {
    const { close } = await workerOf(place.name)
    return { answer: () => undefined, close }
  },
  host: start,
})

const timed = [caseOf('4 workers, 500 series each')]

export const scrape = trial(
  {
    name: 'scrape',
    measures: 'FleetRegistry.metrics() in one of the workers: the time that its event loop is busy',
    unit: 'ns',
    full: { cases: timed, rounds: 6, runMs: 300 },
    quick: { cases: timed, rounds: 2, runMs: 100 },
  },
  async (host) => {
    const { scrape, answer, close } = await scraping(host)
    await scrape()
    return { samples: () => sampleFor(host.runMs, 1, answer), close }
  },
)

const afterScrapes = (counts: readonly number[]): readonly Case[] =>
  counts.map((count) => caseOf(`after ${count.toLocaleString('en')} scrapes`, { count }))

export const scrapeMemory = trial(
  {
    name: 'scrape memory',
    measures: 'memory of the worker that answers, as in the trial of memory, after so many scrapes in all',
    unit: 'bytes',
    full: { cases: afterScrapes([1_000, 10_000]), rounds: 3, runMs: 0 },
    quick: { cases: afterScrapes([100, 1_000]), rounds: 1, runMs: 0 },
  },
  async (host) => {
    const { scrape, close } = await scraping(host)
    let left = host.case.values['count'] as number
    return {
      /** The run that warms up makes them all. */
      async samples() {
        for (; left > 0; left--) await scrape()
        globalThis.gc?.()
        return [ownBytes(process.pid)]
      },
      close,
    }
  },
)
