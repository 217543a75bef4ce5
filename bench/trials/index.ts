import { cacheGet, cacheMiss, cachePut } from './cache.js'
import { claim } from './claim.js'
import { claimsContended } from './contended.js'
import { holderDeathTrying, holderDeathWaiting } from './holderdeath.js'
import latency from './latency.js'
import { latestLoad, latestStore } from './latest.js'
import { cacheMix } from './mix.js'
import type { Trial } from './trial.js'
import { writerDeath } from './writerdeath.js'

/** In the order of the report. */
export const trials: readonly Trial[] = [
  latency,
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
]
