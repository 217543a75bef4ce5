import { Fleet } from '../core/fleet.js'
import { abi } from '../core/native.js'
import type { FleetObserver } from '../core/observer.js'
import { type ActorHost, actorHostsOf } from './actorhosts.js'
import { allKinds, isOfLayer } from './kinds.js'
import { readableLimits } from './limits.js'
import { type MemberSample, MemberSampler } from './membersampler.js'
import { isStale } from './nodestate.js'
import { byFleet, findObjects } from './objects.js'
import { type InboxReport, inspectRing, type RingReport } from './report.js'
import { hitRateOf } from './stores.js'
import { type StoreSample, StoreSampler } from './storesampler.js'

export interface RingSample {
  readonly fleet: string
  readonly kind: number
  readonly name: string
  readonly form: RingReport['form']
  readonly capacity: number
  /** The next position; in a table the number of tokens drawn. */
  readonly head: number
  /** Frames that the ring retains; in a table the living claims. */
  readonly retained: number
  /** In a table, of these: claims for the life of their process, without expiry. */
  readonly lifeClaims: number
  readonly burned: number
  readonly sleepers: number
  /** Publishes that were refused, and sleepers that could not be woken, since the object was made. */
  readonly refused: number
  readonly missedWakes: number
  /** Messages of an inbox that were refused because it was full; of another object 0. */
  readonly full: number
  readonly perSecond: number
  /** In a cache: its lookups a second; null: it is none. */
  readonly readsPerSecond: number | null
  /** In a cache: the part of them that found a value, 0..1, or, where there were none, of all; null: no lookups yet. */
  readonly hitRate: number | null
  /** The rates of the last samples, oldest first. */
  readonly history: readonly number[]
}

export interface FleetSample {
  readonly fleet: string
  readonly size: number
  readonly nodesAlive: number
  readonly nodesDead: number
  /** Members that are alive and have sent no heartbeat for three seconds. */
  readonly nodesStale: number
  readonly claims: number
  /** Of these: claims for the life of their process, without expiry. */
  readonly lifeClaims: number
  /** Counters and gauges that have a value. */
  readonly counters: number
  /** Keys of rate limiters that have taken something within their windows. */
  readonly limitKeys: number
  /** The age of the oldest last heartbeat of a living member; null: no living member has sent one. */
  readonly oldestBeatMs: number | null
  /** The longest event loop delay of a living member; null: no living member has sent a heartbeat. */
  readonly maxLoopDelayMs: number | null
  readonly rings: readonly RingSample[]
  readonly stores: readonly StoreSample[]
  readonly members: readonly MemberSample[]
  /** Processes that run actors. */
  readonly actors: readonly ActorHost[]
  /** Messages about what could not be read. */
  readonly problems: readonly string[]
}

export interface Sample {
  readonly unixMs: number
  readonly fleets: readonly FleetSample[]
}

const historyLength = 30

interface LastLook {
  readonly head: number
  readonly lookups: RingReport['lookups']
  readonly atMs: number
  readonly history: readonly number[]
}

/** Samples fleets repeatedly. Each sample opens them anew, and so it notices removed and created ones. */
export class Sampler {
  readonly #only: string | undefined
  #last = new Map<string, LastLook>()
  readonly #members = new MemberSampler()
  readonly #stores = new StoreSampler()

  /** @param only the fleet to sample; default: every fleet of this user */
  constructor(only: string | undefined) {
    this.#only = only
  }

