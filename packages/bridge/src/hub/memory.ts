import { type Counter, Counters, type Fleet, type FleetObserver, type Gauge, Orbital, orbitType, pod } from 'orbit-node'

/** How far the sender of a route has come. */
export interface SentState {
  /** Names the count of `next`: a random number, another one when the bus was made anew. */
  readonly epoch: number
  /** Says which topics are sent: another process may send others. */
  readonly topics: number
  /** All events of the bus before this position were sent or passed. */
  readonly position: number
  /** The index of the next event. */
  readonly next: number
  /** Events from `position` to this one, at most, may have been sent. */
  readonly triedPosition: number
  /** They have the indexes from `next` to this one. */
  readonly triedNext: number
}

const sentPod = pod({
  epoch: 'f64',
  topics: 'f64',
  position: 'f64',
  next: 'f64',
  triedPosition: 'f64',
  triedNext: 'f64',
})

/**
 * What a bridge counts for each route. 'sent', 'received': events. 'duplicates': events that came twice. 'unsent':
 * events that the bus overwrote, or that are too long. 'lost': events of other hosts that did not arrive. 'outages':
 * connections that were lost. 'resets': how often all shared namespaces were emptied.
 */
export type Count = 'sent' | 'received' | 'duplicates' | 'unsent' | 'lost' | 'outages' | 'resets'

/** The contest of the processes that offer to hold the bridge, and its subject. */
export const roleName = { contest: 'orbit.bridge', subject: 'hub' } as const
/** Each host takes up to five in each route, so there is room for more than 200 hosts with three routes. */
const mostNumbers = 4096
/** The number that is 1 while there is a connection. */
export const connectedName = 'connected'

/**
 * What a bridge keeps in the shared memory of its host, so that the next process that has it goes on where the last
 * one stopped.
 */
export class Memory {
  readonly #fleet: Fleet | FleetObserver
  readonly #counters: Counters
  /** By name. A handle of a counter remembers its place; a new one has to find it. */
  readonly #known = new Map<string, Counter>()
  readonly #numbers = new Map<string, Gauge>()

  constructor(fleet: Fleet | FleetObserver) {
    this.#fleet = fleet
    this.#counters = new Counters(fleet, { name: 'orbit.bridge', capacity: mostNumbers, nameBytes: 128 })
  }

  /** The progress of the sender of a route. */
  sent(route: string): Orbital<SentState> {
    const type = orbitType({ name: `bridge.${route}`, capacity: 8, pod: sentPod })
    return new Orbital(this.#fleet, type)
  }

  /** Adds to a count of a route, or of a route and a host. */
  count(what: Count, route: string, by: number, host?: string): void {
    this.#counter(countName(what, route, host)).add(by)
  }

  counted(what: Count, route: string, host?: string): number {
    return this.#counter(countName(what, route, host)).get()
  }

  /** How many events of a route wait on the bus, or are passed because no pattern matches; 0: none. */
  setWaiting(route: string, waiting: number): void {
    this.#counter(`waiting ${route}`).set(waiting)
  }

  waiting(route: string): number {
    return this.#counter(`waiting ${route}`).get()
  }

  /** The routes that any process of this host has had. */
  routes(): string[] {
    const prefix = 'waiting '
    return [...this.#counters.entries({ prefix })].map(({ name }) => name.slice(prefix.length)).sort()
  }

  /** The counts of a route for each host. */
  countedByHost(what: Count, route: string): Record<string, number> {
    const prefix = `${countName(what, route)} `
    const entries = [...this.#counters.entries({ prefix })]
    return Object.fromEntries(entries.map(({ name, value }) => [name.slice(prefix.length), value]))
  }

  /** A number that outlives the process; undefined: it was never set. */
  number(name: string): Gauge {
    const known = this.#numbers.get(name)
    if (known !== undefined) return known
    const gauge = this.#counters.gauge(name)
    this.#numbers.set(name, gauge)
    return gauge
  }

  /** Deletes a number that is not needed any more. */
  forget(name: string): void {
    this.number(name).delete()
    this.#numbers.delete(name)
  }

  #counter(name: string): Counter {
    const known = this.#known.get(name)
    if (known !== undefined) return known
    const counter = this.#counters.counter(name)
    this.#known.set(name, counter)
    return counter
  }

  /** Notes a store and a namespace with entries that other hosts may change. */
  addSpace(space: Space): void {
    this.#counters.counter(`${spacePrefix}${JSON.stringify([space.store, space.namespace])}`).set(1)
  }

  /** All stores and namespaces that were noted since the fleet was made. */
  spaces(): Space[] {
    return [...this.#counters.entries({ prefix: spacePrefix })].map(({ name }) => {
      const [store, namespace] = JSON.parse(name.slice(spacePrefix.length))
      return { store, namespace }
    })
  }
}

/** A namespace of a store; the store '' is the one without a name. */
export interface Space {
  readonly store: string
  readonly namespace: string
}

const spacePrefix = 'space '
const countName = (what: Count, route: string, host?: string): string =>
  host === undefined ? `# ${what} ${route}` : `# ${what} ${route} ${host}`
