import { Fleet } from '../core/fleet.js'
import type { FleetObserver } from '../core/observer.js'
import { contestKind, inspectRing } from '../inspect/report.js'
import { staleMs } from './commands/nodes.js'
import { allKinds } from './kinds.js'
import { byFleet, findObjects } from './objects.js'

export interface RingSample {
  readonly fleet: string
  readonly kind: number
  readonly name: string
  readonly capacity: number
  /** Of the contest: tokens drawn. */
  readonly head: number
  readonly retained: number
  readonly burned: number
  readonly sleepers: number
  readonly perSecond: number
  /** The rates of the last samples, oldest first. */
  readonly history: readonly number[]
}

export interface FleetSample {
  readonly fleet: string
  readonly size: number
  readonly nodesAlive: number
  readonly nodesDead: number
  /** Alive, but without a beat for three seconds. */
  readonly nodesStale: number
  readonly claims: number
  /** The oldest last beat of a living member, and the longest loop delay; null: no beats. */
  readonly oldestBeatMs: number | null
  readonly maxLoopDelayMs: number | null
  readonly rings: readonly RingSample[]
  /** What could not be read, and why. */
  readonly problems: readonly string[]
}

export interface Sample {
  readonly unixMs: number
  readonly fleets: readonly FleetSample[]
}

const historyLength = 30

interface Seen {
  readonly head: number
  readonly atMs: number
  readonly history: readonly number[]
}

/** Looks at fleets again and again; each look opens them anew, so that what was removed or made meanwhile is seen. */
export class Sampler {
  readonly #only: string | undefined
  #seen = new Map<string, Seen>()

  /** @param only the fleet to look at; default all of this user */
  constructor(only: string | undefined) {
    this.#only = only
  }

  /** @throws what opening the one fleet throws; of all, those that cannot be opened have a problem */
  sample(): Sample {
    const names = this.#only === undefined ? [...byFleet(findObjects()).keys()] : [this.#only]
    const seen = new Map<string, Seen>()
    const fleets = names.map((name) => {
      try {
        using fleet = Fleet.observe(name)
        return this.#fleet(fleet, seen)
      } catch (error) {
        if (this.#only !== undefined) throw error
        return unreadable(name, error as Error)
      }
    })
    this.#seen = seen
    return { unixMs: Date.now(), fleets }
  }

  #fleet(fleet: FleetObserver, seen: Map<string, Seen>): FleetSample {
    const problems: string[] = []
    const attempt = <T>(look: () => T): T | undefined => {
      try {
        return look()
      } catch (error) {
        problems.push((error as Error).message)
        return undefined
      }
    }
    const nodes = fleet.nodes()
    const alive = nodes.filter((node) => node.alive)
    const beats = alive.flatMap(({ heartbeat }) => heartbeat ?? [])
    const most = (values: number[]): number | null => (values.length === 0 ? null : Math.max(...values))
    const rings = allKinds(fleet).flatMap((kind) => attempt(() => this.#ring(fleet, kind, seen)) ?? [])
    return {
      fleet: fleet.name,
      size: fleet.size,
      nodesAlive: alive.length,
      nodesDead: nodes.length - alive.length,
      nodesStale: beats.filter(({ ageMs }) => ageMs > staleMs).length,
      claims: rings.find(({ kind }) => kind === contestKind)?.retained ?? 0,
      oldestBeatMs: most(beats.map(({ ageMs }) => ageMs)),
      maxLoopDelayMs: most(beats.map(({ loopDelayMs }) => loopDelayMs)),
      rings,
      problems,
    }
  }

  #ring(fleet: FleetObserver, kind: number, seen: Map<string, Seen>): RingSample | undefined {
    const report = inspectRing(fleet, kind, [])
    if (report === undefined) return undefined
    const { name, capacity, burned, sleepers, createdAtMs, oldest } = report
    const head = report.table?.tokensDrawn ?? report.head
    const key = `${fleet.name}/${kind}/${createdAtMs}`
    const before = this.#seen.get(key)
    const atMs = performance.now()
    const perSecond = before === undefined ? 0 : (Math.max(0, head - before.head) * 1000) / (atMs - before.atMs)
    const history = before === undefined ? [] : [...before.history, perSecond].slice(-historyLength)
    seen.set(key, { head, atMs, history })
    const retained = report.table?.claims ?? report.head - oldest
    return { fleet: fleet.name, kind, name, capacity, head, retained, burned, sleepers, perSecond, history }
  }
}

function unreadable(fleet: string, { message }: Error): FleetSample {
  const none = {
    size: 0,
    nodesAlive: 0,
    nodesDead: 0,
    nodesStale: 0,
    claims: 0,
    oldestBeatMs: null,
    maxLoopDelayMs: null,
  }
  return { fleet, ...none, rings: [], problems: [message] }
}
