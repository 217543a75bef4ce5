import { Fleet } from '../core/fleet.js'
import type { FleetObserver } from '../core/observer.js'
import { loadedVersion } from '../core/scratch.js'
import { allKinds, isOfLayer } from '../inspect/kinds.js'
import type { FoundObject } from '../inspect/objects.js'
import { objectProblem, type Problem, problemOf } from './problem.js'

/** What `orbit ls` shows of a fleet. */
export interface FleetSummary {
  readonly fleet: string
  /** orphaned: rings without a fleet object. */
  readonly state: 'live' | 'dead' | 'damaged' | 'orphaned'
  readonly size: number | null
  readonly nodesAlive: number | null
  readonly nodesDead: number | null
  readonly objects: number
  readonly bytes: number
  readonly newestUnixMs: number | null
  readonly newestAgeMs: number | null
  readonly problems: readonly Problem[]
}

/** A version from here to now is taken for a Unix time: frames have no other time. */
const firstTimeMs = Date.UTC(2020, 0)

function newestUnixMs(fleet: FleetObserver): number | null {
  let newest: number | null = null
  for (const kind of allKinds(fleet)) {
    try {
      const ring = fleet.existingRing(kind)
      if (isOfLayer('cache', ring?.name)) continue // its versions are no Unix times
      const unixMs = ring?.loadHead() ? loadedVersion() : 0
      if (unixMs >= firstTimeMs && unixMs <= Date.now() + 60_000) newest = Math.max(newest ?? 0, unixMs)
    } catch {
      // objectProblem reports it
    }
  }
  return newest
}

/** Summarizes the fleet that has these objects. */
export function summaryOf(fleet: string, objects: readonly FoundObject[]): FleetSummary {
  const problems = objects.flatMap((object) => objectProblem(object) ?? [])
  const bytes = objects.reduce((sum, { stats }) => sum + stats.size, 0)
  const base = { objects: objects.length, bytes }
  const unknown = { size: null, nodesAlive: null, nodesDead: null, newestUnixMs: null, newestAgeMs: null }
  const own = objects.find(({ form }) => form === 'fleet')
  if (own === undefined) return { fleet, state: 'orphaned', ...unknown, ...base, problems }
  try {
    return { fleet, ...memberSummary(fleet), ...base, problems }
  } catch (error) {
    const isKnown = problems.some(({ object }) => object === own.file)
    const all = isKnown ? problems : [...problems, problemOf(own.file, error)]
    return { fleet, state: 'damaged', ...unknown, ...base, problems: all }
  }
}

function memberSummary(fleet: string): Omit<FleetSummary, 'fleet' | 'objects' | 'bytes' | 'problems'> {
  using observer = Fleet.observe(fleet)
  const nodes = observer.nodes()
  const nodesAlive = nodes.filter(({ alive }) => alive).length
  const unixMs = newestUnixMs(observer)
  return {
    state: nodesAlive > 0 ? 'live' : 'dead',
    size: observer.size,
    nodesAlive,
    nodesDead: nodes.length - nodesAlive,
    newestUnixMs: unixMs,
    newestAgeMs: unixMs === null ? null : Math.max(0, Date.now() - unixMs),
  }
}
