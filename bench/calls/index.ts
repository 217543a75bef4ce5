import baseline from './baseline.js'
import type { Call } from './call.js'
import counting from './counting.js'
import inboxes from './inboxes.js'
import layers from './layers.js'
import ring from './ring.js'

/** In the order of the table. */
export const calls: readonly Call[] = [...baseline, ...ring, ...inboxes, ...layers, ...counting]
