import { Contest, Fleet } from 'orbit-node'
import { type BridgeFinding, findingsOf } from './doctor.js'
import { type BridgeHost, hostsWithClocks } from './hub/hosts.js'
import { connectedName, Memory, roleName } from './hub/memory.js'
import { hostNames } from './hub/names.js'
import { RemoteDesk } from './hub/service.js'
import { type BridgeStats, statsOf } from './stats.js'

/** What `orbit hosts` shows. */
export interface HostsReport {
  /** The hosts, that of the fleet first; empty if the process that holds its bridge does not answer. */
  readonly hosts: readonly BridgeHost[]
  /** What the bridge of this host has done. */
  readonly bridge: BridgeStats
  /** What is wrong; empty: nothing. */
  readonly findings: readonly BridgeFinding[]
  /** The report as text, as `orbit hosts` prints it. */
  readonly lines: readonly string[]
}

const askMs = 2000

/**
 * What is wrong between a fleet and those of other hosts, for `orbit doctor`. It joins the fleet as a member for that
 * time, if a process has ever held a bridge of it.
 *
 * @returns empty if nothing is wrong, or the fleet has no bridge
 * @throws what joining the fleet throws
 */
export async function bridgeFindings(name: string): Promise<readonly BridgeFinding[]> {
  using observer = Fleet.observe(name)
  const hasBridge = new Memory(observer).number(connectedName).get() !== undefined
  return hasBridge ? (await reportHosts(name)).findings : []
}

const number = (value: number | undefined): string => (value === undefined ? '-' : String(Math.round(value)))

/**
 * Reports the hosts that are connected with the fleet of this host. It joins the fleet as a member for that time.
 *
 * @throws what joining the fleet throws
 */
export async function reportHosts(name: string): Promise<HostsReport> {
  using fleet = Fleet.joinShm(name, { label: 'orbit hosts' })
  const memory = new Memory(fleet)
  const holder = new Contest(fleet, { name: roleName.contest }).holder(roleName.subject)
  const bridge = statsOf(memory, memory.routes(), holder?.pid)
  const asked = holder && (await hostsWithClocks(new RemoteDesk(fleet, memory, askMs), askMs).catch(() => undefined))
  const hosts = asked ?? []
  const findings = findingsOf(bridge, asked, hostNames(fleet))
  const rows = hosts.map(({ host, alive, fleet: other, pid, ageMs, clockOffsetMs, roundTripMs, lost }) => {
    const state = alive ? 'alive' : 'silent'
    return [host, state, other, String(pid), number(ageMs), number(clockOffsetMs), number(roundTripMs), String(lost)]
  })
  const table = [['HOST', 'STATE', 'FLEET', 'PID', 'AGE ms', 'CLOCK ms', 'RTT ms', 'LOST'], ...rows]
  const widths = (table[0] as string[]).map((_, i) => Math.max(...table.map((row) => (row[i] as string).length)))
  const lines = table.map((row) =>
    row
      .map((text, i) => text.padEnd(widths[i] as number))
      .join('  ')
      .trimEnd(),
  )
  const said = findings.map(({ level, found, meaning, fix }) => `${level}: ${found}: ${meaning}. ${fix}`)
  return { hosts, bridge, findings, lines: [...(rows.length > 0 ? lines : []), ...said] }
}
