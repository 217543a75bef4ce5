import latency from './latency.js'
import type { Trial } from './trial.js'

/** In the order of the report. */
export const trials: readonly Trial[] = [
  latency, //
]
