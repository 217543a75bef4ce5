import { partitionCount } from '../base/partitions.js'
import { placementOf } from './placement.js'

/**
 * Which host gets which partitions. 'hash': rendezvous hashing, an equal share for each host. 'round-robin': the hosts
 * in turn. 'least-connections': hosts end up with about as many active actors, 'least-loaded': with about as many calls
 * a second, and 'resources': with about as much processor time.
 */
export type PlacementPolicy = 'hash' | 'round-robin' | 'least-connections' | 'least-loaded' | 'resources'

/** A living host, as it says. */
export interface HostView {
  readonly id: string
  /** What pins name; '' without one. */
  readonly label: string
  /** The load of each partition that it has; 0 for others. Empty with policies that need none. */
  readonly loads: readonly number[]
  /** The host of each partition, as this one has decided; empty if it has decided nothing. */
  readonly plan: readonly string[]
  /** The partitions that it leaves to others: newer code has written them. */
  readonly refuses: readonly number[]
}

/** The label of the host to which a partition is pinned; undefined: to none. */
export type Pin = (partition: number) => string | undefined

/** Loads that differ by less than this part of their mean stay as they are. */
const tolerance = 0.25
/** The weight of a partition without any load, as a part of the mean. */
const baseShare = 0.1

export const isMeasured = (policy: PlacementPolicy): boolean => policy !== 'hash' && policy !== 'round-robin'

/** The host that decides: the first of those that have a plan, so one that joins takes over the plan before. */
export function leaderOf(hosts: readonly HostView[]): HostView | undefined {
  const planned = hosts.filter(({ plan }) => plan.length > 0)
  const [leader] = (planned.length > 0 ? planned : [...hosts]).sort((a, b) => (a.id < b.id ? -1 : 1))
  return leader
}

/** The host of each partition, before pins. */
function placeAll(policy: PlacementPolicy, hosts: readonly HostView[]): string[] {
  const ids = hosts.map(({ id }) => id)
  const byHash = placementOf(ids)
  if (policy === 'hash') return byHash
  const sorted = ids.sort()
  if (policy === 'round-robin') return byHash.map((_, partition) => sorted[partition % sorted.length] as string)
  const plan = leaderOf(hosts)?.plan ?? []
  return byHash.map((host, partition) => (ids.includes(plan[partition] ?? '') ? (plan[partition] as string) : host))
}

/** The hosts that can read a partition; all, if none can. */
export function ableHosts<T extends Pick<HostView, 'refuses'>>(hosts: readonly T[], partition: number): readonly T[] {
  const able = hosts.filter(({ refuses }) => !refuses.includes(partition))
  return able.length > 0 ? able : hosts
}

/** The host to which a partition is pinned; undefined: to none, or none of this label lives and can read it. */
function pinnedTo(pin: Pin | undefined, partition: number, hosts: readonly HostView[]): string | undefined {
  const label = pin?.(partition)
  if (label === undefined) return undefined
  const able = ableHosts(hosts, partition).filter((host) => host.label === label)
  return placementOf(able.map(({ id }) => id))[partition]
}

/** The host that has a partition, unless others must: then one of those. */
function ableOr(host: string, partition: number, hosts: readonly HostView[]): string {
  const able = ableHosts(hosts, partition).map(({ id }) => id)
  return able.includes(host) ? host : (placementOf(able)[partition] as string)
}

/** The host that ought to have each partition; empty without hosts. */
export function placed(policy: PlacementPolicy, pin: Pin | undefined, hosts: readonly HostView[]): string[] {
  return placeAll(policy, hosts).map(
    (host, partition) => pinnedTo(pin, partition, hosts) ?? ableOr(host, partition, hosts),
  )
}

/**
 * A plan with one change for the better, if there is one: a partition of the host with the highest load goes to that
 * with the lowest. Partitions of hosts that have ended go there, too.
 *
 * @param plan the present plan, in which partitions are where they ought to be
 */
export function rebalanced(plan: readonly string[], pin: Pin | undefined, hosts: readonly HostView[]): string[] {
  const loadOf = (partition: number) => hosts.reduce((sum, { loads }) => sum + (loads[partition] ?? 0), 0)
  const loads = Array.from({ length: partitionCount }, (_, partition) => loadOf(partition))
  const base = (baseShare * loads.reduce((sum, load) => sum + load, 0)) / partitionCount + Number.EPSILON
  const weights = loads.map((load) => load + base)
  const next = placed('hash', pin, hosts).map((host, partition) =>
    ableHosts(hosts, partition).some(({ id }) => id === plan[partition]) ? (plan[partition] as string) : host,
  )
  const totals = new Map(hosts.map(({ id }) => [id, 0]))
  for (const [partition, host] of next.entries())
    totals.set(host, (totals.get(host) ?? 0) + (weights[partition] as number))
  const sorted = [...totals].sort(([a, x], [b, y]) => x - y || (a < b ? -1 : 1))
  const [[coldest, low] = ['', 0], [hottest, high] = ['', 0]] = [sorted[0], sorted.at(-1)]
  const mean = weights.reduce((sum, weight) => sum + weight, 0) / Math.max(1, hosts.length)
  if (high - low <= tolerance * mean) return next
  let best: number | undefined
  const distance = (partition: number) => Math.abs((weights[partition] as number) - (high - low) / 2)
  for (const [partition, host] of next.entries()) {
    const isAble = ableHosts(hosts, partition).some(({ id }) => id === coldest)
    const isMovable = isAble && host === hottest && pinnedTo(pin, partition, hosts) === undefined
    // More than the difference would only turn the two around.
    if (!isMovable || (weights[partition] as number) >= high - low) continue
    if (best === undefined || distance(partition) < distance(best)) best = partition
  }
  if (best !== undefined) next[best] = coldest
  return next
}
