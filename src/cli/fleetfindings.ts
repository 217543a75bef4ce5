import { Fleet } from '../core/fleet.js'
import type { NodeRecord } from '../core/node.js'
import type { FleetObserver } from '../core/observer.js'
import { inspectRing, type RingReport } from '../inspect/report.js'
import { staleMs } from './commands/nodes.js'
import { type Finding, finding } from './finding.js'
import { isVisible } from './host.js'
import { allKinds } from './kinds.js'
import { type FoundObject, objectProblem, type Problem, sharedMemory, userId } from './objects.js'
import { counted, durationText } from './text.js'

function objectFinding(object: FoundObject): Finding[] {
  const { fleet, file, stats } = object
  if (stats.uid !== userId) {
    const meaning = 'it stands at a name of ours, which then fails with ERR_ORBIT_PERMISSION'
    const found = `/${file} belongs to uid ${stats.uid}`
    return [finding('problem', 'foreign-object', found, { fleet, meaning, fix: `sudo rm ${sharedMemory}/${file}` })]
  }
  const problem = objectProblem(object)
  if (problem === undefined) return []
  const isLeft = problem.code === 'ERR_ORBIT_RETIRED'
  return [
    finding(isLeft ? 'warning' : 'problem', 'object', problem.message, {
      fleet,
      meaning: isLeft ? 'the next to join, or to make the ring, finishes that' : `who opens it gets ${problem.code}`,
      fix: fixOf(object, problem),
    }),
  ]
}

function fixOf({ fleet, form, number, file, stats }: FoundObject, { code }: Problem): string {
  const path = `${sharedMemory}/${file}`
  if (!stats.isFile()) return `rm -r ${path}`
  if (code === 'ERR_ORBIT_PERMISSION') return `chmod 600 ${path}`
  const remove = `orbit rm ${fleet}${form === 'ring' ? ` ${number}` : ''} --force`
  // Another release may be at work there, which this one cannot see.
  return code === 'ERR_ORBIT_LAYOUT_MISMATCH' ? `${remove}, once no process of another version uses it` : remove
}

function nodeFindings(fleet: string, { node, pid, label, alive, heartbeat }: NodeRecord): Finding[] {
  const who = `node ${node} (pid ${pid}, ${label})`
  if (!alive) {
    const meaning = 'the next process that takes the node settles what it left'
    return [finding('warning', 'dead-node', `${who} died without close()`, { fleet, meaning })]
  }
  const findings: Finding[] = []
  if (heartbeat !== undefined && heartbeat.ageMs > staleMs) {
    const found = `${who} is alive, but its last beat is ${durationText(heartbeat.ageMs)} old`
    const meaning = 'its event loop is blocked, its process is stopped, or it beats no more'
    findings.push(
      finding('problem', 'stale-heart', found, { fleet, meaning, fix: `kill -CONT ${pid}, if it is stopped` }),
    )
  }
  if (!isVisible(pid)) {
    const meaning = 'it lives in another pid namespace: do not use its pid here'
    findings.push(
      finding('note', 'pid-namespace', `${who} is alive, but there is no such pid here`, { fleet, meaning }),
    )
  }
  return findings
}

function ringFindings(fleet: string, { kind, deadHands, burned, spares, table }: RingReport): Finding[] {
  const findings = deadHands.flatMap(({ node, intentPosition }): Finding[] => {
    if (intentPosition === undefined) return []
    const found = `KIND ${kind}: node ${node} died while it published position ${intentPosition}`
    return [
      finding('note', 'dead-hand', found, { fleet, meaning: 'the next owner of the node settles it; nobody waits' }),
    ]
  })
  if (burned > 0) {
    const isLast = burned >= spares
    findings.push(
      finding(isLast ? 'problem' : 'note', 'burned', `KIND ${kind}: ${burned} of ${spares} spare chunks burned`, {
        fleet,
        meaning: 'with none left, the node of a member that dies in a publish cannot be taken again',
        fix: isLast ? 'restart the whole fleet: who joins it when it is empty deals them anew' : null,
      }),
    )
  }
  if (table !== undefined && table.damagedBuckets > 0) {
    const found = `KIND ${kind}: ${counted(table.damagedBuckets, 'bucket')} of the contest damaged`
    const meaning = 'claims on subjects in them fail with ERR_ORBIT_CORRUPT'
    findings.push(finding('problem', 'contest', found, { fleet, meaning, fix: `orbit rm ${fleet} ${kind} --force` }))
  }
  return findings
}

function reports(fleet: FleetObserver, nodes: readonly NodeRecord[]): RingReport[] {
  return allKinds(fleet).flatMap((kind) => {
    try {
      return inspectRing(fleet, kind, nodes) ?? []
    } catch {
      return [] // objectFinding says why
    }
  })
}

function bellFinding({ fleet, form, number, file }: FoundObject, alive: ReadonlySet<number>): Finding[] {
  if (form !== 'bell' || alive.has(number)) return []
  const meaning = 'left by a member that died; the next owner of the node replaces it'
  const fix = alive.size > 0 ? null : `orbit gc ${fleet}`
  return [finding('warning', 'stale-bell', `/${file}: nobody reads it`, { fleet, meaning, fix })]
}

function lifeFindings(fleet: FleetObserver, nodes: readonly NodeRecord[], alive: number): Finding[] {
  const { name, size } = fleet
  const life =
    alive > 0
      ? finding('ok', 'fleet', `fleet ${name}: ${counted(alive, 'node')} alive of ${size}`, { fleet: name })
      : finding('note', 'fleet', `fleet ${name} is dead`, {
          fleet: name,
          meaning: 'its objects stay for whoever joins next',
          fix: `orbit gc ${name}, if nobody will`,
        })
  return [
    life,
    ...nodes.flatMap((node) => nodeFindings(name, node)),
    ...reports(fleet, nodes).flatMap((ring) => ringFindings(name, ring)),
  ]
}

/** All that there is to say of a fleet that has these objects. */
export function fleetFindings(fleet: string, objects: readonly FoundObject[]): Finding[] {
  const findings = objects.flatMap(objectFinding)
  let alive = new Set<number>()
  if (!objects.some(({ form }) => form === 'fleet')) {
    const found = `fleet ${fleet} has ${counted(objects.length, 'object')} and no fleet object`
    const rest = { fleet, meaning: 'left by a removal that was cut short', fix: `orbit gc ${fleet}` }
    findings.push(finding('warning', 'orphans', found, rest))
  } else {
    try {
      using observer = Fleet.observe(fleet)
      const nodes = observer.nodes()
      alive = new Set(nodes.filter((node) => node.alive).map(({ node }) => node))
      findings.push(...lifeFindings(observer, nodes, alive.size))
    } catch {
      // objectFinding has said why
    }
  }
  return [...findings, ...objects.flatMap((object) => bellFinding(object, alive))]
}
