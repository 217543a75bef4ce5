import {
  cacheGet,
  cacheLarge,
  cacheMiss,
  cachePut,
  call,
  claim,
  count,
  latestLoad,
  latestStore,
  limit,
  script,
} from './alone.js'
import { cacheMix, cacheMixZipf, claimsContended } from './crowd.js'
import { claimHandover, holderDeath, serverDeath, writerDeath } from './deaths.js'
import { firstLookup, holders, joining, listing, missAmongResets, objects, snapshot } from './growth.js'
import { eventAmongMany, failingLoad } from './many.js'
import { question } from './requests.js'
import { scrape, scrapeMemory } from './scraping.js'
import { cpu, fanIn, fanOut, latency, memory, publisherCost, readerCost, throughput } from './sending.js'
import { storeLarge, storePauses } from './storing.js'
import type { Trial } from './trial.js'

/** In the order of the report. */
export const trials: readonly Trial[] = [
  call,
  latency,
  throughput,
  fanIn,
  fanOut,
  eventAmongMany,
  publisherCost,
  readerCost,
  question,
  latestStore,
  latestLoad,
  cachePut,
  cacheGet,
  cacheMiss,
  cacheMix,
  cacheMixZipf,
  cacheLarge,
  failingLoad,
  claim,
  claimsContended,
  claimHandover,
  count,
  limit,
  script,
  scrape,
  scrapeMemory,
  writerDeath,
  holderDeath,
  serverDeath,
  cpu,
  memory,
  ...[joining, listing, snapshot, holders, missAmongResets, firstLookup, storePauses, storeLarge, objects],
]
