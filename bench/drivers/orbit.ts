import { version } from '../version.js'
import { builtIn, type Driver, type Messages, type Requests } from './driver.js'

// Modules that use orbit are loaded when a peer opens: what a process costs without orbit is measured too.
const stores = () => import('./orbit-stores.js')
const messages = (how: 'wait' | 'iterate' | 'listen' | 'spin'): Messages => ({
  subscribe: async (place, hear) => (await import('./orbit-messages.js')).subscribe(place, hear, how),
  publisher: async (place) => (await import('./orbit-messages.js')).publisher(place),
})

const requests = (spinUs: number): Requests => ({
  holds: true,
  answer: async (place) => (await import('./orbit-requests.js')).answer(place, spinUs),
  asker: async (place) => (await import('./orbit-requests.js')).asker(place, spinUs),
})

const common = { ...builtIn, peers: 'processes', version } as const

export const orbit: Driver = {
  ...common,
  name: 'orbit',
  settings:
    'fleet.publish; cursor.wait and cursor.poll; a ring with room for a burst; Orbital; OrbitCache with a capacity of ' +
    'all keys and at least 8192; Contest, claims of ten minutes, waited for by claim(); kept counters; ' +
    "RateLimiter.take with algorithm 'gcra'; serve and Client.call",
  calls: true,
  messages: messages('wait'),
  requests: requests(0),
  latest: async (place) => (await stores()).latest(place),
  cache: async (place, shape) => (await stores()).cache(place, shape),
  claims: async (place) => (await stores()).claims(place),
  counts: async (place) => (await stores()).counts(place),
  limits: async (place) => (await stores()).limits(place),
  script: async (place) => (await stores()).script(place),
}

/** The cache bound by bytes. */
export const orbitStore: Driver = {
  ...common,
  name: 'orbit, OrbitStore',
  settings: 'OrbitStore with twice the bytes of all keys, at least 8 MiB, entryBytes of half an entry, else as orbit',
  cache: async (place, shape) => (await stores()).store(place, shape),
  script: async (place) => (await stores()).storeScript(place),
}

/** The cache for values: one that is unchanged costs no copy. */
export const orbitTyped: Driver = {
  ...common,
  name: 'orbit, TypedCache',
  settings: 'TypedCache with codecs.bytes(), in a store as that; an unchanged entry is the same Uint8Array again',
  cache: async (place, shape) => (await stores()).typedCache(place, shape),
}

export const orbitForAwait: Driver = {
  ...common,
  name: 'orbit, for await',
  settings: 'fleet.publish; for await over the cursor; a ring with room for a burst',
  messages: messages('iterate'),
  trials: ['latency', 'throughput', 'fan-out', 'reader cost'],
}

export const orbitListening: Driver = {
  ...common,
  name: 'orbit, listening',
  settings: 'fleet.publish; cursor.listen; a ring with room for a burst',
  messages: messages('listen'),
  trials: ['latency', 'throughput', 'fan-out', 'reader cost'],
}

export const orbitInbox: Driver = {
  ...common,
  name: 'orbit, inbox',
  mostSubscribers: 1,
  settings: 'Outbox.sendPacked of up to 256 messages, a full inbox waited for; inbox.wait, inbox.poll and inbox.commit',
  messages: {
    subscribe: async (place, hear) => (await import('./orbit-inbox.js')).subscribe(place, hear),
    publisher: async (place) => (await import('./orbit-inbox.js')).publisher(place),
  },
  trials: ['throughput', 'fan-in'],
}

export const orbitSpinning: Driver = {
  ...common,
  name: 'orbit, spinning',
  settings:
    'fleet.publish; cursor.wait({ spin: true }) for 20 ms after each message, a core of its own; cursor.poll; ' +
    'calls with spinUs=50 on both sides',
  messages: messages('spin'),
  requests: requests(50),
  trials: ['latency', 'question'],
}
