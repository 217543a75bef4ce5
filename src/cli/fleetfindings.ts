import { Fleet } from '../core/fleet.js'
import { abi } from '../core/native.js'
import type { NodeRecord } from '../core/node.js'
import type { FleetObserver } from '../core/observer.js'
import { actorHostsOf, longWaitMs } from '../inspect/actorhosts.js'
import { allKinds, cacheKind, isOfLayer } from '../inspect/kinds.js'
import { readableLimits } from '../inspect/limits.js'
import { isStoppedMember, nodeStateOf } from '../inspect/nodestate.js'
import type { FoundObject } from '../inspect/objects.js'
import { type InboxReport, inspectRing, type RingReport } from '../inspect/report.js'
import { claimFindings } from './claimfindings.js'
import { type Finding, finding } from './finding.js'
import { isVisible } from './host.js'
import { objectFindings } from './objectfindings.js'
import { isPersistent } from './removal.js'
import { storeFindings } from './storefindings.js'
import { counted, durationText } from './text.js'

function nodeFindings(fleet: string, record: NodeRecord): Finding[] {
  const { node, pid, label } = record
  const what = `node ${node} (pid ${pid}, ${label})`
  const state = nodeStateOf(fleet, record)
  if (state === 'dead') {
    const meaning = 'the next process that takes the node cleans up what it left'
    return [finding('warning', 'dead-node', `${what} died without calling close()`, { fleet, meaning })]
  }
  if (state === 'stopped') {
    const meaning = 'a signal or a debugger has stopped it; it keeps its node and publishes nothing'
    return [finding('problem', 'stopped', `${what} is stopped`, { fleet, meaning, fix: `kill -CONT ${pid}` })]
  }
  const findings = state === 'stale' ? [staleFinding(fleet, what, record)] : []
  if (!isVisible(pid)) {
    const meaning = 'it runs in another pid namespace: do not use its pid here'
    findings.push(
      finding('note', 'pid-namespace', `${what} is alive, but this pid does not exist here`, { fleet, meaning }),
    )
  }
  return findings
}

function staleFinding(fleet: string, what: string, { heartbeat, pid }: NodeRecord): Finding {
  const found = `${what} is alive, but has sent no heartbeat for ${durationText(heartbeat?.ageMs ?? 0)}`
  const meaning = 'its event loop is blocked, its process is stopped, or it has stopped its FleetHeartbeat'
  return finding('problem', 'stale-heartbeat', found, { fleet, meaning, fix: `kill -CONT ${pid}, if it is stopped` })
}

/** A ring for people: by its KIND, and by its name if the fleet has chosen the KIND for it. */
const ringText = ({ kind, name }: RingReport): string =>
  kind >= abi.firstNamedKind && kind < cacheKind ? `KIND ${kind} (${name})` : `KIND ${kind}`

function ringFindings(fleet: string, report: RingReport): Finding[] {
  const { kind, deadNodes, burned, spares, missedWakes, table, inboxes = [] } = report
  const what = ringText(report)
  const findings = deadNodes.flatMap(({ node, position }): Finding[] => {
    if (position === undefined) return []
    const found = `${what}: node ${node} died while it published position ${position}`
    const meaning = 'the next owner of the node cleans up; no other process waits for that'
    return [finding('note', 'unfinished-publish', found, { fleet, meaning })]
  })
  if (burned > 0) {
    const isLast = burned >= spares
    findings.push(
      finding(isLast ? 'problem' : 'note', 'burned', `${what}: ${burned} of ${spares} spare chunks are lost`, {
        fleet,
        meaning: 'when all are lost, the node of a process that dies during publish cannot be used again',
        fix: isLast ? 'stop every process of the fleet, then start them again' : null,
      }),
    )
  }
  if (missedWakes > 0) {
    const found = `${what}: ${counted(missedWakes, 'sleeping reader')} could not be woken`
    const meaning = 'they woke up to a second late; a publisher has no file descriptor left, or cannot open their FIFO'
    findings.push(
      finding('warning', 'missed-wakes', found, { fleet, meaning, fix: 'raise ulimit -n of the publishers' }),
    )
  }
  if (table !== undefined && table.damagedBuckets > 0) {
    const found = `${what}: ${counted(table.damagedBuckets, 'bucket')} of a contest damaged`
    const meaning = 'claims on the subjects in damaged buckets fail with ERR_ORBIT_CORRUPT'
    findings.push(finding('problem', 'contest', found, { fleet, meaning, fix: `orbit rm ${fleet} ${kind} --force` }))
  }
  findings.push(...countersFindings(fleet, report))
  findings.push(...inboxes.flatMap((inbox) => inboxFindings(fleet, kind, inbox)))
  return findings
}

function countersFindings(fleet: string, { kind, name, refused, capacity }: RingReport): Finding[] {
  if (refused === 0 || !isOfLayer('counters', name)) return []
  const found = `KIND ${kind}: the table of counters has found no room for a counter ${counted(refused, 'time')}`
  const meaning = `each change threw, or was dropped, as its whenFull says; the table is for ${capacity * 4} counters`
  const fix = 'delete counters, or pass a larger `capacity` to Counters in all processes, then restart them'
  return [finding('warning', 'counters-full', found, { fleet, meaning, fix })]
}

