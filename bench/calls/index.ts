import { decode, empty } from './baseline.js'
import batch from './batch.js'
import cache from './cache.js'
import type { Call } from './call.js'
import contest from './contest.js'
import events from './events.js'
import netid from './netid.js'
import orbital from './orbital.js'
import publish from './publish.js'
import read from './read.js'

/** In the order of the table. */
export const calls: readonly Call[] = [
  ...empty,
  ...decode,
  ...publish,
  ...batch,
  ...read,
  ...orbital,
  ...events,
  ...cache,
  ...contest,
  ...netid,
]
