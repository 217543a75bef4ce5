/** Nanoseconds of CLOCK_MONOTONIC, which all processes share; a number is exact for a hundred days of uptime. */
export function nowNs(): number {
  const [seconds, nanoseconds] = process.hrtime()
  return seconds * 1e9 + nanoseconds
}

export const pause = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms))
