import Benchmark from 'benchmark'

/** How many windows of what length one visit to a cell measures. */
export interface Pace {
  readonly windows: number
  readonly windowSeconds: number
}

/** Of many samples, each the mean of one window. */
export interface Summary {
  readonly samples: number
  readonly median: number
  readonly p10: number
  readonly p90: number
  readonly p99: number
  readonly p999: number
  readonly min: number
  readonly max: number
}

/** How often `run` filled a window the last time, so that the package need not search again. */
let initCount = 1

/**
 * Samples `run` with the `benchmark` package, which finds how often it has to run to fill a window.
 *
 * @param operations how many one `run` does
 * @returns nanoseconds an operation, one sample a window
 */
export function sample(run: () => void, operations: number, pace: Pace): number[] {
  const options = { minTime: pace.windowSeconds, minSamples: pace.windows, maxTime: 0, initCount }
  const benchmark = new Benchmark(run, options)
  benchmark.run({ async: false })
  // Types say that there is always an error; there seldom is.
  if (benchmark.error as unknown) throw benchmark.error
  initCount = Math.max(1, benchmark.count)
  return benchmark.stats.sample.map((seconds) => (seconds * 1e9) / operations)
}

/** As `sample`, of what answers later. A window ends with the first run that fills it. */
export async function sampleAsync(runAsync: () => Promise<void>, operations: number, pace: Pace): Promise<number[]> {
  const samples: number[] = []
  while (samples.length < pace.windows) {
    const begin = performance.now()
    let runs = 0
    let elapsedMs = 0
    for (; elapsedMs < pace.windowSeconds * 1e3; elapsedMs = performance.now() - begin) {
      await runAsync()
      runs++
    }
    samples.push((elapsedMs * 1e6) / (runs * operations))
  }
  return samples
}

export function summarize(samples: readonly number[]): Summary {
  const sorted = [...samples].sort((a, b) => a - b)
  /** Between two samples, their mean by how near they are. */
  const at = (part: number) => {
    const index = part * (sorted.length - 1)
    const [low, high] = [sorted[Math.floor(index)] ?? Number.NaN, sorted[Math.ceil(index)] ?? Number.NaN]
    return low + (high - low) * (index % 1)
  }
  return {
    samples: sorted.length,
    median: at(0.5),
    p10: at(0.1),
    p90: at(0.9),
    p99: at(0.99),
    p999: at(0.999),
    min: at(0),
    max: at(1),
  }
}
