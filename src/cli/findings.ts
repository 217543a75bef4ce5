import { accessSync, constants } from 'node:fs'
import { Fleet, type FleetObserver, type NodeRecord } from '../fleet.js'
import { contestKind, inspectRing } from '../inspect.js'
import { staleMs } from './commands/nodes.js'
import { isContainer, isVisible, memoryLimit, namespaceOf, removesIpc, spaceOf } from './host.js'
import { allKinds } from './kinds.js'
import { byFleet, type FoundObject, findObjects, objectProblem, sharedMemory, userId } from './objects.js'
import { bytesText, counted, durationText } from './text.js'

export interface Finding {
  readonly level: 'ok' | 'note' | 'warning' | 'problem'
  /** A stable name. */
  readonly check: string
  readonly fleet: string | null
  readonly found: string
  readonly meaning: string
  /** The command that mends it; null: nothing is to be done, or nothing can be. */
  readonly mend: string | null
}

const finding = (
  level: Finding['level'],
  check: string,
  found: string,
  meaning = '',
  mend: string | null = null,
  fleet: string | null = null,
): Finding => ({ level, check, fleet, found, meaning, mend })

const dockerBytes = 64 * 2 ** 20

export function spaceFindings(): Finding[] {
  const space = spaceOf(sharedMemory)
  if (space === undefined) {
    return [
      finding(
        'problem',
        'shm',
        `${sharedMemory} is not there`,
        'no shared fleet can be made',
        `mount -t tmpfs -o mode=1777 tmpfs ${sharedMemory}`,
      ),
    ]
  }
  const size = `${sharedMemory}: ${bytesText(space.freeBytes)} free of ${bytesText(space.bytes)}`
  const grow = isContainer() ? 'start the container with --shm-size=1g' : `mount -o remount,size=2g ${sharedMemory}`
  const findings: Finding[] = []
  if (space.freeBytes < space.bytes / 10) {
    findings.push(
      finding(
        'problem',
        'shm-space',
        size,
        'the next join or ring may fail with ERR_ORBIT_NO_SPACE; living rings are safe',
        `orbit gc, or ${grow}`,
      ),
    )
  } else if (space.bytes <= dockerBytes) {
    findings.push(finding('warning', 'shm-space', size, "a container's default, which a few large rings fill", grow))
  } else findings.push(finding('ok', 'shm-space', size))
  if (!space.isTmpfs) {
    findings.push(
      finding(
        'warning',
        'shm-type',
        `${sharedMemory} is not a tmpfs`,
        'its bytes may be written to a disk',
        `mount -t tmpfs -o mode=1777 tmpfs ${sharedMemory}`,
      ),
    )
  }
  try {
    accessSync(sharedMemory, constants.W_OK | constants.X_OK)
  } catch {
    findings.push(
      finding(
        'problem',
        'shm-access',
        `${sharedMemory} is not writable for uid ${userId}`,
        'nothing can be made there',
        `chmod 1777 ${sharedMemory}`,
      ),
    )
  }
  return findings
}

export function hostFindings(): Finding[] {
  const findings: Finding[] = []
  const limit = memoryLimit()
  if (limit === undefined) findings.push(finding('ok', 'memory-limit', 'no memory limit'))
  else {
    const text = `memory limit ${bytesText(limit.bytes)}, ${bytesText(limit.usedBytes)} used`
    const isTight = limit.usedBytes > limit.bytes * 0.9
    findings.push(
      finding(
        isTight ? 'warning' : 'note',
        'memory-limit',
        text,
        'shared memory counts against it; over it the kernel kills processes',
        isTight ? "raise the container's memory limit" : null,
      ),
    )
  }
  if (removesIpc()) {
    findings.push(
      finding(
        'problem',
        'remove-ipc',
        'systemd has RemoveIPC=yes, and this user does not linger',
        "when the user's last session ends, systemd removes his shared memory under living fleets",
        'loginctl enable-linger',
      ),
    )
  } else findings.push(finding('ok', 'remove-ipc', 'systemd removes no shared memory of this user'))
  const spaces = ['pid', 'ipc', 'mnt'].map((kind) => namespaceOf(kind as 'pid') ?? `${kind}:unknown`)
  findings.push(
    finding(
      'note',
      'namespaces',
      spaces.join(' '),
      `processes share a fleet only if they see the same ${sharedMemory}; compare with ls -l /proc/PID/ns`,
    ),
  )
  return findings
}

function objectFindings(objects: readonly FoundObject[]): Finding[] {
  return objects.flatMap((object): Finding[] => {
    const { fleet, form, number, file, stats } = object
    if (stats.uid !== userId) {
      return [
        finding(
          'problem',
          'foreign-object',
          `/${file} belongs to uid ${stats.uid}`,
          'it stands at a name of ours: joining fails with ERR_ORBIT_PERMISSION',
          `sudo rm ${sharedMemory}/${file}`,
          fleet,
        ),
      ]
    }
    const problem = objectProblem(object)
    if (problem === undefined) return []
    const level = problem.code === 'ERR_ORBIT_RETIRED' ? 'warning' : 'problem'
    const mend =
      problem.code === 'ERR_ORBIT_PERMISSION'
        ? `chmod 600 ${sharedMemory}/${file}`
        : `orbit rm ${fleet}${form === 'ring' ? ` ${number}` : ''} --force`
    return [
      finding(
        level,
        'object',
        problem.message,
        `${problem.code}: nobody can use it until it is mended or removed`,
        mend,
        fleet,
      ),
    ]
  })
}