function limitsFindings(fleet: FleetObserver): Finding[] {
  const { full = 0, entries = 0 } = readableLimits(fleet) ?? {}
  if (full === 0) return []
  const found = `the table of rate limiters has found no place for a key ${counted(full, 'time')}`
  const meaning = `each limiter allowed, refused or threw as its whenFull says; ${entries} entries are for ${entries / 4} keys`
  const fix = 'pass a larger `keys` to RateLimiter in all processes, then restart them'
  return [finding('warning', 'limits-full', found, { fleet: fleet.name, meaning, fix })]
}

function inboxFindings(fleet: string, kind: number, { instance, depth, capacity, owner }: InboxReport): Finding[] {
  const what = `KIND ${kind}: inbox ${instance} has ${counted(depth, 'message')}`
  if (owner?.isAlive === false && depth > 0) {
    const meaning = 'its owner died; the next owner is given them'
    return [finding('warning', 'inbox-without-owner', `${what} and no living owner`, { fleet, meaning })]
  }
  const isFull = depth >= capacity
  if (owner?.isAlive && depth > 0 && isStoppedMember(fleet, owner.pid)) {
    const found = `${what}, and its owner, node ${owner.node} (pid ${owner.pid}), is stopped`
    const meaning = `it keeps the inbox, and ${isFull ? 'senders are refused' : 'senders are refused once it is full'}`
    return [finding('problem', 'inbox-owner-stopped', found, { fleet, meaning, fix: `kill -CONT ${owner.pid}` })]
  }
  if (!isFull) return []
  const meaning = 'it is full, and refuses more until its owner commits'
  return [finding('warning', 'inbox-full', what, { fleet, meaning })]
}

function actorFindings(fleet: FleetObserver, rings: readonly RingReport[], nodes: readonly NodeRecord[]): Finding[] {
  try {
    const late = actorHostsOf(fleet, rings, nodes).filter(({ oldestMs }) => oldestMs >= longWaitMs)
    return late.map(({ system, node, waiting, oldestMs }) => {
      const found = `actors ${system}, node ${node}: ${counted(waiting, 'call')} waiting, for ${durationText(oldestMs)}`
      // Any process may have made the table: the command is for a shell.
      const name = /[^\w.-]/.test(system) ? 'NAME' : system
      const [meaning, fix] = ['an actor is slow, or gets too many calls', `orbit stuck ${fleet.name} --name ${name}`]
      return finding('warning', 'actors-waiting', found, { fleet: fleet.name, meaning, fix })
    })
  } catch {
    return [] // objectFindings reports it
  }
}

function reports(fleet: FleetObserver, nodes: readonly NodeRecord[]): RingReport[] {
  return allKinds(fleet).flatMap((kind) => {
    try {
      return inspectRing(fleet, kind, nodes) ?? []
    } catch {
      return [] // objectFindings reports it
    }
  })
}

function bellFinding({ fleet, form, number, file }: FoundObject, alive: ReadonlySet<number>): Finding[] {
  if (form !== 'bell' || alive.has(number)) return []
  const meaning = 'a member that died left it; the next owner of the node replaces it'
  const fix = alive.size > 0 ? null : `orbit gc ${fleet}`
  return [finding('warning', 'stale-bell', `/${file}: no process reads this FIFO`, { fleet, meaning, fix })]
}

function memberFindings(fleet: FleetObserver, nodes: readonly NodeRecord[], alive: number): Finding[] {
  const { name, size } = fleet
  const isIdle = (node: NodeRecord) => ['stopped', 'stale'].includes(nodeStateOf(name, node))
  const idleNodes = new Set(nodes.filter(isIdle).map(({ node }) => node))
  const summary =
    alive > 0
      ? finding('ok', 'fleet', `fleet ${name}: ${counted(alive, 'node')} alive of ${size}`, { fleet: name })
      : finding('note', 'fleet', `fleet ${name} has no living member`, {
          fleet: name,
          meaning: isPersistent(fleet)
            ? 'its objects, and what they hold, stay for the next process that joins'
            : 'the next process that joins removes its objects and starts with an empty fleet',
          fix: `orbit gc ${name}, if no process will join it again`,
        })
  const rings = reports(fleet, nodes)
  return [
    summary,
    ...nodes.flatMap((node) => nodeFindings(name, node)),
    ...rings.flatMap((ring) => ringFindings(name, ring)),
    ...actorFindings(fleet, rings, nodes),
    ...claimFindings(fleet, idleNodes),
    ...limitsFindings(fleet),
    ...storeFindings(fleet),
  ]
}

/** Examines the fleet that has these objects. */
export function fleetFindings(fleet: string, objects: readonly FoundObject[]): Finding[] {
  const findings = objects.flatMap(objectFindings)
  let alive = new Set<number>()
  if (!objects.some(({ form }) => form === 'fleet')) {
    const found = `fleet ${fleet} has ${counted(objects.length, 'object')} and no fleet object`
    const rest = { fleet, meaning: 'an interrupted removal left them', fix: `orbit gc ${fleet}` }
    findings.push(finding('warning', 'orphans', found, rest))
  } else {
    try {
      using observer = Fleet.observe(fleet)
      const nodes = observer.nodes()
      alive = new Set(nodes.filter((node) => node.alive).map(({ node }) => node))
      findings.push(...memberFindings(observer, nodes, alive.size))
    } catch {
      // objectFindings has reported it
    }
  }
  return [...findings, ...objects.flatMap((object) => bellFinding(object, alive))]
}
