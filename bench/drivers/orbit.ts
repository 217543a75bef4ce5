import { version } from '../version.js'
import type { Driver, Messages } from './driver.js'
import type { Hear } from './orbit-messages.js'

/** Loaded when a peer opens: what a process costs without orbit is measured too. */
const messages = (how: 'wait' | 'iterate' | 'spin'): Messages => ({
  async subscribe(place, hear: Hear) {
    return (await import('./orbit-messages.js')).subscribe(place, hear, how)
  },
  async publisher(place) {
    return (await import('./orbit-messages.js')).publisher(place)
  },
})

const common = { peers: 'processes', version, lacks: async () => undefined } as const

export const orbit: Driver = {
  ...common,
  name: 'orbit',
  settings: 'fleet.publish; cursor.wait and cursor.poll; a ring with room for a burst',
  messages: messages('wait'),
}

export const orbitForAwait: Driver = {
  ...common,
  name: 'orbit, for await',
  settings: 'fleet.publish; for await over the cursor; a ring with room for a burst',
  messages: messages('iterate'),
  trials: ['latency', 'throughput', 'fan-out'],
}

export const orbitSpinning: Driver = {
  ...common,
  name: 'orbit, spinning',
  settings: 'fleet.publish; cursor.wait({ spin: true }) for 20 ms after each message, a core of its own; cursor.poll',
  messages: messages('spin'),
  trials: ['latency'],
}
