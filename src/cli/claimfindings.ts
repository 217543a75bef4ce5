import type { FleetObserver } from '../core/observer.js'
import { type ListedClaim, Table } from '../core/table.js'
import { allKinds, isOfLayer } from '../inspect/kinds.js'
import { type Finding, finding } from './finding.js'
import { counted } from './text.js'

/** The claims for the life of their process, of all contests of a fleet. */
function lifeClaims(fleet: FleetObserver): ListedClaim[] {
  const claims: ListedClaim[] = []
  for (const kind of allKinds(fleet)) {
    try {
      const table = fleet.existing(kind)
      if (!(table instanceof Table) || !isOfLayer('contest', table.name)) continue
      for (let at = 0; at >= 0; ) {
        at = table.listClaims(at, (claim) => claim.expiresInMs === Number.POSITIVE_INFINITY && claims.push(claim))
      }
    } catch {
      // the findings about objects have reported it
    }
  }
  return claims
}

/** Claims without expiry that are held by nodes which do not work: stopped ones, and those without a recent beat. */
export function claimFindings(fleet: FleetObserver, idleNodes: ReadonlySet<number>): Finding[] {
  if (idleNodes.size === 0) return []
  const held = new Map<number, ListedClaim[]>()
  for (const claim of lifeClaims(fleet)) {
    if (idleNodes.has(claim.node)) held.set(claim.node, [...(held.get(claim.node) ?? []), claim])
  }
  return [...held].map(([node, claims]) => {
    const { pid, subject } = claims[0] as ListedClaim
    const label = JSON.stringify(subject.label)
    const which = claims.length === 1 ? label : `${label} and ${counted(claims.length - 1, 'other')}`
    const found = `node ${node} (pid ${pid}) holds ${which} for life, and does not work`
    const meaning = 'no time limit ends these claims: they end when the process releases them, or ends'
    return finding('problem', 'life-claim', found, { fleet: fleet.name, meaning, fix: `kill -KILL ${pid}` })
  })
}