  /** @throws what opening the one fleet throws; when it samples all fleets, an unreadable one has a problem instead */
  sample(): Sample {
    const names = this.#only === undefined ? [...byFleet(findObjects()).keys()] : [this.#only]
    const next = new Map<string, LastLook>()
    const fleets = names.map((name) => {
      try {
        using fleet = Fleet.observe(name)
        return this.#fleet(fleet, next)
      } catch (error) {
        if (this.#only !== undefined) throw error
        return unreadable(name, error as Error)
      }
    })
    this.#last = next
    this.#members.turn()
    this.#stores.turn()
    return { unixMs: Date.now(), fleets }
  }

  #fleet(fleet: FleetObserver, next: Map<string, LastLook>): FleetSample {
    const problems: string[] = []
    const tryRead = <T>(look: () => T): T | undefined => {
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
    const kinds = allKinds(fleet)
    const reports = kinds.flatMap((kind) => tryRead(() => inspectRing(fleet, kind, [])) ?? [])
    const rings = reports.map((report) => this.#ring(fleet.name, report, next))
    const contests = rings.filter(({ name }) => isOfLayer('contest', name))
    return {
      fleet: fleet.name,
      size: fleet.size,
      nodesAlive: alive.length,
      nodesDead: nodes.length - alive.length,
      nodesStale: nodes.filter(isStale).length,
      claims: contests.reduce((sum, { retained }) => sum + retained, 0),
      lifeClaims: contests.reduce((sum, { lifeClaims }) => sum + lifeClaims, 0),
      counters: countersOf(rings),
      limitKeys: readableLimits(fleet)?.keys ?? 0,
      oldestBeatMs: most(beats.map(({ ageMs }) => ageMs)),
      maxLoopDelayMs: most(beats.map(({ loopDelayMs }) => loopDelayMs)),
      rings,
      stores: this.#stores.sample(fleet, kinds),
      members: this.#members.sample(fleet, nodes, callInboxesOf(reports)),
      actors: tryRead(() => actorHostsOf(fleet, reports, nodes)) ?? [],
      problems,
    }
  }

  #ring(fleet: string, report: RingReport, next: Map<string, LastLook>): RingSample {
    const { kind, name, form, capacity, burned, sleepers, createdAtMs, oldest, refused, missedWakes } = report
    const head = report.table?.tokensDrawn ?? report.head
    const key = `${fleet}/${kind}/${createdAtMs}`
    const before = this.#last.get(key)
    const atMs = performance.now()
    const perSecond = before === undefined ? 0 : (Math.max(0, head - before.head) * 1000) / (atMs - before.atMs)
    const history = before === undefined ? [] : [...before.history, perSecond].slice(-historyLength)
    next.set(key, { head, lookups: report.lookups, atMs, history })
    const retained = report.table?.claims ?? report.head - oldest
    const lifeClaims = report.table?.lifeClaims ?? 0
    const full = report.inboxes?.reduce((sum, each) => sum + each.refused, 0) ?? 0
    const counts = { head, retained, lifeClaims, burned, sleepers, refused, missedWakes, full }
    return { fleet, kind, name, form, capacity, ...counts, perSecond, ...readsOf(report, before, atMs), history }
  }
}

/** The lookups of a cache since the last look. */
function readsOf({ lookups }: RingReport, before: LastLook | undefined, atMs: number) {
  if (lookups === undefined) return { readsPerSecond: null, hitRate: null }
  const { hits, misses } = lookups
  const { hits: hitsBefore, misses: missesBefore } = before?.lookups ?? lookups
  const reads = Math.max(0, hits + misses - hitsBefore - missesBefore)
  const hitRate = hitRateOf(hits - hitsBefore, misses - missesBefore) ?? hitRateOf(hits, misses)
  return { readsPerSecond: before === undefined ? 0 : (reads * 1000) / (atMs - before.atMs), hitRate }
}

/** The inboxes for calls of living members, by node. */
function callInboxesOf(reports: readonly RingReport[]): Map<number, InboxReport> {
  const inboxes = reports.find(({ kind }) => kind === abi.callKind)?.inboxes ?? []
  return new Map(inboxes.flatMap((inbox) => (inbox.owner?.isAlive ? [[inbox.owner.node, inbox]] : [])))
}

const countersOf = (rings: readonly RingSample[]): number =>
  rings.filter(({ name }) => isOfLayer('counters', name)).reduce((sum, { retained }) => sum + retained, 0)

function unreadable(fleet: string, { message }: Error): FleetSample {
  const none = {
    size: 0,
    nodesAlive: 0,
    nodesDead: 0,
    nodesStale: 0,
    claims: 0,
    lifeClaims: 0,
    counters: 0,
    limitKeys: 0,
    oldestBeatMs: null,
    maxLoopDelayMs: null,
  }
  return { fleet, ...none, rings: [], stores: [], members: [], actors: [], problems: [message] }
}