function nodeFindings(fleet: string, nodes: readonly NodeRecord[]): Finding[] {
  return nodes.flatMap(({ node, pid, label, alive, heartbeat }): Finding[] => {
    const who = `node ${node} (pid ${pid}, ${label})`
    if (!alive) {
      return [
        finding(
          'warning',
          'dead-node',
          `${who} died without close()`,
          'the next process that takes the node settles what it left',
          null,
          fleet,
        ),
      ]
    }
    const findings: Finding[] = []
    if (heartbeat !== undefined && heartbeat.ageMs > staleMs) {
      findings.push(
        finding(
          'problem',
          'stale-heart',
          `${who} is alive, but its last beat is ${durationText(heartbeat.ageMs)} old`,
          'its event loop is blocked, or the process is stopped',
          `kill -CONT ${pid}, or look what it does`,
          fleet,
        ),
      )
    }
    if (!isVisible(pid)) {
      findings.push(
        finding(
          'note',
          'pid-namespace',
          `${who} is alive, but there is no such pid here`,
          'it lives in another pid namespace: its pid is not to be used here',
          null,
          fleet,
        ),
      )
    }
    return findings
  })
}

function ringFindings(fleet: FleetObserver, nodes: readonly NodeRecord[]): Finding[] {
  return allKinds(fleet).flatMap((kind): Finding[] => {
    try {
      const ring = inspectRing(fleet, kind, nodes)
      const findings: Finding[] = []
      const publishing = ring?.deadHands.filter(({ intentPosition }) => intentPosition !== undefined) ?? []
      for (const { node, intentPosition } of publishing) {
        findings.push(
          finding(
            'note',
            'dead-hand',
            `KIND ${kind}: node ${node} died while it published position ${intentPosition}`,
            'the next owner of the node settles it; nobody waits for that',
            null,
            fleet.name,
          ),
        )
      }
      if (ring && ring.burned > 0) {
        const isLast = ring.burned >= ring.spares
        findings.push(
          finding(
            isLast ? 'problem' : 'note',
            'burned',
            `KIND ${kind}: ${ring.burned} of ${ring.spares} spare chunks burned`,
            'with none left, the nodes of members that die cannot be taken again',
            isLast ? 'restart the fleet: the first to join when it is empty deals them anew' : null,
            fleet.name,
          ),
        )
      }
      if (kind === contestKind && ring?.table && ring.table.damagedBuckets > 0) {
        findings.push(
          finding(
            'problem',
            'contest',
            `${counted(ring.table.damagedBuckets, 'bucket')} of the contest damaged`,
            'claims on subjects in them fail with ERR_ORBIT_CORRUPT',
            `orbit rm ${fleet.name} ${kind} --force`,
            fleet.name,
          ),
        )
      }
      return findings
    } catch {
      return [] // objectFindings says what is wrong with it, or it is from a fleet that is gone
    }
  })
}

function bellFindings(fleet: string, objects: readonly FoundObject[], alive: ReadonlySet<number>): Finding[] {
  return objects.flatMap(({ form, number, file }) =>
    form === 'bell' && !alive.has(number)
      ? [
          finding(
            'warning',
            'stale-bell',
            `/${file}: nobody reads it`,
            'left by a member that died; the next owner of the node replaces it',
            alive.size > 0 ? null : 'orbit gc',
            fleet,
          ),
        ]
      : [],
  )
}

export function fleetFindings(fleet: string, objects: readonly FoundObject[]): Finding[] {
  const findings = objectFindings(objects)
  let alive = new Set<number>()
  if (!objects.some(({ form }) => form === 'fleet')) {
    findings.push(
      finding(
        'warning',
        'orphans',
        `fleet ${fleet} has ${counted(objects.length, 'object')} and no fleet`,
        'left by a removal that was cut short',
        'orbit gc',
        fleet,
      ),
    )
  } else {
    try {
      using observer = Fleet.observe(fleet)
      const nodes = observer.nodes()
      alive = new Set(nodes.filter((node) => node.alive).map(({ node }) => node))
      const state = `${counted(alive.size, 'node')} alive of ${observer.size}`
      if (alive.size > 0) findings.push(finding('ok', 'fleet', `fleet ${fleet}: ${state}`, '', null, fleet))
      else
        findings.push(
          finding(
            'note',
            'fleet',
            `fleet ${fleet} is dead`,
            'its objects stay for whoever joins next',
            'orbit gc, if nobody will',
            fleet,
          ),
        )
      findings.push(...nodeFindings(fleet, nodes), ...ringFindings(observer, nodes))
    } catch {
      // objectFindings has said why
    }
  }
  return [...findings, ...bellFindings(fleet, objects, alive)]
}

export function allFindings(fleet: string | undefined): Finding[] {
  const fleets = [...byFleet(findObjects())].filter(([name]) => fleet === undefined || name === fleet)
  return [...spaceFindings(), ...hostFindings(), ...fleets.flatMap(([name, objects]) => fleetFindings(name, objects))]
}
