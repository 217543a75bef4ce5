import { type Pace, sample, sampleAsync } from '../measure.js'

const windows = 10

/**
 * Nanoseconds an operation, one sample a window, for so long; a driver that answers at once is never awaited.
 *
 * @param operations how many one `run` does
 */
export async function sampleFor(visitMs: number, operations: number, run: () => unknown): Promise<number[]> {
  const pace: Pace = { windows, windowSeconds: visitMs / windows / 1e3 }
  globalThis.gc?.()
  const first = run()
  if (!(first instanceof Promise)) return sample(run, operations, pace)
  await first
  return sampleAsync(async () => void (await run()), operations, pace)
}
