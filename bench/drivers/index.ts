import type { Driver } from './driver.js'
import { orbit, orbitForAwait, orbitSpinning } from './orbit.js'
import { sendAdvanced, sendJson } from './send.js'

/** In the order of the report; orbit first. */
export const drivers: readonly Driver[] = [
  orbit, //
  orbitForAwait,
  orbitSpinning,
  sendJson,
  sendAdvanced,
]
