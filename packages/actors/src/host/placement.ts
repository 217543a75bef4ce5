import { partitionCount } from '../base/partitions.js'

/** A 32-bit hash of a text (FNV-1a, with the finalizer of MurmurHash3). */
function hashOf(text: string): number {
  let hash = 0x811c9dc5
  for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193)
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b)
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35)
  return (hash ^ (hash >>> 16)) >>> 0
}

/** The partition of an actor, 0..partitionCount-1. */
export const partitionOf = (id: string): number => hashOf(id) % partitionCount

/**
 * Which host ought to have each partition: the one with the highest hash of both (rendezvous hashing) that does not
 * have its share yet. All processes that see the same hosts find the same, and few partitions move when a host joins or
 * leaves.
 *
 * @param hosts the ids of the living hosts, in any order
 * @returns a host for each partition; empty without hosts
 */
export function placementOf(hosts: readonly string[]): string[] {
  const share = Math.ceil(partitionCount / hosts.length)
  const counts = new Map(hosts.map((host) => [host, 0]))
  const placement: string[] = []
  for (let partition = 0; partition < partitionCount && counts.size > 0; partition++) {
    let [best, highest] = ['', -1]
    for (const [host, count] of counts) {
      const score = hashOf(`${partition} ${host}`)
      if (count >= share || score < highest || (score === highest && host < best)) continue
      ;[best, highest] = [host, score]
    }
    placement.push(best)
    counts.set(best, (counts.get(best) ?? 0) + 1)
  }
  return placement
}
