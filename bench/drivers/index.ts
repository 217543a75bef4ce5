import { broadcast } from './broadcast.js'
import type { Driver } from './driver.js'
import { orbit, orbitForAwait, orbitSpinning } from './orbit.js'
import { port } from './port.js'
import { redis } from './redis.js'
import { sendAdvanced, sendJson } from './send.js'
import { socket } from './socket.js'
import { zeromq } from './zeromq.js'

/** In the order of the report; orbit first. */
export const drivers: readonly Driver[] = [
  orbit, //
  orbitForAwait,
  orbitSpinning,
  sendJson,
  sendAdvanced,
  port,
  broadcast,
  socket,
  zeromq,
  redis,
]
