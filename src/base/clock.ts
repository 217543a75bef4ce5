/** Milliseconds of CLOCK_MONOTONIC: the same clock in every process of this host, untouched by whoever sets the time. */
export function monotonicMs(): number {
  const [seconds, nanoseconds] = process.hrtime()
  return seconds * 1e3 + nanoseconds / 1e6
}
