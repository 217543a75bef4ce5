import cpu from './cpu.js'
import fanIn from './fan-in.js'
import fanOut from './fan-out.js'
import latency from './latency.js'
import memory from './memory.js'
import throughput from './throughput.js'
import type { Trial } from './trial.js'

/** In the order of the report. */
export const trials: readonly Trial[] = [
  latency, //
  throughput,
  fanIn,
  fanOut,
  cpu,
  memory,
]
