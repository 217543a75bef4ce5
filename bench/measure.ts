import Benchmark from 'benchmark'

/** How many windows one run has. A sample is the mean of a window. */
const windows = 10

/** How often `run` filled a window the last time, so that the package need not search again. */
let initCount = 1

/** Samples `run` with the `benchmark` package, which finds how often it has to run to fill a window. */
function sample(run: () => void, operations: number, runMs: number): number[] {
  const options = { minTime: runMs / windows / 1e3, minSamples: windows, maxTime: 0, initCount }
  const benchmark = new Benchmark(run, options)
  benchmark.run({ async: false })
  // Its type says that there is always an error.
  if (benchmark.error as unknown) throw benchmark.error
  initCount = Math.max(1, benchmark.count)
  return benchmark.stats.sample.map((seconds) => (seconds * 1e9) / operations)
}

/** Of this process, all its threads. */
export function processorNs(): number {
  const { user, system } = process.cpuUsage()
  return (user + system) * 1000
}

/** main sets it with --cpu, for the processes of all cells. */
export const cpuVariable = 'ORBIT_BENCH_CPU'

/** Samples processor time. Asking for it takes as long as some calls of orbit, so it is asked for after a few runs. */
function sampleProcessor(run: () => void, operations: number, runMs: number): number[] {
  const atOnce = operations > 1 ? 8 : 1
  return Array.from({ length: windows }, () => {
    const begin = processorNs()
    let runs = 0
    let elapsed = 0
    for (; elapsed < (runMs / windows) * 1e6; elapsed = processorNs() - begin) {
      for (let i = 0; i < atOnce; i++) run()
      runs += atOnce
    }
    return elapsed / (runs * operations)
  })
}

/** Samples what answers later. A window ends with the first run that fills it. */
async function sampleAsync(runAsync: () => unknown, operations: number, runMs: number): Promise<number[]> {
  const samples: number[] = []
  while (samples.length < windows) {
    const begin = performance.now()
    let runs = 0
    let elapsedMs = 0
    for (; elapsedMs < runMs / windows; elapsedMs = performance.now() - begin) {
      await runAsync()
      runs++
    }
    samples.push((elapsedMs * 1e6) / (runs * operations))
  }
  return samples
}

/**
 * Measures for so long. A run that answers at once is never awaited.
 *
 * @param operations how many one `run` does
 * @returns nanoseconds an operation, one sample a window
 */
export async function sampleFor(runMs: number, operations: number, run: () => unknown): Promise<number[]> {
  const first = run()
  if (!(first instanceof Promise)) {
    const isCpu = process.env[cpuVariable] !== undefined
    return isCpu ? sampleProcessor(run, operations, runMs) : sample(run, operations, runMs)
  }
  await first
  return sampleAsync(run, operations, runMs)
}

/** Of many samples. */
export interface Summary {
  readonly samples: number
  readonly median: number
  readonly p10: number
  readonly p90: number
  readonly p99: number
}

export function quantile(samples: readonly number[], part: number): number {
  const sorted = [...samples].sort((a, b) => a - b)
  const index = part * (sorted.length - 1)
  const [low, high] = [sorted[Math.floor(index)] ?? Number.NaN, sorted[Math.ceil(index)] ?? Number.NaN]
  return low + (high - low) * (index % 1)
}

export const summarize = (samples: readonly number[]): Summary => ({
  samples: samples.length,
  median: quantile(samples, 0.5),
  p10: quantile(samples, 0.1),
  p90: quantile(samples, 0.9),
  p99: quantile(samples, 0.99),
})
