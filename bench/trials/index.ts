import { cacheGet, cacheMiss, cachePut } from './cache.js'
import { claim } from './claim.js'
import { claimsContended } from './contended.js'
import cpu from './cpu.js'
import fanIn from './fan-in.js'
import fanOut from './fan-out.js'
import { holderDeathTrying, holderDeathWaiting } from './holder-death.js'
import latency from './latency.js'
import { latestLoad, latestStore } from './latest.js'
import memory from './memory.js'
import { cacheMix } from './mix.js'
import throughput from './throughput.js'
import type { Trial } from './trial.js'
import { writerDeath } from './writer-death.js'

/** In the order of the report. */
export const trials: readonly Trial[] = [
  latency,
  throughput,
  fanIn,
  fanOut,
  latestStore,
  latestLoad,
  cachePut,
  cacheGet,
  cacheMiss,
  cacheMix,
  claim,
  claimsContended,
  writerDeath,
  holderDeathWaiting,
  holderDeathTrying,
  cpu,
  memory,
]
