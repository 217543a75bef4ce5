import type { Driver } from './driver.js'
import { fifo } from './fifo.js'
import { map, rateLimiterFlexible } from './limiting.js'
import { broadcast, port, sendAdvanced, sendJson, sendToPrimaryAdvanced, sendToPrimaryJson } from './line.js'
import { lmdb, lmdbBatched } from './lmdb.js'
import { lruCache } from './lru.js'
import { memcached } from './memcached.js'
import { orbit, orbitForAwait, orbitInbox, orbitListening, orbitSpinning, orbitStore, orbitTyped } from './orbit.js'
import { redis, redisPipelined } from './redis.js'
import { apcu, nginx } from './scripts.js'
import { socket, socketEach } from './socket.js'
import { zeromq } from './zeromq.js'

/** In the order of the report; orbit first. */
export const drivers: readonly Driver[] = [
  ...[orbit, orbitForAwait, orbitListening, orbitInbox, orbitSpinning, orbitStore, orbitTyped],
  ...[
    sendJson,
    sendAdvanced,
    sendToPrimaryJson,
    sendToPrimaryAdvanced,
    port,
    broadcast,
    socket,
    socketEach,
    fifo,
    zeromq,
  ],
  ...[redis, redisPipelined, lmdb, lmdbBatched, memcached, apcu, nginx, lruCache, map, rateLimiterFlexible],
]
